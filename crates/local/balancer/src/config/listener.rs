//! A listener: one address, one protocol, rules in order.
//!
//! The order of the rules is the caller's: priorities are sorted before they come here. Start at [`Listener`].

use std::net::SocketAddr;

use super::Rule;

/// One listener of a load balancer.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// Where it listens. Port 0 takes a free one; [`Balancer::listeners`](crate::Balancer::listeners) says which.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
    /// Its rules, lowest priority number first; the last is the default rule.
    pub rules: Vec<Rule>,
}

/// What a listener speaks with its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0, HTTP/1.1 and HTTP/2 with prior knowledge, in clear.
    Http,
    /// The same inside TLS. Not served yet: `apply` refuses it with an error that says so.
    Https,
}
