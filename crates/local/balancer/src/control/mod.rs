//! What is served, as it was told, and how it becomes what the workers read.
//!
//! All of it is behind one lock that no request ever takes. It must refuse a change before it does any part of it.
//! Start at [`Control::apply`].

mod group;
mod listeners;
mod report;

use std::{
    collections::{BTreeMap, HashMap},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc};

use self::{
    group::GroupState,
    listeners::{CompiledRule, LoadBalancerState, Plan},
};
use crate::{
    balancer::Inner,
    config::{Action, Change, LoadBalancer, TargetGroup},
    error::ApplyError,
    health::{Event, machine::ProbeResult},
    pace::real_at_least,
    proxy::sticky_id,
    serve::{RunningListener, Shared},
    target::{TargetRuntime, locked},
    view::{
        ActionView, ForwardGroup, ForwardView, GroupView, ListenerView, LoadBalancerView, RuleView, Snapshot,
    },
};

/// How long a connection to a target may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A target's own work does not run faster with the clock: it gets at least this long for an answer, if the idle
/// timeout is not shorter.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(10);

/// Everything that was told and everything that follows from it.
pub(crate) struct Control {
    shared: Arc<Shared>,
    runtime: Handle,
    events: mpsc::UnboundedSender<Event>,
    owner: Weak<Inner>,
    load_balancers: BTreeMap<String, LoadBalancerState>,
    groups: BTreeMap<String, GroupState>,
    rules: HashMap<String, CompiledRule>,
    running: HashMap<SocketAddr, RunningListener>,
}

impl Control {
    pub(crate) fn new(
        shared: Arc<Shared>,
        runtime: Handle,
        events: mpsc::UnboundedSender<Event>,
        owner: Weak<Inner>,
    ) -> Self {
        Self {
            shared,
            runtime,
            events,
            owner,
            load_balancers: BTreeMap::new(),
            groups: BTreeMap::new(),
            rules: HashMap::new(),
            running: HashMap::new(),
        }
    }

    /// Checks all changes, then makes them. The listeners that it answers with are to be closed.
    pub(crate) fn apply(
        &mut self,
        changes: Vec<Change>,
        reserved: &mut HashMap<SocketAddr, TcpListener>,
    ) -> Result<Vec<RunningListener>, ApplyError> {
        let (load_balancers, group_changes) = self.staged(changes);
        let plan =
            Plan::of(&load_balancers, &self.rules, |address| self.running.contains_key(&address), reserved)?;

        let cut: Vec<_> = group_changes.into_iter().flat_map(|change| self.change_group(change)).collect();
        self.put_load_balancers(load_balancers);
        self.rules = plan.rules;
        let (to_start, bound) =
            plan.bound.into_iter().fold((Vec::new(), HashMap::new()), |(mut start, mut at), new| {
                at.insert(new.configured, new.bound);
                start.push(new);
                (start, at)
            });
        self.note_use();
        self.publish(&bound);
        for target in cut {
            target.cut();
        }
        for new in to_start {
            let running = RunningListener::start(new.listener, new.configured, new.bound, &self.shared);
            self.running.insert(new.configured, running);
        }
        let wanted = self.wanted_addresses();
        let unwanted: Vec<_> =
            self.running.keys().copied().filter(|address| !wanted.contains(address)).collect();
        self.tell_all();
        Ok(unwanted.iter().filter_map(|address| self.running.remove(address)).collect())
    }

    pub(crate) fn listens_on(&self, address: SocketAddr) -> bool {
        self.running.contains_key(&address)
    }

    /// Ends all checks and cuts all targets.
    pub(crate) fn stop(&mut self) {
        self.shared.snapshot.store(Arc::default());
        for group in std::mem::take(&mut self.groups).into_values() {
            for target in group.into_targets() {
                target.cut();
            }
        }
        self.load_balancers.clear();
        self.running.clear();
    }

    /// Takes in the result of a health check.
    pub(crate) fn probed(&mut self, group: &str, target: &Arc<TargetRuntime>, result: ProbeResult) {
        let now = self.shared.clock.now();
        let Some(state) = self.groups.get_mut(group) else { return };
        if state.probed(target, result, now) {
            self.publish(&HashMap::new());
        }
        self.tell_all();
    }

    /// The load balancers as they are to be, and what changes among the target groups.
    fn staged(&self, changes: Vec<Change>) -> (BTreeMap<String, LoadBalancer>, Vec<GroupChange>) {
        let mut load_balancers: BTreeMap<_, _> =
            self.load_balancers.iter().map(|(arn, state)| (arn.clone(), state.config.clone())).collect();
        let mut groups = Vec::new();
        for change in changes {
            match change {
                Change::PutLoadBalancer(load_balancer) => {
                    load_balancers.insert(load_balancer.arn.clone(), load_balancer);
                }
                Change::RemoveLoadBalancer(arn) => {
                    load_balancers.remove(&arn);
                }
                Change::PutTargetGroup(group) => groups.push(GroupChange::Put(group)),
                Change::RemoveTargetGroup(arn) => groups.push(GroupChange::Remove(arn)),
            }
        }
        (load_balancers, groups)
    }

    /// Answers with the targets that are no more.
    fn change_group(&mut self, change: GroupChange) -> Vec<Arc<TargetRuntime>> {
        match change {
            GroupChange::Put(config) => {
                let arn = config.arn.clone();
                let workers = self.shared.workers();
                self.groups.entry(arn).or_insert_with_key(|arn| GroupState::new(arn)).put(config, workers)
            }
            GroupChange::Remove(arn) => {
                for load_balancer in self.load_balancers.values_mut() {
                    load_balancer.forwards.remove(&arn);
                }
                self.groups.remove(&arn).map(GroupState::into_targets).unwrap_or_default()
            }
        }
    }

    fn put_load_balancers(&mut self, configs: BTreeMap<String, LoadBalancer>) {
        let mut before = std::mem::take(&mut self.load_balancers);
        for (arn, config) in configs {
            let state = match before.remove(&arn) {
                Some(state) => LoadBalancerState { config, ..state },
                None => LoadBalancerState::new(config, self.shared.workers()),
            };
            self.load_balancers.insert(arn, state);
        }
    }

    /// Starts the checks of groups that a rule refers to, and ends those of the others.
    fn note_use(&mut self) {
        for (arn, group) in &mut self.groups {
            let used = self.load_balancers.values().any(|load_balancer| load_balancer.forwards_to(arn));
            group.note_use(used, |target, settings| {
                let owner = self.owner.clone();
                let (group, target) = (arn.clone(), Arc::clone(target));
                let (address, clock) = (target.address, self.shared.clock.clone());
                crate::health::checker::Checker::start(
                    &self.runtime,
                    clock,
                    address,
                    settings,
                    move |result| {
                        if let Some(owner) = owner.upgrade() {
                            locked(&owner.control).probed(&group, &target, result);
                        }
                    },
                )
            });
        }
    }

    /// Makes the workers see what is.
    fn publish(&mut self, bound: &HashMap<SocketAddr, SocketAddr>) {
        let now = self.shared.clock.now();
        let groups: HashMap<&str, Arc<GroupView>> =
            self.groups.iter().map(|(arn, group)| (arn.as_str(), Arc::new(group.view(now)))).collect();
        let mut snapshot = Snapshot::default();
        for load_balancer in self.load_balancers.values_mut() {
            let attributes = load_balancer.config.attributes.clone();
            let clock = &self.shared.clock;
            let view = Arc::new(LoadBalancerView {
                counters: Arc::clone(&load_balancer.counters),
                idle_timeout: real_at_least(clock, attributes.idle_timeout, SHORTEST_PATIENCE),
                connect_timeout: real_at_least(clock, CONNECT_TIMEOUT, SHORTEST_PATIENCE),
                client_keep_alive: clock.real(attributes.client_keep_alive),
                attributes,
            });
            for listener in &load_balancer.config.listeners {
                let running = self.running.get(&listener.address).map(|running| running.bound);
                let address =
                    running.or_else(|| bound.get(&listener.address).copied()).unwrap_or(listener.address);
                let rules = listener
                    .rules
                    .iter()
                    .filter_map(|rule| {
                        let compiled = self.rules.get(&rule.arn)?;
                        let action = match &rule.action {
                            Action::Redirect(redirect) => ActionView::Redirect(redirect.clone()),
                            Action::FixedResponse(response) => ActionView::FixedResponse(response.clone()),
                            Action::Forward(forward) => ActionView::Forward(ForwardView {
                                groups: forward
                                    .groups
                                    .iter()
                                    .map(|weighted| {
                                        let arn = weighted.target_group.as_str();
                                        let known = groups.get(arn).map(Arc::clone);
                                        ForwardGroup {
                                            group: known
                                                .unwrap_or_else(|| Arc::new(GroupState::new(arn).view(now))),
                                            counters: load_balancer
                                                .forwards
                                                .counters(arn, self.shared.workers()),
                                        }
                                    })
                                    .collect(),
                                shares: Arc::clone(&compiled.shares),
                                stickiness: forward.stickiness,
                            }),
                        };
                        Some(RuleView { conditions: Arc::clone(&compiled.conditions), action })
                    })
                    .collect();
                let view = ListenerView { port: address.port(), load_balancer: Arc::clone(&view), rules };
                snapshot.listeners.insert(listener.address, Arc::new(view));
            }
        }
        snapshot.targets = self.groups.values().flat_map(GroupState::targets).map(Arc::clone).collect();
        self.shared.snapshot.store(Arc::new(snapshot));
    }

    /// Sends the events that are due.
    fn tell_all(&mut self) {
        for (arn, group) in &mut self.groups {
            for (target, health) in group.untold() {
                // Whoever dropped the receiver wants to hear nothing.
                let _ = self.events.send(Event::TargetHealth { target_group: arn.clone(), target, health });
            }
        }
    }
}

enum GroupChange {
    Put(TargetGroup),
    Remove(String),
}

/// The id by which a group's cookie names it.
fn group_id(arn: &str) -> u64 {
    sticky_id(&[arn])
}
