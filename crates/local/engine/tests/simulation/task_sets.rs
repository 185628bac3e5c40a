//! What is done to task sets, and stories of single ones.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::ecs::records::{Task, TaskSet, TaskSetStatus, TaskStatus};
use tidegate_models::ecs::{DeploymentControllerType, StabilityStatus};

use super::{
    release::Release,
    runtime::{CONTAINER, PORT},
    setup::{CLUSTER, SERVICE, Setup},
    stories::{messages, service, settle},
    watch::deployment_of,
    world::{Broken, World},
};

impl World {
    /// The ids of the service's task sets, oldest first.
    pub(super) fn task_sets(&self) -> Vec<String> {
        let service = self.state().services.get(SERVICE);
        service.iter().flat_map(|service| &service.task_sets).map(|task_set| task_set.id.clone()).collect()
    }

    /// `CreateTaskSet` behind the first or the second target group.
    pub(super) fn create_task_set(
        &mut self,
        release: Release,
        percent: f64,
        group: usize,
    ) -> Result<(), Broken> {
        let definition = self.register(release);
        let mut input = json!({
            "cluster": CLUSTER, "service": "web", "taskDefinition": definition,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "scale": {"value": percent},
        });
        if let Some(behind) = self.runtime.behind() {
            input["loadBalancers"] = json!([{
                "targetGroupArn": behind.groups[group], "containerName": CONTAINER, "containerPort": PORT,
            }]);
        }
        self.act("ecs", "CreateTaskSet", input)
    }

    /// `UpdateTaskSet`.
    pub(super) fn scale_task_set(&mut self, id: &str, percent: f64) -> Result<(), Broken> {
        self.act("ecs", "UpdateTaskSet", of_task_set(id, json!({"scale": {"value": percent}})))
    }

    /// `UpdateServicePrimaryTaskSet`.
    pub(super) fn make_primary(&mut self, id: &str) -> Result<(), Broken> {
        let input = json!({"cluster": CLUSTER, "service": "web", "primaryTaskSet": id});
        self.act("ecs", "UpdateServicePrimaryTaskSet", input)
    }

    /// `DeleteTaskSet`.
    pub(super) fn delete_task_set(&mut self, id: &str) -> Result<(), Broken> {
        self.act("ecs", "DeleteTaskSet", of_task_set(id, json!({"force": true})))
    }

    /// Something that CodeDeploy or a user might do.
    pub(super) fn do_anything_to_task_sets(&mut self) -> Result<(), Broken> {
        let percent = [0.0, 0.1, 33.3, 50.0, 100.0][self.rng.usize(..5)];
        let ids = self.task_sets();
        let any = self.rng.choice(ids);
        match (self.rng.u8(..20), any) {
            (0..6, _) | (6..15, None) => {
                let (release, group) = (Release::any(&mut self.rng), self.rng.usize(..2));
                self.create_task_set(release, percent, group)
            }
            (6..9, Some(id)) => self.scale_task_set(&id, percent),
            (9..12, Some(id)) => self.make_primary(&id),
            (12..15, Some(id)) => self.delete_task_set(&id),
            (15 | 16, _) => {
                let desired = self.rng.u32(..=6);
                self.scale(desired)
            }
            (17, _) => self.stop_any_task(),
            (18, _) => self.deregister_any_target(),
            _ => self.restart(),
        }
    }
}

fn of_task_set(id: &str, mut input: Value) -> Value {
    input["cluster"] = json!(CLUSTER);
    input["service"] = json!("web");
    input["taskSet"] = json!(id);
    input
}

/// A world whose service is steady under CodeDeploy.
fn steady() -> World {
    let setup = Setup { controller: DeploymentControllerType::CodeDeploy, breaker: None, ..Setup::default() };
    let mut world = World::new(7, setup);
    world.keep_trace();
    world.create_service(Release::Good).unwrap();
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
    world
}

fn newest(world: &World) -> &TaskSet {
    service(world).task_sets.last().unwrap()
}

/// The live tasks of a task set.
fn tasks<'a>(world: &'a World, id: &str) -> Vec<&'a Task> {
    let live = world.state().tasks.indexed_by(SERVICE).map(|(_, task)| task);
    live.filter(|task| deployment_of(task) == id).collect()
}

#[track_caller]
fn settle_newest(world: &mut World) {
    settle(world, "steady", |world| newest(world).stability == StabilityStatus::SteadyState);
}

#[test]
fn the_first_task_set_of_a_service_under_code_deploy_is_primary_and_gets_steady() {
    let world = steady();
    assert!(service(&world).deployments.is_empty());
    let first = newest(&world);
    assert_eq!((first.status, first.computed_desired_count), (TaskSetStatus::Primary, 3));
    assert_eq!(tasks(&world, &first.id).len(), 3);
    let said = messages(&world);
    let id = &first.id;
    assert_eq!(said[0], format!("(service web) updated computedDesiredCount for taskSet {id} to 3."));
    assert!(
        said[1].starts_with(&format!("(service web, taskSet {id}) has started 3 tasks: (task ")),
        "{said:#?}"
    );
    assert!(
        said[2].starts_with(&format!("(service web, taskSet {id}) registered 1 targets in (target-group "))
    );
    assert_eq!(said.last().unwrap(), "(service web) has reached a steady state.");
}

#[test]
fn an_unhealthy_task_is_replaced_before_it_stops_when_the_maximum_has_room_for_it() {
    let mut world = steady();
    world.create_task_set(Release::NeverHealthy, 100.0, 1).unwrap();
    let id = newest(&world).id.clone();
    settle(&mut world, "replaced", |world| {
        messages(world).iter().any(|said| said.contains("Amazon ECS replaced"))
    });
    let running = tasks(&world, &id).iter().filter(|task| task.stop.is_none()).count();
    assert!((3..=6).contains(&running), "{running}");
    let said = messages(&world);
    let first = said.iter().find(|said| said.contains("replaced")).unwrap();
    assert!(first.starts_with(&format!("(service web, taskSet {id}) has started ")), "{first}");
}

#[test]
fn tasks_that_never_get_healthy_are_replaced_again_and_again() {
    let mut world = steady();
    world.create_task_set(Release::NeverHealthy, 100.0, 1).unwrap();
    let id = newest(&world).id.clone();
    world.run_for(Duration::from_mins(3)).unwrap();
    let said = messages(&world);
    let replaced = said.iter().filter(|said| said.contains(&id) && said.contains("replaced")).count();
    assert!(replaced >= 3, "{said:#?}");
}

#[test]
fn a_second_task_set_runs_in_full_beside_the_primary_and_takes_nothing_from_it() {
    let mut world = steady();
    let blue = newest(&world).id.clone();
    let before: Vec<String> = tasks(&world, &blue).iter().map(|task| task.arn.clone()).collect();
    world.create_task_set(Release::Good, 100.0, 1).unwrap();
    let green = newest(&world).id.clone();
    settle_newest(&mut world);
    let after: Vec<String> = tasks(&world, &blue).iter().map(|task| task.arn.clone()).collect();
    assert_eq!((before, tasks(&world, &green).len()), (after, 3));
    let groups: Vec<&String> =
        [&blue, &green].iter().map(|id| &tasks(&world, id)[0].targets[0].target_group).collect();
    assert_ne!(groups[0], groups[1]);
}

#[test]
fn a_task_set_whose_tasks_fail_never_gets_steady_and_harms_nobody() {
    for release in [Release::ExitsAtStart, Release::NeverHealthy, Release::CannotPull] {
        let mut world = steady();
        let blue = newest(&world).id.clone();
        world.create_task_set(release, 100.0, 1).unwrap();
        world.run_for(Duration::from_mins(10)).unwrap();
        assert_eq!(newest(&world).stability, StabilityStatus::Stabilizing, "{release:?}");
        assert_eq!(service(&world).task_set(&blue).unwrap().stability, StabilityStatus::SteadyState);
        assert!(service(&world).steady_since.is_none());
    }
}

#[test]
fn the_primary_changes_hands_and_the_service_is_what_its_primary_is() {
    let mut world = steady();
    let blue = newest(&world).id.clone();
    world.create_task_set(Release::Good, 100.0, 1).unwrap();
    settle_newest(&mut world);
    let green = newest(&world).clone();
    world.make_primary(&green.id).unwrap();
    assert_eq!(service(&world).task_set(&blue).unwrap().status, TaskSetStatus::Active);
    assert_eq!(newest(&world).status, TaskSetStatus::Primary);
    let template = &world.state().service_revisions.get(&green.revision_arn).unwrap().template;
    assert_eq!(&service(&world).template, template);
    assert_eq!(tasks(&world, &blue).len(), 3, "the one before stays up until it is deleted");
}

#[test]
fn every_task_set_follows_the_desired_count_by_its_scale() {
    let mut world = steady();
    world.create_task_set(Release::Good, 50.0, 1).unwrap();
    let counts = |world: &World| {
        let computed = service(world).task_sets.iter().map(|it| it.computed_desired_count);
        computed.collect::<Vec<u32>>()
    };
    assert_eq!(counts(&world), [3, 2]);
    world.scale(5).unwrap();
    assert_eq!(counts(&world), [5, 3]);
    settle_newest(&mut world);
    world.scale(1).unwrap();
    assert_eq!(counts(&world), [1, 1]);
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
    let green = newest(&world).id.clone();
    world.scale_task_set(&green, 0.0).unwrap();
    settle(&mut world, "scaled in", |world| tasks(world, &green).is_empty());
    assert_eq!(newest(&world).stability, StabilityStatus::SteadyState, "none are wanted, none run");
}

#[test]
fn a_deleted_task_set_drains_then_stops_then_is_gone() {
    let mut world = steady();
    world.create_task_set(Release::Good, 100.0, 1).unwrap();
    settle_newest(&mut world);
    let (blue, green) = (service(&world).task_sets[0].clone(), newest(&world).id.clone());
    world.make_primary(&green).unwrap();
    world.delete_task_set(&blue.id).unwrap();
    assert_eq!(service(&world).task_set(&blue.id).unwrap().status, TaskSetStatus::Draining);
    settle(&mut world, "draining", |world| {
        tasks(world, &blue.id).iter().all(|task| task.last_status == TaskStatus::Deactivating)
    });
    let gone = settle(&mut world, "gone", |world| service(world).task_set(&blue.id).is_none());
    assert!(gone >= world.setup.drains_for, "{gone:?}");
    assert!(!world.state().service_revisions.contains(&blue.revision_arn));
    let said = messages(&world);
    for part in [
        "has stopped 3 running tasks: (task ",
        "deregistered 3 targets in ",
        "has begun draining connections on 3 tasks.",
    ] {
        let whole = format!("(service web, taskSet {}) {part}", blue.id);
        assert!(said.iter().any(|message| message.starts_with(&whole)), "{whole}\n{said:#?}");
    }
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
}

#[test]
fn nothing_of_a_task_set_stops_before_the_weights_that_left_it_have_settled() {
    let mut world = steady();
    world.create_task_set(Release::Good, 100.0, 1).unwrap();
    settle_newest(&mut world);
    let green = newest(&world).id.clone();
    for end in ["UpdateTaskSet", "DeleteTaskSet"] {
        match end {
            "UpdateTaskSet" => world.scale_task_set(&green, 34.0).unwrap(),
            _ => world.delete_task_set(&green).unwrap(),
        }
        world.run_for(Duration::from_millis(999)).unwrap();
        assert!(tasks(&world, &green).iter().any(|task| task.stop.is_none()), "{end}");
        world.run_for(Duration::from_millis(2)).unwrap();
        let left = tasks(&world, &green).iter().filter(|task| task.stop.is_none()).count();
        assert_eq!(left, if end == "UpdateTaskSet" { 2 } else { 0 }, "{end}");
    }
}

#[test]
fn a_task_that_a_task_set_loses_is_replaced_by_one_of_its_own() {
    let mut world = steady();
    let blue = newest(&world).id.clone();
    let lost = tasks(&world, &blue)[0].arn.clone();
    world.act("ecs", "StopTask", json!({"cluster": CLUSTER, "task": lost})).unwrap();
    assert_eq!(newest(&world).stability, StabilityStatus::Stabilizing);
    settle_newest(&mut world);
    let running = tasks(&world, &blue).into_iter().filter(|task| task.stop.is_none());
    let again: Vec<String> = running.map(|task| task.arn.clone()).collect();
    assert!(again.len() == 3 && !again.contains(&lost));
}
