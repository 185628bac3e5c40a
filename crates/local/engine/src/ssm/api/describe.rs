//! `DescribeParameters`: everything but the values.

use tidegate_models::ssm::{DescribeParametersRequest, DescribeParametersResult, ParameterMetadata};

use super::{super::records::Parameter, filters, invalid};
use crate::{ApiError, Context, State, page::page};

/// AWS's most parameters in one page.
const PAGE: usize = 50;

pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeParametersRequest,
) -> Result<DescribeParametersResult, ApiError> {
    let (old, new) = (input.filters.unwrap_or_default(), input.parameter_filters.unwrap_or_default());
    if !old.is_empty() && !new.is_empty() {
        return Err(invalid("You can use either Filters or ParameterFilters in a single request."));
    }
    let filters = filters::parse(new, old)?;
    let keys = Parameter::keys_of(&context.scope);
    // Nothing is shared between accounts here.
    let own = state.parameters.with_prefix(&keys).filter(|_| input.shared != Some(true));
    let found = own.filter(|(key, row)| filters.iter().all(|filter| filter.matches(state, key, row)));
    let limit = input.max_results.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let refused = || ApiError::new("InvalidNextToken", "The specified token isn't valid.");
    let found = found.map(|(key, row)| (key, metadata(context, row)));
    let page = page(found, "DescribeParameters", input.next_token.as_deref(), limit, refused)?;
    Ok(DescribeParametersResult { next_token: page.next, parameters: Some(page.items) })
}

fn metadata(context: &Context, parameter: &Parameter) -> ParameterMetadata {
    ParameterMetadata {
        arn: Some(parameter.arn.clone()),
        allowed_pattern: parameter.allowed_pattern.clone(),
        data_type: Some(parameter.data_type.clone()),
        description: parameter.description.clone(),
        key_id: parameter.key_id.clone(),
        last_modified_date: Some(parameter.modified_at),
        last_modified_user: Some(user(context)),
        name: Some(parameter.name.clone()),
        policies: Some(Vec::new()),
        tier: Some(parameter.tier),
        r#type: Some(parameter.r#type),
        version: Some(parameter.version),
    }
}

/// There are no users here: whoever calls is the account itself.
pub(super) fn user(context: &Context) -> String {
    format!("arn:aws:iam::{}:root", context.scope.account)
}
