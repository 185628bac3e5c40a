//! Targets of target groups: registered, found healthy or not, drained, forgotten.

use tidegate_models::Timestamp;

use crate::{State, elbv2::TargetHealth};

/// Registers a target; a draining one is wanted again.
pub(crate) fn register_target(state: &mut State, group_arn: &str, id: &str, port: u16, now: Timestamp) {
    let _ = (state, group_arn, id, port, now);
}

/// Deregisters a target: it drains for the group's deregistration delay, then it is forgotten.
pub(crate) fn deregister_target(state: &mut State, group_arn: &str, id: &str, port: u16, now: Timestamp) {
    let _ = (state, group_arn, id, port, now);
}

/// What is known of a target's health; `None` when it is not registered (any more).
pub(crate) fn health_of(state: &State, group_arn: &str, id: &str, port: u16) -> Option<TargetHealth> {
    let _ = (state, group_arn, id, port);
    None
}

/// Whether a rule of some listener forwards to the group.
pub(crate) fn is_behind_load_balancer(state: &State, group_arn: &str) -> bool {
    let _ = (state, group_arn);
    false
}

/// Takes in what a health check found. Touches the services whose tasks the target is.
pub(crate) fn observe(
    state: &mut State,
    group_arn: &str,
    id: &str,
    port: u16,
    health: TargetHealth,
    now: Timestamp,
) {
    let _ = (state, group_arn, id, port, health, now);
}

/// Forgets targets that have drained. Answers when to look again.
pub(crate) fn reconcile_target_group(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let _ = (state, arn, now);
    None
}
