//! `GetParameter`, `GetParameters` and `GetParametersByPath`.

use tidegate_models::ssm;
use tidegate_models::ssm::{
    GetParameterRequest, GetParameterResult, GetParametersByPathRequest, GetParametersByPathResult,
    GetParametersRequest, GetParametersResult, ParameterStringFilter,
};

use super::{super::records::Parameter, invalid, names::Asked, not_found};
use crate::{ApiError, Context, State, page::page};

/// AWS's most parameters in one page.
const PAGE: usize = 10;

/// `GetParameter`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetParameterRequest,
) -> Result<GetParameterResult, ApiError> {
    find(state, context, &input.name).map(|parameter| GetParameterResult { parameter: Some(parameter) })
}

/// `GetParameters`: names without a parameter are listed, not refused.
pub(super) fn get_several(
    state: &State,
    context: &Context,
    input: GetParametersRequest,
) -> Result<GetParametersResult, ApiError> {
    let (mut parameters, mut missing) = (Vec::new(), Vec::new());
    for name in input.names {
        match find(state, context, &name) {
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
    let filters = input.parameter_filters.unwrap_or_default();
    check_filters(&filters)?;
    let folder = format!("{}/", input.path.trim_end_matches('/'));
    let keys = Parameter::key(&context.scope, &folder);
    let is_asked_for = |parameter: &Parameter| {
        let below = &parameter.name[folder.len()..];
        (input.recursive == Some(true) || !below.contains('/'))
            && filters.iter().all(|filter| matches_filter(parameter, filter))
    };
    let found = state.parameters.with_prefix(&keys).filter(|(_, parameter)| is_asked_for(parameter));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || ApiError::new("InvalidNextToken", "The specified token isn't valid.");
    let page = page(
        found.map(|(key, parameter)| (key, described(parameter, None))),
        &format!("ssm{folder}"),
        input.next_token.as_deref(),
        limit,
        refused,
    )?;
    Ok(GetParametersByPathResult { next_token: page.next, parameters: Some(page.items) })
}

fn find(state: &State, context: &Context, name: &str) -> Result<ssm::Parameter, ApiError> {
    let asked = Asked::parse(name);
    let parameter =
        state.parameters.get(&Parameter::key(&context.scope, &asked.name)).ok_or_else(|| not_found(name))?;
    match asked.selector {
        Some(selector) if selector != parameter.version.to_string() => Err(ApiError::new(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find version {selector} of {}.", asked.name),
        )),
        selector => Ok(described(parameter, selector)),
    }
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

/// There are no keys and no labels here, so nothing has one.
fn matches_filter(parameter: &Parameter, filter: &ParameterStringFilter) -> bool {
    filter.key == "Type" && filter.values.iter().flatten().any(|value| value == parameter.r#type.as_str())
}

fn described(parameter: &Parameter, selector: Option<&str>) -> ssm::Parameter {
    ssm::Parameter {
        arn: Some(parameter.arn.clone()),
        data_type: Some(parameter.data_type.clone()),
        last_modified_date: Some(parameter.modified_at),
        name: Some(parameter.name.clone()),
        selector: selector.map(|selector| format!(":{selector}")),
        source_result: None,
        r#type: Some(parameter.r#type),
        value: Some(parameter.value.clone()),
        version: Some(parameter.version),
    }
}
