//! Finding what a call names, within the caller's account and region, and the rules for names.

use super::{
    super::records::{Application, Deployment, DeploymentGroup},
    SERVICE, errors,
};
use crate::{ApiError, Context, State};

/// The longest name, in characters.
const LONGEST: usize = 100;

/// The ARN of the application with this name.
pub(super) fn application_arn(context: &Context, name: &str) -> String {
    context.scope.arn(SERVICE, format_args!("application:{name}"))
}

/// The ARN of a deployment group.
pub(super) fn group_arn(context: &Context, application: &str, group: &str) -> String {
    context.scope.arn(SERVICE, format_args!("deploymentgroup:{application}/{group}"))
}

/// The ARN of a deployment configuration.
pub(super) fn config_arn(context: &Context, name: &str) -> String {
    context.scope.arn(SERVICE, format_args!("deploymentconfig:{name}"))
}

/// The application with this name.
pub(super) fn application<'a>(
    state: &'a State,
    context: &Context,
    name: &str,
) -> Result<&'a Application, ApiError> {
    check_name(name, Named::Application)?;
    state
        .code_deploy_applications
        .get(&application_arn(context, name))
        .ok_or_else(|| errors::no_application(name))
}

/// The deployment group with this name.
pub(super) fn group<'a>(
    state: &'a State,
    application: &Application,
    name: &str,
) -> Result<&'a DeploymentGroup, ApiError> {
    check_name(name, Named::Group)?;
    state
        .deployment_groups
        .get(&DeploymentGroup::key(&application.id, name))
        .ok_or_else(|| errors::no_group(name))
}

/// The deployment with this id.
pub(super) fn deployment<'a>(
    state: &'a State,
    context: &Context,
    id: &str,
) -> Result<&'a Deployment, ApiError> {
    if id.is_empty() {
        return Err(ApiError::new(
            "DeploymentIdRequiredException",
            "At least one deployment ID must be specified.",
        ));
    }
    let arn = context.scope.arn(SERVICE, format_args!("deployment:{id}"));
    state.deployments.get(&arn).ok_or_else(|| {
        ApiError::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
    })
}

/// What has a name.
#[derive(Clone, Copy)]
pub(super) enum Named {
    Application,
    Group,
    Config,
}

/// Refuses a name that AWS refuses.
pub(super) fn check_name(name: &str, named: Named) -> Result<(), ApiError> {
    let (what, absent, invalid) = match named {
        Named::Application => {
            ("Application name", "ApplicationNameRequiredException", "InvalidApplicationNameException")
        }
        Named::Group => (
            "Deployment group name",
            "DeploymentGroupNameRequiredException",
            "InvalidDeploymentGroupNameException",
        ),
        Named::Config => (
            "Deployment configuration name",
            "DeploymentConfigNameRequiredException",
            "InvalidDeploymentConfigNameException",
        ),
    };
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || "+=,.@_-".contains(char);
    if name.is_empty() {
        return Err(ApiError::new(absent, format!("{what} is required")));
    }
    if name.chars().count() > LONGEST {
        return Err(ApiError::new(invalid, format!("{what} is longer than {LONGEST} characters: {name}")));
    }
    if !name.chars().all(is_allowed) {
        return Err(ApiError::new(
            invalid,
            format!("{what} may have letters, digits and the characters +=,.@_- only: {name}"),
        ));
    }
    Ok(())
}
