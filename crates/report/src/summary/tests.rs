//! The pages of rollouts that went well, badly, and nowhere.

use super::*;
use crate::stories::{BROKE, HELD, arn, began, canary, holds, stands, target};
use tidegate_rollout::DeploymentId;
use tidegate_rollout::cause::{Bearing, Cause, Certainty, Heals};
use tidegate_rollout::diagnosis::{HealthFinding, LogTail, StoppedGroup};
use tidegate_rollout::observation::BreakerCount;
use tidegate_rollout::task_definition::diff::Effect;

const AT: Millis = 1_700_000_000_000;

fn page(events: Vec<(Millis, Event)>) -> String {
    let events: Vec<Stamped> =
        events.into_iter().map(|(at, event)| Stamped { at_ms: AT + at, event }).collect();
    markdown(&events)
}

fn planned() -> Event {
    let image = |tag: &str| Shown::Value(format!("web:{tag}").into());
    Event::Planned {
        target: target(),
        from: arn(7),
        differences: vec![
            Difference {
                path: "containerDefinitions[web].image".into(),
                before: image("1"),
                after: image("2"),
                effect: Effect::RestartsTasks,
            },
            Difference {
                path: "containerDefinitions[web].environment[TOKEN].value".into(),
                before: Shown::Absent,
                after: Shown::Masked,
                effect: Effect::RestartsTasks,
            },
        ],
    }
}

fn started() -> Event {
    Event::Started {
        target: target(),
        deployment: DeploymentId::answered("ecs-svc/2222222222222222222"),
        service_deployment: None,
        task_definition: arn(8),
        desired: 3,
    }
}

#[test]
fn a_canary_that_its_gate_threw_back_is_a_picture_with_its_reason() {
    let plan = canary();
    let reason = format!("gate errors: {BROKE}");
    insta::assert_snapshot!(page(vec![
        (0, planned()),
        (0, Event::PlanMade { plan: plan.clone() }),
        (900, Event::Registered { task_definition: arn(8) }),
        (1_000, began(&plan, 0)),
        (40_000, began(&plan, 1)),
        (50_000, stands("errors", holds(HELD))),
        (61_000, stands("errors", Standing::Broken { evidence: BROKE.into() })),
        (61_000, Event::RollingBack { to: arn(7), reason: reason.clone() }),
        (
            75_000,
            Event::Decided {
                verdict: Verdict::RolledBack { to: arn(7), reason, breaker: None },
                duration_ms: 74_000,
            },
        ),
    ]));
}

#[test]
fn a_release_that_crashes_says_why_and_its_log_cannot_become_markup() {
    let diagnosis = Diagnosis {
        causes: vec![Cause {
            rule: "application-exits".into(),
            what: "the application exits: soon".into(),
            bearing: Bearing::Cause,
            certainty: Certainty::Proven,
            evidence: vec!["(service web) Essential container in task exited".into()],
            fix: "read what it logged last".into(),
            next: None,
            heals: Heals::Perhaps,
        }],
        events: Vec::new(),
        stopped: vec![StoppedGroup {
            reason: "Essential container | <b>exited</b>".into(),
            stop_code: None,
            tasks: 3,
            containers: vec!["web exited 1".into()],
            latest_task: "0123456789abcdef0123456789abcdef".into(),
        }],
        health: vec![HealthFinding {
            target_group: "web_blue".into(),
            check: "GET /health".into(),
            targets: vec!["10.0.1.7:8080 unhealthy".into()],
        }],
        logs: vec![LogTail {
            container: "web".into(),
            stream: "/ecs/web/0123".into(),
            lines: vec!["::error::not me".into(), "```".into(), "</details> @everyone".into()],
        }],
        missing: Vec::new(),
    };
    let cause = diagnosis.causes[0].clone();
    insta::assert_snapshot!(page(vec![
        (0, planned()),
        (0, Event::Warned { message: "the circuit breaker is off; this deployment switches it on".into() }),
        (1_000, started()),
        (20_000, Event::CauseFound { cause }),
        (30_000, Event::RollingBack { to: arn(7), reason: "tasks failed to start".into() }),
        (41_000, Event::Diagnosed { diagnosis }),
        (
            41_000,
            Event::Decided {
                verdict: Verdict::RolledBack {
                    to: arn(7),
                    reason: "tasks failed to start".into(),
                    breaker: Some(BreakerCount { failures: 3, threshold: 3 }),
                },
                duration_ms: 40_000,
            },
        ),
    ]));
}

#[test]
fn what_went_well_what_was_only_started_and_what_changed_nothing_say_so() {
    let promoted = Event::Decided {
        verdict: Verdict::Promoted { task_definition: arn(8), running: 3 },
        duration_ms: 31_000,
    };
    let pages = [
        page(vec![(0, planned()), (1_000, started()), (32_000, promoted)]),
        page(vec![(1_000, started())]),
        page(vec![(
            0,
            Event::NothingDone { reason: "nothing changed: the service runs web:7 already".into() },
        )]),
        page(vec![(0, Event::Registered { task_definition: arn(8) })]),
        page(Vec::new()),
    ];
    insta::assert_snapshot!(pages.join("\n=====\n"));
}

#[test]
fn names_in_a_picture_keep_to_its_grammar() {
    assert_eq!(plain("a: b; #c %%d\n{e}"), "a∶ b c %d e");
}

#[test]
fn a_recorder_keeps_what_it_passes_on() {
    let record = Record::default();
    let mut recorder = Recorder::recording(record.clone(), Box::new(crate::Silent));
    recorder.event(AT, &started());
    assert_eq!(*record.lock().expect("no panic"), [Stamped { at_ms: AT, event: started() }]);
}
