//! Targets of target groups: registered, found healthy or not, drained, forgotten.
//!
//! Handlers and ECS say what is wanted, the balancer's health checks say what is found, and
//! [`reconcile_target_group`] does what follows: a group that no rule forwards to has `unused` targets, a drained
//! target is forgotten. Nothing here moves traffic.

use std::time::Duration;

use tidegate_models::{
    Timestamp,
    elbv2::{TargetHealthReasonEnum as Reason, TargetHealthStateEnum as HealthState},
};

use super::{
    TargetHealth,
    records::{Target, TargetGroup},
};
use crate::{Effect, State, ecs::records::TaskOwner, state::Subject};

/// The attribute that says for how long a deregistered target drains, in seconds.
pub(crate) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// AWS's default of [`DEREGISTRATION_DELAY`].
const DEFAULT_DEREGISTRATION_DELAY: Duration = Duration::from_mins(5);

/// Registers a target; a draining one is wanted again, and one that is registered already stays as it is.
///
/// `owner_task` is the ARN of the ECS task that the target is: it and its service are reconciled whenever the target's
/// health changes. `None` for a target that someone registered through the API.
pub(crate) fn register_target(
    state: &mut State,
    group_arn: &str,
    id: &str,
    port: u16,
    owner_task: Option<&str>,
    now: Timestamp,
) {
    let health = if is_behind_load_balancer(state, group_arn) {
        TargetHealth::registration_in_progress()
    } else {
        TargetHealth::not_in_use()
    };
    let changed = state.target_groups.update(group_arn, |group| {
        let owner_task = owner_task.map(str::to_owned);
        match group.target_mut(id, port) {
            Some(target) if target.draining_until.is_none() => {
                if owner_task.is_some() {
                    target.owner_task = owner_task;
                }
                return false;
            }
            Some(target) => {
                target.registered_at = now;
                target.draining_until = None;
                target.health = health;
                target.owner_task = owner_task;
            }
            None => group.targets.push(Target {
                id: id.to_owned(),
                port,
                registered_at: now,
                draining_until: None,
                health,
                owner_task,
            }),
        }
        true
    });
    if changed == Some(true) {
        state.touch(Subject::TargetGroup(group_arn.to_owned()));
        state.effect(Effect::TargetGroup(group_arn.to_owned()));
    }
}

/// Deregisters a target: it drains for the group's deregistration delay, then it is forgotten. One that gets no traffic
/// has nothing to drain and is forgotten at once.
pub(crate) fn deregister_target(state: &mut State, group_arn: &str, id: &str, port: u16, now: Timestamp) {
    let changed = state.target_groups.update(group_arn, |group| {
        let until = now + group.deregistration_delay();
        match group.target_mut(id, port) {
            Some(target) if target.draining_until.is_none() => {
                let unused = target.health.state == HealthState::Unused;
                target.draining_until = Some(if unused { now } else { until });
                target.health = TargetHealth::draining();
                true
            }
            _ => false,
        }
    });
    if changed == Some(true) {
        state.touch(Subject::TargetGroup(group_arn.to_owned()));
        state.effect(Effect::TargetGroup(group_arn.to_owned()));
    }
}

/// What is known of a target's health; `None` when it is not registered (any more).
pub(crate) fn health_of(state: &State, group_arn: &str, id: &str, port: u16) -> Option<TargetHealth> {
    state.target_groups.get(group_arn)?.target(id, port).map(|target| target.health.clone())
}

/// Whether a rule of some listener forwards to the group.
pub(crate) fn is_behind_load_balancer(state: &State, group_arn: &str) -> bool {
    state.rules.indexed_by(group_arn).next().is_some()
}

/// Takes in what a health check found. Touches the task that the target is, and its service.
///
/// A result that comes too late says nothing: of a target that is gone, drains or gets no traffic any more.
pub(crate) fn observe(state: &mut State, group_arn: &str, id: &str, port: u16, health: TargetHealth) {
    let owner =
        state.target_groups.get(group_arn).and_then(|group| group.target(id, port)).and_then(|target| {
            let listens = target.draining_until.is_none() && target.health.state != HealthState::Unused;
            (listens && target.health != health).then(|| target.owner_task.clone())
        });
    let Some(owner_task) = owner else { return };
    state.target_groups.update(group_arn, |group| {
        if let Some(target) = group.target_mut(id, port) {
            target.health = health;
        }
    });
    touch_owner(state, owner_task);
}

/// Brings the targets in line with the rules and forgets those that have drained. Answers when to look again.
pub(crate) fn reconcile_target_group(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let in_use = is_behind_load_balancer(state, arn);
    let group = state.target_groups.get(arn)?;
    if group.targets.iter().any(|target| next_of(target, in_use, now) != Next::Stays) {
        let mut owners = Vec::new();
        state.target_groups.update(arn, |group| {
            group.targets.retain_mut(|target| {
                let next = next_of(target, in_use, now);
                if next != Next::Stays {
                    owners.push(target.owner_task.clone());
                }
                if let Next::Becomes(health) = next {
                    target.health = health;
                    return true;
                }
                next != Next::IsForgotten
            });
        });
        for owner in owners {
            touch_owner(state, owner);
        }
        state.effect(Effect::TargetGroup(arn.to_owned()));
    }
    state.target_groups.get(arn)?.targets.iter().filter_map(|target| target.draining_until).min()
}

/// What a look at a target makes of it.
#[derive(PartialEq)]
enum Next {
    Stays,
    Becomes(TargetHealth),
    IsForgotten,
}

fn next_of(target: &Target, in_use: bool, now: Timestamp) -> Next {
    match target.draining_until {
        Some(until) if until <= now => Next::IsForgotten,
        Some(_) => Next::Stays,
        None => match (in_use, target.health.state == HealthState::Unused) {
            (true, true) => Next::Becomes(TargetHealth::registration_in_progress()),
            (false, false) => Next::Becomes(TargetHealth::not_in_use()),
            _ => Next::Stays,
        },
    }
}

pub(super) fn touch_owner(state: &mut State, owner_task: Option<String>) {
    let Some(task) = owner_task else { return };
    if let Some(TaskOwner::Service { service_arn, .. }) = state.tasks.get(&task).map(|task| &task.owner) {
        let service = service_arn.clone();
        state.touch(Subject::Service(service));
    }
    state.touch(Subject::Task(task));
}

impl TargetGroup {
    /// The target with this id and port.
    pub fn target(&self, id: &str, port: u16) -> Option<&Target> {
        self.targets.iter().find(|target| target.id == id && target.port == port)
    }

    fn target_mut(&mut self, id: &str, port: u16) -> Option<&mut Target> {
        self.targets.iter_mut().find(|target| target.id == id && target.port == port)
    }

    /// For how long a deregistered target drains.
    pub fn deregistration_delay(&self) -> Duration {
        let seconds = self.attributes.get(DEREGISTRATION_DELAY).and_then(|value| value.parse().ok());
        seconds.map_or(DEFAULT_DEREGISTRATION_DELAY, Duration::from_secs)
    }
}

/// The states that the engine itself gives; all others come from health checks.
impl TargetHealth {
    fn registration_in_progress() -> Self {
        Self::because(
            HealthState::Initial,
            Reason::ElbRegistrationInProgress,
            "Target registration is in progress",
        )
    }

    fn not_in_use() -> Self {
        Self::because(
            HealthState::Unused,
            Reason::TargetNotInUse,
            "Target group is not configured to receive traffic from the load balancer",
        )
    }

    fn draining() -> Self {
        Self::because(
            HealthState::Draining,
            Reason::TargetDeregistrationInProgress,
            "Target deregistration is in progress",
        )
    }

    /// What `DescribeTargetHealth` answers of a target that was asked for and is not registered.
    pub(crate) fn not_registered() -> Self {
        Self::because(
            HealthState::Unused,
            Reason::TargetNotRegistered,
            "Target is not registered to the target group",
        )
    }

    /// Healthy: without a reason.
    pub const fn healthy() -> Self {
        Self { state: HealthState::Healthy, reason: None, description: None }
    }

    /// A state that has a reason, with AWS's words for it.
    pub fn because(state: HealthState, reason: Reason, description: &str) -> Self {
        Self { state, reason: Some(reason), description: Some(description.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Settings, elbv2::records::Rule};

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// A state with a target group that a rule forwards to.
    fn state() -> State {
        let mut state = State::new(Settings {
            seed: 1,
            load_balancer_network: [127, 30],
            missing: crate::Missing::Fails,
            registry: "127.0.0.1:4566".to_owned(),
        });
        let group = TargetGroup {
            arn: "group".to_owned(),
            document: tidegate_models::elbv2::TargetGroup::default(),
            attributes: BTreeMap::from([(DEREGISTRATION_DELAY.to_owned(), "10".to_owned())]),
            targets: Vec::new(),
        };
        state.target_groups.insert("group", group);
        let forward = serde_json::json!({"Type": "forward", "TargetGroupArn": "group"});
        let rule = Rule {
            arn: "rule".to_owned(),
            listener_arn: "listener".to_owned(),
            priority: None,
            conditions: Vec::new(),
            actions: vec![serde_json::from_value(forward).unwrap()],
        };
        state.rules.insert("rule", rule);
        state
    }

    /// What is to be reconciled now, in order.
    fn touched(state: &mut State) -> Vec<Subject> {
        std::iter::from_fn(|| state.agenda.next(NOW)).collect()
    }

    #[test]
    fn the_task_that_a_target_is_looks_again_when_its_health_changes() {
        let mut state = state();
        register_target(&mut state, "group", "127.0.0.1", 80, Some("task"), NOW);
        assert_eq!(touched(&mut state), [Subject::TargetGroup("group".to_owned())]);
        observe(&mut state, "group", "127.0.0.1", 80, TargetHealth::healthy());
        assert_eq!(touched(&mut state), [Subject::Task("task".to_owned())]);
        assert_eq!(health_of(&state, "group", "127.0.0.1", 80), Some(TargetHealth::healthy()));
        observe(&mut state, "group", "127.0.0.1", 80, TargetHealth::healthy());
        assert_eq!(touched(&mut state), [], "nothing new was found");
    }

    #[test]
    fn the_task_that_a_target_is_looks_again_when_it_has_drained() {
        let mut state = state();
        register_target(&mut state, "group", "127.0.0.1", 80, Some("task"), NOW);
        deregister_target(&mut state, "group", "127.0.0.1", 80, NOW);
        touched(&mut state);
        let end = NOW + Duration::from_secs(10);
        assert_eq!(reconcile_target_group(&mut state, "group", NOW), Some(end));
        assert_eq!(touched(&mut state), []);
        assert_eq!(reconcile_target_group(&mut state, "group", end), None);
        assert_eq!(touched(&mut state), [Subject::Task("task".to_owned())]);
        assert_eq!(health_of(&state, "group", "127.0.0.1", 80), None);
    }

    #[test]
    fn a_group_is_behind_a_load_balancer_as_long_as_a_rule_forwards_to_it() {
        let mut state = state();
        assert!(is_behind_load_balancer(&state, "group"));
        assert!(!is_behind_load_balancer(&state, "other"));
        state.rules.remove("rule");
        assert!(!is_behind_load_balancer(&state, "group"));
    }
}
