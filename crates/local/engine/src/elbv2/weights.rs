//! The weights of a listener rule: what a staged deployment of ECS moves.

use tidegate_models::elbv2::{Action, ActionTypeEnum, ForwardActionConfig, TargetGroupTuple};

use crate::{Effect, State};

/// The target groups that a rule sends traffic to, with their weights; `None` when there is no such rule.
pub(crate) fn weights(state: &State, rule_arn: &str) -> Option<Vec<(String, i32)>> {
    let rule = state.rules.get(rule_arn)?;
    let forward = rule.actions.iter().find(|action| action.r#type == ActionTypeEnum::Forward)?;
    let weighted = forward.forward_config.iter().flat_map(|config| config.target_groups.iter().flatten());
    let weighted: Vec<(String, i32)> = weighted
        .filter_map(|group| Some((group.target_group_arn.clone()?, group.weight.unwrap_or(1))))
        .collect();
    if weighted.is_empty() {
        return Some(forward.target_group_arn.iter().map(|group| (group.clone(), 1)).collect());
    }
    Some(weighted)
}

/// Gives two groups of a rule their weights; other groups of it keep theirs. Does nothing where they have them.
pub(crate) fn set_weights(state: &mut State, rule_arn: &str, wanted: [(&str, i32); 2]) {
    let Some(before) = weights(state, rule_arn) else { return };
    let mut after = before.clone();
    for (group, weight) in wanted {
        match after.iter_mut().find(|(known, _)| known == group) {
            Some(known) => known.1 = weight,
            None => after.push((group.to_owned(), weight)),
        }
    }
    if after == before {
        return;
    }
    let listener = state.rules.update(rule_arn, |rule| {
        for action in rule.actions.iter_mut().filter(|action| action.r#type == ActionTypeEnum::Forward) {
            forward_to(action, &after);
        }
        rule.listener_arn.clone()
    });
    let listener = listener.and_then(|arn| state.listeners.get(&arn));
    if let Some(load_balancer) = listener.map(|listener| listener.load_balancer_arn.clone()) {
        state.effect(Effect::LoadBalancer(load_balancer));
    }
    for (group, _) in &after {
        state.touch(crate::state::Subject::TargetGroup(group.clone()));
    }
}

fn forward_to(action: &mut Action, groups: &[(String, i32)]) {
    let tuple = |(group, weight): &(String, i32)| TargetGroupTuple {
        target_group_arn: Some(group.clone()),
        weight: Some(*weight),
    };
    let config = action.forward_config.get_or_insert_with(ForwardActionConfig::default);
    config.target_groups = Some(groups.iter().map(tuple).collect());
    action.target_group_arn = None;
}
