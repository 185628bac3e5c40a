//! A client's request head: what is wrong with it, and how it looks to a target.
//!
//! It is read once and written once, straight into the bytes that go out: no header map is changed on the way. Start at
//! [`Inspected::of`], then [`write()`].

use std::io::Write as _;

use http::{
    HeaderMap, HeaderName, Method, Version,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE},
    request::Parts,
};

use super::{answers::Refusal, trace_id};
use crate::{
    config::{LoadBalancerAttributes, XForwardedFor},
    hop_by_hop::{ConnectionOptions, is_hop_by_hop},
    target::BodyFraming,
};

/// AWS's quotas for HTTP headers: one line, all together, addresses in `X-Forwarded-For`.
const LINE_LIMIT: usize = 16 * 1024;
const HEADERS_LIMIT: usize = 64 * 1024;
const FORWARDERS_LIMIT: usize = 30;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What a request's head asks for beside its rule.
#[derive(Debug, Default)]
pub(super) struct Inspected {
    connection: ConnectionOptions,
    has_forwarded_for: bool,
    has_trace_id: bool,
}

impl Inspected {
    /// Refuses what AWS's balancer refuses.
    pub(super) fn of(parts: &Parts) -> Result<Self, Refusal> {
        if matches!(parts.method, Method::TRACE | Method::CONNECT) {
            return Err(Refusal::MethodNotAllowed);
        }
        let line = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
        if line > LINE_LIMIT {
            return Err(Refusal::BadRequest);
        }
        let mut found = Self::default();
        let mut size = line;
        let mut forwarders = 0;
        for (name, value) in &parts.headers {
            let field = name.as_str().len() + value.len() + 4;
            if field > LINE_LIMIT {
                return Err(Refusal::BadRequest);
            }
            size += field;
            if *name == CONNECTION {
                found.connection.read(value.as_bytes());
            } else if *name == TRANSFER_ENCODING {
                if !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::UnsupportedTransferEncoding);
                }
            } else if *name == X_FORWARDED_FOR {
                found.has_forwarded_for = true;
                forwarders += value.as_bytes().split(|&byte| byte == b',').count();
            } else if *name == X_AMZN_TRACE_ID {
                found.has_trace_id = true;
            }
        }
        if size > HEADERS_LIMIT {
            return Err(Refusal::BadRequest);
        }
        if forwarders > FORWARDERS_LIMIT {
            return Err(Refusal::TooManyForwarders);
        }
        Ok(found)
    }

    /// Whether the client wants to speak something else on this connection.
    pub(super) fn wants_upgrade(&self, parts: &Parts) -> bool {
        self.connection.upgrade && parts.version == Version::HTTP_11 && parts.headers.contains_key(UPGRADE)
    }
}

/// `Host` or `:authority`; `None` when there is neither, or none that can be read.
pub(super) fn host_of(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(HOST)?.to_str().ok(),
    }
}

/// What a head says beyond the client's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forwarding<'a> {
    pub(super) attributes: &'a LoadBalancerAttributes,
    pub(super) host: &'a str,
    /// The client's address as text.
    pub(super) peer: &'a str,
    pub(super) peer_port: u16,
    pub(super) listener_port: u16,
    pub(super) framing: BodyFraming,
    /// Since the Unix epoch.
    pub(super) seconds: u64,
}

/// The head for the target, in HTTP/1.1.
pub(super) fn write(parts: &Parts, inspected: &Inspected, forwarding: Forwarding<'_>) -> Vec<u8> {
    let mut head = Vec::with_capacity(768);
    head.extend_from_slice(parts.method.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(parts.uri.path_and_query().map_or("/", |path| path.as_str()).as_bytes());
    head.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    write_host(&mut head, forwarding);
    head.extend_from_slice(b"\r\n");

    let gathered_cookies = parts.version == Version::HTTP_2;
    for (name, value) in &parts.headers {
        let own = is_hop_by_hop(name)
            || matches!(*name, HOST | EXPECT)
            || *name == X_FORWARDED_FOR
            || *name == X_FORWARDED_PROTO
            || *name == X_FORWARDED_PORT
            || *name == X_AMZN_TRACE_ID
            || (*name == CONTENT_LENGTH && forwarding.framing == BodyFraming::Chunked)
            || (*name == COOKIE && gathered_cookies)
            || inspected.connection.named.contains(name)
            || (forwarding.attributes.drop_invalid_header_fields && !is_plain(name));
        if !own {
            write_field(&mut head, name.as_str(), value.as_bytes());
        }
    }
    if gathered_cookies && parts.headers.contains_key(COOKIE) {
        // HTTP/2 splits cookies into fields of their own; HTTP/1.1 has one field (RFC 9113 §8.2.3).
        head.extend_from_slice(b"cookie: ");
        write_joined(&mut head, &parts.headers, &COOKIE, b"; ");
        head.extend_from_slice(b"\r\n");
    }
    if forwarding.framing == BodyFraming::Chunked {
        head.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if inspected.wants_upgrade(parts) {
        head.extend_from_slice(b"connection: upgrade\r\nupgrade: ");
        write_joined(&mut head, &parts.headers, &UPGRADE, b", ");
        head.extend_from_slice(b"\r\n");
    }
    write_forwarded_for(&mut head, parts, inspected, forwarding);
    // Writing to a Vec cannot fail.
    let _ = write!(head, "x-forwarded-proto: http\r\nx-forwarded-port: {}\r\n", forwarding.listener_port);
    head.extend_from_slice(b"x-amzn-trace-id: ");
    let received = inspected.has_trace_id.then(|| parts.headers.get(X_AMZN_TRACE_ID)).flatten();
    trace_id::write(&mut head, received.map(http::HeaderValue::as_bytes), forwarding.seconds);
    head.extend_from_slice(b"\r\n\r\n");
    head
}

/// The client's host. AWS adds the listener's port where it is not the protocol's own, unless told to preserve.
fn write_host(head: &mut Vec<u8>, forwarding: Forwarding<'_>) {
    let host = forwarding.host;
    head.extend_from_slice(host.as_bytes());
    let names_port = crate::routing::without_port(host).len() < host.len();
    let own_port = matches!(forwarding.listener_port, 80 | 443);
    if !names_port && !own_port && !host.is_empty() && !forwarding.attributes.preserve_host_header {
        // Writing to a Vec cannot fail.
        let _ = write!(head, ":{}", forwarding.listener_port);
    }
}

fn write_forwarded_for(head: &mut Vec<u8>, parts: &Parts, inspected: &Inspected, forwarding: Forwarding<'_>) {
    let mode = forwarding.attributes.x_forwarded_for;
    let adds_peer = mode == XForwardedFor::Append;
    if mode == XForwardedFor::Remove || !(adds_peer || inspected.has_forwarded_for) {
        return;
    }
    head.extend_from_slice(b"x-forwarded-for: ");
    if inspected.has_forwarded_for {
        write_joined(head, &parts.headers, &X_FORWARDED_FOR, b", ");
        if adds_peer {
            head.extend_from_slice(b", ");
        }
    }
    if adds_peer {
        // Writing to a Vec cannot fail.
        let _ = match (forwarding.attributes.xff_client_port, forwarding.peer.contains(':')) {
            (false, _) => head.write_all(forwarding.peer.as_bytes()),
            (true, false) => write!(head, "{}:{}", forwarding.peer, forwarding.peer_port),
            (true, true) => write!(head, "[{}]:{}", forwarding.peer, forwarding.peer_port),
        };
    }
    head.extend_from_slice(b"\r\n");
}

fn write_field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

fn write_joined(head: &mut Vec<u8>, headers: &HeaderMap, name: &HeaderName, separator: &[u8]) {
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            head.extend_from_slice(separator);
        }
        head.extend_from_slice(value.as_bytes());
    }
}

fn is_plain(name: &HeaderName) -> bool {
    name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        build(http::Request::builder().uri("/a?b=c").header("host", "example.com"))
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn written(parts: &Parts, attributes: &LoadBalancerAttributes, framing: BodyFraming) -> String {
        let forwarding = Forwarding {
            attributes,
            host: host_of(parts).unwrap(),
            peer: "127.0.0.9",
            peer_port: 555,
            listener_port: 8080,
            framing,
            seconds: 0,
        };
        let head = String::from_utf8(write(parts, &Inspected::of(parts).unwrap(), forwarding)).unwrap();
        let (before, after) = head.split_once("x-amzn-trace-id: ").unwrap();
        assert!(after.ends_with("\r\n\r\n"), "{after}");
        before.to_owned()
    }

    #[test]
    fn a_target_sees_the_client_through_forwarded_headers() {
        let head = written(
            &parts(|request| request.header("x-mine", "1")),
            &LoadBalancerAttributes::default(),
            BodyFraming::Empty,
        );
        assert_eq!(
            head,
            "GET /a?b=c HTTP/1.1\r\nhost: example.com:8080\r\nx-mine: 1\r\nx-forwarded-for: 127.0.0.9\r\n\
             x-forwarded-proto: http\r\nx-forwarded-port: 8080\r\n"
        );
    }

    #[test]
    fn what_concerns_the_clients_connection_only_is_not_passed_on() {
        let parts = parts(|request| {
            request
                .header("connection", "keep-alive, x-private")
                .header("x-private", "1")
                .header("te", "trailers")
                .header("expect", "100-continue")
                .header("upgrade", "h2c")
                .header("x-forwarded-proto", "https")
        });
        let head = written(&parts, &LoadBalancerAttributes::default(), BodyFraming::Empty);
        for gone in ["connection", "x-private", "te:", "expect", "upgrade", "https"] {
            assert!(!head.contains(gone), "{gone} in {head}");
        }
    }

    #[test]
    fn forwarded_for_is_appended_preserved_or_removed() {
        let parts = parts(|request| {
            request.header("x-forwarded-for", "10.0.0.1").header("x-forwarded-for", "10.0.0.2")
        });
        let with = |mode, port| {
            let attributes =
                LoadBalancerAttributes { x_forwarded_for: mode, xff_client_port: port, ..Default::default() };
            written(&parts, &attributes, BodyFraming::Empty)
        };
        assert!(
            with(XForwardedFor::Append, false).contains("x-forwarded-for: 10.0.0.1, 10.0.0.2, 127.0.0.9\r\n")
        );
        assert!(with(XForwardedFor::Append, true).contains(", 127.0.0.9:555\r\n"));
        assert!(with(XForwardedFor::Preserve, false).contains("x-forwarded-for: 10.0.0.1, 10.0.0.2\r\n"));
        assert!(!with(XForwardedFor::Remove, false).contains("x-forwarded-for"));
    }

    #[test]
    fn a_host_is_preserved_when_the_attribute_says_so() {
        let attributes = LoadBalancerAttributes { preserve_host_header: true, ..Default::default() };
        assert!(written(&parts(|r| r), &attributes, BodyFraming::Empty).contains("host: example.com\r\n"));
    }

    #[test]
    fn an_upgrade_is_asked_of_the_target_too() {
        let parts = parts(|request| request.header("connection", "Upgrade").header("upgrade", "websocket"));
        let head = written(&parts, &LoadBalancerAttributes::default(), BodyFraming::Empty);
        assert!(head.contains("connection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
    }

    #[test]
    fn a_body_of_unknown_length_is_chunked() {
        let head = written(&parts(|r| r), &LoadBalancerAttributes::default(), BodyFraming::Chunked);
        assert!(head.contains("transfer-encoding: chunked\r\n"));
    }

    #[test]
    fn cookies_of_http_2_become_one_field() {
        let parts =
            parts(|request| request.version(Version::HTTP_2).header("cookie", "a=1").header("cookie", "b=2"));
        let head = written(&parts, &LoadBalancerAttributes::default(), BodyFraming::Empty);
        assert!(head.contains("cookie: a=1; b=2\r\n"), "{head}");
    }

    #[test]
    fn odd_header_names_are_dropped_when_the_attribute_says_so() {
        let parts = parts(|request| request.header("x_odd", "1"));
        let attributes = LoadBalancerAttributes { drop_invalid_header_fields: true, ..Default::default() };
        assert!(!written(&parts, &attributes, BodyFraming::Empty).contains("x_odd"));
        assert!(written(&parts, &LoadBalancerAttributes::default(), BodyFraming::Empty).contains("x_odd: 1"));
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let refused = |parts: &Parts| Inspected::of(parts).unwrap_err();
        assert_eq!(refused(&parts(|r| r.method("TRACE"))), Refusal::MethodNotAllowed);
        assert_eq!(
            refused(&parts(|r| r.header("transfer-encoding", "gzip, chunked"))),
            Refusal::UnsupportedTransferEncoding
        );
        assert_eq!(refused(&parts(|r| r.header("x-long", "a".repeat(LINE_LIMIT)))), Refusal::BadRequest);
        let many = parts(|r| (0..8).fold(r, |r, _| r.header("x-long", "a".repeat(9 * 1024))));
        assert_eq!(refused(&many), Refusal::BadRequest);
        let forwarders = ["10.0.0.1"; 31].join(", ");
        assert_eq!(refused(&parts(|r| r.header("x-forwarded-for", forwarders))), Refusal::TooManyForwarders);
    }
}
