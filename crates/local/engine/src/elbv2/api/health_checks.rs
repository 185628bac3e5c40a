//! The health check settings of a target group: AWS's defaults and ranges.
//!
//! They are only checked and completed here; the balancer does the checks.

use std::ops::RangeInclusive;

use tidegate_models::elbv2::{Matcher, ProtocolEnum as Protocol, TargetGroup};

use super::errors::{not_implemented, validation};
use crate::ApiError;

/// The HTTP codes that an Application Load Balancer can be told to take as healthy.
const HTTP_CODES: RangeInclusive<u16> = 200..=499;

/// The health check settings that a call gives. What it leaves out keeps its value or gets AWS's default.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) enabled: Option<bool>,
    pub(super) interval_seconds: Option<i32>,
    pub(super) timeout_seconds: Option<i32>,
    pub(super) healthy_threshold: Option<i32>,
    pub(super) unhealthy_threshold: Option<i32>,
    pub(super) path: Option<String>,
    pub(super) port: Option<String>,
    pub(super) protocol: Option<Protocol>,
    pub(super) matcher: Option<Matcher>,
}

/// Puts what a call gives, and AWS's defaults for what is not set yet, into a target group's description.
pub(super) fn apply(given: Given, group: &mut TargetGroup) -> Result<(), ApiError> {
    check(&given)?;
    set(&mut group.health_check_enabled, given.enabled, || true);
    set(&mut group.health_check_interval_seconds, given.interval_seconds, || 30);
    set(&mut group.health_check_timeout_seconds, given.timeout_seconds, || 5);
    set(&mut group.healthy_threshold_count, given.healthy_threshold, || 5);
    set(&mut group.unhealthy_threshold_count, given.unhealthy_threshold, || 2);
    set(&mut group.health_check_path, given.path, || "/".to_owned());
    set(&mut group.health_check_port, given.port, || "traffic-port".to_owned());
    set(&mut group.health_check_protocol, given.protocol, || Protocol::Http);
    let default = || Matcher { http_code: Some("200".to_owned()), grpc_code: None };
    set(&mut group.matcher, given.matcher, default);
    if group.health_check_interval_seconds <= group.health_check_timeout_seconds {
        return Err(validation("Health check interval must be greater than the timeout."));
    }
    Ok(())
}

fn set<T>(member: &mut Option<T>, given: Option<T>, default: impl FnOnce() -> T) {
    if given.is_some() {
        *member = given;
    } else if member.is_none() {
        *member = Some(default());
    }
}

fn check(given: &Given) -> Result<(), ApiError> {
    if given.enabled == Some(false) {
        return Err(validation(
            "Health check enabled must be true for target groups with target type 'instance' or 'ip'",
        ));
    }
    match given.protocol {
        None | Some(Protocol::Http) => {}
        Some(Protocol::Https) => return Err(not_implemented("Health checks over HTTPS are")),
        Some(other) => {
            return Err(validation(format!("Health check protocol '{other}' must be one of 'HTTP, HTTPS'")));
        }
    }
    check_range("Health check interval", given.interval_seconds, 5..=300)?;
    check_range("Health check timeout", given.timeout_seconds, 2..=120)?;
    check_range("Healthy threshold count", given.healthy_threshold, 2..=10)?;
    check_range("Unhealthy threshold count", given.unhealthy_threshold, 2..=10)?;
    if let Some(path) = given.path.as_deref().filter(|path| !path.starts_with('/') || path.len() > 1024) {
        return Err(validation(format!(
            "Health check path '{path}' must begin with a '/' character and be at most 1024 characters"
        )));
    }
    if let Some(port) = given.port.as_deref()
        && port != "traffic-port"
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(validation(format!(
            "Health check port '{port}' must be 'traffic-port' or between '1-65535' inclusive"
        )));
    }
    given.matcher.as_ref().map_or(Ok(()), check_matcher)
}

fn check_range(what: &str, given: Option<i32>, range: RangeInclusive<i32>) -> Result<(), ApiError> {
    match given {
        Some(value) if !range.contains(&value) => Err(validation(format!(
            "{what} '{value}' must be between '{}-{}' inclusive",
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}

fn check_matcher(matcher: &Matcher) -> Result<(), ApiError> {
    if matcher.grpc_code.is_some() {
        return Err(not_implemented("Health checks with GRPC codes are"));
    }
    let codes = matcher.http_code.as_deref().unwrap_or_default();
    let is_valid = codes.split(',').all(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        match (from.trim().parse::<u16>(), to.trim().parse::<u16>()) {
            (Ok(from), Ok(to)) => from <= to && HTTP_CODES.contains(&from) && HTTP_CODES.contains(&to),
            _ => false,
        }
    });
    if is_valid {
        return Ok(());
    }
    Err(validation(format!(
        "Health check matcher HTTP code '{codes}' must be codes and ranges within '{}-{}' inclusive, such as 200,202 or \
         200-299",
        HTTP_CODES.start(),
        HTTP_CODES.end()
    )))
}
