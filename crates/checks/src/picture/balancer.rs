//! What Elastic Load Balancing knows about a service's tasks. Start with [`TargetGroup`].

use crate::Asked;

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// `HTTP`, `HTTPS`, `TCP` …
    pub protocol: String,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// `deregistration_delay.timeout_seconds`.
    pub deregistration_delay: Asked<i64>,
    /// The load balancer's `idle_timeout.timeout_seconds`; absent where it has none.
    pub idle_timeout: Asked<i64>,
    /// The targets that are registered.
    pub targets: Asked<Vec<Target>>,
    /// The listener rules that forward to the group; absent where it is behind no load balancer.
    pub rules: Asked<Vec<ListenerRule>>,
    /// The load balancer that the group is behind; absent where there is none.
    pub load_balancer: Asked<String>,
    /// `ip`, `instance` …
    pub target_type: String,
    /// The port that targets get where they do not say another.
    pub port: Option<i64>,
    /// The VPC, for a command that makes another one like it.
    pub vpc: Option<String>,
}

/// A rule of a listener that forwards to the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerRule {
    /// Its ARN.
    pub arn: String,
    /// The listener's ARN.
    pub listener: String,
    /// Whether it is the listener's default, which is changed with the listener.
    pub is_default: bool,
}

/// How targets are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Whether they are.
    pub enabled: bool,
    /// `HTTP`, `HTTPS`, `TCP` …
    pub protocol: String,
    /// The path, for HTTP.
    pub path: Option<String>,
    /// Seconds between checks.
    pub interval: i64,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: i64,
    /// The status codes that are fine, such as `200` or `200-299`.
    pub matcher: Option<String>,
}

impl HealthCheck {
    /// How long failing checks take to make a target unhealthy, in seconds.
    pub fn patience(&self) -> i64 {
        self.interval.saturating_mul(self.unhealthy_threshold)
    }

    /// Is it a request over HTTP?
    pub fn is_http(&self) -> bool {
        self.protocol.starts_with("HTTP")
    }
}

/// A registered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub id: String,
    /// Its port.
    pub port: i64,
    /// `healthy`, `unhealthy`, `initial` …
    pub state: String,
    /// Such as `Target.Timeout`.
    pub reason: Option<String>,
    /// AWS's sentence about the reason.
    pub description: Option<String>,
}
