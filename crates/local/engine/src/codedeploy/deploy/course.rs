//! The course of a deployment: which phases it has, in which order. Facts §4.3.

use tidegate_models::codedeploy::LifecycleEventStatus;

use super::super::records::{Deployment, Event, EventRun, Phase, Ready, Routes, Termination, Work};

/// The phases of a deployment, in their order.
fn phases(row: &Deployment) -> Vec<Phase> {
    match row.work {
        Work::Deploy(_) => deploy(&row.routes, row.ready, row.termination),
        Work::RollBack => vec![Phase::Event(Event::AllowTraffic), Phase::Over],
    }
}

fn deploy(routes: &Routes, ready: Ready, termination: Termination) -> Vec<Phase> {
    let mut phases: Vec<Phase> = listed(routes).into_iter().map(Phase::Event).collect();
    if matches!(ready, Ready::StopAfter { .. }) {
        let before = phases.iter().position(|phase| *phase == Phase::Event(Event::BeforeAllowTraffic));
        phases.insert(before.unwrap_or(phases.len()), Phase::ReadyWait);
    }
    if matches!(termination, Termination::After { .. }) {
        phases.push(Phase::TerminationWait);
    }
    phases.push(Phase::Over);
    phases
}

/// The lifecycle events that a deployment has: without a test listener those of test traffic are absent.
fn listed(routes: &Routes) -> Vec<Event> {
    let is_test = |event: Event| matches!(event, Event::AllowTestTraffic | Event::AfterAllowTestTraffic);
    Event::ALL.into_iter().filter(|event| routes.test.is_some() || !is_test(*event)).collect()
}

/// The first phase.
pub(super) fn first(row: &Deployment) -> Phase {
    phases(row).first().copied().unwrap_or(Phase::Over)
}

/// The phase after the one that the deployment is in.
pub(super) fn next(row: &Deployment) -> Phase {
    let phases = phases(row);
    let at = phases.iter().position(|phase| *phase == row.phase);
    at.and_then(|at| phases.get(at + 1)).copied().unwrap_or(Phase::Over)
}

/// The lifecycle events of a new deployment: those that a roll-back does not need are skipped.
pub(in crate::codedeploy) fn events_of(work: &Work, routes: &Routes) -> Vec<EventRun> {
    let run = |event: Event| EventRun {
        event,
        status: match work {
            Work::RollBack if event != Event::AllowTraffic => LifecycleEventStatus::Skipped,
            _ => LifecycleEventStatus::Pending,
        },
        started_at: None,
        ended_at: None,
        failure: None,
        hook: None,
    };
    listed(routes).into_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(test: Option<&str>, ready: Ready, termination: Termination) -> Vec<String> {
        let routes = Routes { production: "prod".to_owned(), test: test.map(str::to_owned) };
        let name = |phase: Phase| match phase {
            Phase::Event(event) => event.as_str().to_owned(),
            other => format!("{other:?}"),
        };
        deploy(&routes, ready, termination).into_iter().map(name).collect()
    }

    #[test]
    fn the_phases_follow_each_other_as_on_aws() {
        let all = names(Some("test"), Ready::StopAfter { minutes: 5 }, Termination::After { minutes: 5 });
        assert_eq!(
            all,
            [
                "BeforeInstall",
                "Install",
                "AfterInstall",
                "AllowTestTraffic",
                "AfterAllowTestTraffic",
                "ReadyWait",
                "BeforeAllowTraffic",
                "AllowTraffic",
                "AfterAllowTraffic",
                "TerminationWait",
                "Over",
            ]
        );
    }

    #[test]
    fn without_a_test_listener_or_waits_their_phases_are_absent() {
        let least = names(None, Ready::Continue, Termination::KeepAlive);
        assert_eq!(
            least,
            [
                "BeforeInstall",
                "Install",
                "AfterInstall",
                "BeforeAllowTraffic",
                "AllowTraffic",
                "AfterAllowTraffic",
                "Over",
            ]
        );
    }
}
