//! Scaling policies: put, described, deleted.

use std::collections::BTreeMap;

use tidegate_models::application_autoscaling::{
    self, Alarm, DeleteScalingPolicyRequest, DeleteScalingPolicyResponse, DescribeScalingPoliciesRequest,
    DescribeScalingPoliciesResponse, MetricType, PolicyType, PutScalingPolicyRequest,
    PutScalingPolicyResponse, ScalableDimension, ServiceNamespace, StepScalingPolicyConfiguration,
    TargetTrackingScalingPolicyConfiguration,
};

use super::{
    super::{
        alarms::{self, Side},
        records::{PolicyRule, ScalableTarget, ScalingPolicy},
    },
    lookup::{self, check_dimension, check_namespace, not_found, validation},
};
use crate::{ApiError, Context, State, state::Subject};

/// AWS's most policies of a target.
const MOST: usize = 50;

/// AWS's most steps of a policy.
const MOST_STEPS: usize = 20;

/// `PutScalingPolicy`: a policy that exists keeps its kind, its ARN and its alarms' names.
pub(super) fn put(
    state: &mut State,
    context: &Context,
    input: PutScalingPolicyRequest,
) -> Result<PutScalingPolicyResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    let (target_key, target) = lookup::registered(state, context, &input.resource_id)?;
    let target = target.clone();
    let key = ScalingPolicy::key(&target_key, &input.policy_name);
    let before = state.scaling_policies.get(&key).cloned();
    let kind = before.as_ref().map(|before| kind(&before.rule));
    let asked = input.policy_type.or(kind).unwrap_or(PolicyType::StepScaling);
    if kind.is_some_and(|kind| kind != asked) {
        return Err(validation("The type of a scaling policy cannot be changed: delete it first."));
    }
    if before.is_none() && state.scaling_policies.indexed_by(&target_key).count() >= MOST {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("A scalable target can have at most {MOST} scaling policies."),
        ));
    }
    let steps = input.step_scaling_policy_configuration;
    let tracking = input.target_tracking_scaling_policy_configuration;
    let arn = match &before {
        Some(before) => before.arn.clone(),
        None => context.scope.arn(
            "autoscaling",
            format_args!(
                "scalingPolicy:{}:resource/ecs/{}:policyName/{}",
                state.ids.uuid(),
                target.resource_id,
                input.policy_name
            ),
        ),
    };
    let rule = match (asked, steps, tracking) {
        (PolicyType::StepScaling, Some(steps), None) => {
            check_steps(&steps)?;
            PolicyRule::Step(steps)
        }
        (PolicyType::TargetTrackingScaling, None, Some(configuration)) => {
            check_tracking(&configuration)?;
            let before = before.as_ref().map(|before| &before.rule);
            track(state, context, &target, &arn, configuration, before)?
        }
        (PolicyType::PredictiveScaling, _, _) => {
            return Err(validation("Predictive scaling is not implemented by the local cloud."));
        }
        (PolicyType::StepScaling, _, _) => {
            return Err(validation(
                "A policy of type StepScaling must have a StepScalingPolicyConfiguration and no other configuration.",
            ));
        }
        (PolicyType::TargetTrackingScaling, _, _) => {
            return Err(validation(
                "A policy of type TargetTrackingScaling must have a TargetTrackingScalingPolicyConfiguration and no other \
                 configuration.",
            ));
        }
    };
    let policy = match before {
        Some(before) => ScalingPolicy { rule, ..before },
        None => ScalingPolicy {
            arn: arn.clone(),
            name: input.policy_name,
            target: target_key.clone(),
            rule,
            created_at: context.now,
            acted: BTreeMap::new(),
            scaled_out: None,
            scaled_in: None,
        },
    };
    let alarms = alarms_of(state, &policy);
    state.scaling_policies.insert(&key, policy);
    state.touch(Subject::ScalableTarget(target_key));
    Ok(PutScalingPolicyResponse { alarms: Some(alarms), policy_arn: arn })
}

/// `DescribeScalingPolicies`
pub(super) fn describe(
    state: &State,
    context: &Context,
    input: DescribeScalingPoliciesRequest,
) -> Result<DescribeScalingPoliciesResponse, ApiError> {
    check_namespace(input.service_namespace)?;
    let keys = ScalableTarget::keys_of(&context.scope);
    let target = input.resource_id.as_deref().map(|id| ScalableTarget::key(&context.scope, id));
    let is_asked_for = |policy: &ScalingPolicy| {
        target.as_ref().is_none_or(|target| policy.target == *target)
            && input
                .policy_names
                .as_ref()
                .is_none_or(|names| names.is_empty() || names.contains(&policy.name))
            && input
                .scalable_dimension
                .is_none_or(|dimension| dimension == ScalableDimension::EcsServiceDesiredCount)
    };
    let found = state.scaling_policies.with_prefix(&keys).filter(|(_, policy)| is_asked_for(policy));
    let found = found.map(|(key, policy)| (key, described(state, policy)));
    let token = input.next_token.as_deref();
    let page = lookup::page(found, "DescribeScalingPolicies", token, input.max_results)?;
    Ok(DescribeScalingPoliciesResponse { next_token: page.next, scaling_policies: Some(page.items) })
}

/// `DeleteScalingPolicy`: the alarms that it made go with it.
pub(super) fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteScalingPolicyRequest,
) -> Result<DeleteScalingPolicyResponse, ApiError> {
    check_dimension(input.service_namespace, input.scalable_dimension)?;
    let target = ScalableTarget::key(&context.scope, &input.resource_id);
    let key = ScalingPolicy::key(&target, &input.policy_name);
    if !state.scaling_policies.contains(&key) {
        return Err(not_found(format!(
            "No scaling policy found for {}, policy name: {}",
            lookup::in_words(&input.resource_id),
            input.policy_name
        )));
    }
    remove(state, &key);
    Ok(DeleteScalingPolicyResponse {})
}

/// Takes a policy away, with its alarms.
pub(super) fn remove(state: &mut State, key: &str) {
    let Some(policy) = state.scaling_policies.get(key).cloned() else { return };
    if let PolicyRule::Tracking { high, low, .. } = &policy.rule {
        alarms::delete(state, high);
        if let Some(low) = low {
            alarms::delete(state, low);
        }
    }
    state.scaling_policies.remove(key);
}

/// The rule of a tracking policy, with its alarms put.
fn track(
    state: &mut State,
    context: &Context,
    target: &ScalableTarget,
    arn: &str,
    configuration: TargetTrackingScalingPolicyConfiguration,
    before: Option<&PolicyRule>,
) -> Result<PolicyRule, ApiError> {
    let (high, low) = match before {
        Some(PolicyRule::Tracking { high, low, .. }) => (Some(high), low.as_ref()),
        Some(PolicyRule::Step(_)) | None => (None, None),
    };
    // The two differ in nothing that could be refused, so that the second is taken when the first is.
    let high = alarms::put(state, context, target, arn, &configuration, Side::High, high)?;
    if configuration.disable_scale_in == Some(true) {
        if let Some(low) = low {
            alarms::delete(state, low);
        }
        return Ok(PolicyRule::Tracking { configuration: Box::new(configuration), high, low: None });
    }
    let low = alarms::put(state, context, target, arn, &configuration, Side::Low, low)?;
    Ok(PolicyRule::Tracking { configuration: Box::new(configuration), high, low: Some(low) })
}

fn check_steps(given: &StepScalingPolicyConfiguration) -> Result<(), ApiError> {
    if given.adjustment_type.is_none() {
        return Err(validation("AdjustmentType is required for a step scaling policy."));
    }
    if given.cooldown.is_some_and(|seconds| seconds < 0) {
        return Err(validation("Cooldown must be greater than or equal to 0."));
    }
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for step in given.step_adjustments.iter().flatten() {
        let lower = step.metric_interval_lower_bound.unwrap_or(f64::NEG_INFINITY);
        let upper = step.metric_interval_upper_bound.unwrap_or(f64::INFINITY);
        if lower >= upper {
            return Err(validation("The upper bound of a step must be greater than its lower bound."));
        }
        steps.push((lower, upper));
    }
    if steps.is_empty() {
        return Err(validation("At least one StepAdjustment must be specified for StepScaling policies."));
    }
    if steps.len() > MOST_STEPS {
        return Err(ApiError::new(
            "LimitExceededException",
            format!("A step scaling policy can have at most {MOST_STEPS} step adjustments."),
        ));
    }
    steps.sort_by(|one, other| one.0.total_cmp(&other.0));
    for pair in steps.windows(2) {
        let [(_, end), (begin, _)] = pair else { continue };
        if begin < end {
            return Err(validation("StepAdjustment intervals can't overlap"));
        }
        if begin > end {
            return Err(validation("StepAdjustment intervals can't have gaps between them"));
        }
    }
    Ok(())
}

fn check_tracking(given: &TargetTrackingScalingPolicyConfiguration) -> Result<(), ApiError> {
    if !given.target_value.is_finite() || given.target_value <= 0.0 {
        return Err(validation("TargetValue must be greater than 0."));
    }
    if [given.scale_in_cooldown, given.scale_out_cooldown].into_iter().flatten().any(|seconds| seconds < 0) {
        return Err(validation("Cooldowns must be greater than or equal to 0."));
    }
    match (&given.predefined_metric_specification, &given.customized_metric_specification) {
        (Some(predefined), None) => {
            let label = predefined.resource_label.as_deref();
            match predefined.predefined_metric_type {
                MetricType::AlbRequestCountPerTarget => {
                    let is_label = |label: &str| {
                        label.split_once("/targetgroup/").is_some_and(|(balancer, group)| {
                            balancer.starts_with("app/")
                                && balancer.matches('/').count() == 2
                                && group.matches('/').count() == 1
                        })
                    };
                    if label.is_some_and(is_label) {
                        return Ok(());
                    }
                    Err(validation(
                        "ResourceLabel must be app/<name>/<id>/targetgroup/<name>/<id> for ALBRequestCountPerTarget.",
                    ))
                }
                MetricType::EcsServiceAverageCpuUtilization
                | MetricType::EcsServiceAverageMemoryUtilization => match label {
                    None => Ok(()),
                    Some(_) => Err(validation("ResourceLabel is for ALBRequestCountPerTarget only.")),
                },
                other => Err(validation(format!(
                    "PredefinedMetricType {other} is not supported by the local cloud for service namespace ecs."
                ))),
            }
        }
        // What it names is checked as CloudWatch checks an alarm.
        (None, Some(_)) => Ok(()),
        (Some(_), Some(_)) | (None, None) => Err(validation(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified.",
        )),
    }
}

fn kind(rule: &PolicyRule) -> PolicyType {
    match rule {
        PolicyRule::Step(_) => PolicyType::StepScaling,
        PolicyRule::Tracking { .. } => PolicyType::TargetTrackingScaling,
    }
}

/// The alarms that drive a policy: its own, or those that name it.
fn alarms_of(state: &State, policy: &ScalingPolicy) -> Vec<Alarm> {
    match &policy.rule {
        PolicyRule::Tracking { high, low, .. } => std::iter::once(high).chain(low).cloned().collect(),
        PolicyRule::Step(_) => state
            .alarms
            .indexed_by(&policy.arn)
            .map(|(arn, alarm)| Alarm { alarm_arn: arn.to_owned(), alarm_name: alarm.name.clone() })
            .collect(),
    }
}

fn described(state: &State, policy: &ScalingPolicy) -> application_autoscaling::ScalingPolicy {
    let target = state.scalable_targets.get(&policy.target);
    let (steps, tracking) = match &policy.rule {
        PolicyRule::Step(steps) => (Some(steps.clone()), None),
        PolicyRule::Tracking { configuration, .. } => (None, Some((**configuration).clone())),
    };
    application_autoscaling::ScalingPolicy {
        alarms: Some(alarms_of(state, policy)),
        creation_time: policy.created_at,
        policy_arn: policy.arn.clone(),
        policy_name: policy.name.clone(),
        policy_type: kind(&policy.rule),
        predictive_scaling_policy_configuration: None,
        resource_id: target.map(|target| target.resource_id.clone()).unwrap_or_default(),
        scalable_dimension: ScalableDimension::EcsServiceDesiredCount,
        service_namespace: ServiceNamespace::Ecs,
        step_scaling_policy_configuration: steps,
        target_tracking_scaling_policy_configuration: tracking,
    }
}
