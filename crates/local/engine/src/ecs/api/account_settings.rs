//! Account settings: stored, defaulted, described. The local cloud always uses long ARNs, as AWS does today.

use tidegate_models::ecs::{
    DeleteAccountSettingRequest, DeleteAccountSettingResponse, ListAccountSettingsRequest,
    ListAccountSettingsResponse, PutAccountSettingDefaultRequest, PutAccountSettingDefaultResponse,
    PutAccountSettingRequest, PutAccountSettingResponse, Setting, SettingName, SettingType,
};

use super::{SERVICE, lookup::invalid};
use crate::{ApiError, Context, State, engine::Handlers, page};

/// What holds when nobody set anything.
const DEFAULTS: &[(SettingName, &str)] = &[
    (SettingName::AwsvpcTrunking, "disabled"),
    (SettingName::ContainerInsights, "disabled"),
    (SettingName::ContainerInstanceLongArnFormat, "enabled"),
    (SettingName::DefaultLogDriverMode, "non-blocking"),
    (SettingName::FargateFipsMode, "disabled"),
    (SettingName::FargateTaskRetirementWaitPeriod, "7"),
    (SettingName::GuardDutyActivate, "off"),
    (SettingName::ServiceLongArnFormat, "enabled"),
    (SettingName::TagResourceAuthorization, "on"),
    (SettingName::TaskLongArnFormat, "enabled"),
];

/// The principal that defaults are stored under.
const DEFAULT_PRINCIPAL: &str = "default";

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "PutAccountSetting", put);
    handlers.write(SERVICE, "PutAccountSettingDefault", put_default);
    handlers.write(SERVICE, "DeleteAccountSetting", delete);
    handlers.read(SERVICE, "ListAccountSettings", list);
}

fn put(
    state: &mut State,
    context: &Context,
    input: PutAccountSettingRequest,
) -> Result<PutAccountSettingResponse, ApiError> {
    check(input.name, &input.value)?;
    let principal = input.principal_arn.unwrap_or_else(|| root(context));
    state.account_settings.insert(&key(context, &principal, input.name), input.value.clone());
    Ok(PutAccountSettingResponse { setting: Some(setting(input.name, input.value, &principal)) })
}

fn put_default(
    state: &mut State,
    context: &Context,
    input: PutAccountSettingDefaultRequest,
) -> Result<PutAccountSettingDefaultResponse, ApiError> {
    check(input.name, &input.value)?;
    state.account_settings.insert(&key(context, DEFAULT_PRINCIPAL, input.name), input.value.clone());
    Ok(PutAccountSettingDefaultResponse { setting: Some(setting(input.name, input.value, &root(context))) })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteAccountSettingRequest,
) -> Result<DeleteAccountSettingResponse, ApiError> {
    let principal = input.principal_arn.unwrap_or_else(|| root(context));
    let key = key(context, &principal, input.name);
    let Some(value) = state.account_settings.get(&key).cloned() else {
        return Err(invalid("The specified account setting is not set for this principal."));
    };
    state.account_settings.remove(&key);
    Ok(DeleteAccountSettingResponse { setting: Some(setting(input.name, value, &principal)) })
}

fn list(
    state: &State,
    context: &Context,
    input: ListAccountSettingsRequest,
) -> Result<ListAccountSettingsResponse, ApiError> {
    let principal = input.principal_arn.unwrap_or_else(|| root(context));
    let effective = input.effective_settings == Some(true);
    let found: Vec<(SettingName, String)> = DEFAULTS
        .iter()
        .filter(|(name, _)| input.name.is_none_or(|wanted| wanted == *name))
        .filter_map(|(name, default)| {
            let own = state.account_settings.get(&key(context, &principal, *name));
            let shared = || state.account_settings.get(&key(context, DEFAULT_PRINCIPAL, *name));
            let value = if effective {
                own.or_else(shared).cloned().or(Some((*default).to_owned()))
            } else {
                own.cloned()
            };
            value.map(|value| (*name, value))
        })
        .filter(|(_, value)| input.value.as_ref().is_none_or(|wanted| wanted == value))
        .collect();
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(10);
    let items = found.iter().map(|(name, value)| (name.as_str(), setting(*name, value.clone(), &principal)));
    let page = page::page(items, "ListAccountSettings", input.next_token.as_deref(), limit, || {
        invalid("Invalid token")
    })?;
    Ok(ListAccountSettingsResponse { settings: Some(page.items), next_token: page.next })
}

fn check(name: SettingName, value: &str) -> Result<(), ApiError> {
    let allowed: &[&str] = match name {
        SettingName::FargateTaskRetirementWaitPeriod => &["0", "7", "14"],
        SettingName::TagResourceAuthorization | SettingName::GuardDutyActivate => &["on", "off"],
        SettingName::ContainerInsights => &["enabled", "disabled", "enhanced"],
        SettingName::DefaultLogDriverMode => &["blocking", "non-blocking"],
        _ => &["enabled", "disabled"],
    };
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{value} is not a valid value for {name}. Valid values are: {}", allowed.join(", "))))
}

fn root(context: &Context) -> String {
    format!("arn:aws:iam::{}:root", context.scope.account)
}

fn key(context: &Context, principal: &str, name: SettingName) -> String {
    format!("{}/{}/{principal}/{name}", context.scope.account, context.scope.region)
}

fn setting(name: SettingName, value: String, principal: &str) -> Setting {
    Setting {
        name: Some(name),
        value: Some(value),
        principal_arn: Some(principal.to_owned()),
        r#type: Some(SettingType::User),
    }
}
