//! Single worlds, each telling what AWS does.

use std::time::Duration;

use tidegate_models::ecs::{
    DeploymentCircuitBreaker, DeploymentRolloutState as Rollout, ServiceDeploymentStatus as Status,
};

use super::{
    release::Release,
    setup::{SERVICE, Setup},
    world::World,
};
use crate::ecs::records::{Service, ServiceDeployment};

const MINUTES: Duration = Duration::from_mins(20);

/// A world whose service is steady on its first release.
fn steady(setup: Setup) -> World {
    let mut world = World::new(7, setup);
    world.keep_trace();
    world.create_service(Release::Good).unwrap();
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
    world
}

#[track_caller]
fn settle(world: &mut World, what: &str, holds: impl Fn(&World) -> bool) -> Duration {
    match world.run_until(MINUTES, what, holds) {
        Ok(took) => took,
        Err(broken) => panic!("{broken}\n{}\n{:#?}", world.trace(), messages(world)),
    }
}

fn service(world: &World) -> &Service {
    world.state.services.get(SERVICE).unwrap()
}

fn current(world: &World) -> &ServiceDeployment {
    world.state.service_deployments.get(service(world).current_service_deployment.as_ref().unwrap()).unwrap()
}

/// The events, oldest first, ids replaced.
fn messages(world: &World) -> Vec<String> {
    let row = world.state.service_events.get(SERVICE).unwrap();
    row.events.iter().rev().map(|event| event.message.clone().unwrap()).collect()
}

fn is_over(world: &World) -> bool {
    service(world).steady_since.is_some() && current(world).finished_at.is_some()
}

#[test]
fn a_new_service_reaches_a_steady_state() {
    let world = steady(Setup::default());
    assert_eq!(service(&world).deployments[0].rollout_state, Rollout::Completed);
    assert_eq!(current(&world).status, Status::Successful);
    assert_eq!(world.state.tasks.len(), 3);
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
    let started = world.state.tasks.len();
    world.run_for(MINUTES).unwrap();
    assert_eq!(world.state.tasks.len(), started);
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
    let old = crate::ecs::scheduler::counts(&world.state, SERVICE, &deployments[1].id);
    assert_eq!(old.running, 3);
}
