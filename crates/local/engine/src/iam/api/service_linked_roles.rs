//! Roles of AWS's services: created by somebody ahead of time, deleted at once.

use tidegate_models::iam::{
    CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse, DeleteServiceLinkedRoleRequest,
    DeleteServiceLinkedRoleResponse, DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse,
};

use super::{
    super::{records::key, service_linked},
    errors::{invalid_input, no_such_entity, no_such_role},
    roles,
};
use crate::{ApiError, Context, State};

/// `CreateServiceLinkedRole`
pub(super) fn create(
    state: &mut State,
    context: &Context,
    input: CreateServiceLinkedRoleRequest,
) -> Result<CreateServiceLinkedRoleResponse, ApiError> {
    let account = &context.scope.account;
    let service = service_linked::of(&input.aws_service_name).ok_or_else(|| {
        invalid_input(format!(
            "The local cloud knows no service-linked role of the service {}.",
            input.aws_service_name
        ))
    })?;
    if input.custom_suffix.is_some() {
        return Err(invalid_input(format!("Custom suffix is not allowed for {}", service.principal)));
    }
    if state.iam_roles.contains(&key(account, service.role)) {
        return Err(invalid_input(format!(
            "Service role name {} has been taken in this account, please try a different suffix.",
            service.role
        )));
    }
    let role = service_linked::create(state, account, service, input.description, context.now);
    Ok(CreateServiceLinkedRoleResponse { role: Some(roles::in_list(&role)) })
}

/// `DeleteServiceLinkedRole`: done when it is answered, since nothing here is under the role's rule.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteServiceLinkedRoleRequest,
) -> Result<DeleteServiceLinkedRoleResponse, ApiError> {
    let role = roles::find(state, context, &input.role_name)?;
    if !role.path.starts_with(service_linked::PATH) {
        return Err(no_such_role(&input.role_name));
    }
    let (arn, path, name) = (role.arn.clone(), role.path.clone(), role.name.clone());
    state.iam_roles.remove(&key(&context.scope.account, &name));
    state.tags.remove(&arn);
    let id = state.ids.uuid();
    Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: format!("task{path}{name}/{id}") })
}

/// `GetServiceLinkedRoleDeletionStatus`
pub(super) fn deletion_status(
    state: &State,
    context: &Context,
    input: GetServiceLinkedRoleDeletionStatusRequest,
) -> Result<GetServiceLinkedRoleDeletionStatusResponse, ApiError> {
    let id = &input.deletion_task_id;
    let role = id.strip_prefix("task").filter(|rest| rest.starts_with(service_linked::PATH));
    let role = role.and_then(|rest| rest.rsplit('/').nth(1));
    match role {
        Some(name) if !state.iam_roles.contains(&key(&context.scope.account, name)) => {
            Ok(GetServiceLinkedRoleDeletionStatusResponse {
                reason: None,
                status: DeletionTaskStatusType::Succeeded,
            })
        }
        _ => Err(no_such_entity(format!("The deletion task with id {id} cannot be found."))),
    }
}
