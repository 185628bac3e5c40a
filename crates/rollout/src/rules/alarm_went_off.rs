//! An alarm of the deployment went into ALARM.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "alarm-went-off",
    symptom: "rolled back by an alarm",
    what: "an alarm took the deployment back",
    fix: "see the alarm's metric of that time: a regression, or an alarm that is too twitchy",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if matches!(case.course(), crate::case::Course::Steady | crate::case::Course::Moving) {
        return None;
    }
    let of_ecs = case.service_deployment.known().and_then(|it| it.pointer("/alarms/triggeredAlarmNames")?.as_array());
    let names: Vec<&str> = of_ecs.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let reason = case.status_reason().filter(|reason| reason.contains("alarm"));
    let event = case.event_that_says("deployment failed: alarm detected");
    let by_code_deploy = super::code_deploy_failed::error(case).filter(|(code, _)| *code == "ALARM_ACTIVE");
    if names.is_empty() && reason.is_none() && event.is_none() && by_code_deploy.is_none() {
        return None;
    }
    let cause = rule.found();
    let cause = match names.first() {
        Some(first) => cause.named(format!("the alarm {first} took the deployment back")),
        None => cause,
    };
    let described = names.iter().filter_map(|name| case.alarms.items().iter().find(|it| it.name == *name));
    let watched = described.map(|alarm| {
        let watches = alarm.watches.clone().unwrap_or_else(|| "a composite of other alarms".to_owned());
        let reason = alarm.reason.as_ref().map(|it| format!("; now: {it}")).unwrap_or_default();
        format!("{}: {watches}{reason}", alarm.name)
    });
    let cause = cause
        .all_seen(reason.map(str::to_owned).or(event))
        .all_seen(by_code_deploy.map(|(code, message)| format!("{code}: {message}")))
        .all_seen(watched);
    let first = names.first().copied().map(str::to_owned);
    Some(match first.or_else(|| Some(case.alarms.items().first()?.name.clone())) {
        Some(name) => cause.then(format!(
            "aws cloudwatch describe-alarm-history --alarm-name {name} --history-item-type StateUpdate --max-items 5"
        )),
        None => cause,
    })
}
