//! A load balancer and its attributes.
//!
//! Attributes are spelled as in `ModifyLoadBalancerAttributes`, without the dots. They never change how a rule is
//! chosen. Start at [`LoadBalancer`].

use std::time::Duration;

use super::Listener;

/// An Application Load Balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancer {
    /// Its ARN: the key under which it is replaced, removed and counted.
    pub arn: String,
    /// Its listeners. An address may belong to one listener only.
    pub listeners: Vec<Listener>,
    /// How it treats connections and headers.
    pub attributes: LoadBalancerAttributes,
}

/// The attributes of a load balancer that change what it does with a request.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancerAttributes {
    /// `idle_timeout.timeout_seconds`: how long either side of a connection may be silent. 1–4000 s.
    pub idle_timeout: Duration,
    /// `client_keep_alive.seconds`: how long one client connection may live. 60–604,800 s.
    pub client_keep_alive: Duration,
    /// `routing.http.xff_header_processing.mode`.
    pub x_forwarded_for: XForwardedFor,
    /// `routing.http.xff_client_port.enabled`: the client's port stands in `X-Forwarded-For`, too.
    pub xff_client_port: bool,
    /// `routing.http.preserve_host_header.enabled`: off, the listener's port is appended to a `Host` that names none,
    /// unless it is 80 or 443.
    pub preserve_host_header: bool,
    /// `routing.http.drop_invalid_header_fields.enabled`: removes header fields whose names hold anything but letters,
    /// digits and hyphens.
    pub drop_invalid_header_fields: bool,
    /// Adds the response header `x-tidegate-target: ip:port`. No AWS attribute: rehearsals tell by it who answered.
    pub expose_target: bool,
}

impl Default for LoadBalancerAttributes {
    /// AWS's defaults.
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_mins(1),
            client_keep_alive: Duration::from_hours(1),
            x_forwarded_for: XForwardedFor::Append,
            xff_client_port: false,
            preserve_host_header: false,
            drop_invalid_header_fields: false,
            expose_target: false,
        }
    }
}

/// What becomes of the `X-Forwarded-For` request header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XForwardedFor {
    /// The client's address is added at the end.
    #[default]
    Append,
    /// It is passed on as it came.
    Preserve,
    /// It is removed.
    Remove,
}
