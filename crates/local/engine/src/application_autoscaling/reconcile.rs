//! One target looked at: its schedule, its limits, and the alarms that drive its policies. Start at [`reconcile_target`].
//!
//! A policy acts when an alarm that names it goes into the state for which it names it, and again each minute that the
//! alarm stays there, as CloudWatch does for scaling actions. Of several policies the one that wants most capacity wins.

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    application_autoscaling::{NotScaledReason, ScalingActivityStatusCode, SuspendedState},
    cloudwatch::{ComparisonOperator, StateValue},
};

use super::{
    activities::{self, Outcome},
    decide::{self, Breach},
    records::{PolicyRule, ScalableTarget, Scaled, ScalingPolicy, target_of_service},
    schedule::Schedule,
};
use crate::{
    State,
    cloudwatch::{
        self,
        records::{Alarm, Definition},
    },
    ecs::{self, records::ServiceStatus},
    state::Subject,
};

/// How often an alarm that stays as it is drives a policy again.
const AGAIN: Duration = Duration::from_mins(1);

/// AWS's cooldown for ECS services.
const COOLDOWN: i32 = 300;

/// Looks at a target. Answers when it wants to be looked at again.
///
/// A target whose service is deleted stays, and its schedule goes on changing its limits, for a service that may come
/// again under the name; nothing else is done to it until then.
pub(crate) fn reconcile_target(state: &mut State, key: &str, now: Timestamp) -> Option<Timestamp> {
    let service_arn = state.scalable_targets.get(key)?.service_arn();
    forget_alarms(state, key);
    let scheduled = run_schedule(state, key, now);
    let target = state.scalable_targets.get(key)?.clone();
    if !is_active(state, &service_arn) {
        activities::give_up(state, key, &target.resource_id, now);
        return scheduled;
    }
    let driven = run_policies(state, key, &target, now);
    activities::follow(state, key, &service_arn, now);
    [scheduled, driven].into_iter().flatten().min()
}

/// Has the target looked at of a service that came, went, or has more or fewer tasks.
pub(crate) fn service_changed(state: &mut State, service_arn: &str) {
    if let Some(key) = target_of_service(service_arn).filter(|key| state.scalable_targets.contains(key)) {
        state.touch(Subject::ScalableTarget(key));
    }
}

/// Brings the desired count back between the limits.
pub(super) fn enforce_limits(state: &mut State, key: &str, now: Timestamp) {
    let Some(target) = state.scalable_targets.get(key).cloned() else { return };
    let service_arn = target.service_arn();
    if !is_active(state, &service_arn) {
        return;
    }
    let Some(service) = state.services.get(&service_arn) else { return };
    let (count, cause) = if service.desired_count < target.min_capacity {
        (target.min_capacity, format!("minimum capacity was set to {}", target.min_capacity))
    } else if service.desired_count > target.max_capacity {
        (target.max_capacity, format!("maximum capacity was set to {}", target.max_capacity))
    } else {
        return;
    };
    activities::set_desired_count(state, key, &target, count, cause, now);
}

fn is_active(state: &State, service_arn: &str) -> bool {
    state.services.get(service_arn).is_some_and(|service| service.status == ServiceStatus::Active)
}

/// What is remembered of an alarm goes when the alarm does, or names the policy no more.
fn forget_alarms(state: &mut State, key: &str) {
    let gone = |policy: &ScalingPolicy| {
        let drives = |alarm: &String| state.alarms.indexed_by(&policy.arn).any(|(arn, _)| arn == alarm);
        policy.acted.keys().filter(|alarm| !drives(alarm)).cloned().collect::<Vec<_>>()
    };
    let policies = state.scaling_policies.indexed_by(key).map(|(row, policy)| (row.to_owned(), gone(policy)));
    let policies: Vec<_> = policies.filter(|(_, gone)| !gone.is_empty()).collect();
    for (policy, gone) in policies {
        state
            .scaling_policies
            .update(&policy, |policy| policy.acted.retain(|alarm, _| !gone.contains(alarm)));
    }
}

/// Does what is due. Answers when something is due next.
fn run_schedule(state: &mut State, key: &str, now: Timestamp) -> Option<Timestamp> {
    let actions = state.scheduled_actions.with_prefix(key).filter(|(_, action)| action.target == key);
    let due: Vec<String> = actions
        .filter(|(_, action)| action.next.is_some_and(|next| next <= now))
        .map(|(action_key, _)| action_key.to_owned())
        .collect();
    for action_key in due {
        let Some(action) = state.scheduled_actions.get(&action_key).cloned() else { continue };
        let next = Schedule::parse(&action.schedule)
            .ok()
            .and_then(|schedule| schedule.next(now, action.start.unwrap_or(action.created_at)))
            .filter(|next| action.end.is_none_or(|end| *next <= end));
        state.scheduled_actions.update(&action_key, |action| action.next = next);
        let Some(target) = state.scalable_targets.get(key).cloned() else { continue };
        if target.suspended.scheduled_scaling_suspended == Some(true) {
            continue;
        }
        let given =
            |limit: Option<i32>, before| limit.and_then(|of| u32::try_from(of).ok()).unwrap_or(before);
        let least = given(action.action.min_capacity, target.min_capacity);
        let most = given(action.action.max_capacity, target.max_capacity);
        let cause = format!("scheduled action name {} was triggered", action.name);
        let what = match (action.action.min_capacity, action.action.max_capacity) {
            (Some(_), None) => format!("min capacity to {least}"),
            (None, Some(_)) => format!("max capacity to {most}"),
            _ => format!("min capacity to {least} and max capacity to {most}"),
        };
        let fits = least <= most;
        let outcome = Outcome {
            description: format!("Setting {what}"),
            cause,
            status: if fits {
                ScalingActivityStatusCode::Successful
            } else {
                ScalingActivityStatusCode::Failed
            },
            message: Some(if fits {
                format!("Successfully set {what}")
            } else {
                format!("Failed to set {what}: Maximum capacity cannot be less than minimum capacity")
            }),
            not_scaled: None,
            awaited: None,
        };
        activities::tell(state, key, &target, outcome, now);
        if fits {
            state.scalable_targets.update(key, |target| {
                (target.min_capacity, target.max_capacity) = (least, most);
            });
            enforce_limits(state, key, now);
        }
    }
    let actions = state.scheduled_actions.with_prefix(key).filter(|(_, action)| action.target == key);
    actions.filter_map(|(_, action)| action.next).min()
}

/// A policy that an alarm drives now.
struct Driven {
    policy: String,
    alarm: String,
    /// Whether the alarm came into its state since the policy acted last.
    is_new: bool,
    wish: Wish,
}

/// What a policy wants.
enum Wish {
    Out(u32),
    In(u32),
    /// Nothing: why.
    Stay(&'static str),
    /// Nothing, and nobody needs to be told.
    Wait,
}

/// Lets the alarms drive the policies. Answers when one does so again.
fn run_policies(state: &mut State, key: &str, target: &ScalableTarget, now: Timestamp) -> Option<Timestamp> {
    let capacity = state.services.get(&target.service_arn())?.desired_count;
    let (driven, mut again) = driven(state, key, capacity, now);
    if driven.is_empty() {
        return again;
    }
    for one in &driven {
        state.scaling_policies.update(&one.policy, |policy| policy.acted.insert(one.alarm.clone(), now));
    }
    again = Some(again.map_or(now + AGAIN, |again| again.min(now + AGAIN)));
    let most = driven
        .iter()
        .filter_map(|one| match one.wish {
            Wish::Out(count) => Some((count, one)),
            Wish::In(_) | Wish::Stay(_) | Wish::Wait => None,
        })
        .max_by_key(|(count, _)| *count);
    let change = match most {
        Some((count, one)) => Some((one, out(target, capacity, count))),
        None => {
            let most = driven.iter().filter_map(|one| match one.wish {
                Wish::In(count) => Some((count, one)),
                Wish::Out(_) | Wish::Stay(_) | Wish::Wait => None,
            });
            let most = most.max_by_key(|(count, _)| *count);
            most.map(|(count, one)| (one, back(state, target, capacity, count)))
        }
    };
    match change {
        Some((one, Ok(Some(count)))) => scale(state, key, target, one, capacity, count, now),
        Some((_, Ok(None))) => {}
        Some((one, Err(code))) => tell_not_scaled(state, key, target, one, code, capacity, now),
        None => {
            if let Some((one, code)) = driven.iter().find_map(|one| match one.wish {
                Wish::Stay(code) => Some((one, code)),
                Wish::Out(_) | Wish::In(_) | Wish::Wait => None,
            }) {
                tell_not_scaled(state, key, target, one, code, capacity, now);
            }
        }
    }
    again
}

/// To which count a wish for more leads: none while that is suspended, or the reason why it leads nowhere.
fn out(target: &ScalableTarget, capacity: u32, wanted: u32) -> Result<Option<u32>, &'static str> {
    if target.suspended.dynamic_scaling_out_suspended == Some(true) {
        return Ok(None);
    }
    let count = wanted.min(target.max_capacity).max(target.min_capacity);
    if count > capacity { Ok(Some(count)) } else { Err("AlreadyAtMaxCapacity") }
}

/// To which count a wish for less leads: while a deployment runs, to none.
fn back(
    state: &State,
    target: &ScalableTarget,
    capacity: u32,
    wanted: u32,
) -> Result<Option<u32>, &'static str> {
    if target.suspended.dynamic_scaling_in_suspended == Some(true) {
        return Ok(None);
    }
    let count = wanted.max(target.min_capacity).min(target.max_capacity);
    if count >= capacity {
        return Err("AlreadyAtMinCapacity");
    }
    if ecs::is_deploying(state, &target.service_arn()) {
        return Err("TargetServicePutResourceAsUnscalable");
    }
    Ok(Some(count))
}

fn scale(
    state: &mut State,
    key: &str,
    target: &ScalableTarget,
    one: &Driven,
    capacity: u32,
    count: u32,
    now: Timestamp,
) {
    let cause = cause(state, one);
    activities::set_desired_count(state, key, target, count, cause, now);
    let scaled = Some(Scaled { at: now, from: capacity, to: count });
    state.scaling_policies.update(&one.policy, |policy| {
        if count > capacity { policy.scaled_out = scaled } else { policy.scaled_in = scaled }
    });
}

/// An alarm that stays as it is is told once.
fn tell_not_scaled(
    state: &mut State,
    key: &str,
    target: &ScalableTarget,
    one: &Driven,
    code: &str,
    capacity: u32,
    now: Timestamp,
) {
    if !one.is_new {
        return;
    }
    let number = |count: u32| i32::try_from(count).ok();
    let mut reason = NotScaledReason { code: code.to_owned(), ..NotScaledReason::default() };
    match code {
        "AlreadyAtMaxCapacity" => reason.max_capacity = number(target.max_capacity),
        "AlreadyAtMinCapacity" => reason.min_capacity = number(target.min_capacity),
        "AlreadyAtDesiredCapacity" => reason.current_capacity = number(capacity),
        _ => {}
    }
    let outcome = Outcome {
        description: "Attempting to scale due to alarm triggered".to_owned(),
        cause: cause(state, one),
        status: ScalingActivityStatusCode::Failed,
        message: None,
        not_scaled: Some(reason),
        awaited: None,
    };
    activities::tell(state, key, target, outcome, now);
}

fn cause(state: &State, one: &Driven) -> String {
    let alarm = state.alarms.get(&one.alarm);
    let (alarm, value) = alarm.map_or(("", StateValue::Alarm), |alarm| (&alarm.name, alarm.state.value));
    let policy = state.scaling_policies.get(&one.policy).map_or("", |policy| &policy.name);
    format!("monitor alarm {alarm} in state {value} triggered policy {policy}")
}

/// The policies that an alarm drives now, and when one drives a policy again.
fn driven(state: &State, key: &str, capacity: u32, now: Timestamp) -> (Vec<Driven>, Option<Timestamp>) {
    let (mut driven, mut again) = (Vec::new(), None::<Timestamp>);
    for (policy_key, policy) in state.scaling_policies.indexed_by(key) {
        for (alarm_arn, alarm) in state.alarms.indexed_by(&policy.arn) {
            if !alarm.acts_on(&policy.arn) {
                continue;
            }
            let acted = policy.acted.get(alarm_arn).filter(|at| **at >= alarm.state.transitioned_at);
            if let Some(next) = acted.map(|at| *at + AGAIN).filter(|next| *next > now) {
                again = Some(again.map_or(next, |again| again.min(next)));
                continue;
            }
            driven.push(Driven {
                policy: policy_key.to_owned(),
                alarm: alarm_arn.to_owned(),
                is_new: acted.is_none(),
                wish: wish(state, key, policy, alarm, capacity, now),
            });
        }
    }
    (driven, again)
}

fn wish(
    state: &State,
    key: &str,
    policy: &ScalingPolicy,
    alarm: &Alarm,
    capacity: u32,
    now: Timestamp,
) -> Wish {
    let value = cloudwatch::newest_point(state, &alarm.arn, now);
    match &policy.rule {
        PolicyRule::Step(rule) => {
            let Definition::Metric(document) = &alarm.definition else { return Wish::Wait };
            let breach = match document.comparison_operator {
                Some(
                    ComparisonOperator::LessThanThreshold | ComparisonOperator::LessThanOrEqualToThreshold,
                ) => Breach::Below,
                _ => Breach::Above,
            };
            let distance = value.zip(document.threshold).map_or(0.0, |(value, threshold)| value - threshold);
            // An alarm that was set by hand is as if its metric stood at the threshold.
            let distance = match breach {
                Breach::Above => distance.max(0.0),
                Breach::Below => distance.min(0.0),
            };
            let stepped = |capacity| decide::stepped(rule, capacity, distance, breach);
            match stepped(capacity) {
                None => Wish::Wait,
                Some(count) if count > capacity => more(policy, capacity, rule.cooldown, now, |capacity| {
                    stepped(capacity).unwrap_or(capacity)
                }),
                Some(count) if count < capacity => less(policy, rule.cooldown, now, count),
                Some(_) => Wish::Stay("AlreadyAtDesiredCapacity"),
            }
        }
        PolicyRule::Tracking { configuration, high, low } => {
            let Some(value) = value else { return Wish::Wait };
            let target = configuration.target_value;
            let tracked = |capacity| decide::tracked(capacity, value, target);
            if alarm.arn == high.alarm_arn && value > target {
                more(policy, capacity, configuration.scale_out_cooldown, now, tracked)
            } else if low.as_ref().is_some_and(|low| low.alarm_arn == alarm.arn)
                && value < target
                && all_agree_to_less(state, key)
            {
                match tracked(capacity) {
                    count if count < capacity => less(policy, configuration.scale_in_cooldown, now, count),
                    _ => Wish::Stay("AutoScalingAnticipatedFlapping"),
                }
            } else {
                Wish::Wait
            }
        }
    }
}

/// In the cooldown of an earlier change, what that one added counts: only what is wanted beyond it is added.
fn more(
    policy: &ScalingPolicy,
    capacity: u32,
    cooldown: Option<i32>,
    now: Timestamp,
    wanted: impl Fn(u32) -> u32,
) -> Wish {
    match policy.scaled_out.filter(|last| is_cooling(last, cooldown, now)) {
        None => Wish::Out(wanted(capacity)),
        Some(last) => match wanted(last.from) {
            count if count > capacity => Wish::Out(count),
            _ => Wish::Wait,
        },
    }
}

fn less(policy: &ScalingPolicy, cooldown: Option<i32>, now: Timestamp, count: u32) -> Wish {
    if policy.scaled_in.is_some_and(|last| is_cooling(&last, cooldown, now)) {
        Wish::Wait
    } else {
        Wish::In(count)
    }
}

fn is_cooling(last: &Scaled, cooldown: Option<i32>, now: Timestamp) -> bool {
    let seconds = u64::try_from(cooldown.unwrap_or(COOLDOWN)).unwrap_or(0);
    now < last.at + Duration::from_secs(seconds)
}

/// A target is scaled in by tracking only when all its tracking policies that may do so agree.
fn all_agree_to_less(state: &State, key: &str) -> bool {
    state.scaling_policies.indexed_by(key).all(|(_, policy)| match &policy.rule {
        PolicyRule::Tracking { low: Some(low), .. } => {
            let alarm = state.alarms.get(&low.alarm_arn);
            alarm.is_some_and(|alarm| alarm.state.value == StateValue::Alarm)
        }
        PolicyRule::Tracking { low: None, .. } | PolicyRule::Step(_) => true,
    })
}

/// What is suspended once what a call gives is taken in: what it does not name stays.
pub(super) fn merged(before: &SuspendedState, given: Option<SuspendedState>) -> SuspendedState {
    let given = given.unwrap_or_default();
    SuspendedState {
        dynamic_scaling_in_suspended: given
            .dynamic_scaling_in_suspended
            .or(before.dynamic_scaling_in_suspended),
        dynamic_scaling_out_suspended: given
            .dynamic_scaling_out_suspended
            .or(before.dynamic_scaling_out_suspended),
        scheduled_scaling_suspended: given.scheduled_scaling_suspended.or(before.scheduled_scaling_suspended),
    }
}
