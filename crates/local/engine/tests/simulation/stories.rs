//! Single worlds, each telling what AWS does.

use std::time::Duration;

use tidegate_models::ecs::{
    DeploymentCircuitBreaker, DeploymentEarlySuccessCriteria, DeploymentRolloutState as Rollout,
    SchedulingStrategy, ServiceDeploymentStatus as Status, ServiceRevisionCleanup,
    StopServiceDeploymentStopType as StopType, TaskStopCode,
};

use super::{
    release::Release,
    setup::{SERVICE, Setup},
    world::World,
};
use serde_json::{Value, json};
use tidegate_engine::ecs::records::{Service, ServiceDeployment, ServiceStatus, Task, TaskOwner, TaskStatus};

const MINUTES: Duration = Duration::from_mins(20);

/// A world whose service is steady on its first release.
pub(super) fn steady(setup: Setup) -> World {
    let mut world = World::new(7, setup);
    world.keep_trace();
    world.create_service(Release::Good).unwrap();
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
    world
}

#[track_caller]
pub(super) fn settle(world: &mut World, what: &str, holds: impl Fn(&World) -> bool) -> Duration {
    match world.run_until(MINUTES, what, holds) {
        Ok(took) => took,
        Err(broken) => panic!("{broken}\n{}\n{:#?}", world.trace(), messages(world)),
    }
}

pub(super) fn service(world: &World) -> &Service {
    world.state().services.get(SERVICE).unwrap()
}

pub(super) fn current(world: &World) -> &ServiceDeployment {
    world
        .state()
        .service_deployments
        .get(service(world).current_service_deployment.as_ref().unwrap())
        .unwrap()
}

/// The service as DescribeServices answers.
fn described(world: &mut World) -> Value {
    let input = json!({"cluster": "c", "services": ["web"]});
    world.call("ecs", "DescribeServices", input)["services"][0].take()
}

/// The events, oldest first.
pub(super) fn messages(world: &World) -> Vec<String> {
    let events = world.state().service_events.indexed_by(SERVICE);
    events.map(|(_, row)| row.event.message.clone().unwrap()).collect()
}

pub(super) fn is_over(world: &World) -> bool {
    service(world).steady_since.is_some() && current(world).finished_at.is_some()
}

#[test]
fn a_new_service_reaches_a_steady_state() {
    let world = steady(Setup::default());
    assert_eq!(service(&world).deployments[0].rollout_state, Rollout::Completed);
    assert_eq!(current(&world).status, Status::Successful);
    assert_eq!(world.state().tasks.len(), 3);
}

#[test]
fn a_rolling_update_replaces_every_task_and_completes() {
    let mut world = steady(Setup::default());
    let old = service(&world).deployments[0].id.clone();
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "over", is_over);
    let deployments = &service(&world).deployments;
    assert_eq!(deployments.len(), 1);
    assert_ne!(deployments[0].id, old);
    assert_eq!(current(&world).status, Status::Successful);
}

#[test]
fn a_release_that_exits_at_start_trips_the_breaker_on_its_third_failure_and_is_rolled_back() {
    for desired in [1, 3, 6] {
        let mut world = steady(Setup { desired, ..Setup::default() });
        let good = service(&world).deployments[0].clone();
        let template = service(&world).template.clone();
        world.deploy(Release::ExitsAtStart).unwrap();
        let bad = service(&world).deployments[0].id.clone();
        settle(&mut world, "over", is_over);
        let row = current(&world);
        assert_eq!(row.status, Status::RollbackSuccessful);
        assert_eq!(row.circuit_breaker.as_ref().unwrap().failure_count, Some(3));
        assert_eq!(row.rollback.as_ref().unwrap().service_revision_arn.as_ref(), Some(&good.revision_arn));
        assert_eq!(service(&world).deployments[0].id, good.id);
        assert_eq!(service(&world).template, template);
        let said = messages(&world);
        let failed = format!("(service web) (deployment {bad}) deployment failed: tasks failed to start.");
        let at = said.iter().position(|message| *message == failed).unwrap();
        assert_eq!(said[at + 1], format!("(service web) rolling back to deployment {}.", good.id));
    }
}

#[test]
fn a_release_that_never_gets_healthy_trips_the_breaker_and_is_rolled_back() {
    let mut world = steady(Setup::default());
    world.deploy(Release::NeverHealthy).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!(current(&world).circuit_breaker.as_ref().unwrap().failure_count, Some(3));
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_go_back_to_and_stalls() {
    let mut world = World::new(7, Setup::default());
    world.create_service(Release::CannotPull).unwrap();
    settle(&mut world, "failed", |world| current(world).finished_at.is_some());
    assert_eq!(current(&world).status, Status::RollbackFailed);
    let primary = &service(&world).deployments[0];
    assert_eq!(primary.rollout_state, Rollout::Failed);
    assert_eq!(primary.rollout_state_reason, "ECS deployment circuit breaker: tasks failed to start.");
    let started = world.state().tasks.len();
    world.run_for(MINUTES).unwrap();
    assert_eq!(world.state().tasks.len(), started);
}

#[test]
fn without_roll_back_a_failed_deployment_stays_primary_beside_the_old_tasks() {
    let breaker = Some(DeploymentCircuitBreaker { enable: true, rollback: false, ..Default::default() });
    let mut world = steady(Setup { breaker, ..Setup::default() });
    world.deploy(Release::ExitsBeforeRunning).unwrap();
    settle(&mut world, "failed", |world| current(world).finished_at.is_some());
    world.run_for(Duration::from_mins(5)).unwrap();
    assert_eq!(current(&world).status, Status::Stopped);
    let deployments = &service(&world).deployments;
    assert_eq!((deployments.len(), deployments[0].rollout_state), (2, Rollout::Failed));
    assert_eq!(described(&mut world)["deployments"][1]["runningCount"], 3);
}

fn live(world: &World) -> Vec<&Task> {
    world.state().tasks.indexed_by(SERVICE).map(|(_, task)| task).collect()
}

fn has_said(world: &World, part: &str) -> bool {
    messages(world).iter().any(|message| message.contains(part))
}

fn times_said(world: &World, part: &str) -> usize {
    messages(world).iter().filter(|message| message.contains(part)).count()
}

/// Event texts without ids and ARNs.
fn gist(world: &World) -> Vec<String> {
    let mut gist = Vec::new();
    for message in messages(world) {
        let words: Vec<String> = message
            .split(' ')
            .map(|word| {
                let bare = word.trim_matches(['(', ')', '.', ',']);
                let is_id = bare.len() == 32 || bare.starts_with("arn:") || bare.starts_with("ecs-svc/");
                if is_id { word.replace(bare, "…") } else { word.to_owned() }
            })
            .collect();
        gist.push(words.join(" "));
    }
    gist
}

#[test]
fn the_events_of_a_rolling_update_are_told_in_order_and_in_full() {
    let mut world = steady(Setup { desired: 1, ..Setup::default() });
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(
        gist(&world),
        [
            "(service web) has started 1 tasks: (task …).",
            "(service web) registered 1 targets in (target-group …)",
            "(service web) (deployment …) deployment completed.",
            "(service web) has reached a steady state.",
            "(service web) has started 1 tasks: (task …).",
            "(service web) registered 1 targets in (target-group …)",
            "(service web) has stopped 1 running tasks: (task …).",
            "(service web) deregistered 1 targets in (target-group …)",
            "(service web, taskSet …) has begun draining connections on 1 tasks.",
            "(service web) (deployment …) deployment completed.",
            "(service web) has reached a steady state.",
        ]
    );
}

#[test]
fn an_old_task_drains_before_it_is_told_to_stop() {
    let mut world = steady(Setup { desired: 1, drains_for: Duration::from_mins(5), ..Setup::default() });
    let old = live(&world)[0].arn.clone();
    world.deploy(Release::Good).unwrap();
    let status = |world: &World| world.state().tasks.get(&old).unwrap().last_status;
    settle(&mut world, "deactivating", |world| status(world) == TaskStatus::Deactivating);
    let took = settle(&mut world, "stopping", |world| status(world) == TaskStatus::Stopping);
    assert_eq!(took, Duration::from_mins(5));
    let stop = world.state().tasks.get(&old).unwrap().stop.clone().unwrap();
    assert_eq!(stop.code, TaskStopCode::ServiceSchedulerInitiated);
    assert!(stop.reason.starts_with("Scaling activity initiated by (deployment ecs-svc/"), "{}", stop.reason);
}

#[test]
fn without_checks_a_task_is_healthy_forty_seconds_after_running() {
    let world = steady(Setup { load_balanced: false, desired: 1, ..Setup::default() });
    let started = live(&world)[0].times.started_at.unwrap();
    assert_eq!(world.now.since(started), Duration::from_secs(40));
}

#[test]
fn a_deployment_of_no_tasks_completes_at_once() {
    let mut world = World::new(7, Setup { desired: 0, ..Setup::default() });
    world.create_service(Release::CannotPull).unwrap();
    assert_eq!(current(&world).status, Status::Successful);
    assert_eq!(world.state().tasks.len(), 0);
    world.deploy(Release::Good).unwrap();
    assert_eq!(current(&world).status, Status::Successful);
}

#[test]
fn a_newer_deployment_takes_over_and_the_older_one_ends_stopped() {
    let mut world = steady(Setup::default());
    world.deploy(Release::NeverHealthy).unwrap();
    let superseded = current(&world).arn.clone();
    world.run_for(Duration::from_secs(3)).unwrap();
    world.deploy(Release::Good).unwrap();
    assert_eq!(service(&world).deployments.len(), 3);
    let primaries: Vec<bool> = service(&world).deployments.iter().map(|it| it.primary).collect();
    assert_eq!(primaries, [true, false, false]);
    let row = world.state().service_deployments.get(&superseded).unwrap();
    assert_eq!(row.status, Status::Stopped);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful);
}

#[test]
fn a_desired_count_changed_in_mid_deployment_counts_from_then_on() {
    let mut world = steady(Setup { desired: 2, ..Setup::default() });
    world.deploy(Release::Good).unwrap();
    world.scale(6).unwrap();
    let primary = described(&mut world)["deployments"][0].take();
    assert_eq!((&primary["desiredCount"], &primary["pendingCount"]), (&json!(6), &json!(6)));
    world.scale(1).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(live(&world).len(), 1);
    assert!(has_said(&world, "stopped 5 pending tasks."));
}

#[test]
fn percentages_that_allow_nothing_are_told_once_and_a_change_of_them_goes_on() {
    let mut world = steady(Setup { desired: 3, maximum_percent: 125, ..Setup::default() });
    world.deploy(Release::Good).unwrap();
    world.run_for(Duration::from_hours(1)).unwrap();
    assert_eq!(times_said(&world, "was unable to stop or start tasks during a deployment"), 1);
    assert_eq!(service(&world).deployments[0].rollout_state, Rollout::InProgress);
    world.set_percentages(100, 150).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::Successful);
}

#[test]
fn starts_that_keep_failing_get_slower_up_to_a_quarter_of_an_hour() {
    let mut world = World::new(7, Setup { desired: 1, breaker: None, ..Setup::default() });
    world.create_service(Release::CannotPull).unwrap();
    world.run_for(Duration::from_hours(3)).unwrap();
    let mut starts: Vec<_> = world.state().tasks.iter().map(|(_, task)| task.times.created_at).collect();
    starts.sort_unstable();
    // Older tasks are forgotten an hour after they stopped.
    let gaps: Vec<u64> = starts.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect();
    assert!(!gaps.is_empty() && gaps.iter().all(|gap| (900..920).contains(gap)), "{gaps:?}");
    assert_eq!(times_said(&world, "is unable to consistently start tasks successfully."), 1);
    let primary = &service(&world).deployments[0];
    assert_eq!(primary.rollout_state, Rollout::InProgress);
    assert!(primary.failures.failed_tasks > 10);
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "over", is_over);
}

#[test]
fn an_unhealthy_task_is_replaced_by_one_of_its_own_revision() {
    let mut world = steady(Setup { desired: 2, ..Setup::default() });
    let task = live(&world)[0].clone();
    world.runtime.spoil(&task.arn, world.now);
    settle(&mut world, "found unhealthy", |world| has_said(world, "is unhealthy in (target-group "));
    assert!(has_said(&world, "due to (reason Health checks failed with these codes: [500])."));
    assert!(has_said(&world, "Amazon ECS replaced 1 tasks due to an unhealthy status."));
    let gone = |world: &World| world.state().tasks.get(&task.arn).unwrap().stop.is_some();
    settle(&mut world, "replaced", gone);
    let stop = world.state().tasks.get(&task.arn).unwrap().stop.clone().unwrap();
    assert!(stop.reason.starts_with("Task failed ELB health checks in (target-group "), "{}", stop.reason);
    let TaskOwner::Service { revision_arn, .. } = &task.owner else { panic!("{task:?}") };
    for task in live(&world) {
        let TaskOwner::Service { revision_arn: own, .. } = &task.owner else { panic!("{task:?}") };
        assert_eq!(own, revision_arn);
    }
}

#[test]
fn unhealthy_results_within_the_grace_period_are_ignored() {
    let grace = Duration::from_mins(5);
    let mut world = World::new(7, Setup { desired: 1, grace, ..Setup::default() });
    world.create_service(Release::NeverHealthy).unwrap();
    settle(&mut world, "found unhealthy", |world| has_said(world, "is unhealthy in"));
    let started = world.state().tasks.iter().filter_map(|(_, task)| task.times.started_at).min().unwrap();
    assert_eq!(world.now.since(started), grace);
}

#[test]
fn a_container_check_that_fails_replaces_the_task() {
    let setup = Setup { desired: 1, load_balanced: false, checks_containers: true, ..Setup::default() };
    let mut world = World::new(7, setup);
    world.create_service(Release::NeverHealthy).unwrap();
    settle(&mut world, "failed", |world| current(world).finished_at.is_some());
    assert!(has_said(&world, "failed container health checks."));
    let reasons: Vec<String> =
        world.state().tasks.iter().filter_map(|(_, task)| Some(task.stop.as_ref()?.reason.clone())).collect();
    assert!(reasons.contains(&"Task failed container health checks".to_owned()), "{reasons:?}");
}

#[test]
fn a_daemon_runs_one_task_and_stops_it_before_it_starts_the_next() {
    let setup = Setup {
        desired: 1,
        minimum_percent: 0,
        maximum_percent: 100,
        strategy: SchedulingStrategy::Daemon,
        ..Setup::default()
    };
    let mut world = steady(setup);
    let old = live(&world)[0].arn.clone();
    world.deploy(Release::Good).unwrap();
    assert!(world.state().tasks.get(&old).unwrap().stop.is_some());
    settle(&mut world, "over", is_over);
    assert_eq!(live(&world).len(), 1);
}

#[test]
fn a_deployment_that_its_user_rolls_back_ends_on_the_old_one() {
    let mut world = steady(Setup::default());
    let good = service(&world).deployments[0].id.clone();
    world.deploy(Release::Good).unwrap();
    world.run_for(Duration::from_secs(1)).unwrap();
    world.stop_deployment(StopType::Rollback).unwrap();
    assert_eq!(current(&world).status, Status::RollbackInProgress);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!(service(&world).deployments[0].id, good);
    let arn = current(&world).arn.clone();
    let refused = world.refusal("StopServiceDeployment", json!({"serviceDeploymentArn": arn}));
    assert!(refused.starts_with("ConflictException"), "{refused}");
}

#[test]
fn a_deployment_that_is_aborted_stays_where_it_stands() {
    let mut world = steady(Setup::default());
    world.deploy(Release::Good).unwrap();
    world.stop_deployment(StopType::Abort).unwrap();
    assert_eq!(current(&world).status, Status::Stopped);
    world.run_for(Duration::from_mins(5)).unwrap();
    assert_eq!(service(&world).deployments[0].rollout_state, Rollout::Failed);
    assert_eq!(live(&world).len(), 3);
}

#[test]
fn a_second_failure_in_a_row_has_nothing_to_go_back_to() {
    let mut world = steady(Setup { desired: 2, ..Setup::default() });
    world.deploy(Release::ExitsAtStart).unwrap();
    settle(&mut world, "rolling back", |world| current(world).status == Status::RollbackInProgress);
    world.deploy(Release::ExitsAtStart).unwrap();
    settle(&mut world, "failed", |world| current(world).finished_at.is_some());
    assert_eq!(current(&world).status, Status::RollbackFailed);
    assert_eq!(
        current(&world).status_reason.as_deref(),
        Some("No rollback candidate was found to run the rollback")
    );
}

#[test]
fn a_recreated_deployment_is_rolled_back_to_under_its_old_id() {
    // With 0/100 no old task is left when the new ones fail.
    let mut world = steady(Setup { minimum_percent: 0, maximum_percent: 100, ..Setup::default() });
    let good = service(&world).deployments[0].id.clone();
    world.deploy(Release::NeverHealthy).unwrap();
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).status, Status::RollbackSuccessful);
    assert_eq!(service(&world).deployments[0].id, good);
    assert_eq!(live(&world).len(), 3);
}

fn early(cleanup: ServiceRevisionCleanup) -> DeploymentEarlySuccessCriteria {
    DeploymentEarlySuccessCriteria {
        enable: true,
        healthy_percent: Some(50),
        source_service_revision_cleanup: Some(cleanup),
    }
}

#[test]
fn early_success_with_deferred_clean_up_completes_while_old_tasks_run() {
    let early_success = Some(early(ServiceRevisionCleanup::Deferred));
    let mut world = steady(Setup { desired: 4, minimum_percent: 50, early_success, ..Setup::default() });
    world.deploy(Release::Good).unwrap();
    settle(&mut world, "successful", |world| current(world).status == Status::Successful);
    assert_eq!(service(&world).deployments.len(), 2);
    settle(&mut world, "over", is_over);
    assert_eq!((service(&world).deployments.len(), live(&world).len()), (1, 4));
}

#[test]
fn early_success_with_blocking_clean_up_waits_for_the_old_tasks_but_not_for_all_new_ones() {
    let early_success = Some(early(ServiceRevisionCleanup::Blocking));
    let drains_for = Duration::ZERO;
    let mut world =
        steady(Setup { desired: 4, minimum_percent: 50, early_success, drains_for, ..Setup::default() });
    world.deploy(Release::Mixed).unwrap();
    settle(&mut world, "ended", |world| current(world).finished_at.is_some());
    assert_eq!(service(&world).deployments.len(), 1);
}

#[test]
fn a_deleted_service_drains_is_inactive_and_is_forgotten() {
    let mut world = steady(Setup::default());
    world.delete_service().unwrap();
    assert_eq!(service(&world).status, ServiceStatus::Draining);
    settle(&mut world, "inactive", |world| service(world).status == ServiceStatus::Inactive);
    assert!(live(&world).is_empty() && service(&world).deployments.is_empty());
    world.run_for(Duration::from_hours(2)).unwrap();
    assert!(world.state().services.is_empty() && world.state().service_revisions.is_empty());
    assert!(world.state().tasks.is_empty() && world.state().service_events.is_empty());
}

#[test]
fn a_task_that_is_lost_is_replaced_and_is_nobodys_failure() {
    let mut world = steady(Setup::default());
    world.deploy(Release::NeverHealthy).unwrap();
    settle(&mut world, "running", |world| service(world).deployments[0].has_run);
    for task in live(&world).into_iter().map(|task| task.arn.clone()).collect::<Vec<_>>() {
        world.runtime.kill(&task);
    }
    let failures = |world: &World| service(world).deployments[0].failures.clone();
    let before = failures(&world);
    world.restart().unwrap();
    assert_eq!(failures(&world), before);
    settle(&mut world, "over", is_over);
    assert_eq!(current(&world).circuit_breaker.as_ref().unwrap().failure_count, Some(3));
}

#[test]
fn the_steady_state_is_said_again_every_six_hours() {
    let mut world = steady(Setup::default());
    world.run_for(Duration::from_hours(13)).unwrap();
    assert_eq!(times_said(&world, "has reached a steady state."), 3);
}

#[test]
fn a_tag_is_resolved_once_for_all_tasks_of_a_deployment() {
    let world = steady(Setup::default());
    let revision = world.state().service_revisions.get(&service(&world).deployments[0].revision_arn).unwrap();
    assert_eq!(revision.container_images[0].image_digest.as_deref(), Some("sha256:00"));
}

#[test]
fn a_service_keeps_its_last_hundred_events_newest_first() {
    let mut world = steady(Setup { desired: 0, ..Setup::default() });
    for _ in 0..70 {
        world.update(json!({"forceNewDeployment": true})).unwrap();
        world.run_for(Duration::from_secs(1)).unwrap();
    }
    let service = described(&mut world);
    let events = service["events"].as_array().unwrap();
    assert_eq!(events.len(), 100);
    let times: Vec<f64> = events.iter().map(|event| event["createdAt"].as_f64().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    assert_eq!(events[0]["message"], "(service web) has reached a steady state.");
}
