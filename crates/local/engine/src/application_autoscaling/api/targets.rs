//! Scalable targets: registered, changed, described, deregistered.

use tidegate_models::{
    application_autoscaling::{
        self, DeregisterScalableTargetRequest, DeregisterScalableTargetResponse,
        DescribeScalableTargetsRequest, DescribeScalableTargetsResponse, RegisterScalableTargetRequest,
        RegisterScalableTargetResponse, ScalableDimension, ServiceNamespace, SuspendedState,
    },
    ecs::SchedulingStrategy,
};

use super::{
    super::{
        reconcile::{enforce_limits, merged},
        records::ScalableTarget,
    },
    lookup::{self, check_dimension, check_namespace, validation},
    policies, tags,
};
use crate::{ApiError, Context, State, ecs::records::ServiceStatus, iam, state::Subject};

/// The service whose role scales ECS services.
const PRINCIPAL: &str = "ecs.application-autoscaling.amazonaws.com";

/// `RegisterScalableTarget`: what is absent stays. A desired count outside of the limits is brought between them at once.
pub(super) fn register(
    state: &mut State,
    context: &Context,
    input: RegisterScalableTargetRequest,
) -> Result<RegisterScalableTargetResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    check_service(state, context, &input.resource_id)?;
    let key = ScalableTarget::key(&context.scope, &input.resource_id);
    let before = state.scalable_targets.get(&key).cloned();
    let limit = |name: &str, given: Option<i32>, before: Option<u32>| match (given, before) {
        (Some(given), _) => u32::try_from(given)
            .map_err(|_| validation(format!("{name} capacity must be greater than or equal to 0."))),
        (None, Some(before)) => Ok(before),
        (None, None) => {
            Err(validation(format!("{name} capacity is required to register a new scalable target.")))
        }
    };
    let least = limit("Minimum", input.min_capacity, before.as_ref().map(|target| target.min_capacity))?;
    let most = limit("Maximum", input.max_capacity, before.as_ref().map(|target| target.max_capacity))?;
    if most < least {
        return Err(validation("Maximum capacity cannot be less than minimum capacity"));
    }
    let given = input.tags.unwrap_or_default();
    if before.is_some() && !given.is_empty() {
        return Err(validation("You cannot tag an existing scalable target: use TagResource instead."));
    }
    tags::check(&given).map_err(|error| validation(error.message))?;
    let role_arn = iam::ensure_service_linked_role(state, &context.scope.account, PRINCIPAL, context.now);
    let target = match before {
        Some(before) => ScalableTarget {
            min_capacity: least,
            max_capacity: most,
            suspended: merged(&before.suspended, input.suspended_state),
            ..before
        },
        None => ScalableTarget {
            arn: context.scope.arn(super::SERVICE, format_args!("scalable-target/{}", state.ids.hex(36))),
            scope: context.scope.clone(),
            resource_id: input.resource_id,
            role_arn: role_arn.unwrap_or_default(),
            min_capacity: least,
            max_capacity: most,
            suspended: merged(&SuspendedState::default(), input.suspended_state),
            created_at: context.now,
        },
    };
    let arn = target.arn.clone();
    state.scalable_targets.insert(&key, target);
    if !given.is_empty() {
        state.tags.insert(&arn, given);
    }
    enforce_limits(state, &key, context.now);
    state.touch(Subject::ScalableTarget(key));
    Ok(RegisterScalableTargetResponse { scalable_target_arn: Some(arn) })
}

/// `DescribeScalableTargets`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeScalableTargetsRequest,
) -> Result<DescribeScalableTargetsResponse, ApiError> {
    check_namespace(input.service_namespace)?;
    let keys = ScalableTarget::keys_of(&context.scope);
    let is_asked_for = |target: &ScalableTarget| {
        input.resource_ids.as_ref().is_none_or(|ids| ids.is_empty() || ids.contains(&target.resource_id))
            && input
                .scalable_dimension
                .is_none_or(|dimension| dimension == ScalableDimension::EcsServiceDesiredCount)
    };
    let found = state.scalable_targets.with_prefix(&keys).filter(|(_, target)| is_asked_for(target));
    let found = found.map(|(key, target)| (key, described(target)));
    let token = input.next_token.as_deref();
    let page = lookup::page(found, "DescribeScalableTargets", token, input.max_results)?;
    Ok(DescribeScalableTargetsResponse { next_token: page.next, scalable_targets: Some(page.items) })
}

/// `DeregisterScalableTarget`: its policies and scheduled actions go with it. The desired count stays.
pub(super) fn deregister(
    state: &mut State,
    context: &Context,
    input: DeregisterScalableTargetRequest,
) -> Result<DeregisterScalableTargetResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    let (key, target) = lookup::target(state, context, &input.resource_id).ok_or_else(|| {
        lookup::not_found(format!("No scalable target found for {}", lookup::in_words(&input.resource_id)))
    })?;
    let arn = target.arn.clone();
    let gone: Vec<String> = state.scaling_policies.indexed_by(&key).map(|(row, _)| row.to_owned()).collect();
    for policy in gone {
        policies::remove(state, &policy);
    }
    let gone = state.scheduled_actions.with_prefix(&key).filter(|(_, action)| action.target == key);
    let gone: Vec<String> = gone.map(|(row, _)| row.to_owned()).collect();
    for action in gone {
        state.scheduled_actions.remove(&action);
    }
    state.scalable_targets.remove(&key);
    state.tags.remove(&arn);
    Ok(DeregisterScalableTargetResponse {})
}

/// AWS's own rules: the service must be there, and must have a desired count.
fn check_service(state: &State, context: &Context, resource_id: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = resource_id.split('/').collect();
    let ["service", _, _] = parts[..] else {
        return Err(validation("Unsupported service namespace, resource type or scalable dimension"));
    };
    let service = state.services.get(&context.scope.arn("ecs", resource_id));
    let service = service.filter(|service| service.status == ServiceStatus::Active);
    let service = service.ok_or_else(|| validation(format!("ECS service doesn't exist: {resource_id}")))?;
    if service.scheduling_strategy == SchedulingStrategy::Daemon {
        return Err(validation(
            "Services with the DAEMON scheduling strategy have no desired count that could be scaled.",
        ));
    }
    Ok(())
}

fn described(target: &ScalableTarget) -> application_autoscaling::ScalableTarget {
    let or_not = |suspended: Option<bool>| Some(suspended.unwrap_or(false));
    application_autoscaling::ScalableTarget {
        creation_time: target.created_at,
        max_capacity: i32::try_from(target.max_capacity).unwrap_or(i32::MAX),
        min_capacity: i32::try_from(target.min_capacity).unwrap_or(i32::MAX),
        predicted_capacity: None,
        resource_id: target.resource_id.clone(),
        role_arn: target.role_arn.clone(),
        scalable_dimension: ScalableDimension::EcsServiceDesiredCount,
        scalable_target_arn: Some(target.arn.clone()),
        service_namespace: ServiceNamespace::Ecs,
        suspended_state: Some(SuspendedState {
            dynamic_scaling_in_suspended: or_not(target.suspended.dynamic_scaling_in_suspended),
            dynamic_scaling_out_suspended: or_not(target.suspended.dynamic_scaling_out_suspended),
            scheduled_scaling_suspended: or_not(target.suspended.scheduled_scaling_suspended),
        }),
    }
}
