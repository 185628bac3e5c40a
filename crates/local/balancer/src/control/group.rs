//! A target group as it was told, its targets' health, and which of them may be sent requests.
//!
//! It knows no socket: checks are started by a function that it is given. Start at [`GroupState::put`] and
//! [`usable`].

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use tidegate_clock::Timestamp;

use super::group_id;
use crate::{
    config::{Algorithm, HealthCheck, Registration, Target, TargetFault, TargetGroup, TargetStickiness},
    health::{
        HealthState, TargetHealth,
        checker::Checker,
        machine::{Checks, Machine, ProbeResult, Thresholds},
    },
    metrics::TargetGroupHosts,
    proxy::sticky_id,
    target::{TargetRuntime, locked},
    view::GroupView,
};

/// A target group.
pub(super) struct GroupState {
    arn: String,
    health_check: HealthCheck,
    algorithm: Algorithm,
    stickiness: TargetStickiness,
    slow_start: Duration,
    turns: Arc<AtomicUsize>,
    used: bool,
    targets: BTreeMap<SocketAddr, TargetState>,
}

struct TargetState {
    runtime: Arc<TargetRuntime>,
    registration: Registration,
    machine: Machine,
    checker: Option<Checker>,
    /// What the caller heard last.
    told: Option<TargetHealth>,
}

impl GroupState {
    /// One without targets.
    pub(super) fn new(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            health_check: HealthCheck::default(),
            algorithm: Algorithm::default(),
            stickiness: TargetStickiness::default(),
            slow_start: Duration::ZERO,
            turns: Arc::default(),
            used: false,
            targets: BTreeMap::new(),
        }
    }

    /// Takes a new configuration in. Answers with the targets that are no more.
    pub(super) fn put(&mut self, config: TargetGroup, workers: usize) -> Vec<Arc<TargetRuntime>> {
        if config.health_check != self.health_check {
            self.health_check = config.health_check;
            for target in self.targets.values_mut() {
                target.checker = None;
            }
        }
        self.algorithm = config.algorithm;
        self.stickiness = config.stickiness;
        self.slow_start = config.slow_start;
        let checks = self.checks();
        let mut before = std::mem::take(&mut self.targets);
        for told in config.targets {
            let state = match before.remove(&told.address) {
                Some(state) => state.put(&told),
                None => TargetState::new(&told, &self.arn, workers),
            };
            self.targets
                .insert(told.address, TargetState { machine: state.machine.with_checks(checks), ..state });
        }
        before.into_values().map(|state| state.runtime).collect()
    }

    /// Starts checks with `start`, or ends them. A group that comes into use again begins anew.
    pub(super) fn note_use(
        &mut self,
        used: bool,
        start: impl Fn(&Arc<TargetRuntime>, HealthCheck) -> Checker,
    ) {
        let ends = self.used && !used;
        self.used = used;
        let checks = self.checks();
        for target in self.targets.values_mut() {
            if ends {
                target.machine = Machine::INITIAL.with_checks(checks);
                target.told = None;
            }
            let wanted = used && checks == Checks::On && target.registration == Registration::Registered;
            if !wanted {
                target.checker = None;
            } else if target.checker.is_none() {
                target.checker = Some(start(&target.runtime, self.health_check.clone()));
            }
        }
    }

    /// Takes the result of a check in. Answers whether it changes who may be sent requests.
    pub(super) fn probed(
        &mut self,
        runtime: &Arc<TargetRuntime>,
        result: ProbeResult,
        now: Timestamp,
    ) -> bool {
        let thresholds = Thresholds {
            healthy: self.health_check.healthy_threshold,
            unhealthy: self.health_check.unhealthy_threshold,
        };
        // A target that was removed and registered again is another one, whose checks are its own.
        let target =
            self.targets.get_mut(&runtime.address).filter(|target| Arc::ptr_eq(&target.runtime, runtime));
        let Some(target) = target.filter(|target| target.checker.is_some()) else { return false };
        let result = match runtime.fault {
            Some(TargetFault::FailsHealthChecks) => ProbeResult::WrongCode(503),
            _ => result,
        };
        let before = target.machine.state();
        target.machine = target.machine.after(result, thresholds);
        let after = target.machine.state();
        if before != after {
            let ramps = after == HealthState::Healthy && self.starts_slowly(runtime, now);
            *locked(&runtime.ramp_start) = ramps.then_some(now);
        }
        before != after
    }

    /// What the caller has not heard yet.
    pub(super) fn untold(&mut self) -> Vec<(SocketAddr, TargetHealth)> {
        if !self.used {
            return Vec::new();
        }
        self.targets
            .iter_mut()
            .filter(|(_, target)| target.registration == Registration::Registered)
            .filter_map(|(address, target)| {
                let health = target.machine.health();
                (target.told.as_ref() != Some(&health)).then(|| {
                    target.told = Some(health.clone());
                    (*address, health)
                })
            })
            .collect()
    }

    pub(super) fn view(&self, now: Timestamp) -> GroupView {
        let registered =
            self.targets.values().filter(|target| target.registration == Registration::Registered);
        let states: Vec<_> = registered.map(|target| (&target.runtime, target.machine.state())).collect();
        let usable: Vec<_> = usable(&states).map(|target| Arc::clone(target)).collect();
        let ramps = usable.iter().filter_map(|target| *locked(&target.ramp_start));
        let ramping_until = ramps.map(|start| start + self.slow_start).filter(|&end| now < end).max();
        GroupView {
            sticky_id: group_id(&self.arn),
            algorithm: self.algorithm,
            stickiness: self.stickiness.clone(),
            slow_start: self.slow_start,
            usable,
            turns: Arc::clone(&self.turns),
            ramping_until,
        }
    }

    pub(super) fn hosts(&self) -> TargetGroupHosts {
        let registered =
            self.targets.values().filter(|target| target.registration == Registration::Registered);
        let count =
            |state| registered.clone().filter(|target| target.machine.state() == state).count() as u64;
        TargetGroupHosts {
            target_group: self.arn.clone(),
            healthy_host_count: count(HealthState::Healthy),
            unhealthy_host_count: count(HealthState::Unhealthy),
        }
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &Arc<TargetRuntime>> {
        self.targets.values().map(|target| &target.runtime)
    }

    pub(super) fn into_targets(self) -> Vec<Arc<TargetRuntime>> {
        self.targets.into_values().map(|target| target.runtime).collect()
    }

    fn checks(&self) -> Checks {
        if self.health_check.enabled { Checks::On } else { Checks::Off }
    }

    /// Slow start is for a target that joins others which take their full share; the first ones of a group have nobody
    /// to take the rest.
    fn starts_slowly(&self, newcomer: &Arc<TargetRuntime>, now: Timestamp) -> bool {
        let full_share = |target: &TargetState| {
            target.registration == Registration::Registered
                && target.machine.state() == HealthState::Healthy
                && !Arc::ptr_eq(&target.runtime, newcomer)
                && locked(&target.runtime.ramp_start).is_none_or(|start| now >= start + self.slow_start)
        };
        !self.slow_start.is_zero()
            && self.algorithm != Algorithm::LeastOutstandingRequests
            && self.targets.values().any(full_share)
    }
}

impl TargetState {
    fn new(told: &Target, group: &str, workers: usize) -> Self {
        let id = sticky_id(&[group, &told.address.to_string()]);
        let runtime = TargetRuntime::new(told.address, id, workers, told.fault);
        if told.registration == Registration::Draining {
            runtime.drain();
        }
        Self {
            runtime,
            registration: told.registration,
            machine: told.known_health.map_or(Machine::INITIAL, Machine::seeded),
            checker: None,
            told: None,
        }
    }

    fn put(self, told: &Target) -> Self {
        match (self.registration, told.registration) {
            (Registration::Registered, Registration::Draining) => {
                self.runtime.drain();
                Self { registration: Registration::Draining, checker: None, told: None, ..self }
            }
            // Registered again before its deregistration delay was over: as good as new.
            (Registration::Draining, Registration::Registered) => {
                self.runtime.serve_again();
                let machine = told.known_health.map_or(Machine::INITIAL, Machine::seeded);
                Self { registration: Registration::Registered, machine, told: None, ..self }
            }
            _ => self,
        }
    }
}

/// Who may be sent requests: the healthy; when there is none, the unhealthy ("fail open"); never one that was not
/// decided yet, so that a group which only just began answers 503.
fn usable<T>(targets: &[(T, HealthState)]) -> impl Iterator<Item = &T> {
    let healthy = |state: HealthState| matches!(state, HealthState::Healthy | HealthState::Unavailable);
    let fails_open = !targets.iter().any(|(_, state)| healthy(*state));
    targets
        .iter()
        .filter(move |(_, state)| if fails_open { *state == HealthState::Unhealthy } else { healthy(*state) })
        .map(|(target, _)| target)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidegate_clock::{Clock, Speed};
    use tokio::runtime::Handle;

    use super::*;

    fn any_state() -> impl Strategy<Value = HealthState> {
        prop_oneof![
            Just(HealthState::Initial),
            Just(HealthState::Healthy),
            Just(HealthState::Unhealthy),
            Just(HealthState::Unavailable),
        ]
    }

    proptest! {
        #[test]
        fn an_undecided_target_is_never_sent_requests_and_a_healthy_one_always(
            states in proptest::collection::vec(any_state(), 0..8),
        ) {
            let targets: Vec<_> = states.iter().copied().enumerate().collect();
            let chosen: Vec<_> = usable(&targets).map(|&index| states[index]).collect();
            let healthy = states.iter().filter(|&&state| state == HealthState::Healthy).count();
            prop_assert!(!chosen.contains(&HealthState::Initial));
            prop_assert_eq!(chosen.iter().filter(|&&state| state == HealthState::Healthy).count(), healthy);
            if healthy > 0 {
                prop_assert!(!chosen.contains(&HealthState::Unhealthy));
            }
        }
    }

    #[test]
    fn a_group_fails_open_to_all_that_are_unhealthy() {
        let targets = [(1, HealthState::Unhealthy), (2, HealthState::Initial), (3, HealthState::Unhealthy)];
        assert_eq!(usable(&targets).copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(usable(&[(1, HealthState::Initial)]).count(), 0);
    }

    fn group_of(slow_start: Duration, targets: &[(u16, HealthState)]) -> GroupState {
        let mut group = GroupState::new("group");
        let targets = targets.iter().map(|&(port, state)| Target {
            known_health: Some(state),
            fault: None,
            ..Target::new(SocketAddr::from(([127, 0, 0, 1], port)))
        });
        let config = TargetGroup {
            arn: "group".to_owned(),
            health_check: HealthCheck::default(),
            algorithm: Algorithm::RoundRobin,
            stickiness: TargetStickiness::Disabled,
            slow_start,
            targets: targets.collect(),
        };
        assert!(group.put(config, 1).is_empty());
        let clock = Clock::starting_at(Timestamp::default(), Speed::REAL);
        group.note_use(true, |target, settings| {
            Checker::start(&Handle::current(), clock.clone(), target.address, settings, |_| {})
        });
        group
    }

    #[tokio::test]
    async fn only_a_target_that_joins_others_starts_slowly() {
        let (length, now) = (Duration::from_secs(30), Timestamp::from_millis(1_000_000));
        let mut joined = group_of(length, &[(1, HealthState::Healthy), (2, HealthState::Initial)]);
        let newcomer = Arc::clone(joined.targets().nth(1).unwrap());
        assert!(joined.probed(&newcomer, ProbeResult::Passed, now));
        assert_eq!(joined.view(now).ramping_until, Some(now + length));
        assert_eq!(joined.view(now + length).ramping_until, None);

        let mut first = group_of(length, &[(1, HealthState::Initial)]);
        let only = Arc::clone(first.targets().next().unwrap());
        assert!(first.probed(&only, ProbeResult::Passed, now));
        assert_eq!(first.view(now).ramping_until, None);
    }

    #[tokio::test]
    async fn each_change_of_health_is_told_once() {
        let mut group = group_of(Duration::ZERO, &[(1, HealthState::Initial)]);
        let states = |group: &mut GroupState| -> Vec<_> {
            group.untold().into_iter().map(|(_, health)| health.state).collect()
        };
        assert_eq!(states(&mut group), [HealthState::Initial]);
        assert_eq!(states(&mut group), []);
        let target = Arc::clone(group.targets().next().unwrap());
        group.probed(&target, ProbeResult::Passed, Timestamp::default());
        assert_eq!(states(&mut group), [HealthState::Healthy]);
        group.probed(&target, ProbeResult::Passed, Timestamp::default());
        assert_eq!(states(&mut group), []);
    }

    #[tokio::test]
    async fn a_group_that_comes_into_use_again_begins_anew() {
        let mut group = group_of(Duration::ZERO, &[(1, HealthState::Healthy)]);
        assert_eq!(group.view(Timestamp::default()).usable.len(), 1);
        group.note_use(false, |_, _| unreachable!("nobody is checked in a group that is not used"));
        assert_eq!(group.view(Timestamp::default()).usable.len(), 0);
    }
}
