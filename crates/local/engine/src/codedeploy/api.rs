//! The API's handlers: one file for each kind of resource, and this table of which operation is whose.
//!
//! A handler checks everything first and changes the state last, so that one that answers with an error has changed
//! nothing. What follows from a change of a deployment is left to its reconciler. Start at [`register`].

#![allow(clippy::unnecessary_wraps, reason = "every handler may fail, also one that cannot")]

mod applications;
mod configs;
mod deployments;
mod group_rules;
mod groups;
mod lookup;
mod new_deployment;
mod revisions;
mod tags;
mod targets;

use super::{SERVICE, errors};
use crate::engine::Handlers;

/// The reply of an operation that answers nothing.
#[derive(serde::Serialize)]
struct Nothing {}

/// AWS's page of a list.
const PAGE: usize = 100;

/// Adds the handlers of CodeDeploy.
pub(crate) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateApplication", applications::create);
    handlers.write(SERVICE, "UpdateApplication", applications::update);
    handlers.write(SERVICE, "DeleteApplication", applications::delete);
    handlers.read(SERVICE, "GetApplication", applications::get);
    handlers.read(SERVICE, "BatchGetApplications", applications::batch_get);
    handlers.read(SERVICE, "ListApplications", applications::list);

    handlers.write(SERVICE, "CreateDeploymentGroup", groups::create);
    handlers.write(SERVICE, "UpdateDeploymentGroup", groups::update);
    handlers.write(SERVICE, "DeleteDeploymentGroup", groups::delete);
    handlers.read(SERVICE, "GetDeploymentGroup", groups::get);
    handlers.read(SERVICE, "BatchGetDeploymentGroups", groups::batch_get);
    handlers.read(SERVICE, "ListDeploymentGroups", groups::list);

    handlers.write(SERVICE, "CreateDeploymentConfig", configs::create);
    handlers.write(SERVICE, "DeleteDeploymentConfig", configs::delete);
    handlers.read(SERVICE, "GetDeploymentConfig", configs::get);
    handlers.read(SERVICE, "ListDeploymentConfigs", configs::list);

    handlers.write(SERVICE, "RegisterApplicationRevision", revisions::register);
    handlers.read(SERVICE, "GetApplicationRevision", revisions::get);
    handlers.read(SERVICE, "BatchGetApplicationRevisions", revisions::batch_get);
    handlers.read(SERVICE, "ListApplicationRevisions", revisions::list);

    handlers.write(SERVICE, "CreateDeployment", new_deployment::create);
    handlers.read(SERVICE, "GetDeployment", deployments::get);
    handlers.read(SERVICE, "BatchGetDeployments", deployments::batch_get);
    handlers.read(SERVICE, "ListDeployments", deployments::list);
    handlers.write(SERVICE, "StopDeployment", deployments::stop);
    handlers.write(SERVICE, "ContinueDeployment", deployments::go_on);
    handlers.write(SERVICE, "PutLifecycleEventHookExecutionStatus", deployments::answer_hook);

    handlers.read(SERVICE, "GetDeploymentTarget", targets::get);
    handlers.read(SERVICE, "BatchGetDeploymentTargets", targets::batch_get);
    handlers.read(SERVICE, "ListDeploymentTargets", targets::list);

    handlers.write(SERVICE, "TagResource", tags::tag);
    handlers.write(SERVICE, "UntagResource", tags::untag);
    handlers.read(SERVICE, "ListTagsForResource", tags::list);
}
