//! What the workers read: the whole configuration, compiled, as one immutable value.
//!
//! A change makes a new one and swaps it in, so a request sees one state of the world from its rule to its target.
//! Nothing reachable from here may be locked on a request's way. Start at [`Snapshot`].

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tidegate_clock::Timestamp;

use crate::{
    config::{Algorithm, FixedResponse, LoadBalancerAttributes, Redirect, TargetStickiness},
    metrics::{ForwardCounters, LoadBalancerCounters, Sharded},
    routing::{CompiledCondition, RequestHead, Shares},
    target::{TargetRuntime, locked},
};

/// Everything that is served, by the address that each listener was configured with.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) listeners: HashMap<SocketAddr, Arc<ListenerView>>,
    /// All targets, for housekeeping.
    pub(crate) targets: Vec<Arc<TargetRuntime>>,
}

/// A listener with its load balancer.
#[derive(Debug)]
pub(crate) struct ListenerView {
    /// The real port.
    pub(crate) port: u16,
    pub(crate) load_balancer: Arc<LoadBalancerView>,
    pub(crate) rules: Vec<RuleView>,
}

impl ListenerView {
    /// The action of the first rule whose conditions all hold.
    pub(crate) fn action(&self, request: &RequestHead<'_>) -> Option<&ActionView> {
        self.rules
            .iter()
            .find(|rule| rule.conditions.iter().all(|condition| condition.holds(request)))
            .map(|rule| &rule.action)
    }
}

/// What the listeners of a load balancer share.
#[derive(Debug)]
pub(crate) struct LoadBalancerView {
    pub(crate) attributes: LoadBalancerAttributes,
    pub(crate) counters: Arc<Sharded<LoadBalancerCounters>>,
    /// In real time, and never so short that a machine could not keep to it.
    pub(crate) idle_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) client_keep_alive: Duration,
}

/// A rule, ready to be asked.
#[derive(Debug)]
pub(crate) struct RuleView {
    pub(crate) conditions: Arc<[CompiledCondition]>,
    pub(crate) action: ActionView,
}

/// An action, ready to be done.
#[derive(Debug)]
pub(crate) enum ActionView {
    Forward(ForwardView),
    Redirect(Redirect),
    FixedResponse(FixedResponse),
}

/// A forward action with its groups.
#[derive(Debug)]
pub(crate) struct ForwardView {
    pub(crate) groups: Vec<ForwardGroup>,
    pub(crate) shares: Arc<Shares>,
    pub(crate) stickiness: Option<Duration>,
}

/// A group behind one load balancer.
#[derive(Debug)]
pub(crate) struct ForwardGroup {
    pub(crate) group: Arc<GroupView>,
    pub(crate) counters: Arc<Sharded<ForwardCounters>>,
}

/// A target group with the targets that may be sent requests now.
#[derive(Debug)]
pub(crate) struct GroupView {
    /// What its stickiness cookie carries.
    pub(crate) sticky_id: u64,
    pub(crate) algorithm: Algorithm,
    pub(crate) stickiness: TargetStickiness,
    pub(crate) slow_start: Duration,
    /// The healthy ones; all unhealthy ones when there is no healthy one (fail open); none otherwise.
    pub(crate) usable: Vec<Arc<TargetRuntime>>,
    pub(crate) turns: Arc<AtomicUsize>,
    /// As long as some target is in slow start.
    pub(crate) ramping_until: Option<Timestamp>,
}

impl GroupView {
    /// A target for the next request.
    pub(crate) fn choose(&self, now: impl FnOnce() -> Timestamp) -> Option<&Arc<TargetRuntime>> {
        if let ([only], None) = (self.usable.as_slice(), self.ramping_until) {
            return Some(only);
        }
        if self.usable.is_empty() {
            return None;
        }
        if self.algorithm == Algorithm::LeastOutstandingRequests {
            return self.least_outstanding();
        }
        if let Some(until) = self.ramping_until {
            let now = now();
            if now < until {
                return self.by_ramp(now);
            }
        }
        match self.algorithm {
            Algorithm::WeightedRandom => fastrand::choice(&self.usable),
            _ => self.usable.get(self.turns.fetch_add(1, Relaxed) % self.usable.len()),
        }
    }

    /// The target with this id, if it may be sent requests.
    pub(crate) fn sticky(&self, id: u64) -> Option<&Arc<TargetRuntime>> {
        self.usable.iter().find(|target| target.sticky_id == id)
    }

    /// The first of those with the fewest in flight, beginning at a place that moves, so that idle targets take turns.
    fn least_outstanding(&self) -> Option<&Arc<TargetRuntime>> {
        let start = self.turns.fetch_add(1, Relaxed) % self.usable.len();
        let (before, from) = self.usable.split_at(start);
        from.iter().chain(before).min_by_key(|target| target.in_flight())
    }

    fn by_ramp(&self, now: Timestamp) -> Option<&Arc<TargetRuntime>> {
        let weights: Vec<f64> = self
            .usable
            .iter()
            .map(|target| {
                locked(&target.ramp_start).map_or(1.0, |start| ramp_weight(start, now, self.slow_start))
            })
            .collect();
        let mut drawn = fastrand::f64() * weights.iter().sum::<f64>();
        let index = weights.iter().position(|weight| {
            drawn -= weight;
            drawn < 0.0
        });
        self.usable.get(index.unwrap_or(self.usable.len() - 1))
    }
}

/// The share of a full target's requests that one in slow start takes: linear from its start to the end, and never
/// nothing, or it would never warm up.
fn ramp_weight(start: Timestamp, now: Timestamp, length: Duration) -> f64 {
    let passed = now.since(start).as_secs_f64() / length.as_secs_f64().max(f64::EPSILON);
    passed.clamp(0.01, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics::WorkerId, target::InFlight};

    fn group(algorithm: Algorithm, targets: u16) -> GroupView {
        GroupView {
            sticky_id: 0,
            algorithm,
            stickiness: TargetStickiness::Disabled,
            slow_start: Duration::from_secs(100),
            usable: (0..targets)
                .map(|n| {
                    TargetRuntime::new(SocketAddr::from(([127, 0, 0, 1], 1000 + n)), u64::from(n), 1, None)
                })
                .collect(),
            turns: Arc::default(),
            ramping_until: None,
        }
    }

    fn counts(group: &GroupView, requests: usize, now: Timestamp) -> Vec<usize> {
        let mut counts = vec![0; group.usable.len()];
        for _ in 0..requests {
            let chosen = group.choose(|| now).unwrap();
            counts[usize::from(chosen.address.port() - 1000)] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_gives_every_target_the_same() {
        assert_eq!(counts(&group(Algorithm::RoundRobin, 3), 300, Timestamp::default()), [100, 100, 100]);
    }

    #[test]
    fn an_empty_group_has_nobody_to_choose() {
        assert!(group(Algorithm::RoundRobin, 0).choose(Timestamp::default).is_none());
        assert!(group(Algorithm::LeastOutstandingRequests, 0).choose(Timestamp::default).is_none());
    }

    #[test]
    fn least_outstanding_requests_avoids_the_busy_one() {
        let group = group(Algorithm::LeastOutstandingRequests, 2);
        let _busy = InFlight::begin(Arc::clone(&group.usable[0]), WorkerId(0));
        assert_eq!(counts(&group, 10, Timestamp::default()), [0, 10]);
    }

    #[test]
    fn weighted_random_is_near_even() {
        let counts = counts(&group(Algorithm::WeightedRandom, 2), 10_000, Timestamp::default());
        assert!(counts.iter().all(|&count| (4_500..5_500).contains(&count)), "{counts:?}");
    }

    #[test]
    fn a_target_in_slow_start_gets_a_share_that_grows_to_the_full_one() {
        let mut group = group(Algorithm::RoundRobin, 2);
        let start = Timestamp::from_millis(1_000_000);
        group.ramping_until = Some(start + group.slow_start);
        *locked(&group.usable[1].ramp_start) = Some(start);
        let quarter = counts(&group, 10_000, start + Duration::from_secs(25));
        assert!(
            (1_600..2_400).contains(&quarter[1]),
            "a quarter of the weight is a fifth of the requests: {quarter:?}"
        );
        let over = counts(&group, 100, start + group.slow_start);
        assert_eq!(over, [50, 50]);
    }
}
