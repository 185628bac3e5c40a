//! What follows from a change of rules: who must look again, and what must be told to the balancer.

use std::collections::BTreeSet;

use super::super::records::Rule;
use crate::{Effect, State, state::Subject};

/// Puts `rule` in the place of the rule with its ARN, or adds it.
pub(super) fn put_rule(state: &mut State, load_balancer_arn: &str, rule: Rule) {
    let mut groups = groups_of(state, &rule.arn);
    groups.extend(rule.target_groups().map(str::to_owned));
    state.rules.insert(&rule.arn.clone(), rule);
    rules_changed(state, load_balancer_arn, groups);
}

/// Removes a rule, and its tags.
pub(super) fn remove_rule(state: &mut State, load_balancer_arn: &str, rule_arn: &str) {
    let groups = groups_of(state, rule_arn);
    state.rules.remove(rule_arn);
    state.tags.remove(rule_arn);
    rules_changed(state, load_balancer_arn, groups);
}

/// Removes a listener with all its rules, and their tags.
pub(super) fn remove_listener(state: &mut State, load_balancer_arn: &str, listener_arn: &str) {
    let rules: Vec<String> = state.rules.indexed_by(listener_arn).map(|(arn, _)| arn.to_owned()).collect();
    for rule in rules {
        remove_rule(state, load_balancer_arn, &rule);
    }
    state.listeners.remove(listener_arn);
    state.tags.remove(listener_arn);
    state.effect(Effect::LoadBalancer(load_balancer_arn.to_owned()));
}

fn groups_of(state: &State, rule_arn: &str) -> BTreeSet<String> {
    let rule = state.rules.get(rule_arn).into_iter();
    rule.flat_map(Rule::target_groups).map(str::to_owned).collect()
}

/// The groups may have come into use or gone out of it: their targets' states follow.
fn rules_changed(state: &mut State, load_balancer_arn: &str, groups: BTreeSet<String>) {
    state.effect(Effect::LoadBalancer(load_balancer_arn.to_owned()));
    for group in groups {
        state.touch(Subject::TargetGroup(group));
    }
}
