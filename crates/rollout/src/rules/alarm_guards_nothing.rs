//! An alarm of the deployment configuration that cannot stop a deployment.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "alarm-guards-nothing",
    symptom: "an alarm did not stop it: already ALARM, INSUFFICIENT_DATA or missing",
    what: "an alarm of the service guards nothing as it stands",
    fix: "heal or correct the alarm: one that is in ALARM at the start is ignored, INSUFFICIENT_DATA is not ALARM",
    heals: Heals::Perhaps,
    bearing: Bearing::Note,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

use crate::case::AlarmState;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    let went_off = super::alarm_went_off::RULE;
    if (went_off.look)(&went_off, case).is_some() {
        return None;
    }
    let idle: Vec<_> = case.alarms.items().iter().filter(|alarm| alarm.state != AlarmState::Ok).collect();
    let first = idle.first()?;
    let evidence = idle.iter().map(|alarm| {
        let state = match alarm.state {
            AlarmState::Alarm => "is in ALARM already, and is ignored by a deployment that starts now",
            AlarmState::InsufficientData => "has INSUFFICIENT_DATA, which never stops a deployment",
            AlarmState::Missing => "does not exist",
            AlarmState::Ok => "is OK",
        };
        let reason = alarm.reason.as_deref().filter(|it| !it.is_empty());
        format!("{} {state}{}", alarm.name, reason.map(|it| format!(": {it}")).unwrap_or_default())
    });
    let what = format!("the alarm {} guards nothing as it stands", first.name);
    let cause = rule.found().named(what).all_seen(evidence);
    Some(cause.then(format!("aws cloudwatch describe-alarms --alarm-names {}", first.name)))
}
