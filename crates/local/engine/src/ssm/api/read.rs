//! `GetParameter`, `GetParameters` and `GetParametersByPath`.

use tidegate_models::{
    Secret,
    ssm::{
        self, GetParameterRequest, GetParameterResult, GetParametersByPathRequest, GetParametersByPathResult,
        GetParametersRequest, GetParametersResult, ParameterStringFilter,
    },
};

use super::{
    super::records::Parameter,
    invalid,
    names::{self, Asked},
    not_found,
    reference::{self, Decryption},
    versions,
};
use crate::{ApiError, Context, Scope, State, page::page};

/// AWS's most parameters in one page.
const PAGE: usize = 10;

/// `GetParameter`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetParameterRequest,
) -> Result<GetParameterResult, ApiError> {
    let found = find(state, context, &input.name, Decryption::of(input.with_decryption));
    found.map(|parameter| GetParameterResult { parameter: Some(parameter) })
}

/// `GetParameters`: names without a parameter are listed, not refused.
pub(super) fn get_several(
    state: &State,
    context: &Context,
    input: GetParametersRequest,
) -> Result<GetParametersResult, ApiError> {
    let decryption = Decryption::of(input.with_decryption);
    let (mut parameters, mut missing) = (Vec::new(), Vec::new());
    for name in input.names {
        match find(state, context, &name, decryption) {
            Err(error) if error.code == "ValidationException" => return Err(error),
            Ok(parameter) => parameters.push(parameter),
            Err(_) => missing.push(name),
        }
    }
    Ok(GetParametersResult { invalid_parameters: Some(missing), parameters: Some(parameters) })
}

/// `GetParametersByPath`
pub(super) fn get_by_path(
    state: &State,
    context: &Context,
    input: GetParametersByPathRequest,
) -> Result<GetParametersByPathResult, ApiError> {
    if !input.path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
             slash \"/\".",
        ));
    }
    let decryption = Decryption::of(input.with_decryption);
    let filters = input.parameter_filters.unwrap_or_default();
    check_filters(&filters)?;
    let folder = format!("{}/", input.path.trim_end_matches('/'));
    let keys = Parameter::key(&context.scope, &folder);
    let is_below = |parameter: &Parameter| {
        input.recursive == Some(true) || !parameter.name[folder.len()..].contains('/')
    };
    let found = state.parameters.with_prefix(&keys).filter(|(_, parameter)| is_below(parameter));
    let found = found.filter_map(|(key, parameter)| Some((key, asked_for(state, key, parameter, &filters)?)));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || ApiError::new("InvalidNextToken", "The specified token isn't valid.");
    let page = page(
        found.map(|(key, parameter)| (key, described(parameter, None, decryption))),
        &format!("ssm{folder}"),
        input.next_token.as_deref(),
        limit,
        refused,
    )?;
    Ok(GetParametersByPathResult { next_token: page.next, parameters: Some(page.items) })
}

/// The value of the parameter that a task definition names, by name or ARN, in the region of whoever asks.
pub(crate) fn value_of(state: &State, scope: &Scope, name: &str) -> Option<Secret> {
    let scope = if name.starts_with("arn:") { Scope::of_arn(name) } else { scope.clone() };
    let context = Context { scope, now: crate::Timestamp::default() };
    find(state, &context, name, Decryption::Wanted).ok().and_then(|found| found.value)
}

fn find(
    state: &State,
    context: &Context,
    name: &str,
    decryption: Decryption,
) -> Result<ssm::Parameter, ApiError> {
    if let Some(found) = reference::find(state, context, name, decryption) {
        return found;
    }
    let asked = Asked::parse(name);
    let key = names::key(state, &context.scope, &asked).ok_or_else(|| not_found(name))?;
    let newest = state.parameters.get(&key).ok_or_else(|| not_found(name))?;
    let Some(selector) = asked.selector else { return Ok(described(newest, None, decryption)) };
    let version = versions::all(state, &key)
        .into_iter()
        .map(|(_, row)| row)
        .find(|row| row.version.to_string() == selector || row.labels.iter().any(|label| label == selector));
    let version = version.ok_or_else(|| {
        ApiError::new(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find version {selector} of {}.", newest.name),
        )
    })?;
    Ok(described(version, Some(selector), decryption))
}

fn check_filters(filters: &[ParameterStringFilter]) -> Result<(), ApiError> {
    for filter in filters {
        if !matches!(filter.key.as_str(), "Type" | "KeyId" | "Label") {
            return Err(ApiError::new(
                "InvalidFilterKey",
                format!(
                    "The following filter key is not valid: {}. Valid filter keys include: [Type, KeyId, Label].",
                    filter.key
                ),
            ));
        }
        if filter.option.as_deref().is_some_and(|option| option != "Equals") {
            return Err(ApiError::new(
                "InvalidFilterOption",
                "The following filter option is not valid; valid options include: [Equals].",
            ));
        }
    }
    Ok(())
}

/// The version of a parameter that all filters let through: with a label, the one that carries it.
fn asked_for<'a>(
    state: &'a State,
    key: &str,
    newest: &'a Parameter,
    filters: &[ParameterStringFilter],
) -> Option<&'a Parameter> {
    let has = |filter: &ParameterStringFilter, value: &str| {
        filter.values.iter().flatten().any(|wanted| wanted == value)
    };
    let mut asked = newest;
    for filter in filters {
        match filter.key.as_str() {
            "Type" if has(filter, newest.r#type.as_str()) => {}
            "KeyId" if newest.key_id.as_deref().is_some_and(|key| has(filter, key)) => {}
            "Label" => {
                let labelled = versions::all(state, key).into_iter().map(|(_, row)| row);
                asked = labelled.rev().find(|row| row.labels.iter().any(|label| has(filter, label)))?;
            }
            _ => return None,
        }
    }
    Some(asked)
}

pub(super) fn shown(parameter: &Parameter, decryption: Decryption) -> Secret {
    match &parameter.ciphertext {
        Some(ciphertext) if decryption == Decryption::NotWanted => Secret::new(ciphertext.clone()),
        _ => parameter.value.clone(),
    }
}

fn described(parameter: &Parameter, selector: Option<&str>, decryption: Decryption) -> ssm::Parameter {
    ssm::Parameter {
        arn: Some(parameter.arn.clone()),
        data_type: Some(parameter.data_type.clone()),
        last_modified_date: Some(parameter.modified_at),
        name: Some(parameter.name.clone()),
        selector: selector.map(|selector| format!(":{selector}")),
        source_result: None,
        r#type: Some(parameter.r#type),
        value: Some(shown(parameter, decryption)),
        version: Some(parameter.version),
    }
}
