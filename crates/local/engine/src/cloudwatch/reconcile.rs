//! Whether an alarm is to be in another state. Start at [`reconcile_alarm`].

use tidegate_models::Timestamp;

use super::{alarms, composite, records::Definition};
use crate::State;

/// Evaluates an alarm. Answers when to look again though nothing happens.
pub(crate) fn reconcile_alarm(state: &mut State, arn: &str, now: Timestamp) -> Option<Timestamp> {
    let scope = alarms::scope_of(arn)?;
    match &state.alarms.get(arn)?.definition {
        Definition::Composite(_) => {
            composite::evaluate(state, &scope, arn, now);
            None
        }
        Definition::Metric(_) => None,
    }
}
