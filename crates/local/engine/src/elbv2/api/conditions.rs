//! What a rule matches: checked, and completed as AWS answers them.
//!
//! `host-header` and `path-pattern` have two forms, `Values` and a config of their own: either is taken, both are
//! answered. Start at [`checked`].

use std::net::IpAddr;

use regex_lite::Regex;
use tidegate_models::elbv2::{
    HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
    PathPatternConditionConfig, QueryStringConditionConfig, QueryStringKeyValuePair, RuleCondition,
    SourceIpConditionConfig,
};

use super::errors::validation;
use crate::ApiError;

/// AWS's limit of values, and of wildcards, of a rule.
const MOST_VALUES: usize = 5;

/// The longest value of a condition, in characters.
const LONGEST_VALUE: usize = 128;

/// The longest name of a header or a method, in characters.
const LONGEST_NAME: usize = 40;

/// The fields that a condition can be about.
const FIELDS: [&str; 6] =
    ["path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"];

/// The conditions that a call gives for a rule, checked and completed.
pub(super) fn checked(given: Vec<RuleCondition>) -> Result<Vec<RuleCondition>, ApiError> {
    if given.is_empty() {
        return Err(validation("A condition must be specified"));
    }
    let mut count = Count::default();
    let mut conditions = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for condition in given {
        let field =
            condition.field.clone().ok_or_else(|| validation("A condition field must be specified"))?;
        let may_repeat = matches!(field.as_str(), "http-header" | "query-string");
        if seen.contains(&field) && !may_repeat {
            return Err(validation(format!("A rule can only have one '{field}' condition")));
        }
        refuse_other_configs(&field, &condition)?;
        conditions.push(completed(&field, condition, &mut count)?);
        seen.push(field);
    }
    if count.values > MOST_VALUES {
        return Err(validation(format!("A rule can only have '{MOST_VALUES}' condition values")));
    }
    if count.wildcards > MOST_VALUES {
        return Err(validation(format!("A rule can only have '{MOST_VALUES}' condition wildcards")));
    }
    Ok(conditions)
}

/// Values and wildcards over all conditions of a rule.
#[derive(Default)]
struct Count {
    values: usize,
    wildcards: usize,
}

impl Count {
    /// Counts values in which `*` and `?` are wildcards, unless a backslash stands before them.
    fn patterns<'a>(&mut self, values: impl IntoIterator<Item = &'a String>) {
        for value in values {
            self.values += 1;
            let mut escaped = false;
            for char in value.chars() {
                self.wildcards += usize::from(!escaped && matches!(char, '*' | '?'));
                escaped = char == '\\' && !escaped;
            }
        }
    }
}

fn completed(field: &str, condition: RuleCondition, count: &mut Count) -> Result<RuleCondition, ApiError> {
    let bare = RuleCondition { field: Some(field.to_owned()), ..RuleCondition::default() };
    let (short, short_regex) = (condition.values, condition.regex_values);
    Ok(match field {
        "host-header" => {
            let config = condition.host_header_config;
            let (values, regexes) =
                config.map(|config| (config.values, config.regex_values)).unwrap_or_default();
            let matched = Patterns::of(field, "HostHeaderConfig", [short, values], [short_regex, regexes])?;
            matched.check(field, is_host_pattern, count)?;
            RuleCondition {
                values: matched.values.clone(),
                regex_values: matched.regexes.clone(),
                host_header_config: Some(HostHeaderConditionConfig {
                    values: matched.values,
                    regex_values: matched.regexes,
                }),
                ..bare
            }
        }
        "path-pattern" => {
            let config = condition.path_pattern_config;
            let (values, regexes) =
                config.map(|config| (config.values, config.regex_values)).unwrap_or_default();
            let matched = Patterns::of(field, "PathPatternConfig", [short, values], [short_regex, regexes])?;
            matched.check(field, is_visible, count)?;
            RuleCondition {
                values: matched.values.clone(),
                regex_values: matched.regexes.clone(),
                path_pattern_config: Some(PathPatternConditionConfig {
                    values: matched.values,
                    regex_values: matched.regexes,
                }),
                ..bare
            }
        }
        "http-header" => {
            let config = condition.http_header_config.ok_or_else(|| missing(field, "HttpHeaderConfig"))?;
            let name = header_name(config.http_header_name)?;
            let regexes = [short_regex, config.regex_values];
            let matched = Patterns::of(field, "HttpHeaderConfig", [None, config.values], regexes)?;
            matched.check(field, |_| true, count)?;
            RuleCondition {
                http_header_config: Some(HttpHeaderConditionConfig {
                    http_header_name: Some(name),
                    values: matched.values,
                    regex_values: matched.regexes,
                }),
                ..bare
            }
        }
        "http-request-method" => {
            let config = condition.http_request_method_config;
            let values = config.ok_or_else(|| missing(field, "HttpRequestMethodConfig"))?.values;
            let values = some(field, values)?;
            for value in &values {
                check_length(field, value, LONGEST_NAME)?;
                if value.is_empty() || !value.chars().all(|char| matches!(char, 'A'..='Z' | '-' | '_')) {
                    return Err(validation(
                        "The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and \
                         underscore",
                    ));
                }
            }
            count.values += values.len();
            RuleCondition {
                http_request_method_config: Some(HttpRequestMethodConditionConfig { values: Some(values) }),
                ..bare
            }
        }
        "query-string" => {
            let config = condition.query_string_config;
            let values = config.ok_or_else(|| missing(field, "QueryStringConfig"))?.values;
            let values = some(field, values)?;
            for QueryStringKeyValuePair { key, value } in &values {
                let value = value
                    .as_ref()
                    .ok_or_else(|| validation("A 'Value' must be specified in 'QueryStringKeyValuePair'"))?;
                for text in key.iter().chain([value]) {
                    check_length(field, text, LONGEST_VALUE)?;
                }
                count.patterns(key.iter().chain([value]));
                // A pair is one value.
                count.values -= usize::from(key.is_some());
            }
            RuleCondition {
                query_string_config: Some(QueryStringConditionConfig { values: Some(values) }),
                ..bare
            }
        }
        "source-ip" => {
            let config = condition.source_ip_config.ok_or_else(|| missing(field, "SourceIpConfig"))?;
            let values = some(field, config.values)?;
            if let Some(wrong) = values.iter().find(|value| !is_cidr(value)) {
                return Err(validation(format!(
                    "The 'source-ip' value '{wrong}' must be a valid CIDR block"
                )));
            }
            count.values += values.len();
            RuleCondition {
                source_ip_config: Some(SourceIpConditionConfig {
                    values: Some(values),
                    ip_address_type: config.ip_address_type,
                }),
                ..bare
            }
        }
        other => {
            return Err(validation(format!(
                "Condition field '{other}' must be one of '[{}]'",
                FIELDS.join(",")
            )));
        }
    })
}

/// What a host, a path or a header is compared with: wildcards or regular expressions.
struct Patterns {
    values: Option<Vec<String>>,
    regexes: Option<Vec<String>>,
}

impl Patterns {
    /// From the short form and the config's, of which at most one may be given.
    fn of(
        field: &str,
        config: &str,
        values: [Option<Vec<String>>; 2],
        regexes: [Option<Vec<String>>; 2],
    ) -> Result<Self, ApiError> {
        let either = |[short, long]: [Option<Vec<String>>; 2], name: &str| match (
            short.unwrap_or_default(),
            long.unwrap_or_default(),
        ) {
            (short, long) if !short.is_empty() && !long.is_empty() => Err(validation(format!(
                "You cannot provide both {name} and '{config}' for a condition of type '{field}'"
            ))),
            (short, long) => Ok(Some([short, long].concat()).filter(|all| !all.is_empty())),
        };
        match (either(values, "Values")?, either(regexes, "RegexValues")?) {
            (None, None) => Err(validation("A condition value must be specified")),
            (Some(_), Some(_)) => Err(validation(format!(
                "You cannot provide both Values and RegexValues for a condition of type '{field}'"
            ))),
            (values, regexes) => Ok(Self { values, regexes }),
        }
    }

    fn check(&self, field: &str, is_pattern: fn(&str) -> bool, count: &mut Count) -> Result<(), ApiError> {
        for value in self.values.iter().chain(&self.regexes).flatten() {
            check_length(field, value, LONGEST_VALUE)?;
            if value.is_empty() {
                return Err(validation("A condition value must be specified"));
            }
        }
        if let Some(wrong) = self.values.iter().flatten().find(|value| !is_pattern(value)) {
            return Err(validation(format!(
                "The '{field}' value '{wrong}' contains characters that are not allowed"
            )));
        }
        for regex in self.regexes.iter().flatten() {
            Regex::new(regex).map_err(|error| {
                validation(format!(
                    "The '{field}' value '{regex}' is not a valid regular expression: {error}"
                ))
            })?;
        }
        count.patterns(self.values.iter().flatten());
        count.values += self.regexes.iter().flatten().count();
        Ok(())
    }
}

fn refuse_other_configs(field: &str, condition: &RuleCondition) -> Result<(), ApiError> {
    let has_short_form = matches!(field, "host-header" | "path-pattern");
    let given = [
        ("Values", has_short_form, condition.values.as_ref().is_some_and(|values| !values.is_empty())),
        ("RegexValues", has_short_form || field == "http-header", condition.regex_values.is_some()),
        ("HostHeaderConfig", field == "host-header", condition.host_header_config.is_some()),
        ("PathPatternConfig", field == "path-pattern", condition.path_pattern_config.is_some()),
        ("HttpHeaderConfig", field == "http-header", condition.http_header_config.is_some()),
        (
            "HttpRequestMethodConfig",
            field == "http-request-method",
            condition.http_request_method_config.is_some(),
        ),
        ("QueryStringConfig", field == "query-string", condition.query_string_config.is_some()),
        ("SourceIpConfig", field == "source-ip", condition.source_ip_config.is_some()),
    ];
    match given.iter().find(|(_, belongs, is_given)| *is_given && !belongs) {
        Some((name, ..)) if FIELDS.contains(&field) => {
            Err(validation(format!("The '{name}' field is not compatible with '{field}'")))
        }
        _ => Ok(()),
    }
}

fn missing(field: &str, config: &str) -> ApiError {
    validation(format!("A '{config}' must be specified with '{field}'"))
}

fn some<T>(field: &str, values: Option<Vec<T>>) -> Result<Vec<T>, ApiError> {
    let values = values.unwrap_or_default();
    if values.is_empty() {
        return Err(validation(format!("A '{field}' value must be specified")));
    }
    Ok(values)
}

fn check_length(field: &str, value: &str, longest: usize) -> Result<(), ApiError> {
    if value.chars().count() > longest {
        return Err(validation(format!("The '{field}' value is too long; the limit is '{longest}'")));
    }
    Ok(())
}

/// A header's name by RFC 7230. The `Host` header has a condition of its own.
fn header_name(given: Option<String>) -> Result<String, ApiError> {
    let name = given.unwrap_or_default();
    if name.chars().count() > LONGEST_NAME {
        return Err(validation(format!(
            "The 'HttpHeaderName' value is too long; the limit is '{LONGEST_NAME}'"
        )));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(validation(format!("The 'HttpHeaderName' value '{name}' is not the name of a header")));
    }
    if name.eq_ignore_ascii_case("host") {
        return Err(validation("Use a condition of type 'host-header' to match the host header"));
    }
    Ok(name)
}

fn is_host_pattern(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*?".contains(&byte))
}

fn is_visible(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An address and the length of its prefix, as `10.0.0.0/8`.
fn is_cidr(value: &str) -> bool {
    let Some((address, prefix)) = value.split_once('/') else { return false };
    match (address.parse::<IpAddr>(), prefix.parse::<u8>()) {
        (Ok(IpAddr::V4(_)), Ok(prefix)) => prefix <= 32,
        (Ok(IpAddr::V6(_)), Ok(prefix)) => prefix <= 128,
        _ => false,
    }
}
