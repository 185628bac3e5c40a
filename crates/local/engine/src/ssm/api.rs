//! The API's handlers. Names are checked before anything else, since every operation has them. Start at [`register`].

#![allow(clippy::needless_pass_by_value, reason = "every handler takes its whole input")]
#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod describe;
mod filters;
mod history;
mod labels;
mod names;
mod put;
mod read;
mod reference;
mod tags;
mod versions;

use tidegate_models::ssm::{
    DeleteParameterRequest, DeleteParameterResult, DeleteParametersRequest, DeleteParametersResult,
};

use super::{SERVICE, records::Parameter};
use crate::{ApiError, Context, State, engine::Handlers};

pub(crate) use read::value_of;

/// Adds the handlers of Parameter Store.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "PutParameter", put::put);
    handlers.read(SERVICE, "GetParameter", read::get);
    handlers.read(SERVICE, "GetParameters", read::get_several);
    handlers.read(SERVICE, "GetParametersByPath", read::get_by_path);
    handlers.read(SERVICE, "GetParameterHistory", history::get);
    handlers.read(SERVICE, "DescribeParameters", describe::describe);
    handlers.write(SERVICE, "LabelParameterVersion", labels::label);
    handlers.write(SERVICE, "UnlabelParameterVersion", labels::unlabel);
    handlers.write(SERVICE, "AddTagsToResource", tags::add);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
    handlers.write(SERVICE, "RemoveTagsFromResource", tags::remove);
    handlers.write(SERVICE, "DeleteParameter", delete);
    handlers.write(SERVICE, "DeleteParameters", delete_several);
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteParameterRequest,
) -> Result<DeleteParameterResult, ApiError> {
    if remove(state, context, &input.name) {
        Ok(DeleteParameterResult {})
    } else {
        Err(not_found(&input.name))
    }
}

fn delete_several(
    state: &mut State,
    context: &Context,
    input: DeleteParametersRequest,
) -> Result<DeleteParametersResult, ApiError> {
    let (deleted, invalid) = input.names.into_iter().partition(|name| remove(state, context, name));
    Ok(DeleteParametersResult { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
}

/// Whether there was one to remove.
fn remove(state: &mut State, context: &Context, name: &str) -> bool {
    let key = Parameter::key(&context.scope, name);
    let arn = state.parameters.get(&key).map(|parameter| parameter.arn.clone());
    if let Some(arn) = &arn {
        versions::forget(state, &key);
        state.parameters.remove(&key);
        state.tags.remove(arn);
    }
    arn.is_some()
}

fn not_found(name: &str) -> ApiError {
    ApiError::new("ParameterNotFound", format!("Parameter {name} not found."))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message.into())
}
