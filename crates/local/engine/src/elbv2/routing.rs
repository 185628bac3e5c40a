//! What the balancer needs to know, read from the state as plain values.
//!
//! The shell asks for it after an [`Effect::LoadBalancer`](crate::Effect::LoadBalancer) or an
//! [`Effect::TargetGroup`](crate::Effect::TargetGroup) and hands it to the balancer; nothing here changes anything.
//! Start at [`routing`] and [`target_group`]; `None` means that the resource is gone.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tidegate_models::elbv2;

use super::{
    TargetHealth,
    api::in_order,
    records::{Listener as ListenerRow, Rule as RuleRow, Target as TargetRow, TargetGroup as TargetGroupRow},
};
use crate::State;

/// A load balancer with all that it does with a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// The loopback address that all its listeners listen on.
    pub address: Ipv4Addr,
    /// How it treats connections and headers.
    pub attributes: LoadBalancerAttributes,
    /// Its listeners.
    pub listeners: Vec<Listener>,
}

/// The attributes of a load balancer that change what it does with a request, with the names of
/// `ModifyLoadBalancerAttributes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerAttributes {
    /// `idle_timeout.timeout_seconds`: 1–4000 s.
    pub idle_timeout: Duration,
    /// `client_keep_alive.seconds`: 60–604,800 s.
    pub client_keep_alive: Duration,
    /// `routing.http.xff_header_processing.mode`
    pub xff_header_processing: XffHeaderProcessing,
    /// `routing.http.xff_client_port.enabled`
    pub xff_client_port: bool,
    /// `routing.http.preserve_host_header.enabled`
    pub preserve_host_header: bool,
    /// `routing.http.drop_invalid_header_fields.enabled`
    pub drop_invalid_header_fields: bool,
    /// `routing.http2.enabled`
    pub http2: bool,
}

/// What becomes of the `X-Forwarded-For` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XffHeaderProcessing {
    /// The client's address is added.
    Append,
    /// It is passed on as it came.
    Preserve,
    /// It is removed.
    Remove,
}

/// A listener with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// HTTP or HTTPS.
    pub protocol: Protocol,
    /// `routing.http.response.server.enabled`: whether answers carry the balancer's `Server` header.
    pub server_header: bool,
    /// Headers that answers get: names and values of the `routing.http.response.*.header_value` attributes that are set.
    pub response_headers: Vec<(String, String)>,
    /// In the order in which they are tried: by priority, the default rule last.
    pub rules: Vec<Rule>,
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP in clear.
    Http,
    /// HTTP inside TLS.
    Https,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its ARN.
    pub arn: String,
    /// All must hold. None for the default rule.
    pub conditions: Vec<Condition>,
    /// What it does with a request that it matches.
    pub action: Action,
}

/// A condition: one of its values must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `host-header`
    HostHeader(Patterns),
    /// `path-pattern`
    PathPattern(Patterns),
    /// `http-header`
    HttpHeader {
        /// The header's name.
        name: String,
        /// What its value is compared with.
        values: Patterns,
    },
    /// `http-request-method`
    HttpRequestMethod(Vec<String>),
    /// `query-string`: keys and values with wildcards; without a key any key.
    QueryString(Vec<(Option<String>, String)>),
    /// `source-ip`: CIDR blocks.
    SourceIp(Vec<String>),
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patterns {
    /// `Values`: `*` is any run of characters, `?` any one.
    Wildcards(Vec<String>),
    /// `RegexValues`
    Regexes(Vec<String>),
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sends the request to a target.
    Forward {
        /// Target groups by ARN, with their weights: 0–999.
        groups: Vec<(String, u16)>,
        /// For how long a client stays with its group: 1–604,800 s.
        stickiness: Option<Duration>,
    },
    /// Answers with another location; every part is filled in.
    Redirect(elbv2::RedirectActionConfig),
    /// Answers by itself.
    FixedResponse {
        /// 2XX, 4XX or 5XX.
        status: u16,
        /// One of AWS's five.
        content_type: Option<String>,
        /// At most 1024 bytes.
        body: String,
    },
}

/// A target group with its targets.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// How its targets are checked.
    pub health_check: HealthCheck,
    /// `load_balancing.algorithm.type`
    pub algorithm: Algorithm,
    /// `stickiness.*`
    pub stickiness: Stickiness,
    /// `slow_start.duration_seconds`: 30–900 s, zero is off.
    pub slow_start: Duration,
    /// `deregistration_delay.timeout_seconds`: 0–3600 s.
    pub deregistration_delay: Duration,
    /// Registered and draining ones, in the order of registration.
    pub targets: Vec<Target>,
}

/// The health check settings of a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path and query of the request.
    pub path: String,
    /// The port that is asked; `None` is the target's own (`traffic-port`).
    pub port: Option<u16>,
    /// 5–300 s.
    pub interval: Duration,
    /// 2–120 s, less than the interval.
    pub timeout: Duration,
    /// 2–10.
    pub healthy_threshold: u32,
    /// 2–10.
    pub unhealthy_threshold: u32,
    /// As `200`, `200,202` or `200-299`, within 200–499.
    pub matcher: String,
}

/// How a target is chosen for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// In turn.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastOutstandingRequests,
    /// At random.
    WeightedRandom,
}

/// Whether a client stays with its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stickiness {
    /// It does not.
    Disabled,
    /// By the balancer's cookie.
    LbCookie {
        /// 1–604,800 s.
        duration: Duration,
    },
    /// By the application's cookie.
    AppCookie {
        /// The cookie's name.
        name: String,
        /// 1–604,800 s.
        duration: Duration,
    },
}

/// A target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// As it was registered.
    pub id: String,
    /// Its port.
    pub port: u16,
    /// Where it is reached. An instance is this machine.
    pub address: SocketAddr,
    /// Whether it was deregistered: what is in flight may finish.
    pub draining: bool,
    /// What is known of its health.
    pub health: TargetHealth,
}

/// All that the balancer needs of a load balancer.
pub fn routing(state: &State, load_balancer_arn: &str) -> Option<Routing> {
    let row = state.load_balancers.get(load_balancer_arn)?;
    let attributes = Attributes(&row.attributes);
    let listeners = state.listeners.indexed_by(load_balancer_arn);
    Some(Routing {
        address: row.address,
        attributes: LoadBalancerAttributes {
            idle_timeout: attributes.seconds("idle_timeout.timeout_seconds", 60),
            client_keep_alive: attributes.seconds("client_keep_alive.seconds", 3600),
            xff_header_processing: match attributes.text("routing.http.xff_header_processing.mode") {
                "preserve" => XffHeaderProcessing::Preserve,
                "remove" => XffHeaderProcessing::Remove,
                _ => XffHeaderProcessing::Append,
            },
            xff_client_port: attributes.is_true("routing.http.xff_client_port.enabled"),
            preserve_host_header: attributes.is_true("routing.http.preserve_host_header.enabled"),
            drop_invalid_header_fields: attributes.is_true("routing.http.drop_invalid_header_fields.enabled"),
            http2: attributes.is_true("routing.http2.enabled"),
        },
        listeners: listeners.map(|(_, listener)| Listener::of(state, listener)).collect(),
    })
}

/// All that the balancer needs of a target group.
pub fn target_group(state: &State, arn: &str) -> Option<TargetGroup> {
    let row = state.target_groups.get(arn)?;
    let attributes = Attributes(&row.attributes);
    Some(TargetGroup {
        health_check: HealthCheck::of(row),
        algorithm: match attributes.text("load_balancing.algorithm.type") {
            "least_outstanding_requests" => Algorithm::LeastOutstandingRequests,
            "weighted_random" => Algorithm::WeightedRandom,
            _ => Algorithm::RoundRobin,
        },
        stickiness: match (attributes.is_true("stickiness.enabled"), attributes.text("stickiness.type")) {
            (false, _) => Stickiness::Disabled,
            (true, "app_cookie") => Stickiness::AppCookie {
                name: attributes.text("stickiness.app_cookie.cookie_name").to_owned(),
                duration: attributes.seconds("stickiness.app_cookie.duration_seconds", 86_400),
            },
            (true, _) => Stickiness::LbCookie {
                duration: attributes.seconds("stickiness.lb_cookie.duration_seconds", 86_400),
            },
        },
        slow_start: attributes.seconds("slow_start.duration_seconds", 0),
        deregistration_delay: row.deregistration_delay(),
        targets: row.targets.iter().filter_map(Target::of).collect(),
    })
}

impl Listener {
    fn of(state: &State, row: &ListenerRow) -> Self {
        let header = |(key, value): (&String, &String)| {
            let name = key.strip_prefix("routing.http.response.")?.strip_suffix(".header_value")?;
            (!value.is_empty()).then(|| (name.replace('_', "-"), value.clone()))
        };
        Self {
            arn: row.arn.clone(),
            port: row.port,
            protocol: match row.document.protocol {
                Some(elbv2::ProtocolEnum::Https) => Protocol::Https,
                _ => Protocol::Http,
            },
            server_header: Attributes(&row.attributes).is_true("routing.http.response.server.enabled"),
            response_headers: row.attributes.iter().filter_map(header).collect(),
            rules: in_order(state, &row.arn).into_iter().filter_map(Rule::of).collect(),
        }
    }
}

impl Rule {
    /// `None` for a row without an action, which no handler stores.
    fn of(row: &RuleRow) -> Option<Self> {
        Some(Self {
            arn: row.arn.clone(),
            conditions: row.conditions.iter().filter_map(Condition::of).collect(),
            action: row.actions.last().and_then(Action::of)?,
        })
    }
}

impl Condition {
    fn of(row: &elbv2::RuleCondition) -> Option<Self> {
        Some(match row.field.as_deref()? {
            "host-header" => {
                let config = row.host_header_config.as_ref()?;
                Self::HostHeader(Patterns::of(config.values.as_ref(), config.regex_values.as_ref()))
            }
            "path-pattern" => {
                let config = row.path_pattern_config.as_ref()?;
                Self::PathPattern(Patterns::of(config.values.as_ref(), config.regex_values.as_ref()))
            }
            "http-header" => {
                let config = row.http_header_config.as_ref()?;
                Self::HttpHeader {
                    name: config.http_header_name.clone()?,
                    values: Patterns::of(config.values.as_ref(), config.regex_values.as_ref()),
                }
            }
            "http-request-method" => {
                Self::HttpRequestMethod(row.http_request_method_config.as_ref()?.values.clone()?)
            }
            "query-string" => {
                let pairs = row.query_string_config.as_ref()?.values.iter().flatten();
                let pair = |pair: &elbv2::QueryStringKeyValuePair| {
                    (pair.key.clone(), pair.value.clone().unwrap_or_default())
                };
                Self::QueryString(pairs.map(pair).collect())
            }
            "source-ip" => Self::SourceIp(row.source_ip_config.as_ref()?.values.clone()?),
            _ => return None,
        })
    }
}

impl Patterns {
    fn of(values: Option<&Vec<String>>, regexes: Option<&Vec<String>>) -> Self {
        match regexes {
            Some(regexes) => Self::Regexes(regexes.clone()),
            None => Self::Wildcards(values.cloned().unwrap_or_default()),
        }
    }
}

impl Action {
    fn of(row: &elbv2::Action) -> Option<Self> {
        Some(match row.r#type {
            elbv2::ActionTypeEnum::Redirect => Self::Redirect(row.redirect_config.clone()?),
            elbv2::ActionTypeEnum::FixedResponse => {
                let config = row.fixed_response_config.as_ref()?;
                Self::FixedResponse {
                    status: config.status_code.parse().ok()?,
                    content_type: config.content_type.clone(),
                    body: config.message_body.clone().unwrap_or_default(),
                }
            }
            _ => {
                let config = row.forward_config.as_ref()?;
                let group = |group: &elbv2::TargetGroupTuple| {
                    let weight = group.weight.and_then(|weight| u16::try_from(weight).ok()).unwrap_or(1);
                    Some((group.target_group_arn.clone()?, weight))
                };
                let sticky = config.target_group_stickiness_config.as_ref();
                let sticky = sticky.filter(|config| config.enabled == Some(true));
                Self::Forward {
                    groups: config.target_groups.iter().flatten().filter_map(group).collect(),
                    stickiness: sticky.and_then(|config| config.duration_seconds).map(seconds),
                }
            }
        })
    }
}

impl HealthCheck {
    fn of(row: &TargetGroupRow) -> Self {
        let document = &row.document;
        let matcher = document.matcher.as_ref().and_then(|matcher| matcher.http_code.clone());
        let threshold = |given: Option<i32>, default| {
            given.and_then(|given| u32::try_from(given).ok()).unwrap_or(default)
        };
        Self {
            path: document.health_check_path.clone().unwrap_or_else(|| "/".to_owned()),
            port: document.health_check_port.as_ref().and_then(|port| port.parse().ok()),
            interval: seconds(document.health_check_interval_seconds.unwrap_or(30)),
            timeout: seconds(document.health_check_timeout_seconds.unwrap_or(5)),
            healthy_threshold: threshold(document.healthy_threshold_count, 5),
            unhealthy_threshold: threshold(document.unhealthy_threshold_count, 2),
            matcher: matcher.unwrap_or_else(|| "200".to_owned()),
        }
    }
}

impl Target {
    /// `None` for an id that is neither an address nor an instance's, which no handler stores.
    fn of(row: &TargetRow) -> Option<Self> {
        let host = if row.id.starts_with("i-") {
            Ipv4Addr::LOCALHOST.into()
        } else {
            row.id.parse::<IpAddr>().ok()?
        };
        Some(Self {
            id: row.id.clone(),
            port: row.port,
            address: SocketAddr::new(host, row.port),
            draining: row.draining_until.is_some(),
            health: row.health.clone(),
        })
    }
}

/// Attributes of a row, which the handlers have checked.
struct Attributes<'a>(&'a BTreeMap<String, String>);

impl Attributes<'_> {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn is_true(&self, key: &str) -> bool {
        self.text(key) == "true"
    }

    fn seconds(&self, key: &str, default: u64) -> Duration {
        Duration::from_secs(self.text(key).parse().unwrap_or(default))
    }
}

fn seconds(given: i32) -> Duration {
    Duration::from_secs(u64::try_from(given).unwrap_or(0))
}
