//! Conditions, compiled once for each change and asked for each request.
//!
//! Values within a condition are alternatives. It must never allocate per request. Start at
//! [`CompiledCondition::holds`].

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, Method, Uri};
use regex_lite::{Regex, RegexBuilder};

use super::wildcard::{Case, Wildcard};
use crate::config::{Cidr, Condition, Patterns};

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// The `Host` header or the authority, as it came.
    pub(crate) host: &'a str,
    /// The peer of the TCP connection.
    pub(crate) peer: IpAddr,
}

/// A condition, ready to be asked.
#[derive(Debug)]
pub(crate) enum CompiledCondition {
    Host(CompiledPatterns),
    Path(CompiledPatterns),
    Header(Option<HeaderName>, CompiledPatterns),
    Method(Vec<String>),
    Query(Vec<(Option<Wildcard>, Wildcard)>),
    SourceIp(Vec<Cidr>),
}

/// A regular expression that does not compile.
#[derive(Debug, thiserror::Error)]
#[error("the regular expression '{pattern}' is not valid")]
pub(crate) struct InvalidRegex {
    pub(crate) pattern: String,
    pub(crate) source: regex_lite::Error,
}

impl CompiledCondition {
    /// Whether one of the condition's values matches the request.
    pub(crate) fn holds(&self, request: &RequestHead<'_>) -> bool {
        match self {
            Self::Host(patterns) => patterns.match_bytes(without_port(request.host).as_bytes()),
            Self::Path(patterns) => patterns.match_bytes(request.uri.path().as_bytes()),
            Self::Header(Some(name), patterns) => {
                request.headers.get_all(name).iter().any(|value| patterns.match_bytes(value.as_bytes()))
            }
            // A name that is no header name is in no request.
            Self::Header(None, _) => false,
            Self::Method(methods) => methods.iter().any(|method| method == request.method.as_str()),
            Self::Query(pairs) => holds_query(pairs, request.uri.query().unwrap_or_default()),
            Self::SourceIp(ranges) => ranges.iter().any(|range| range.contains(request.peer)),
        }
    }

    pub(crate) fn compile(condition: &Condition) -> Result<Self, InvalidRegex> {
        use Case::{Insensitive, Sensitive};
        Ok(match condition {
            Condition::HostHeader(values) => Self::Host(CompiledPatterns::compile(values, Insensitive)?),
            Condition::PathPattern(values) => Self::Path(CompiledPatterns::compile(values, Sensitive)?),
            Condition::HttpHeader { name, values } => Self::Header(
                HeaderName::from_bytes(name.as_bytes()).ok(),
                CompiledPatterns::compile(values, Insensitive)?,
            ),
            Condition::HttpRequestMethod(methods) => Self::Method(methods.clone()),
            Condition::QueryString(pairs) => Self::Query(
                pairs
                    .iter()
                    .map(|pair| {
                        let key = pair.key.as_ref().map(|key| Wildcard::new(key, Insensitive));
                        (key, Wildcard::new(&pair.value, Insensitive))
                    })
                    .collect(),
            ),
            Condition::SourceIp(ranges) => Self::SourceIp(ranges.clone()),
        })
    }
}

/// The values of a condition, ready to be asked.
#[derive(Debug)]
pub(crate) enum CompiledPatterns {
    Wildcards(Vec<Wildcard>),
    Regexes(Vec<Regex>),
}

impl CompiledPatterns {
    fn compile(patterns: &Patterns, case: Case) -> Result<Self, InvalidRegex> {
        match patterns {
            Patterns::Wildcards(values) => {
                Ok(Self::Wildcards(values.iter().map(|value| Wildcard::new(value, case)).collect()))
            }
            Patterns::Regexes(values) => values
                .iter()
                .map(|value| {
                    RegexBuilder::new(&format!("^(?:{value})$"))
                        .case_insensitive(case == Case::Insensitive)
                        .build()
                        .map_err(|source| InvalidRegex { pattern: value.clone(), source })
                })
                .collect::<Result<_, _>>()
                .map(Self::Regexes),
        }
    }

    fn match_bytes(&self, text: &[u8]) -> bool {
        match self {
            Self::Wildcards(values) => values.iter().any(|value| value.matches(text)),
            Self::Regexes(values) => {
                std::str::from_utf8(text).is_ok_and(|text| values.iter().any(|value| value.is_match(text)))
            }
        }
    }
}

fn holds_query(wanted: &[(Option<Wildcard>, Wildcard)], query: &str) -> bool {
    query.split('&').filter(|pair| !pair.is_empty()).any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        wanted.iter().any(|(wanted_key, wanted_value)| {
            wanted_key.as_ref().is_none_or(|wanted_key| wanted_key.matches(key.as_bytes()))
                && wanted_value.matches(value.as_bytes())
        })
    })
}

/// `example.com:8080` and `[::1]:8080` without their ports.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !name.is_empty() && !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::QueryPair;

    fn holds(condition: &Condition, request: &http::Request<()>) -> bool {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let head = RequestHead {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            host,
            peer: "127.0.0.1".parse().unwrap(),
        };
        CompiledCondition::compile(condition).unwrap().holds(&head)
    }

    fn wildcards(values: &[&str]) -> Patterns {
        Patterns::Wildcards(values.iter().map(|&value| value.to_owned()).collect())
    }

    fn regexes(values: &[&str]) -> Patterns {
        Patterns::Regexes(values.iter().map(|&value| value.to_owned()).collect())
    }

    fn get(uri: &str, headers: &[(&str, &str)]) -> http::Request<()> {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_host_is_compared_without_case_and_port() {
        let condition = Condition::HostHeader(wildcards(&["*.Example.com"]));
        assert!(holds(&condition, &get("/", &[("host", "API.example.COM:8080")])));
        assert!(!holds(&condition, &get("/", &[("host", "example.com")])));
    }

    #[test]
    fn an_ipv6_host_keeps_its_address_and_loses_its_port() {
        assert_eq!(without_port("[::1]:8080"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(without_port("localhost"), "localhost");
    }

    #[test]
    fn a_path_is_compared_with_case_and_without_the_query() {
        let condition = Condition::PathPattern(wildcards(&["/a", "/v?/*"]));
        assert!(holds(&condition, &get("/v2/x?y=1", &[])));
        assert!(holds(&condition, &get("/a?b", &[])));
        assert!(!holds(&condition, &get("/A", &[])));
    }

    #[test]
    fn regular_expressions_match_the_whole_value() {
        let condition = Condition::PathPattern(regexes(&["/orders/[0-9]+"]));
        assert!(holds(&condition, &get("/orders/12", &[])));
        assert!(!holds(&condition, &get("/orders/12/items", &[])));
        let alternatives = Condition::HostHeader(regexes(&["a|b"]));
        assert!(holds(&alternatives, &get("/", &[("host", "B")])));
        assert!(!holds(&alternatives, &get("/", &[("host", "ab")])));
    }

    #[test]
    fn a_regular_expression_that_does_not_compile_is_an_error() {
        let condition = Condition::PathPattern(regexes(&["("]));
        assert_eq!(CompiledCondition::compile(&condition).unwrap_err().pattern, "(");
    }

    #[test]
    fn any_value_of_a_repeated_header_may_match() {
        let condition = Condition::HttpHeader { name: "X-Canary".to_owned(), values: wildcards(&["yes*"]) };
        assert!(holds(&condition, &get("/", &[("x-canary", "no"), ("x-canary", "YES please")])));
        assert!(!holds(&condition, &get("/", &[("x-canary", "no")])));
        assert!(!holds(&condition, &get("/", &[])));
    }

    #[test]
    fn a_query_is_matched_by_pair_and_a_missing_key_takes_any() {
        let keyed = Condition::QueryString(vec![QueryPair {
            key: Some("version".to_owned()),
            value: "v1".to_owned(),
        }]);
        assert!(holds(&keyed, &get("/?a=b&VERSION=V1", &[])));
        assert!(!holds(&keyed, &get("/?other=v1", &[])));
        let any = Condition::QueryString(vec![QueryPair { key: None, value: "*example*".to_owned() }]);
        assert!(holds(&any, &get("/?x=an-Example-", &[])));
        assert!(!holds(&any, &get("/", &[])));
    }

    #[test]
    fn methods_are_exact_and_sources_are_peers() {
        assert!(holds(&Condition::HttpRequestMethod(vec!["GET".to_owned()]), &get("/", &[])));
        assert!(!holds(&Condition::HttpRequestMethod(vec!["get".to_owned()]), &get("/", &[])));
        let source = |cidr: &str| Condition::SourceIp(vec![cidr.parse().unwrap()]);
        assert!(holds(&source("127.0.0.0/8"), &get("/", &[("x-forwarded-for", "10.0.0.1")])));
        assert!(!holds(&source("10.0.0.0/8"), &get("/", &[("x-forwarded-for", "10.0.0.1")])));
    }
}
