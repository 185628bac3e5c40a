//! Service deployments and service revisions: the history of a service.

use tidegate_models::ecs::{
    self, ContinueServiceDeploymentRequest, ContinueServiceDeploymentResponse, DeploymentLifecycleHookAction,
    DescribeServiceDeploymentsRequest, DescribeServiceDeploymentsResponse, DescribeServiceRevisionsRequest,
    DescribeServiceRevisionsResponse, Failure, ListServiceDeploymentsRequest, ListServiceDeploymentsResponse,
    ServiceDeploymentBrief, StopServiceDeploymentRequest, StopServiceDeploymentResponse,
    StopServiceDeploymentStopType,
};

use super::{
    SERVICE, descriptions,
    lookup::{self, invalid},
};
use crate::{ApiError, Context, State, ecs::scheduler, engine::Handlers, page};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.read(SERVICE, "ListServiceDeployments", list);
    handlers.read(SERVICE, "DescribeServiceDeployments", describe);
    handlers.read(SERVICE, "DescribeServiceRevisions", describe_revisions);
    handlers.write(SERVICE, "StopServiceDeployment", stop);
    handlers.write(SERVICE, "ContinueServiceDeployment", proceed);
}

/// AWS's most ARNs in one describe of deployments or revisions.
const MOST_DESCRIBED: usize = 20;

fn list(
    state: &State,
    context: &Context,
    input: ListServiceDeploymentsRequest,
) -> Result<ListServiceDeploymentsResponse, ApiError> {
    let given = input.cluster.as_deref().or_else(|| cluster_of(&input.service));
    let cluster = lookup::cluster(state, context, given)?;
    let service = lookup::service(state, cluster, &input.service)?;
    let statuses = input.status.unwrap_or_default();
    let (after, before) = input.created_at.map_or((None, None), |range| (range.after, range.before));
    let mut found: Vec<_> = state
        .service_deployments
        .indexed_by(&service.arn)
        .map(|(_, row)| row)
        .filter(|row| statuses.is_empty() || statuses.contains(&row.status))
        .filter(|row| after.is_none_or(|after| row.created_at >= after))
        .filter(|row| before.is_none_or(|before| row.created_at <= before))
        .collect();
    // Newest first; the key counts up in that order, so that a token stays right while newer ones come.
    found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.arn.cmp(&a.arn)));
    let keys: Vec<String> = found
        .iter()
        .map(|row| format!("{:020}/{}", u64::MAX - row.created_at.as_millis().unsigned_abs(), row.arn))
        .collect();
    let items = keys.iter().map(String::as_str).zip(found.iter().map(|row| ServiceDeploymentBrief {
        service_deployment_arn: Some(row.arn.clone()),
        service_arn: Some(row.service_arn.clone()),
        cluster_arn: Some(row.cluster_arn.clone()),
        created_at: Some(row.created_at),
        started_at: row.started_at,
        finished_at: row.finished_at,
        target_service_revision_arn: Some(row.target_revision.clone()),
        status: Some(row.status),
        status_reason: row.status_reason.clone(),
    }));
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(20);
    let token = input.next_token.as_deref();
    let page =
        page::page(items, "ListServiceDeployments", token, limit.min(100), || invalid("Invalid token"))?;
    Ok(ListServiceDeploymentsResponse { service_deployments: Some(page.items), next_token: page.next })
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeServiceDeploymentsRequest,
) -> Result<DescribeServiceDeploymentsResponse, ApiError> {
    check_count(input.service_deployment_arns.len(), "serviceDeploymentArns")?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in input.service_deployment_arns {
        match state.service_deployments.get(&arn).filter(|_| lookup::own(context, &arn)) {
            Some(row) => found.push(descriptions::service_deployment(state, row)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(DescribeServiceDeploymentsResponse { service_deployments: Some(found), failures: Some(failures) })
}

fn describe_revisions(
    state: &State,
    context: &Context,
    input: DescribeServiceRevisionsRequest,
) -> Result<DescribeServiceRevisionsResponse, ApiError> {
    check_count(input.service_revision_arns.len(), "serviceRevisionArns")?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in input.service_revision_arns {
        match state.service_revisions.get(&arn).filter(|_| lookup::own(context, &arn)) {
            Some(row) => found.push(descriptions::service_revision(row)),
            None => failures.push(missing(arn)),
        }
    }
    Ok(DescribeServiceRevisionsResponse { service_revisions: Some(found), failures: Some(failures) })
}

fn stop(
    state: &mut State,
    context: &Context,
    input: StopServiceDeploymentRequest,
) -> Result<StopServiceDeploymentResponse, ApiError> {
    let arn = input.service_deployment_arn;
    if !lookup::own(context, &arn) {
        return Err(ApiError::new("ServiceDeploymentNotFoundException", "Service deployment not found."));
    }
    let stop_type = input.stop_type.unwrap_or(StopServiceDeploymentStopType::Rollback);
    scheduler::stop_service_deployment(state, &arn, stop_type, context.now)?;
    Ok(StopServiceDeploymentResponse { service_deployment_arn: Some(arn) })
}

fn proceed(
    state: &mut State,
    context: &Context,
    input: ContinueServiceDeploymentRequest,
) -> Result<ContinueServiceDeploymentResponse, ApiError> {
    let arn = input.service_deployment_arn;
    if !lookup::own(context, &arn) {
        return Err(ApiError::new("ServiceDeploymentNotFoundException", "Service deployment not found."));
    }
    let action = input.action.unwrap_or(DeploymentLifecycleHookAction::Continue);
    scheduler::answer_hook(state, &arn, &input.hook_id, action, context.now)?;
    Ok(ContinueServiceDeploymentResponse { service_deployment_arn: Some(arn) })
}

/// The cluster in a service's ARN.
fn cluster_of(service: &str) -> Option<&str> {
    let mut parts = service.strip_prefix("arn:")?.split_once(":service/")?.1.split('/');
    let cluster = parts.next();
    parts.next().and(cluster)
}

fn check_count(count: usize, member: &str) -> Result<(), ApiError> {
    match count {
        0 => Err(invalid(format!("{member} can not be empty."))),
        1..=MOST_DESCRIBED => Ok(()),
        _ => Err(invalid(format!("{member} can have at most {MOST_DESCRIBED} items."))),
    }
}

pub(super) fn missing(arn: String) -> ecs::Failure {
    Failure { arn: Some(arn), reason: Some("MISSING".to_owned()), detail: None }
}
