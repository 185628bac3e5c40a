//! The one target of a deployment to ECS: the service, with its lifecycle events and task sets.

use tidegate_models::codedeploy::{
    BatchGetDeploymentTargetsInput, BatchGetDeploymentTargetsOutput, DeploymentTarget,
    GetDeploymentTargetInput, GetDeploymentTargetOutput, ListDeploymentTargetsInput,
    ListDeploymentTargetsOutput, TargetFilterName,
};

use super::{errors, lookup};
use crate::{
    ApiError, Context, State,
    codedeploy::{deploy, records::Deployment},
};

/// `GetDeploymentTarget`
pub(super) fn get(
    state: &State,
    context: &Context,
    input: GetDeploymentTargetInput,
) -> Result<GetDeploymentTargetOutput, ApiError> {
    let row = lookup::deployment(state, context, &input.deployment_id)?;
    Ok(GetDeploymentTargetOutput { deployment_target: Some(target(state, row, &input.target_id)?) })
}

/// `BatchGetDeploymentTargets`
pub(super) fn batch_get(
    state: &State,
    context: &Context,
    input: BatchGetDeploymentTargetsInput,
) -> Result<BatchGetDeploymentTargetsOutput, ApiError> {
    let row = lookup::deployment(state, context, &input.deployment_id)?;
    match input.target_ids.as_slice() {
        [] => Err(ApiError::new(
            "DeploymentTargetIdRequiredException",
            "A deployment target ID was not provided.",
        )),
        [id] => {
            Ok(BatchGetDeploymentTargetsOutput { deployment_targets: Some(vec![target(state, row, id)?]) })
        }
        _ => Err(ApiError::new(
            "DeploymentTargetListSizeExceededException",
            "The target list of an Amazon ECS deployment must have exactly one item.",
        )),
    }
}

/// `ListDeploymentTargets`
pub(super) fn list(
    state: &State,
    context: &Context,
    input: ListDeploymentTargetsInput,
) -> Result<ListDeploymentTargetsOutput, ApiError> {
    let row = lookup::deployment(state, context, &input.deployment_id)?;
    if input.next_token.is_some() {
        return Err(errors::invalid_token());
    }
    let filters = input.target_filters.unwrap_or_default();
    let status = deploy::target_status(row);
    let passes = |(name, values): (&TargetFilterName, &Vec<String>)| match name {
        TargetFilterName::TargetStatus => values.iter().any(|value| value == status.as_str()),
        // Only instances have labels.
        TargetFilterName::ServerInstanceLabel => false,
    };
    let passes = filters.iter().all(passes);
    Ok(ListDeploymentTargetsOutput {
        target_ids: Some(passes.then(|| deploy::target_id(row)).into_iter().collect()),
        next_token: None,
    })
}

/// The target with this id, which is the only one.
fn target(state: &State, row: &Deployment, id: &str) -> Result<DeploymentTarget, ApiError> {
    if id != deploy::target_id(row) {
        return Err(ApiError::new(
            "DeploymentTargetDoesNotExistException",
            format!(
                "The target {id} does not belong to the deployment {}; its target is {}",
                row.id,
                deploy::target_id(row)
            ),
        ));
    }
    Ok(deploy::described_target(state, row))
}
