//! What a rule does: forward, redirect, fixed-response. Checked, and completed as AWS answers them.
//!
//! A forward action to one group is always answered in both of its forms, whichever was given, so that clients that
//! know only one of them find it. Start at [`checked`].

use std::collections::BTreeSet;

use tidegate_models::elbv2::{
    Action, ActionTypeEnum as Type, FixedResponseActionConfig, ForwardActionConfig, ProtocolEnum as Protocol,
    RedirectActionConfig, TargetGroupStickinessConfig, TargetGroupTuple,
};

use super::{
    errors::{invalid_action, not_implemented, validation},
    lookup,
};
use crate::{ApiError, Context, State};

/// AWS's limit of target groups of a forward action.
const MOST_GROUPS: usize = 5;

/// The largest weight of a target group.
const LARGEST_WEIGHT: i32 = 999;

/// What a fixed response may have as its content type.
const CONTENT_TYPES: [&str; 5] =
    ["text/html", "application/json", "application/javascript", "text/css", "text/plain"];

/// Where the actions are to stand.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Whose target groups they may forward to.
    pub(super) load_balancer_arn: &'a str,
    /// The listener's protocol.
    pub(super) protocol: Protocol,
    /// The listener's port.
    pub(super) port: u16,
}

/// The actions that a call gives for a rule, checked and completed.
pub(super) fn checked(
    state: &State,
    context: &Context,
    place: &Place<'_>,
    given: Vec<Action>,
) -> Result<Vec<Action>, ApiError> {
    if let Some(other) = given.iter().find(|action| !is_terminal(action.r#type)) {
        return Err(not_implemented(&format!("Actions of type '{}' are", other.r#type)));
    }
    // Every action that is left is terminal, and a rule has exactly one of those.
    let Ok([action]) = <[Action; 1]>::try_from(given) else {
        return Err(invalid_action(
            "Exactly one action of type 'forward', 'redirect' or 'fixed-response' must be specified",
        ));
    };
    if let Some(order) = action.order.filter(|order| !(1..=50_000).contains(order)) {
        return Err(validation(format!("Action order '{order}' must be between '1-50000' inclusive")));
    }
    refuse_other_configs(&action)?;
    let checked = match action.r#type {
        Type::Redirect => {
            let config = action.redirect_config.ok_or_else(|| missing(action.r#type, "RedirectConfig"))?;
            Action { redirect_config: Some(redirect(place, config)?), ..of_type(action.r#type, action.order) }
        }
        Type::FixedResponse => {
            let config =
                action.fixed_response_config.ok_or_else(|| missing(action.r#type, "FixedResponseConfig"))?;
            check_fixed_response(&config)?;
            Action { fixed_response_config: Some(config), ..of_type(action.r#type, action.order) }
        }
        _ => {
            let config = forward(state, context, place, action.target_group_arn, action.forward_config)?;
            let single = match config.target_groups.as_deref() {
                Some([group]) => group.target_group_arn.clone(),
                _ => None,
            };
            Action {
                target_group_arn: single,
                forward_config: Some(config),
                ..of_type(action.r#type, action.order)
            }
        }
    };
    Ok(vec![checked])
}

fn is_terminal(action: Type) -> bool {
    matches!(action, Type::Forward | Type::Redirect | Type::FixedResponse)
}

fn of_type(r#type: Type, order: Option<i32>) -> Action {
    Action {
        r#type,
        order,
        authenticate_cognito_config: None,
        authenticate_oidc_config: None,
        fixed_response_config: None,
        forward_config: None,
        jwt_validation_config: None,
        redirect_config: None,
        target_group_arn: None,
    }
}

fn missing(action: Type, field: &str) -> ApiError {
    invalid_action(format!(
        "For actions of type '{action}', you must specify the following fields: '{field}'"
    ))
}

fn refuse_other_configs(action: &Action) -> Result<(), ApiError> {
    let is_forward = action.r#type == Type::Forward;
    let configs = [
        ("TargetGroupArn", is_forward, action.target_group_arn.is_some()),
        ("ForwardConfig", is_forward, action.forward_config.is_some()),
        ("RedirectConfig", action.r#type == Type::Redirect, action.redirect_config.is_some()),
        ("FixedResponseConfig", action.r#type == Type::FixedResponse, action.fixed_response_config.is_some()),
        ("AuthenticateCognitoConfig", false, action.authenticate_cognito_config.is_some()),
        ("AuthenticateOidcConfig", false, action.authenticate_oidc_config.is_some()),
        ("JwtValidationConfig", false, action.jwt_validation_config.is_some()),
    ];
    match configs.iter().find(|(_, belongs, is_given)| *is_given && !belongs) {
        Some((field, ..)) => Err(invalid_action(format!(
            "For actions of type '{}', you cannot specify the following fields: '{field}'",
            action.r#type
        ))),
        None => Ok(()),
    }
}

fn forward(
    state: &State,
    context: &Context,
    place: &Place<'_>,
    short_form: Option<String>,
    config: Option<ForwardActionConfig>,
) -> Result<ForwardActionConfig, ApiError> {
    let config = config.unwrap_or_default();
    let given = config.target_groups.unwrap_or_default();
    let groups = match (short_form, given.as_slice()) {
        (Some(arn), []) => {
            vec![TargetGroupTuple { target_group_arn: Some(arn), weight: Some(1) }]
        }
        (Some(arn), [only]) if only.target_group_arn.as_deref() == Some(arn.as_str()) => given,
        (Some(_), _) => {
            return Err(invalid_action(
                "If you specify both ForwardConfig and TargetGroupArn, you can specify only one target group in \
                 ForwardConfig and it must be the one in TargetGroupArn",
            ));
        }
        (None, []) => return Err(missing(Type::Forward, "TargetGroupArn")),
        (None, _) => given,
    };
    if groups.len() > MOST_GROUPS {
        return Err(validation(format!(
            "You have specified '{}' target groups; the limit for an action is '{MOST_GROUPS}'",
            groups.len()
        )));
    }
    let mut seen = BTreeSet::new();
    let mut target_groups = Vec::new();
    for TargetGroupTuple { target_group_arn, weight } in groups {
        let arn = target_group_arn.ok_or_else(|| validation("A target group ARN must be specified"))?;
        let weight = weight.unwrap_or(1);
        if !(0..=LARGEST_WEIGHT).contains(&weight) {
            return Err(validation(format!(
                "Target group weight '{weight}' must be between '0-{LARGEST_WEIGHT}' inclusive"
            )));
        }
        if !seen.insert(arn.clone()) {
            return Err(validation(format!("Target group '{arn}' was provided multiple times")));
        }
        check_group(state, context, place, &arn)?;
        target_groups.push(TargetGroupTuple { target_group_arn: Some(arn), weight: Some(weight) });
    }
    Ok(ForwardActionConfig {
        target_groups: Some(target_groups),
        target_group_stickiness_config: Some(stickiness(config.target_group_stickiness_config)?),
    })
}

/// A target group belongs to one load balancer at most.
fn check_group(state: &State, context: &Context, place: &Place<'_>, group_arn: &str) -> Result<(), ApiError> {
    lookup::target_group(state, context, group_arn)?;
    match lookup::load_balancer_of_group(state, group_arn) {
        Some(other) if other != place.load_balancer_arn => Err(ApiError::new(
            "TargetGroupAssociationLimit",
            format!(
                "The following target groups cannot be associated with more than one load balancer: {group_arn}"
            ),
        )),
        _ => Ok(()),
    }
}

fn stickiness(given: Option<TargetGroupStickinessConfig>) -> Result<TargetGroupStickinessConfig, ApiError> {
    let given = given.unwrap_or_default();
    let enabled = given.enabled.unwrap_or(false);
    match given.duration_seconds {
        None if enabled => {
            Err(validation("You must specify a duration when enabling target group stickiness"))
        }
        Some(duration) if !(1..=604_800).contains(&duration) => Err(validation(format!(
            "Target group stickiness duration '{duration}' must be between '1-604800' inclusive"
        ))),
        duration_seconds => Ok(TargetGroupStickinessConfig { enabled: Some(enabled), duration_seconds }),
    }
}

fn redirect(place: &Place<'_>, given: RedirectActionConfig) -> Result<RedirectActionConfig, ApiError> {
    let protocol = given.protocol.unwrap_or_else(|| "#{protocol}".to_owned());
    let host = given.host.unwrap_or_else(|| "#{host}".to_owned());
    let port = given.port.unwrap_or_else(|| "#{port}".to_owned());
    let path = given.path.unwrap_or_else(|| "/#{path}".to_owned());
    let query = given.query.unwrap_or_else(|| "#{query}".to_owned());

    if !matches!(protocol.as_str(), "HTTP" | "HTTPS" | "#{protocol}") {
        return Err(invalid_action(format!(
            "Redirect protocol '{protocol}' must be one of 'HTTP, HTTPS, #{{protocol}}'"
        )));
    }
    if place.protocol == Protocol::Https && protocol == "HTTP" {
        return Err(invalid_action("You cannot redirect HTTPS to HTTP"));
    }
    if port != "#{port}" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(invalid_action(format!(
            "Redirect port '{port}' must be '#{{port}}' or between '1-65535' inclusive"
        )));
    }
    if !path.starts_with('/') {
        return Err(invalid_action(format!("Redirect path '{path}' must begin with a '/' character")));
    }
    let same_protocol = protocol == "#{protocol}" || protocol == place.protocol.as_str();
    let same_port = port == "#{port}" || port == place.port.to_string();
    // Another query alone is a loop too (AWS's API reference, `RedirectActionConfig`).
    if same_protocol && same_port && host == "#{host}" && path == "/#{path}" {
        return Err(invalid_action("The redirect configuration is not valid because it creates a loop."));
    }
    Ok(RedirectActionConfig {
        protocol: Some(protocol),
        host: Some(host),
        port: Some(port),
        path: Some(path),
        query: Some(query),
        status_code: given.status_code,
    })
}

fn check_fixed_response(given: &FixedResponseActionConfig) -> Result<(), ApiError> {
    let status = given.status_code.as_str();
    let is_status = status.len() == 3
        && status.starts_with(['2', '4', '5'])
        && status.bytes().all(|byte| byte.is_ascii_digit());
    if !is_status {
        return Err(validation(format!("Fixed response status code '{status}' must be 2XX, 4XX or 5XX")));
    }
    if let Some(content_type) = &given.content_type
        && !CONTENT_TYPES.contains(&content_type.as_str())
    {
        return Err(invalid_action(format!(
            "The ContentType must be one of:'{}'",
            CONTENT_TYPES.join("', '")
        )));
    }
    if given.message_body.as_ref().is_some_and(|body| body.len() > 1024) {
        return Err(validation("The fixed response message body is too long; the limit is '1024'"));
    }
    Ok(())
}
