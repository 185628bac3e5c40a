//! Scheduled actions: put, described, deleted.

use tidegate_models::application_autoscaling::{
    self, DeleteScheduledActionRequest, DeleteScheduledActionResponse, DescribeScheduledActionsRequest,
    DescribeScheduledActionsResponse, PutScheduledActionRequest, PutScheduledActionResponse,
    ScalableDimension, ScalableTargetAction, ServiceNamespace,
};

use super::{
    super::{
        records::{ScalableTarget, ScalingPolicy, ScheduledAction},
        schedule::Schedule,
    },
    lookup::{self, check_dimension, check_namespace, not_found, validation},
};
use crate::{ApiError, Context, State, state::Subject};

/// AWS's most scheduled actions of a target.
const MOST: usize = 200;

/// `PutScheduledAction`: what is absent of one that exists stays.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutScheduledActionRequest,
) -> Result<PutScheduledActionResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    let (target_key, target) = lookup::registered(state, context, &input.resource_id)?;
    let key = ScalingPolicy::key(&target_key, &input.scheduled_action_name);
    let before = state.scheduled_actions.get(&key).cloned();
    let schedule = input.schedule.or_else(|| before.as_ref().map(|before| before.schedule.clone()));
    let schedule = schedule.ok_or_else(|| validation("Schedule is required for a new scheduled action."))?;
    let parsed = Schedule::parse(&schedule)
        .map_err(|wrong| validation(format!("Invalid schedule expression {schedule}: {wrong}.")))?;
    let timezone = input.timezone.or_else(|| before.as_ref().and_then(|before| before.timezone.clone()));
    if timezone.as_deref().is_some_and(|zone| !matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT")) {
        return Err(validation("Time zones other than UTC are not implemented by the local cloud."));
    }
    let action = input.scalable_target_action.or_else(|| before.as_ref().map(|before| before.action.clone()));
    let action = action.ok_or_else(|| {
        validation(
            "ScalableTargetAction with a minimum or maximum capacity is required for a new scheduled action.",
        )
    })?;
    check_action(&action)?;
    let start = input.start_time.or_else(|| before.as_ref().and_then(|before| before.start));
    let end = input.end_time.or_else(|| before.as_ref().and_then(|before| before.end));
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        return Err(validation("EndTime must be later than StartTime."));
    }
    let is_past = matches!(&parsed, Schedule::At(at) if *at <= context.now);
    if is_past && before.as_ref().is_none_or(|before| before.schedule != schedule) {
        return Err(validation("Scheduled time is in the past."));
    }
    if before.is_none() {
        let of_target = state.scheduled_actions.with_prefix(&target_key);
        if of_target.filter(|(_, action)| action.target == target_key).count() >= MOST {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("A scalable target can have at most {MOST} scheduled actions."),
            ));
        }
    }
    let created_at = before.as_ref().map_or(context.now, |before| before.created_at);
    let resource_id = target.resource_id.clone();
    let arn = match before {
        Some(before) => before.arn,
        None => context.scope.arn(
            "autoscaling",
            format_args!(
                "scheduledAction:{}:resource/ecs/{resource_id}:scheduledActionName/{}",
                state.ids.uuid(),
                input.scheduled_action_name
            ),
        ),
    };
    // A start lies before the first time, which may be the start itself.
    let after =
        start.map_or(context.now, |start| context.now.max(start - std::time::Duration::from_millis(1)));
    let next = parsed.next(after, start.unwrap_or(created_at));
    let action = ScheduledAction {
        arn,
        name: input.scheduled_action_name,
        target: target_key.clone(),
        schedule,
        timezone,
        start,
        end,
        action,
        created_at,
        next: next.filter(|next| end.is_none_or(|end| *next <= end)),
    };
    state.scheduled_actions.insert(&key, action);
    state.touch(Subject::ScalableTarget(target_key));
    Ok(PutScheduledActionResponse {})
}

/// `DescribeScheduledActions`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeScheduledActionsRequest,
) -> Result<DescribeScheduledActionsResponse, ApiError> {
    check_namespace(input.service_namespace)?;
    let keys = ScalableTarget::keys_of(&context.scope);
    let target = input.resource_id.as_deref().map(|id| ScalableTarget::key(&context.scope, id));
    let is_asked_for = |action: &ScheduledAction| {
        let names = input.scheduled_action_names.as_ref();
        target.as_ref().is_none_or(|target| action.target == *target)
            && names.is_none_or(|names| names.is_empty() || names.contains(&action.name))
            && input
                .scalable_dimension
                .is_none_or(|dimension| dimension == ScalableDimension::EcsServiceDesiredCount)
    };
    let found = state.scheduled_actions.with_prefix(&keys).filter(|(_, action)| is_asked_for(action));
    let found = found.map(|(key, action)| (key, described(state, action)));
    let token = input.next_token.as_deref();
    let page = lookup::page(found, "DescribeScheduledActions", token, input.max_results)?;
    Ok(DescribeScheduledActionsResponse { next_token: page.next, scheduled_actions: Some(page.items) })
}

/// `DeleteScheduledAction`
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteScheduledActionRequest,
) -> Result<DeleteScheduledActionResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    let target = ScalableTarget::key(&context.scope, &input.resource_id);
    let key = ScalingPolicy::key(&target, &input.scheduled_action_name);
    if !state.scheduled_actions.contains(&key) {
        return Err(not_found(format!(
            "No scheduled action found for {}, scheduled action name: {}",
            lookup::in_words(&input.resource_id),
            input.scheduled_action_name
        )));
    }
    state.scheduled_actions.remove(&key);
    Ok(DeleteScheduledActionResponse {})
}

fn check_action(action: &ScalableTargetAction) -> Result<(), ApiError> {
    let (least, most) = (action.min_capacity, action.max_capacity);
    if least.is_none() && most.is_none() {
        return Err(validation("ScalableTargetAction must have a minimum or a maximum capacity."));
    }
    if least.into_iter().chain(most).any(|limit| limit < 0) {
        return Err(validation("Capacities must be greater than or equal to 0."));
    }
    if least.zip(most).is_some_and(|(least, most)| most < least) {
        return Err(validation("Maximum capacity cannot be less than minimum capacity"));
    }
    Ok(())
}

fn described(state: &State, action: &ScheduledAction) -> application_autoscaling::ScheduledAction {
    let target = state.scalable_targets.get(&action.target);
    application_autoscaling::ScheduledAction {
        creation_time: action.created_at,
        end_time: action.end,
        resource_id: target.map(|target| target.resource_id.clone()).unwrap_or_default(),
        scalable_dimension: Some(ScalableDimension::EcsServiceDesiredCount),
        scalable_target_action: Some(action.action.clone()),
        schedule: action.schedule.clone(),
        scheduled_action_arn: action.arn.clone(),
        scheduled_action_name: action.name.clone(),
        service_namespace: ServiceNamespace::Ecs,
        start_time: action.start,
        timezone: action.timezone.clone(),
    }
}
