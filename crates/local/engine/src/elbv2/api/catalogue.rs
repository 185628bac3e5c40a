//! Which attributes load balancers, target groups and listeners have, their defaults, and what values they take.
//!
//! Keys, ranges and defaults are those of AWS's API reference for Application Load Balancers and targets that are
//! instances or IP addresses. Whether values go together is checked in [`super::attributes`].

use std::{collections::BTreeMap, ops::RangeInclusive};

use Takes::{Anything, Bool, CookieName, NumberIn, OffOr, OneOf, ZeroOr};
use tidegate_models::elbv2::ProtocolEnum;

use super::errors::validation;
use crate::ApiError;

/// One attribute.
#[derive(Debug)]
pub(super) struct Attribute {
    key: &'static str,
    default: &'static str,
    takes: Takes,
}

/// What values an attribute takes.
#[derive(Debug)]
enum Takes {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    NumberIn(RangeInclusive<u32>),
    /// 0, which is off, or a whole number.
    ZeroOr(RangeInclusive<u32>),
    /// `off`, or a whole number.
    OffOr(RangeInclusive<u32>),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of a cookie that is not the load balancer's own, or nothing.
    CookieName,
    /// Any text.
    Anything,
}

const fn attribute(key: &'static str, default: &'static str, takes: Takes) -> Attribute {
    Attribute { key, default, takes }
}

/// The attributes of an Application Load Balancer.
pub(super) const LOAD_BALANCER: &[Attribute] = &[
    attribute("access_logs.s3.bucket", "", Anything),
    attribute("access_logs.s3.enabled", "false", Bool),
    attribute("access_logs.s3.prefix", "", Anything),
    attribute("client_keep_alive.seconds", "3600", NumberIn(60..=604_800)),
    attribute("connection_logs.s3.bucket", "", Anything),
    attribute("connection_logs.s3.enabled", "false", Bool),
    attribute("connection_logs.s3.prefix", "", Anything),
    attribute("deletion_protection.enabled", "false", Bool),
    attribute("health_check_logs.s3.bucket", "", Anything),
    attribute("health_check_logs.s3.enabled", "false", Bool),
    attribute("health_check_logs.s3.prefix", "", Anything),
    attribute("idle_timeout.timeout_seconds", "60", NumberIn(1..=4000)),
    attribute("ipv6.deny_all_igw_traffic", "false", Bool),
    attribute("load_balancing.cross_zone.enabled", "true", OneOf(&["true"])),
    attribute(
        "routing.http.desync_mitigation_mode",
        "defensive",
        OneOf(&["monitor", "defensive", "strictest"]),
    ),
    attribute("routing.http.drop_invalid_header_fields.enabled", "false", Bool),
    attribute("routing.http.preserve_host_header.enabled", "false", Bool),
    attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", Bool),
    attribute("routing.http.xff_client_port.enabled", "false", Bool),
    attribute("routing.http.xff_header_processing.mode", "append", OneOf(&["append", "preserve", "remove"])),
    attribute("routing.http2.enabled", "true", Bool),
    attribute("waf.fail_open.enabled", "false", Bool),
    attribute("zonal_shift.config.enabled", "false", Bool),
];

/// The attributes of a target group of an Application Load Balancer.
pub(super) const TARGET_GROUP: &[Attribute] = &[
    attribute("deregistration_delay.timeout_seconds", "300", NumberIn(0..=3600)),
    attribute("load_balancing.algorithm.anomaly_mitigation", "off", OneOf(&["on", "off"])),
    attribute(
        "load_balancing.algorithm.type",
        "round_robin",
        OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    attribute(
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        OneOf(&["true", "false", "use_load_balancer_configuration"]),
    ),
    attribute("slow_start.duration_seconds", "0", ZeroOr(30..=900)),
    attribute("stickiness.app_cookie.cookie_name", "", CookieName),
    attribute("stickiness.app_cookie.duration_seconds", "86400", NumberIn(1..=604_800)),
    attribute("stickiness.enabled", "false", Bool),
    attribute("stickiness.lb_cookie.duration_seconds", "86400", NumberIn(1..=604_800)),
    attribute("stickiness.type", "lb_cookie", OneOf(&["lb_cookie", "app_cookie"])),
    attribute("target_group_health.dns_failover.minimum_healthy_targets.count", "1", OffOr(1..=u32::MAX)),
    attribute("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", OffOr(1..=100)),
    attribute(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        "1",
        NumberIn(1..=u32::MAX),
    ),
    attribute(
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        "off",
        OffOr(1..=100),
    ),
];

/// The attributes of a listener of an Application Load Balancer.
const LISTENER: &[Attribute] = &[
    attribute("routing.http.response.access_control_allow_credentials.header_value", "", Anything),
    attribute("routing.http.response.access_control_allow_headers.header_value", "", Anything),
    attribute("routing.http.response.access_control_allow_methods.header_value", "", Anything),
    attribute("routing.http.response.access_control_allow_origin.header_value", "", Anything),
    attribute("routing.http.response.access_control_expose_headers.header_value", "", Anything),
    attribute("routing.http.response.access_control_max_age.header_value", "", Anything),
    attribute("routing.http.response.content_security_policy.header_value", "", Anything),
    attribute("routing.http.response.server.enabled", "true", Bool),
    attribute("routing.http.response.strict_transport_security.header_value", "", Anything),
    attribute("routing.http.response.x_content_type_options.header_value", "", Anything),
    attribute("routing.http.response.x_frame_options.header_value", "", Anything),
];

/// The further attributes of an HTTPS listener: what the request headers about TLS are called.
const HTTPS_LISTENER: &[Attribute] = &[
    attribute("routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", Anything),
    attribute(
        "routing.http.request.x_amzn_mtls_clientcert_issuer.header_name",
        "X-Amzn-Mtls-Clientcert-Issuer",
        Anything,
    ),
    attribute(
        "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name",
        "X-Amzn-Mtls-Clientcert-Leaf",
        Anything,
    ),
    attribute(
        "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
        "X-Amzn-Mtls-Clientcert-Serial-Number",
        Anything,
    ),
    attribute(
        "routing.http.request.x_amzn_mtls_clientcert_subject.header_name",
        "X-Amzn-Mtls-Clientcert-Subject",
        Anything,
    ),
    attribute(
        "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
        "X-Amzn-Mtls-Clientcert-Validity",
        Anything,
    ),
    attribute(
        "routing.http.request.x_amzn_tls_cipher_suite.header_name",
        "X-Amzn-Tls-Cipher-Suite",
        Anything,
    ),
    attribute("routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", Anything),
];

/// Every attribute of the catalogue with its default.
pub(super) fn defaults<'a>(catalogue: impl IntoIterator<Item = &'a Attribute>) -> BTreeMap<String, String> {
    let pair = |attribute: &Attribute| (attribute.key.to_owned(), attribute.default.to_owned());
    catalogue.into_iter().map(pair).collect()
}

/// What `current` becomes with the attributes that a call gives; `kind` is the resource's, as the errors name it.
pub(super) fn changed<'a>(
    kind: &str,
    catalogue: impl IntoIterator<Item = &'a Attribute> + Clone,
    current: &BTreeMap<String, String>,
    given: impl IntoIterator<Item = (Option<String>, Option<String>)>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let mut attributes = current.clone();
    for (key, value) in given {
        let key = key.ok_or_else(|| validation(format!("{kind} attribute key must be specified")))?;
        let attribute = catalogue
            .clone()
            .into_iter()
            .find(|attribute| attribute.key == key)
            .ok_or_else(|| validation(format!("{kind} attribute key '{key}' is not recognized")))?;
        let value = value.unwrap_or_default();
        attribute.check(&value)?;
        attributes.insert(key, value);
    }
    Ok(attributes)
}

impl Attribute {
    fn check(&self, value: &str) -> Result<(), ApiError> {
        let number = || value.parse::<u32>().ok();
        let key = self.key;
        match &self.takes {
            Bool if matches!(value, "true" | "false") => Ok(()),
            Bool => Err(validation(format!("'{key}' value '{value}' must be one of [true, false]"))),
            NumberIn(range) if number().is_some_and(|number| range.contains(&number)) => Ok(()),
            NumberIn(range) => Err(validation(format!(
                "'{key}' value '{value}' must be between '{}-{}' inclusive",
                range.start(),
                range.end()
            ))),
            ZeroOr(range) if number().is_some_and(|number| number == 0 || range.contains(&number)) => Ok(()),
            ZeroOr(range) => Err(validation(format!(
                "'{key}' value '{value}' must be 0 or between '{}-{}' inclusive",
                range.start(),
                range.end()
            ))),
            OffOr(range) if value == "off" || number().is_some_and(|number| range.contains(&number)) => {
                Ok(())
            }
            OffOr(range) => Err(validation(format!(
                "'{key}' value '{value}' must be off or between '{}-{}' inclusive",
                range.start(),
                range.end()
            ))),
            OneOf(words) if words.contains(&value) => Ok(()),
            OneOf(words) => {
                Err(validation(format!("'{key}' value '{value}' must be one of [{}]", words.join(", "))))
            }
            CookieName if ["AWSALB", "AWSALBAPP", "AWSALBTG"].iter().any(|own| value.starts_with(own)) => {
                Err(validation(format!(
                    "The application cookie name '{value}' begins with a prefix that is reserved for the load balancer"
                )))
            }
            CookieName | Anything => Ok(()),
        }
    }
}

/// The attributes of a listener with this protocol.
pub(super) fn of_listener(protocol: ProtocolEnum) -> impl Iterator<Item = &'static Attribute> + Clone {
    let https: &[Attribute] = if protocol == ProtocolEnum::Https { HTTPS_LISTENER } else { &[] };
    LISTENER.iter().chain(https)
}
