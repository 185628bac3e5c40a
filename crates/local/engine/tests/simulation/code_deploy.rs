//! What is done through CodeDeploy, and stories of single deployments.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::{
    Event as Happening, FunctionAnswer,
    codedeploy::records::{Deployment, Event, HookOutcome, Phase, Work},
    ecs::records::TaskSetStatus,
};
use tidegate_models::{codedeploy::DeploymentStatus as Status, ecs::DeploymentControllerType};

use super::{
    release::Release,
    runtime::{CONTAINER, PORT},
    setup::{Behind, CLUSTER, ELB, SERVICE, Setup},
    stories::{service, settle},
    world::{Broken, World},
};

const CODE_DEPLOY: &str = "codedeploy";

/// A deployment group like the guide's.
pub(super) fn group(behind: &Behind) -> Value {
    let listener = |rule: &str| {
        let listener = rule.replace(":listener-rule/", ":listener/");
        listener.rsplit_once('/').map(|(listener, _)| listener.to_owned()).unwrap()
    };
    json!({
        "applicationName": "app", "deploymentGroupName": "web",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "serviceRoleArn": "arn:aws:iam::123456789012:role/codedeploy",
        "autoRollbackConfiguration": {
            "enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
        "blueGreenDeploymentConfiguration": {
            "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE", "terminationWaitTimeInMinutes": 5,
            },
        },
        "deploymentStyle": { "deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN" },
        "ecsServices": [{ "clusterName": CLUSTER, "serviceName": "web" }],
        "loadBalancerInfo": { "targetGroupPairInfoList": [{
            "prodTrafficRoute": { "listenerArns": [listener(&behind.production_rule)] },
            "testTrafficRoute": { "listenerArns": [listener(&behind.test_rule)] },
            "targetGroups": [{ "name": "web" }, { "name": "web-2" }],
        }] },
    })
}

impl World {
    /// `CreateApplication` and `CreateDeploymentGroup`, with what `change` makes of the group.
    pub(super) fn create_deployment_group(&mut self, change: impl FnOnce(&mut Value)) {
        let mut input = group(self.runtime.behind().unwrap());
        change(&mut input);
        let application = json!({ "applicationName": "app", "computePlatform": "ECS" });
        self.call(CODE_DEPLOY, "CreateApplication", application);
        let quarters = json!({
            "deploymentConfigName": "quarters", "computePlatform": "ECS",
            "trafficRoutingConfig": {
                "type": "TimeBasedLinear",
                "timeBasedLinear": { "linearPercentage": 25, "linearInterval": 1 },
            },
        });
        self.call(CODE_DEPLOY, "CreateDeploymentConfig", quarters);
        self.call(CODE_DEPLOY, "CreateDeploymentGroup", input);
    }

    /// `CreateDeployment` of a new task definition, with functions at some events.
    pub(super) fn release(&mut self, release: Release, hooks: &[Event]) -> Result<(), Broken> {
        let definition = self.register(release);
        let hooks: Vec<Value> = hooks.iter().map(|hook| json!({ hook.as_str(): "check" })).collect();
        let spec = json!({
            "version": "0.0",
            "Resources": [{ "TargetService": { "Type": "AWS::ECS::Service", "Properties": {
                "TaskDefinition": definition,
                "LoadBalancerInfo": { "ContainerName": CONTAINER, "ContainerPort": PORT },
            } } }],
            "Hooks": hooks,
        });
        let input = json!({
            "applicationName": "app", "deploymentGroupName": "web",
            "revision": {
                "revisionType": "AppSpecContent", "appSpecContent": { "content": spec.to_string() },
            },
        });
        self.act(CODE_DEPLOY, "CreateDeployment", input)
    }

    /// The deployment that is under way.
    pub(super) fn live_deployment(&self) -> Option<&Deployment> {
        self.state().deployments.iter().map(|(_, row)| row).find(|row| !row.is_over())
    }

    /// `StopDeployment` of the one that is under way.
    pub(super) fn stop_release(&mut self, rolls_back: Option<bool>) -> Result<(), Broken> {
        let Some(id) = self.live_deployment().map(|row| row.id.clone()) else { return Ok(()) };
        let input = json!({ "deploymentId": id, "autoRollbackEnabled": rolls_back });
        self.act(CODE_DEPLOY, "StopDeployment", without_nulls(input))
    }

    /// `ContinueDeployment` of the one that is under way.
    pub(super) fn continue_release(&mut self, wait: &str) -> Result<(), Broken> {
        let Some(id) = self.live_deployment().map(|row| row.id.clone()) else { return Ok(()) };
        self.act(CODE_DEPLOY, "ContinueDeployment", json!({ "deploymentId": id, "deploymentWaitType": wait }))
    }

    /// `PutLifecycleEventHookExecutionStatus` of the function that was called last, if it was not answered.
    pub(super) fn answer_function(&mut self, status: &str) -> Result<(), Broken> {
        let Some(row) = self.live_deployment() else { return Ok(()) };
        let runs = row.events.iter().filter_map(|run| run.hook.as_ref());
        let Some(run) = runs.into_iter().find(|run| run.outcome == HookOutcome::Awaited) else {
            return Ok(());
        };
        let input = json!({
            "deploymentId": row.id, "lifecycleEventHookExecutionId": run.execution, "status": status,
        });
        self.act(CODE_DEPLOY, "PutLifecycleEventHookExecutionStatus", input)
    }

    /// The function that was called last could not be.
    pub(super) fn function_fails(&mut self) -> Result<(), Broken> {
        let invocations: Vec<String> = self.state().invocations.iter().map(|(id, _)| id.to_owned()).collect();
        let Some(invocation) = invocations.last().cloned() else { return Ok(()) };
        let answer = FunctionAnswer::Failed("no such function".to_owned());
        self.tell(&[Happening::FunctionAnswered { invocation, answer }])
    }
}

fn without_nulls(mut input: Value) -> Value {
    input.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    input
}

pub(super) fn deployed(change: impl FnOnce(&mut Value)) -> World {
    let mut world = World::new(
        7,
        Setup { controller: DeploymentControllerType::CodeDeploy, breaker: None, ..Setup::default() },
    );
    world.keep_trace();
    world.create_service(Release::Good).unwrap();
    world.create_deployment_group(change);
    settle(&mut world, "steady", |world| service(world).steady_since.is_some());
    world
}

fn with_config(name: &'static str) -> World {
    deployed(|group| group["deploymentConfigName"] = json!(name))
}

pub(super) fn row(world: &World) -> &Deployment {
    let rows = world.state().deployments.iter().map(|(_, row)| row);
    rows.filter(|row| row.work != Work::RollBack).max_by_key(|row| row.created_at).unwrap()
}

fn roll_back(world: &World) -> &Deployment {
    let rows = world.state().deployments.iter().map(|(_, row)| row);
    rows.filter(|row| row.work == Work::RollBack).max_by_key(|row| row.created_at).unwrap()
}

/// The production and the test weights of both groups.
pub(super) fn weights(world: &mut World) -> [[i64; 2]; 2] {
    let Behind { groups, production_rule, test_rule } = world.runtime.behind().unwrap().clone();
    [production_rule, test_rule].map(|rule| {
        let rules = world.call(ELB, "DescribeRules", json!({"RuleArns": [rule]}));
        let tuples =
            rules["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"].as_array().unwrap().clone();
        let weight = |group: &String| {
            let found = tuples.iter().find(|tuple| tuple["TargetGroupArn"] == *group);
            found.and_then(|tuple| tuple["Weight"].as_i64()).unwrap()
        };
        [weight(&groups[0]), weight(&groups[1])]
    })
}

/// How many tasks are registered with each of both groups.
pub(super) fn registered(world: &World) -> [usize; 2] {
    let groups = world.runtime.behind().unwrap().groups.clone();
    [&groups[0], &groups[1]].map(|group| {
        let targets = &world.state().target_groups.get(group).unwrap().targets;
        targets.iter().filter(|target| target.draining_until.is_none()).count()
    })
}

/// The task definitions of the service's task sets, with their status.
fn task_sets(world: &World) -> Vec<(String, TaskSetStatus)> {
    let sets = &service(world).task_sets;
    let definition =
        |arn: &str| world.state().service_revisions.get(arn).unwrap().template.task_definition.clone();
    sets.iter()
        .map(|it| (definition(&it.revision_arn).rsplit(':').next().unwrap().to_owned(), it.status))
        .collect()
}

#[track_caller]
pub(super) fn reach(world: &mut World, phase: Phase) {
    settle(world, &format!("{phase:?}"), |world| row(world).phase == phase);
}

#[track_caller]
pub(super) fn end(world: &mut World, status: Status) {
    settle(world, "over", |world| world.live_deployment().is_none());
    assert_eq!(row(world).status, status, "{:?}", row(world).error);
}

#[test]
fn a_good_release_gets_test_traffic_then_a_share_then_all_of_it_and_blue_stays_for_the_wait() {
    let mut world = with_config("CodeDeployDefault.ECSCanary10Percent5Minutes");
    world.release(Release::Good, &[Event::AfterAllowTestTraffic]).unwrap();
    reach(&mut world, Phase::Event(Event::Install));
    assert_eq!(weights(&mut world), [[100, 0], [100, 0]]);
    reach(&mut world, Phase::Event(Event::AfterAllowTestTraffic));
    assert_eq!(
        (weights(&mut world), registered(&world)),
        ([[100, 0], [0, 100]], [3, 3]),
        "test traffic first"
    );
    world.answer_function("Succeeded").unwrap();
    settle(&mut world, "at its first step", |world| row(world).step == 1);
    let canary_since = world.now;
    assert_eq!(weights(&mut world)[0], [90, 10]);
    settle(&mut world, "at its second step", |world| row(world).step == 2);
    assert_eq!(world.now.since(canary_since), Duration::from_mins(5));
    assert_eq!(weights(&mut world), [[0, 100], [0, 100]]);
    assert_eq!(
        task_sets(&world),
        [("1".to_owned(), TaskSetStatus::Active), ("2".to_owned(), TaskSetStatus::Primary)]
    );
    reach(&mut world, Phase::TerminationWait);
    let waiting_since = world.now;
    assert_eq!(registered(&world), [3, 3], "blue stays for the way back");
    end(&mut world, Status::Succeeded);
    assert_eq!(world.now.since(waiting_since), Duration::from_mins(5));
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    assert_eq!(registered(&world), [0, 3]);

    // The groups take turns.
    world.release(Release::Good, &[]).unwrap();
    end(&mut world, Status::Succeeded);
    assert_eq!(weights(&mut world)[0], [100, 0]);
}

#[test]
fn a_green_that_never_gets_healthy_times_out_after_an_hour_and_never_gets_traffic() {
    let mut world = with_config("CodeDeployDefault.ECSAllAtOnce");
    world.release(Release::NeverHealthy, &[]).unwrap();
    let since = world.now;
    reach(&mut world, Phase::Event(Event::Install));
    while world.live_deployment().is_some_and(|row| row.work != Work::RollBack) {
        assert_eq!(weights(&mut world)[0], [100, 0]);
        let end = world.now + Duration::from_mins(90);
        assert!(world.advance(end).unwrap(), "nothing happens any more");
    }
    end(&mut world, Status::Failed);
    assert_eq!(row(&world).completed_at.unwrap().since(since), Duration::from_hours(1));
    assert_eq!(
        row(&world).error.clone().unwrap().message.unwrap(),
        "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 minutes."
    );
    assert_eq!(roll_back(&world).status, Status::Succeeded);
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    assert_eq!((weights(&mut world), registered(&world)), ([[100, 0], [100, 0]], [3, 0]));
}

#[test]
fn a_stop_with_a_roll_back_puts_production_back_at_once_in_every_phase() {
    let phases = [
        Phase::Event(Event::Install),
        Phase::Event(Event::AfterInstall),
        Phase::Event(Event::AllowTestTraffic),
        Phase::Event(Event::AfterAllowTestTraffic),
        Phase::ReadyWait,
        Phase::Event(Event::BeforeAllowTraffic),
        Phase::Event(Event::AllowTraffic),
        Phase::Event(Event::AfterAllowTraffic),
        Phase::TerminationWait,
    ];
    for phase in phases {
        let mut world = deployed(|group| {
            group["deploymentConfigName"] = json!("quarters");
            group["blueGreenDeploymentConfiguration"]["deploymentReadyOption"] =
                json!({ "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 10 });
        });
        let hooks = match phase {
            Phase::Event(event) if event.is_hook() => vec![event],
            _ => Vec::new(),
        };
        world.release(Release::Good, &hooks).unwrap();
        if phase > Phase::ReadyWait
            || matches!(phase, Phase::Event(event) if event >= Event::BeforeAllowTraffic)
        {
            reach(&mut world, Phase::ReadyWait);
            world.continue_release("READY_WAIT").unwrap();
        }
        reach(&mut world, phase);
        if phase == Phase::Event(Event::AllowTraffic) {
            settle(&mut world, "half way", |world| row(world).step == 2);
            assert_eq!(weights(&mut world)[0], [50, 50]);
        }
        let before = registered(&world);
        world.stop_release(Some(true)).unwrap();
        assert_eq!(weights(&mut world), [[100, 0], [100, 0]], "{phase:?}: in the same transaction");
        assert_eq!(registered(&world), before, "{phase:?}: green still answers what is on its way");
        end(&mut world, Status::Stopped);
        assert_eq!(roll_back(&world).status, Status::Succeeded, "{phase:?}");
        settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
        assert_eq!(task_sets(&world), [("1".to_owned(), TaskSetStatus::Primary)], "{phase:?}");
        assert_eq!(registered(&world), [3, 0], "{phase:?}");
    }
}

#[test]
fn a_stop_without_a_roll_back_leaves_both_and_the_next_deployment_clears_up() {
    let mut world = with_config("quarters");
    world.release(Release::Good, &[]).unwrap();
    settle(&mut world, "half way", |world| row(world).step == 2);
    world.stop_release(Some(false)).unwrap();
    world.run_for(Duration::from_mins(30)).unwrap();
    assert_eq!(row(&world).status, Status::Stopped);
    assert_eq!((weights(&mut world)[0], registered(&world)), ([50, 50], [3, 3]));

    world.release(Release::Good, &[]).unwrap();
    assert_eq!(weights(&mut world)[0], [100, 0], "back to what serves");
    assert_eq!(registered(&world), [3, 3], "and only then what was left goes");
    end(&mut world, Status::Succeeded);
    settle(&mut world, "alone", |world| service(world).task_sets.len() == 1);
    assert_eq!((weights(&mut world)[0], registered(&world)), ([0, 100], [0, 3]));
}

#[test]
fn a_restart_in_every_phase_changes_nothing() {
    let mut world = deployed(|group| {
        group["deploymentConfigName"] = json!("quarters");
        group["blueGreenDeploymentConfiguration"]["deploymentReadyOption"] =
            json!({ "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 10 });
    });
    world.release(Release::Good, &[Event::AfterInstall]).unwrap();
    for phase in [Phase::Event(Event::Install), Phase::Event(Event::AfterInstall)] {
        reach(&mut world, phase);
        world.restart().unwrap();
    }
    world.answer_function("Succeeded").unwrap();
    reach(&mut world, Phase::ReadyWait);
    world.restart().unwrap();
    world.continue_release("READY_WAIT").unwrap();
    for step in 1..=4 {
        settle(&mut world, "a step further", |world| row(world).step == step);
        world.restart().unwrap();
    }
    reach(&mut world, Phase::TerminationWait);
    world.restart().unwrap();
    end(&mut world, Status::Succeeded);
}

#[test]
fn no_traffic_moves_to_a_green_that_got_sick() {
    let mut world = deployed(|group| {
        group["blueGreenDeploymentConfiguration"]["deploymentReadyOption"] =
            json!({ "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60 });
    });
    world.release(Release::Good, &[]).unwrap();
    reach(&mut world, Phase::ReadyWait);
    // As if every host that could run one more of its tasks were gone.
    let green = row(&world).green.task_set.clone().unwrap();
    world.releases_turn(Release::NeverHealthy);
    let of_green = |world: &World| -> Vec<String> {
        let tasks = world.state().tasks.indexed_by(SERVICE);
        let tasks = tasks.filter(|(_, task)| super::watch::deployment_of(task) == green);
        tasks.map(|(arn, _)| arn.to_owned()).collect()
    };
    let task = of_green(&world).remove(0);
    world.act("ecs", "StopTask", json!({ "cluster": CLUSTER, "task": task })).unwrap();
    world.continue_release("READY_WAIT").unwrap();
    world.run_for(Duration::from_mins(4)).unwrap();
    assert_eq!(weights(&mut world)[0], [100, 0], "it gets five minutes");
    end(&mut world, Status::Failed);
    assert_eq!(
        row(&world).error.clone().unwrap().code,
        Some(tidegate_models::codedeploy::ErrorCode::HealthConstraints)
    );
    assert_eq!(weights(&mut world), [[100, 0], [100, 0]]);
}
