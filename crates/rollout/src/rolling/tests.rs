//! The watch, against recorded looks: the texts and the order are those that real services showed.
#![allow(clippy::expect_used, reason = "a test may stop at what it did not expect")]

use super::*;
use crate::names::{ClusterName, ServiceName};
use crate::observation::{BreakerCount, RolloutState, ServiceDeployment, ServiceDeploymentStatus};

const OLD: &str = "ecs-svc/1111111111111111111";
const NEW: &str = "ecs-svc/2222222222222222222";
const OTHER: &str = "ecs-svc/3333333333333333333";

fn revision(n: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::parse(&format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{n}"))
        .expect("valid")
}

fn sd_arn() -> ServiceDeploymentArn {
    ServiceDeploymentArn::answered("arn:aws:ecs:eu-west-1:123456789012:service-deployment/prod/web/abc")
}

fn rollout() -> Rollout {
    Rollout::begin(Start {
        target: ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        },
        candidate: revision(8),
        deployment: DeploymentId::answered(NEW),
        service_deployment: Some(sd_arn()),
        earlier_service_deployment: None,
        earlier_deployments: BTreeSet::from([DeploymentId::answered(OLD)]),
        known_events: BTreeSet::new(),
        started_at: 0,
        deadline: 600_000,
    })
}

fn deployment(id: &str, status: &str, td: u32, running: u32, state: RolloutState) -> Deployment {
    Deployment {
        id: DeploymentId::answered(id),
        status: status.into(),
        task_definition: revision(td),
        desired: 3,
        running,
        pending: 0,
        failed: 0,
        rollout_state: Some(state),
        rollout_state_reason: None,
        created_at: None,
    }
}

fn look(deployments: Vec<Deployment>) -> Observation {
    Observation::of(ServiceSeen::Described(Box::new(Service {
        status: "ACTIVE".into(),
        task_definition: revision(8),
        desired_count: 3,
        deployments,
        events: vec![],
        current_service_deployment: Some(sd_arn()),
        circuit_breaker: CircuitBreaker::RollsBack,
    })))
}

fn service(look: &mut Observation) -> &mut Service {
    match &mut look.service {
        ServiceSeen::Described(service) => service,
        ServiceSeen::Missing => panic!("described in these tests"),
    }
}

fn with_sd(mut look: Observation, status: ServiceDeploymentStatus) -> Observation {
    look.service_deployment = Some(ServiceDeployment {
        arn: sd_arn(),
        status,
        status_reason: Some(
            "Service deployment rolled back because the circuit breaker threshold was exceeded.".into(),
        ),
        breaker: Some(BreakerCount { failures: 3, threshold: 3 }),
        rollback_reason: None,
        triggered_alarms: Vec::new(),
        staging: crate::observation::Staging::default(),
    });
    look
}

fn verdict_after(rollout: &Rollout, seen: &Observation, now: Millis) -> Option<Verdict> {
    step(rollout, seen, now).0.verdict().cloned()
}

use RolloutState::{Completed, Failed, InProgress};

#[test]
fn a_completed_deployment_at_the_wanted_count_is_promoted() {
    let seen = look(vec![deployment(NEW, "PRIMARY", 8, 3, Completed)]);
    assert_eq!(
        verdict_after(&rollout(), &seen, 90_000),
        Some(Verdict::Promoted { task_definition: revision(8), running: 3 })
    );
}

#[test]
fn completed_with_a_task_missing_is_not_yet_success() {
    let seen = look(vec![deployment(NEW, "PRIMARY", 8, 2, Completed)]);
    assert_eq!(verdict_after(&rollout(), &seen, 90_000), None);
}

#[test]
fn running_in_full_while_old_tasks_drain_is_not_yet_success_and_the_verdict_is_near() {
    let seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 3, InProgress), deployment(OLD, "ACTIVE", 7, 0, Completed)]);
    let (next, _) = step(&rollout(), &seen, 90_000);
    assert_eq!((next.verdict(), next.pulse().nearness), (None, Nearness::VerdictIsNear));
}

#[test]
fn steady_on_the_old_revision_is_rolled_back_and_never_success() {
    let seen = look(vec![deployment(OLD, "PRIMARY", 7, 3, Completed)]);
    let (next, actions) = step(&rollout(), &seen, 90_000);
    assert_eq!(next.verdict(), None);
    assert_eq!(actions.last(), Some(&Action::ReadServiceDeployment(sd_arn())));
    let verdict = verdict_after(&next, &with_sd(seen, ServiceDeploymentStatus::RollbackSuccessful), 90_000);
    assert_eq!(
        verdict,
        Some(Verdict::RolledBack {
            to: revision(7),
            reason: "Service deployment rolled back because the circuit breaker threshold was exceeded."
                .into(),
            breaker: Some(BreakerCount { failures: 3, threshold: 3 }),
        })
    );
}

#[test]
fn a_service_that_goes_back_is_followed_until_it_is_steady() {
    let mut back = deployment(OLD, "PRIMARY", 7, 2, InProgress);
    back.rollout_state_reason =
        Some(format!("ECS deployment circuit breaker: rolling back to deploymentId {OLD}."));
    let mut lost = deployment(NEW, "ACTIVE", 8, 0, Failed);
    lost.rollout_state_reason = Some("ECS deployment circuit breaker: tasks failed to start.".into());
    let (next, actions) = step(&rollout(), &look(vec![back, lost]), 60_000);
    assert_eq!(next.verdict(), None);
    assert!(actions.contains(&Action::Report(Event::RollingBack {
        to: revision(7),
        reason: "ECS deployment circuit breaker: tasks failed to start.".into(),
    })));
    let (again, actions) = step(&next, &look(vec![deployment(OLD, "PRIMARY", 7, 2, InProgress)]), 62_000);
    assert!(!actions.iter().any(|a| matches!(a, Action::Report(Event::RollingBack { .. }))), "said once");
    let steady = with_sd(
        look(vec![deployment(OLD, "PRIMARY", 7, 3, Completed)]),
        ServiceDeploymentStatus::RollbackSuccessful,
    );
    assert!(matches!(verdict_after(&again, &steady, 70_000), Some(Verdict::RolledBack { .. })));
}

#[test]
fn without_service_deployments_a_rollback_is_told_from_the_deployments_alone() {
    let mut watched = rollout();
    watched.service_deployment = None;
    let mut failed = deployment(NEW, "ACTIVE", 8, 0, Failed);
    failed.failed = 3;
    let mut seen = look(vec![deployment(OLD, "PRIMARY", 7, 3, Completed), failed]);
    service(&mut seen).current_service_deployment = None;
    assert!(
        matches!(verdict_after(&watched, &seen, 60_000), Some(Verdict::RolledBack { to, .. }) if to == revision(7))
    );
}

#[test]
fn an_old_picture_right_after_the_update_means_nothing() {
    let seen = look(vec![deployment(OLD, "PRIMARY", 7, 3, Completed)]);
    let (next, actions) = step(&rollout(), &seen, 2_000);
    assert_eq!(next.verdict(), None);
    assert!(!actions.iter().any(|a| matches!(a, Action::ReadServiceDeployment(_))));
}

#[test]
fn somebody_elses_deployment_supersedes_ours() {
    let seen = look(vec![
        deployment(OTHER, "PRIMARY", 9, 1, InProgress),
        deployment(NEW, "ACTIVE", 8, 2, InProgress),
    ]);
    let seen = with_sd(seen, ServiceDeploymentStatus::Stopped);
    assert_eq!(
        verdict_after(&rollout(), &seen, 30_000),
        Some(Verdict::Superseded { by: DeploymentId::answered(OTHER), task_definition: revision(9) })
    );
}

#[test]
fn failed_with_nothing_to_go_back_to_is_failed() {
    let seen = look(vec![deployment(NEW, "PRIMARY", 8, 0, Failed)]);
    let seen = with_sd(seen, ServiceDeploymentStatus::Stopped);
    let Some(Verdict::Failed { left, breaker, .. }) = verdict_after(&rollout(), &seen, 30_000) else {
        panic!("failed");
    };
    assert_eq!(breaker, Some(BreakerCount { failures: 3, threshold: 3 }));
    assert_eq!(left, "no task of an earlier revision runs; there is no completed deployment to go back to");
}

#[test]
fn failed_for_a_moment_before_ecs_goes_back_is_not_yet_failed() {
    let seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 0, Failed), deployment(OLD, "ACTIVE", 7, 3, Completed)]);
    let between = with_sd(seen, ServiceDeploymentStatus::InProgress);
    let (next, _) = step(&rollout(), &between, 30_000);
    assert_eq!(next.verdict(), None);
    assert!(matches!(verdict_after(&next, &between, 41_000), Some(Verdict::Failed { .. })));
}

#[test]
fn a_breaker_without_rollback_leaves_a_mixed_service_and_says_so() {
    let mut seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 0, Failed), deployment(OLD, "ACTIVE", 7, 2, Completed)]);
    service(&mut seen).circuit_breaker = CircuitBreaker::Stops;
    let seen = with_sd(seen, ServiceDeploymentStatus::Stopped);
    let Some(Verdict::Failed { left, .. }) = verdict_after(&rollout(), &seen, 30_000) else {
        panic!("failed");
    };
    assert_eq!(
        left,
        "2 tasks of the earlier revision go on serving; the circuit breaker does not roll back, so the service stays as it is"
    );
}

fn pull_failure() -> StoppedTask {
    StoppedTask {
        id: "a".repeat(32),
        started_by: Some(DeploymentId::answered(NEW)),
        stop_code: Some("TaskFailedToStart".into()),
        stopped_reason: Some("CannotPullContainerError: failed to resolve ref web:nope: not found".into()),
        stopped_at: Some(5_000),
        containers: vec![],
    }
}

#[test]
fn a_failure_count_that_grew_asks_for_the_stopped_tasks_once() {
    let mut ours = deployment(NEW, "PRIMARY", 8, 0, InProgress);
    ours.failed = 1;
    let seen = look(vec![ours, deployment(OLD, "ACTIVE", 7, 3, Completed)]);
    let (next, actions) = step(&rollout(), &seen, 4_000);
    assert!(actions.contains(&Action::ReadStoppedTasks(DeploymentId::answered(NEW))));
    let (_, actions) = step(&next, &seen, 6_000);
    assert!(!actions.iter().any(|a| matches!(a, Action::ReadStoppedTasks(_))));
}

#[test]
fn an_image_that_does_not_exist_is_rolled_back_at_first_sight() {
    let mut seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 0, InProgress), deployment(OLD, "ACTIVE", 7, 3, Completed)]);
    seen.stopped_tasks = Some(vec![pull_failure()]);
    let (next, actions) = step(&rollout(), &seen, 6_000);
    assert!(actions.contains(&Action::RequestRollback(sd_arn())));
    assert_eq!(next.verdict(), None);
    let (refused, _) = next.rollback_refused("AccessDeniedException", 6_100);
    assert!(matches!(refused.verdict(), Some(Verdict::Failed { .. })));
    let back = with_sd(
        look(vec![deployment(OLD, "PRIMARY", 7, 3, Completed)]),
        ServiceDeploymentStatus::RollbackSuccessful,
    );
    let Some(Verdict::RolledBack { reason, .. }) = verdict_after(&next, &back, 9_000) else {
        panic!("rolled back");
    };
    assert!(reason.starts_with("the image does not exist"), "{reason}");
}

#[test]
fn without_a_rollback_setting_a_hopeless_cause_ends_the_wait_as_failed() {
    let mut seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 0, InProgress), deployment(OLD, "ACTIVE", 7, 3, Completed)]);
    service(&mut seen).circuit_breaker = CircuitBreaker::Off;
    seen.stopped_tasks = Some(vec![pull_failure()]);
    assert!(matches!(verdict_after(&rollout(), &seen, 6_000), Some(Verdict::Failed { .. })));
}

#[test]
fn a_failure_of_an_older_deployments_task_is_not_ours() {
    let mut seen = look(vec![deployment(NEW, "PRIMARY", 8, 0, InProgress)]);
    let mut task = pull_failure();
    task.started_by = Some(DeploymentId::answered(OLD));
    seen.stopped_tasks = Some(vec![task]);
    assert_eq!(verdict_after(&rollout(), &seen, 6_000), None);
}

#[test]
fn one_placement_failure_goes_on_waiting_and_stuck_percentages_do_not() {
    let say = |message: &str| {
        let mut seen = look(vec![
            deployment(NEW, "PRIMARY", 8, 0, InProgress),
            deployment(OLD, "ACTIVE", 7, 3, Completed),
        ]);
        service(&mut seen).circuit_breaker = CircuitBreaker::Off;
        service(&mut seen).events = vec![ServiceEvent { id: "e1".into(), at: 5, message: message.into() }];
        verdict_after(&rollout(), &seen, 6_000)
    };
    assert_eq!(
        say(
            "(service web) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster."
        ),
        None
    );
    assert!(matches!(
        say(
            "(service web) was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again."
        ),
        Some(Verdict::Failed { .. })
    ));
}

#[test]
fn each_event_is_told_once_and_oldest_first() {
    let mut seen = look(vec![deployment(NEW, "PRIMARY", 8, 0, InProgress)]);
    service(&mut seen).events = vec![
        ServiceEvent { id: "b".into(), at: 2, message: "second".into() },
        ServiceEvent { id: "a".into(), at: 1, message: "first".into() },
    ];
    let said = |actions: &[Action]| -> Vec<String> {
        actions
            .iter()
            .filter_map(|a| match a {
                Action::Report(Event::ServiceSaid { message, .. }) => Some(message.clone()),
                _ => None,
            })
            .collect()
    };
    let (next, actions) = step(&rollout(), &seen, 2_000);
    assert_eq!(said(&actions), ["first", "second"]);
    assert_eq!(said(&step(&next, &seen, 4_000).1), Vec::<String>::new());
}

#[test]
fn the_deadline_ends_the_wait_and_says_how_far_it_came() {
    let seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 1, InProgress), deployment(OLD, "ACTIVE", 7, 2, Completed)]);
    assert_eq!(
        verdict_after(&rollout(), &seen, 600_000),
        Some(Verdict::TimedOut {
            reached: "web:8 1/3 running, 0 pending, 0 failed; web:7 2/3 running, 0 pending, 0 failed".into()
        })
    );
}

#[test]
fn a_deleted_service_aborts() {
    let mut seen = look(vec![]);
    service(&mut seen).status = "DRAINING".into();
    assert!(matches!(verdict_after(&rollout(), &seen, 5_000), Some(Verdict::Aborted { .. })));
    seen.service = ServiceSeen::Missing;
    assert!(matches!(verdict_after(&rollout(), &seen, 5_000), Some(Verdict::Aborted { .. })));
}

#[test]
fn a_rollout_with_a_verdict_does_nothing_more() {
    let seen = look(vec![deployment(NEW, "PRIMARY", 8, 3, Completed)]);
    let (done, _) = step(&rollout(), &seen, 1_000);
    assert_eq!(step(&done, &look(vec![]), 2_000), (done.clone(), vec![]));
}

#[test]
fn attaching_while_a_service_goes_back_follows_the_deployment_that_failed() {
    let mut back = deployment(OLD, "PRIMARY", 7, 2, InProgress);
    back.rollout_state_reason =
        Some(format!("ECS deployment circuit breaker: rolling back to deploymentId {OLD}."));
    let mut seen = look(vec![back, deployment(NEW, "ACTIVE", 8, 0, Failed)]);
    let target = rollout().target;
    let attached = Rollout::attach(target, service(&mut seen), 10, 20).expect("has deployments");
    assert_eq!(attached.deployment(), &DeploymentId::answered(NEW));
}

#[test]
fn while_old_tasks_drain_the_end_is_not_looked_for_before_the_delay_is_over() {
    let mut seen =
        look(vec![deployment(NEW, "PRIMARY", 8, 3, InProgress), deployment(OLD, "ACTIVE", 7, 0, Completed)]);
    service(&mut seen).events = vec![ServiceEvent {
        id: "d".into(),
        at: 99_000,
        message: "(service web) deregistered 3 targets in (target-group arn:aws:tg/web/0123)".into(),
    }];
    let (next, actions) = step(&rollout(), &seen, 100_000);
    assert!(actions.contains(&Action::ReadDeregistrationDelay("arn:aws:tg/web/0123".into())));
    seen.deregistration_delay = Some(300_000);
    let (next, _) = step(&next, &seen, 100_000);
    assert_eq!(next.pulse().drained_at, 400_000);
}

fn said(message: &str) -> ServiceEvent {
    ServiceEvent { id: message.to_owned(), at: 50_000, message: message.to_owned() }
}

#[test]
fn an_alarm_that_takes_a_deployment_back_is_named() {
    let mut lost = deployment(NEW, "ACTIVE", 8, 3, Failed);
    lost.rollout_state_reason = Some("ECS deployment failed: alarm detected.".into());
    let mut seen = look(vec![deployment(OLD, "PRIMARY", 7, 0, InProgress), lost]);
    service(&mut seen)
        .events
        .push(said(&format!("(service web) (deployment {NEW}) deployment failed: alarm detected.")));
    let (next, actions) = step(&rollout(), &seen, 60_000);
    assert_eq!(actions.last(), Some(&Action::ReadServiceDeployment(sd_arn())), "only it says which alarm");
    let mut seen = with_sd(seen, ServiceDeploymentStatus::RollbackInProgress);
    let known = seen.service_deployment.as_mut().expect("just read");
    known.triggered_alarms.push("api-5xx".into());
    let (_, actions) = step(&next, &seen, 60_000);
    assert!(actions.contains(&Action::Report(Event::GateStands {
        gate: "api-5xx".into(),
        standing: Standing::Broken { evidence: "alarm api-5xx went off".into() },
    })));
    assert!(actions.contains(&Action::Report(Event::RollingBack {
        to: revision(7),
        reason: "alarm api-5xx went off".into(),
    })));
}

#[test]
fn tasks_that_die_again_and_again_after_they_came_up_take_the_deployment_back() {
    let full = vec![deployment(NEW, "PRIMARY", 8, 3, InProgress), deployment(OLD, "ACTIVE", 7, 3, Completed)];
    let (next, actions) = step(&rollout(), &look(full.clone()), 60_000);
    assert!(!actions.iter().any(|it| matches!(it, Action::ReadStoppedTasks(_))), "nothing has died");
    let mut seen = look(full);
    service(&mut seen).events.push(said("(service web) has started 3 tasks: (task a) (task b) (task c)."));
    let (next, actions) = step(&next, &seen, 62_000);
    assert_eq!(actions.last(), Some(&Action::ReadStoppedTasks(DeploymentId::answered(NEW))));
    let dead = |id: &str| StoppedTask {
        id: id.into(),
        started_by: Some(DeploymentId::answered(NEW)),
        stop_code: Some("EssentialContainerExited".into()),
        stopped_reason: Some("Essential container in task exited".into()),
        stopped_at: None,
        containers: Vec::new(),
    };
    seen.stopped_tasks = Some(vec![dead("a"), dead("b")]);
    let (patient, actions) = step(&next, &seen, 62_000);
    assert!(!actions.iter().any(|it| matches!(it, Action::RequestRollback(_))), "two may be bad luck");
    seen.stopped_tasks = Some(vec![dead("a"), dead("b"), dead("c")]);
    let (_, actions) = step(&patient, &seen, 64_000);
    assert!(actions.contains(&Action::Report(Event::RollbackRequested {
        reason: "3 tasks of the candidate died after they had come up: the application exits".into(),
    })));
}
