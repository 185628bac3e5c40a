//! Stories of deployments, told look by look.

use super::seen::{Deployment, ErrorInformation, Label, RollsBack, Stage, TaskSet};
use super::*;
use crate::gate::{AlarmReading, Approval, At, Check, Gate, Reading};
use crate::names::{ClusterName, ServiceName};
use crate::observation::StoppedContainer;
use crate::plan::Size;
use crate::strategy::{CanaryStep, DeploymentGroup, Traffic};
use crate::{Event, Strategy};

const MINUTE: Millis = 60_000;
const OK: Reading = Reading::Alarm(AlarmReading::Ok);

fn revision(number: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/web:{number}")).expect("valid")
}

fn id(text: &str) -> DeploymentId {
    DeploymentId::answered(text)
}

fn rollout(gates: Vec<Gate>) -> Rollout {
    let target = ServiceRef {
        cluster: ClusterName::parse("prod").expect("valid"),
        service: ServiceName::parse("web").expect("valid"),
    };
    let traffic = Traffic::Canary {
        steps: vec![CanaryStep { weight: Percent::whole(10), bake: 5 * MINUTE }],
        bake: 5 * MINUTE,
    };
    let group = DeploymentGroup {
        application: "app".into(),
        group: "dg".into(),
        config: None,
        hooks: BTreeMap::new(),
    };
    let size = Size { desired: 3, maximum_percent: 200 };
    Rollout::begin(Start {
        plan: Plan::of(target, Strategy::CodeDeploy(traffic, group), gates, size),
        stable: revision(7),
        candidate: revision(8),
        candidate_set: None,
        deployment: id("d-OURS"),
        hooks: BTreeMap::from([("BeforeAllowTraffic".to_owned(), "smoke".to_owned())]),
        gates_timeout: 10 * MINUTE,
        desired: 3,
        started_at: 0,
        deadline: 60 * MINUTE,
    })
}

fn alarm(at: At) -> Gate {
    Gate { name: "alarms".into(), check: Check::Alarm { alarm: "high-errors".into() }, at }
}

fn deployment(status: Status) -> Deployment {
    let rolls_back =
        RollsBack { on_failure: Answers::GoesBack, on_alarm: Answers::Stays, on_request: Answers::GoesBack };
    Deployment { id: id("d-OURS"), status, error: None, rollback: None, rolls_back }
}

fn failed(status: Status, code: &str, message: &str) -> Deployment {
    let error = ErrorInformation { code: code.into(), message: message.into() };
    Deployment { error: Some(error), ..deployment(status) }
}

/// The stages up to and with this one, and the candidate's share.
fn target(stage: &str, share: u16) -> Target {
    let all = [
        "BeforeInstall",
        "Install",
        "AfterInstall",
        "AllowTestTraffic",
        "AfterAllowTestTraffic",
        "BeforeAllowTraffic",
        "AllowTraffic",
        "AfterAllowTraffic",
    ];
    let at = all.iter().position(|name| *name == stage).expect("a stage");
    let stages = all.iter().enumerate().map(|(index, name)| Stage {
        name: (*name).into(),
        status: match index.cmp(&at) {
            std::cmp::Ordering::Less => StageStatus::Succeeded,
            std::cmp::Ordering::Equal => StageStatus::InProgress,
            std::cmp::Ordering::Greater => StageStatus::Pending,
        },
        diagnostics: None,
    });
    let set = |id_of: &str, label, weight, status: &str| TaskSet {
        id: id(id_of),
        label,
        status: status.into(),
        weight,
        desired: 3,
        running: 3,
        pending: 0,
    };
    let share = Percent::whole(share);
    Target {
        stages: stages.collect(),
        task_sets: vec![
            set("ecs-svc/1", Label::Blue, share.rest(), "PRIMARY"),
            set("ecs-svc/2", Label::Green, share, "ACTIVE"),
        ],
    }
}

/// Takes a look, answering the gates' questions with `reading`.
fn look(rollout: &Rollout, mut seen: Seen, reading: &Reading, now: Millis) -> (Rollout, Vec<Action>) {
    let (mut next, mut actions) = step(rollout, &seen, now);
    if let Some(Action::AskGates(questions)) =
        actions.iter().find(|action| matches!(action, Action::AskGates(_)))
    {
        seen.readings = Some(questions.iter().map(|gate| (*gate, reading.clone())).collect());
        let (fuller, more) = step(&next, &seen, now);
        next = fuller;
        actions.extend(more);
    }
    (next, actions)
}

fn told(actions: &[Action]) -> Vec<String> {
    let name = |event: &Event| {
        let value = serde_json::to_value(event).expect("JSON");
        value["event"].as_str().expect("named").to_owned()
    };
    let words = actions.iter().map(|action| match action {
        Action::Report(event) => name(event),
        Action::AskGates(_) => "ask gates".into(),
        Action::ReadStoppedTasks => "read stopped tasks".into(),
        Action::LetTrafficMove => "let traffic move".into(),
        Action::StopWithRollback => "stop with rollback".into(),
    });
    words.collect()
}

#[test]
fn a_good_canary_goes_through_its_steps_and_is_promoted() {
    let mut rollout = rollout(vec![alarm(At::EveryStep)]);
    let mut steps = Vec::new();
    let story = [
        ("Install", 0, Status::InProgress, 1),
        ("AllowTestTraffic", 0, Status::InProgress, 2),
        ("AllowTraffic", 10, Status::InProgress, 3),
        ("AllowTraffic", 100, Status::InProgress, 9),
        ("AfterAllowTraffic", 100, Status::InProgress, 10),
        ("AfterAllowTraffic", 100, Status::Succeeded, 15),
    ];
    for (stage, share, status, minute) in story {
        let seen = Seen::of(deployment(status), Some(target(stage, share)));
        let (next, actions) = look(&rollout, seen, &OK, minute * MINUTE);
        assert!(!actions.contains(&Action::StopWithRollback), "{actions:?}");
        rollout = next;
        steps.push(rollout.plan().steps[rollout.step()].kind);
    }
    assert_eq!(
        steps,
        [
            StepKind::ScaleUp,
            StepKind::TestTraffic,
            StepKind::Shift(Percent::whole(10)),
            StepKind::Shift(Percent::ALL),
            StepKind::Shift(Percent::ALL),
            StepKind::Shift(Percent::ALL),
        ]
    );
    assert_eq!(rollout.verdict(), Some(&Verdict::Promoted { task_definition: revision(8), running: 3 }));
}

#[test]
fn a_broken_gate_stops_the_deployment_at_once_and_its_way_back_is_followed_to_its_end() {
    let rollout = rollout(vec![alarm(At::EveryStep)]);
    let on = Reading::Alarm(AlarmReading::Alarm("Threshold Crossed".into()));
    let shifting = Seen::of(deployment(Status::InProgress), Some(target("AllowTraffic", 10)));
    let (rollout, actions) = look(&rollout, shifting, &on, 3 * MINUTE);
    let said = told(&actions);
    assert_eq!(said[said.len() - 3..], ["gate_stands", "rolling_back", "stop with rollback"], "{said:?}");

    // Stopped, and nothing is said of a way back yet: it is waited for.
    let stopped = failed(Status::Stopped, "MANUAL_STOP", "The deployment was stopped.");
    let seen = Seen::of(stopped.clone(), Some(target("AllowTraffic", 10)));
    let (rollout, actions) = look(&rollout, seen, &on, 3 * MINUTE + 1_000);
    assert_eq!(rollout.verdict(), None, "{actions:?}");

    let named = Deployment { rollback: Some(id("d-BACK")), ..stopped };
    let (rollout, _) =
        look(&rollout, Seen::of(named, Some(target("AllowTraffic", 10))), &on, 3 * MINUTE + 2_000);
    assert_eq!(rollout.followed(), &id("d-BACK"));

    let back = |status| Deployment { id: id("d-BACK"), ..deployment(status) };
    let (rollout, _) = look(&rollout, Seen::of(back(Status::InProgress), None), &on, 3 * MINUTE + 3_000);
    let (rollout, actions) = look(&rollout, Seen::of(back(Status::Succeeded), None), &on, 3 * MINUTE + 4_000);
    assert_eq!(told(&actions), ["decided"]);
    let Some(Verdict::RolledBack { to, reason, .. }) = rollout.verdict() else { panic!("{actions:?}") };
    assert_eq!((to, reason.starts_with("gate alarms: ")), (&revision(7), true), "{reason}");
}

#[test]
fn a_deployment_that_is_ready_goes_on_once_the_gates_before_the_shift_pass_and_not_before() {
    let approval = Gate {
        name: "approval".into(),
        check: Check::Approval { question: "does green look right?".into() },
        at: At::Steps(vec![Percent::NONE]),
    };
    let ready = || Seen::of(deployment(Status::Ready), Some(target("AfterAllowTestTraffic", 0)));
    let pending = Reading::Approval(Approval::Pending);
    let granted = Reading::Approval(Approval::Granted { by: "ann".into() });
    let (next, actions) = look(&rollout(vec![approval]), ready(), &pending, MINUTE);
    assert!(!actions.contains(&Action::LetTrafficMove), "{actions:?}");
    let (next, actions) = look(&next, ready(), &granted, MINUTE + 1_000);
    assert!(actions.contains(&Action::LetTrafficMove), "{actions:?}");
    // It is told once, and again only if that did not help.
    let (next, actions) = look(&next, ready(), &granted, MINUTE + 3_000);
    assert!(!actions.contains(&Action::LetTrafficMove), "{actions:?}");
    let (_, actions) = look(&next, ready(), &granted, MINUTE + 20_000);
    assert!(actions.contains(&Action::LetTrafficMove), "{actions:?}");
}

#[test]
fn without_a_gate_before_the_shift_a_ready_deployment_is_let_go_on_at_once() {
    let seen = Seen::of(deployment(Status::Ready), Some(target("AfterAllowTestTraffic", 0)));
    let (_, actions) = look(&rollout(Vec::new()), seen, &OK, MINUTE);
    assert!(actions.contains(&Action::LetTrafficMove), "{actions:?}");
}

fn crashed(number: u32, reason: &str) -> StoppedTask {
    StoppedTask {
        id: format!("{number:032x}"),
        started_by: Some(id("ecs-svc/2")),
        stop_code: Some("EssentialContainerExited".into()),
        stopped_reason: Some(reason.into()),
        stopped_at: Some(i64::from(number)),
        containers: vec![StoppedContainer {
            name: "web".into(),
            exit_code: Some(1),
            reason: None,
            health_status: None,
        }],
    }
}

#[test]
fn tasks_that_crash_are_counted_as_the_circuit_breaker_would_since_codedeploy_has_none() {
    let rollout = rollout(Vec::new());
    let mut starting = target("Install", 0);
    starting.task_sets[1].running = 1;
    let seen = Seen::of(deployment(Status::InProgress), Some(starting));
    let (rollout, actions) = look(&rollout, seen.clone(), &OK, MINUTE);
    assert!(actions.contains(&Action::ReadStoppedTasks), "{actions:?}");
    let with = |count| Seen {
        stopped_tasks: Some((0..count).map(|n| crashed(n, "Essential container in task exited")).collect()),
        ..seen.clone()
    };
    let (rollout, actions) = look(&rollout, with(2), &OK, MINUTE);
    assert!(!actions.contains(&Action::StopWithRollback), "two of three: {actions:?}");
    let (_, actions) = look(&rollout, with(3), &OK, 2 * MINUTE);
    let Some(Action::Report(Event::RollingBack { reason, .. })) =
        actions.iter().find(|action| matches!(action, Action::Report(Event::RollingBack { .. })))
    else {
        panic!("{actions:?}")
    };
    assert_eq!(reason, "3 tasks of the candidate failed: the application exits");
}

#[test]
fn what_cannot_heal_ends_the_wait_at_first_sight() {
    let seen = Seen {
        stopped_tasks: Some(vec![crashed(
            1,
            "CannotPullContainerError: failed to resolve ref web:2: not found",
        )]),
        ..Seen::of(deployment(Status::InProgress), Some(target("Install", 0)))
    };
    let (_, actions) = look(&rollout(Vec::new()), seen, &OK, MINUTE);
    assert!(actions.contains(&Action::StopWithRollback), "{actions:?}");
}

#[test]
fn a_failed_hook_is_named_with_its_function_and_its_diagnostics() {
    let mut at_hook = target("BeforeAllowTraffic", 0);
    let stage = at_hook.stages.iter_mut().find(|stage| stage.name == "BeforeAllowTraffic").expect("there");
    stage.status = StageStatus::Failed;
    stage.diagnostics = Some("ScriptFailed: the smoke test found no front page".into());
    let message =
        "The deployment failed because one or more of the lifecycle event validation functions failed.";
    let seen = Seen::of(
        Deployment {
            rollback: Some(id("d-BACK")),
            ..failed(Status::Failed, "HOOK_EXECUTION_FAILURE", message)
        },
        Some(at_hook),
    );
    let (rollout, _) = look(&rollout(Vec::new()), seen, &OK, MINUTE);
    let cause = &rollout.diagnosis().causes[0];
    assert_eq!(cause.what, "a lifecycle hook failed at BeforeAllowTraffic (smoke)");
    assert!(cause.said().ends_with("found no front page"), "{}", cause.said());
    assert_eq!(rollout.followed(), &id("d-BACK"));
}

#[test]
fn a_deployment_that_fails_before_any_traffic_and_does_not_go_back_has_left_stable_alone() {
    let mut quiet = failed(Status::Failed, "TIMEOUT", "The deployment timed out.");
    quiet.rolls_back = RollsBack::default();
    let (rollout, _) = look(&rollout(Vec::new()), Seen::of(quiet, Some(target("Install", 0))), &OK, MINUTE);
    assert!(matches!(rollout.verdict(), Some(Verdict::RolledBack { .. })), "{:?}", rollout.verdict());
}

#[test]
fn one_that_somebody_stopped_half_way_says_who_serves() {
    let mut stopped = failed(Status::Stopped, "MANUAL_STOP", "The deployment was stopped.");
    stopped.rolls_back = RollsBack::default();
    let seen = Seen::of(stopped, Some(target("AllowTraffic", 10)));
    let (rollout, _) = look(&rollout(Vec::new()), seen, &OK, MINUTE);
    let Some(Verdict::Aborted { reason }) = rollout.verdict() else { panic!("{:?}", rollout.verdict()) };
    assert!(reason.ends_with("10 % of production stays with the candidate"), "{reason}");
}

#[test]
fn a_way_back_that_fails_is_no_rollback() {
    let named = Deployment {
        rollback: Some(id("d-BACK")),
        ..failed(Status::Failed, "ALARM_ACTIVE", "One or more alarms have been activated.")
    };
    let seen = Seen::of(named, Some(target("AllowTraffic", 10)));
    let (rollout, _) = look(&rollout(Vec::new()), seen, &OK, MINUTE);
    let back = Deployment { id: id("d-BACK"), ..failed(Status::Failed, "ECS_UPDATE_ERROR", "no") };
    let (rollout, _) = look(&rollout, Seen::of(back, None), &OK, MINUTE);
    assert!(matches!(rollout.verdict(), Some(Verdict::Failed { .. })), "{:?}", rollout.verdict());
}

#[test]
fn a_stop_that_comes_too_late_or_is_refused_is_told_as_it_is() {
    let on = Reading::Alarm(AlarmReading::Alarm("Threshold Crossed".into()));
    let shifting = || Seen::of(deployment(Status::InProgress), Some(target("AllowTraffic", 10)));
    let (stopping, _) = look(&rollout(vec![alarm(At::EveryStep)]), shifting(), &on, MINUTE);
    let done = Seen::of(deployment(Status::Succeeded), Some(target("AfterAllowTraffic", 100)));
    let (late, _) = look(&stopping, done, &on, 2 * MINUTE);
    let (refused, _) = stopping.stop_refused("DeploymentAlreadyCompletedException", 2 * MINUTE);
    for rollout in [late, refused] {
        assert!(matches!(rollout.verdict(), Some(Verdict::Failed { .. })), "{:?}", rollout.verdict());
    }
}

#[test]
fn the_deadline_ends_the_wait_and_says_how_far_it_came() {
    let seen = Seen::of(deployment(Status::InProgress), Some(target("AllowTraffic", 10)));
    let (rollout, _) = look(&rollout(Vec::new()), seen, &OK, 60 * MINUTE);
    let Some(Verdict::TimedOut { reached }) = rollout.verdict() else { panic!("{:?}", rollout.verdict()) };
    assert_eq!(reached, "deployment d-OURS is at AllowTraffic with 10 % of production on web:8");
}

/// What goes back, with the labels that CodeDeploy gives it: its green is what served before.
fn back_target(candidates: u16) -> Target {
    let mut target = target("AllowTraffic", candidates);
    target.task_sets[0].label = Label::Green;
    target.task_sets[1].label = Label::Blue;
    target
}

fn last_weighed(actions: &[Action]) -> Option<(Percent, Option<Percent>)> {
    actions.iter().rev().find_map(|action| match action {
        Action::Report(Event::Weighed { asked, set, .. }) => Some((*asked, *set)),
        _ => None,
    })
}

#[test]
fn the_share_of_a_rollout_that_is_picked_up_while_it_goes_back_is_the_candidate_s() {
    let stopped = Deployment {
        rollback: Some(id("d-BACK")),
        ..failed(Status::Stopped, "MANUAL_STOP", "The deployment was stopped.")
    };
    let back = |status| Deployment { id: id("d-BACK"), ..deployment(status) };
    // CodeDeploy may have forgotten the task set of a deployment that is over: the service knew it.
    let picked_up = |candidate_set| {
        let begun = rollout(Vec::new());
        Rollout::begin(Start { candidate_set, ..begun.start })
    };
    for (known, of_own) in [(None, Some(target("AllowTraffic", 100))), (Some(id("ecs-svc/2")), None)] {
        let (rollout, mut told) = look(&picked_up(known), Seen::of(stopped.clone(), of_own), &OK, MINUTE);
        let story = [(Status::InProgress, 100), (Status::InProgress, 0), (Status::Succeeded, 0)];
        let mut rollout = rollout;
        for (status, share) in story {
            let seen = Seen::of(back(status), Some(back_target(share)));
            let (next, actions) = look(&rollout, seen, &OK, 2 * MINUTE);
            rollout = next;
            told.extend(actions);
        }
        let weighed = last_weighed(&told);
        assert_eq!(weighed, Some((Percent::NONE, Some(Percent::NONE))));
        assert!(matches!(rollout.verdict(), Some(Verdict::RolledBack { .. })), "{:?}", rollout.verdict());
    }
}

#[test]
fn a_stop_that_somebody_else_sent_is_followed_and_gates_are_not_asked_any_more() {
    let rollout = rollout(vec![alarm(At::EveryStep)]).asked_to_stop("ann asked".into());
    let still = Seen::of(deployment(Status::InProgress), Some(target("AllowTraffic", 10)));
    let (rollout, actions) = step(&rollout, &still, MINUTE);
    assert!(!told(&actions).contains(&"ask gates".to_owned()), "{actions:?}");
    let stopped = Deployment {
        rollback: Some(id("d-BACK")),
        ..failed(Status::Stopped, "MANUAL_STOP", "The deployment was stopped.")
    };
    let (rollout, _) = step(&rollout, &Seen::of(stopped, Some(target("AllowTraffic", 10))), MINUTE);
    let back = Deployment { id: id("d-BACK"), ..deployment(Status::Succeeded) };
    let (rollout, actions) = step(&rollout, &Seen::of(back, Some(back_target(0))), MINUTE);
    assert_eq!(last_weighed(&actions).map(|(_, set)| set), Some(Some(Percent::NONE)), "{actions:?}");
    let Some(Verdict::RolledBack { reason, .. }) = rollout.verdict() else { panic!("{actions:?}") };
    assert_eq!(reason, "ann asked");
}

#[test]
fn a_hook_that_fails_before_the_candidate_has_a_task_set_leaves_nothing_to_wait_for() {
    let message = "The deployment timed out while waiting for a status callback.";
    let mut before = target("BeforeInstall", 0);
    before.task_sets.truncate(1);
    before.stages[0].status = StageStatus::Failed;
    let mut begun = rollout(Vec::new());
    begun.start.hooks = BTreeMap::from([("BeforeInstall".to_owned(), "migrate".to_owned())]);
    let seen = Seen::of(failed(Status::Failed, "HOOK_EXECUTION_FAILURE", message), Some(before));
    let (rollout, _) = look(&begun, seen, &OK, MINUTE);
    let Some(Verdict::RolledBack { reason, .. }) = rollout.verdict() else {
        panic!("{:?}", rollout.verdict())
    };
    assert_eq!(reason, &format!("a lifecycle hook failed at BeforeInstall (migrate): {message}"));
}
