//! The load balancer's side of a case: target groups, their checks, their targets. Start with
//! [`TargetGroup`].

use super::Fact;
use std::fmt;

/// A target group of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The load balancers that it is behind, by ARN.
    pub load_balancers: Vec<String>,
    /// How its targets are checked.
    pub check: HealthCheck,
    /// `deregistration_delay.timeout_seconds`.
    pub delay_seconds: Fact<i64>,
    /// Its targets.
    pub targets: Fact<Vec<Target>>,
}

/// The health check of a target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// HTTP, HTTPS or TCP.
    pub protocol: String,
    /// The path; absent for TCP.
    pub path: Option<String>,
    /// A number, or `traffic-port`.
    pub port: String,
    /// Status codes that pass, such as `200-299`.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: i32,
    /// Seconds that a target has to answer.
    pub timeout: i32,
    /// Passes that make a target healthy.
    pub passes: i32,
    /// Failures that make it unhealthy.
    pub failures: i32,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address or instance.
    pub id: String,
    /// Its port.
    pub port: i32,
    /// initial, healthy, unhealthy, unused, draining, unavailable.
    pub state: String,
    /// Such as `Target.ResponseCodeMismatch`.
    pub reason: Option<String>,
    /// AWS's sentence.
    pub description: Option<String>,
}

impl HealthCheck {
    /// How long a target that fails every check lives until it is unhealthy, in seconds.
    pub fn seconds_to_unhealthy(&self) -> i64 {
        i64::from(self.interval) * i64::from(self.failures) + i64::from(self.timeout)
    }
}

/// `GET /health on traffic-port every 30 s, expects 200 within 5 s; 2 failures make it unhealthy`.
impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, matcher, interval, timeout, failures, .. } = self;
        match &self.path {
            Some(path) => write!(
                f,
                "GET {path} on {port} every {interval} s, expects {matcher} within {timeout} s; {failures} failures make it unhealthy"
            ),
            None => write!(
                f,
                "a connection to {port} every {interval} s, within {timeout} s; {failures} failures make it unhealthy"
            ),
        }
    }
}
