//! The weights of a deployment's listeners. Facts §4.4.
//!
//! The default rule of a listener and every rule of it that forwards to either target group are rewritten; others stay as
//! they are. Both groups stay in the rules with weights that are whole, so that the way back is one change of weights.

use tidegate_models::codedeploy::ErrorCode;

use super::{
    super::{
        records::{Deployment, Side},
        target,
    },
    Failure,
};
use crate::{State, ecs::records::Share, elbv2};

/// Puts green's target group behind the production listener, without traffic: only so do its health checks run.
pub(super) fn attach(state: &mut State, row: &Deployment) {
    shift_production(state, row, Share::NOTHING);
}

/// Gives green a share of the production traffic, and blue the rest.
pub(super) fn shift_production(state: &mut State, row: &Deployment, share: Share) {
    shift(state, row, &row.routes.production, share);
}

/// Gives green a share of the test traffic, and blue the rest.
pub(super) fn shift_test(state: &mut State, row: &Deployment, share: Share) {
    if let Some(test) = &row.routes.test {
        shift(state, row, test, share);
    }
}

fn shift(state: &mut State, row: &Deployment, listener: &str, share: Share) {
    let (green, blue) = share.weights();
    for rule in target::rules(state, listener, &groups(row)) {
        let wanted = [(row.green.target_group.as_str(), green), (row.blue.target_group.as_str(), blue)];
        elbv2::set_weights(state, &rule, wanted);
    }
}

/// What of the production traffic a side gets, in percent, as the listener's rules say now.
pub(super) fn weight(state: &State, row: &Deployment, side: &Side) -> f64 {
    let rules = target::rules(state, &row.routes.production, &groups(row));
    let is_default = |rule: &&String| state.rules.get(rule).is_some_and(|rule| rule.priority.is_none());
    let Some(rule) = rules.iter().find(is_default).or(rules.first()) else { return 0.0 };
    let weights = elbv2::weights(state, rule).unwrap_or_default();
    let total: i32 = weights.iter().map(|(_, weight)| weight).sum();
    let own = weights.iter().find(|(group, _)| *group == side.target_group).map_or(0, |(_, weight)| *weight);
    if total == 0 { 0.0 } else { f64::from(own) * 100.0 / f64::from(total) }
}

/// What is wrong with the production listener in mid-deployment: somebody else took the target groups out of it.
pub(super) fn trouble(state: &State, row: &Deployment) -> Option<Failure> {
    target::rules(state, &row.routes.production, &groups(row))
        .is_empty()
        .then(|| Failure::failed(ErrorCode::ElasticLoadBalancingInvalid, not_behind(&row.routes.production)))
}

/// Whether the production listener sends traffic to the target group of the PRIMARY task set; the error is AWS's.
pub(in crate::codedeploy) fn primary_is_behind(
    state: &State,
    target: &target::Target,
    group: &str,
) -> Result<(), String> {
    let rules = target::rules(state, &target.production, &target.groups);
    let mut weights = rules.iter().filter_map(|rule| elbv2::weights(state, rule)).flatten();
    if weights.any(|(known, weight)| known == group && weight > 0) {
        return Ok(());
    }
    Err(not_behind(&target.production))
}

fn not_behind(listener: &str) -> String {
    format!(
        "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener {listener}"
    )
}

fn groups(row: &Deployment) -> [String; 2] {
    [row.blue.target_group.clone(), row.green.target_group.clone()]
}
