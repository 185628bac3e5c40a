//! Load balancers as they were told, their rules compiled and their addresses bound before anything changes.
//!
//! A plan can be dropped without a trace. It must never be half carried out. Start at [`Plan::of`].

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use super::Control;
use crate::{
    balancer::ListenerAddress,
    config::{Action, Condition, LoadBalancer, Protocol, Rule},
    error::{ApplyError, BindError},
    metrics::{ForwardCounters, LoadBalancerCounters, Sharded},
    routing::{CompiledCondition, Shares},
    serve::bind,
};

/// A load balancer and what it counted.
pub(super) struct LoadBalancerState {
    pub(super) config: LoadBalancer,
    pub(super) counters: Arc<Sharded<LoadBalancerCounters>>,
    pub(super) forwards: Forwards,
}

impl LoadBalancerState {
    pub(super) fn new(config: LoadBalancer, workers: usize) -> Self {
        Self { config, counters: Arc::new(Sharded::new(workers)), forwards: Forwards::default() }
    }

    /// Whether a rule of it refers to the target group.
    pub(super) fn forwards_to(&self, target_group: &str) -> bool {
        let rules = self.config.listeners.iter().flat_map(|listener| &listener.rules);
        rules
            .filter_map(|rule| match &rule.action {
                Action::Forward(forward) => Some(&forward.groups),
                Action::Redirect(_) | Action::FixedResponse(_) => None,
            })
            .flatten()
            .any(|group| group.target_group == target_group)
    }
}

/// What was counted for the target groups behind one load balancer.
#[derive(Default)]
pub(super) struct Forwards(BTreeMap<String, Arc<Sharded<ForwardCounters>>>);

impl Forwards {
    pub(super) fn counters(&mut self, target_group: &str, workers: usize) -> Arc<Sharded<ForwardCounters>> {
        let counters =
            self.0.entry(target_group.to_owned()).or_insert_with(|| Arc::new(Sharded::new(workers)));
        Arc::clone(counters)
    }

    pub(super) fn remove(&mut self, target_group: &str) {
        self.0.remove(target_group);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Sharded<ForwardCounters>)> {
        self.0.iter().map(|(arn, counters)| (arn.as_str(), counters.as_ref()))
    }
}

/// A rule's parts that are made from its text.
#[derive(Clone)]
pub(super) struct CompiledRule {
    source: Vec<Condition>,
    weights: Vec<u16>,
    pub(super) conditions: Arc<[CompiledCondition]>,
    pub(super) shares: Arc<Shares>,
}

/// A listener whose address is taken and whose clients wait.
pub(super) struct BoundListener {
    pub(super) configured: SocketAddr,
    pub(super) bound: SocketAddr,
    pub(super) listener: TcpListener,
}

/// Everything about listeners that can fail, done.
pub(super) struct Plan {
    pub(super) rules: HashMap<String, CompiledRule>,
    pub(super) bound: Vec<BoundListener>,
}

impl Plan {
    /// Compiles and binds. On an error, what was reserved is reserved still.
    pub(super) fn of(
        load_balancers: &BTreeMap<String, LoadBalancer>,
        compiled: &HashMap<String, CompiledRule>,
        is_running: impl Fn(SocketAddr) -> bool,
        reserved: &mut HashMap<SocketAddr, TcpListener>,
    ) -> Result<Self, ApplyError> {
        let mut rules = HashMap::new();
        let mut owners: HashMap<SocketAddr, &str> = HashMap::new();
        for listener in load_balancers.values().flat_map(|load_balancer| &load_balancer.listeners) {
            if listener.protocol == Protocol::Https {
                return Err(ApplyError::TlsNotServed { listener: listener.arn.clone() });
            }
            match owners.entry(listener.address) {
                Entry::Vacant(free) => {
                    free.insert(&listener.arn);
                }
                Entry::Occupied(taken) => {
                    return Err(ApplyError::SameAddress {
                        address: listener.address,
                        first: (*taken.get()).to_owned(),
                        second: listener.arn.clone(),
                    });
                }
            }
            for rule in &listener.rules {
                rules.insert(rule.arn.clone(), compile(rule, compiled.get(&rule.arn))?);
            }
        }
        let mut bound = Vec::new();
        for address in owners.into_keys().filter(|&address| !is_running(address)) {
            match take(address, reserved) {
                Ok(listener) => bound.push(listener),
                Err(error) => {
                    reserved
                        .extend(bound.into_iter().map(|new: BoundListener| (new.configured, new.listener)));
                    return Err(error.into());
                }
            }
        }
        Ok(Self { rules, bound })
    }
}

fn take(
    address: SocketAddr,
    reserved: &mut HashMap<SocketAddr, TcpListener>,
) -> Result<BoundListener, BindError> {
    let failed = |source| BindError::new(address, source);
    let listener = match reserved.remove(&address) {
        Some(listener) => listener,
        None => bind(address).map_err(failed)?,
    };
    let bound = listener.local_addr().map_err(failed)?;
    Ok(BoundListener { configured: address, bound, listener })
}

/// Compiles what differs from before: turns go on where they were as long as the weights are the same.
fn compile(rule: &Rule, before: Option<&CompiledRule>) -> Result<CompiledRule, ApplyError> {
    let weights: Vec<u16> = match &rule.action {
        Action::Forward(forward) => forward.groups.iter().map(|group| group.weight.get()).collect(),
        Action::Redirect(_) | Action::FixedResponse(_) => Vec::new(),
    };
    let conditions = match before {
        Some(before) if before.source == rule.conditions => Arc::clone(&before.conditions),
        _ => rule
            .conditions
            .iter()
            .map(|condition| {
                CompiledCondition::compile(condition).map_err(|invalid| ApplyError::InvalidRegex {
                    rule: rule.arn.clone(),
                    pattern: invalid.pattern,
                    source: Box::new(invalid.source),
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let shares = match before {
        Some(before) if before.weights == weights => Arc::clone(&before.shares),
        _ => Arc::new(Shares::new(weights.iter().copied())),
    };
    Ok(CompiledRule { source: rule.conditions.clone(), weights, conditions, shares })
}

impl Control {
    pub(super) fn wanted_addresses(&self) -> HashSet<SocketAddr> {
        let listeners =
            self.load_balancers.values().flat_map(|load_balancer| &load_balancer.config.listeners);
        listeners.map(|listener| listener.address).collect()
    }

    /// The listeners and where they really listen.
    pub(crate) fn listeners(&self) -> Vec<ListenerAddress> {
        self.load_balancers
            .values()
            .flat_map(|load_balancer| {
                load_balancer.config.listeners.iter().map(|listener| ListenerAddress {
                    load_balancer: load_balancer.config.arn.clone(),
                    listener: listener.arn.clone(),
                    address: self
                        .running
                        .get(&listener.address)
                        .map_or(listener.address, |running| running.bound),
                })
            })
            .collect()
    }
}
