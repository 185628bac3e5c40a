//! What cannot work is refused with a clear error before anything changes, whoever moves the service.

use serde_json::{Value, json};
use tidegate_aws::{DeployPlan, TaskDefinitionSource, deploy};
use tidegate_rollout::{
    Event, Millis,
    gate::{At, Check, Gate},
};

use crate::{
    SAME, cell,
    cells::{Cell, definition},
    client,
    door::{Door, Kill},
    opened, plan, simulated, until_killed,
    world::{Release, World},
};

/// One cell of each controller.
fn controllers() -> [Cell; 4] {
    [cell("rolling", "ecs"), cell("blue_green", "ecs"), cell("canary", "code_deploy"), cell("canary", "alb")]
}

/// What the deployer says, having asked and changed nothing.
async fn said(door: &Door, plan: &DeployPlan) -> String {
    door.kill_at(Kill::Never);
    let outcome = deploy::run(&client(door).await, plan, &mut |_: Millis, _: &Event| {}).await;
    let said = outcome.unwrap_err().to_string();
    let reads = ["Describe", "Get", "List", "BatchGet"];
    let mut writes = door.made();
    writes.retain(|made| !reads.iter().any(|read| made.starts_with(read)));
    assert_eq!(writes, Vec::<String>::new(), "{said}");
    said
}

/// The same on a stage of its own that something was done to.
fn refused(cell: Cell, spoil: fn(&mut World), change: fn(&mut DeployPlan)) -> String {
    simulated(async {
        let (door, _) = opened(SAME, cell, Release::Good).await;
        spoil(&mut door.world());
        let mut plan = plan(cell, Release::Good);
        change(&mut plan);
        let said = said(&door, &plan).await;
        drop(door.world());
        said
    })
}

fn nothing(_: &mut World) {}

fn document(plan: &mut DeployPlan, change: fn(&mut Value)) {
    let mut document = definition(2);
    change(&mut document["containerDefinitions"][0]);
    plan.source = TaskDefinitionSource::Document(document);
}

#[test]
fn an_alarm_that_does_not_exist_is_refused_for_every_controller() {
    for cell in controllers() {
        let said = refused(cell, nothing, |plan| {
            let check = Check::Alarm { alarm: "nobody".to_owned() };
            plan.gates = vec![Gate { name: "alarm".to_owned(), check, at: At::EveryStep }];
        });
        assert_eq!(said, "there is no alarm nobody in eu-west-1", "{cell:?}");
    }
}

#[test]
fn a_container_or_a_port_that_the_load_balancer_does_not_send_to_is_refused() {
    let cell = cell("canary", "code_deploy");
    let port = refused(cell, nothing, |plan| {
        document(plan, |container| container["portMappings"][0]["containerPort"] = json!(9090));
    });
    let name = refused(cell, nothing, |plan| {
        document(plan, |container| container["name"] = json!("web"));
    });
    let needs =
        "the task definition has no container `app` that maps port 8080, where the load balancer sends to";
    assert_eq!([port, name], [format!("{needs}; it has app (9090)"), format!("{needs}; it has web (8080)")]);
}

/// Takes the target group `other` away from the load balancer and gives it to one of its own.
fn move_to_another_load_balancer(world: &mut World) {
    const ELB: &str = "elasticloadbalancing";
    let arn_of = |reply: &Value, pointer: &str| reply.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let group = |world: &mut World, name: &str| {
        let found = world.call(ELB, "DescribeTargetGroups", json!({ "Names": [name] }));
        arn_of(&found, "/TargetGroups/0/TargetGroupArn")
    };
    let (stable, other) = (group(world, "stable"), group(world, "other"));
    let ours = world.call(ELB, "DescribeLoadBalancers", json!({}));
    let ours = arn_of(&ours, "/LoadBalancers/0/LoadBalancerArn");
    let listeners = world.call(ELB, "DescribeListeners", json!({ "LoadBalancerArn": ours }));
    for listener in listeners["Listeners"].as_array().unwrap() {
        let to_stable = json!([{ "Type": "forward", "TargetGroupArn": stable }]);
        let input = json!({ "ListenerArn": listener["ListenerArn"], "DefaultActions": to_stable });
        world.call(ELB, "ModifyListener", input);
    }
    let theirs = json!({ "Name": "another", "Subnets": ["subnet-1", "subnet-2"] });
    let theirs = world.call(ELB, "CreateLoadBalancer", theirs);
    world.call(
        ELB,
        "CreateListener",
        json!({
            "LoadBalancerArn": arn_of(&theirs, "/LoadBalancers/0/LoadBalancerArn"), "Protocol": "HTTP", "Port": 80,
            "DefaultActions": [{ "Type": "forward", "TargetGroupArn": other }],
        }),
    );
}

#[test]
fn target_groups_on_different_load_balancers_are_refused() {
    for (controller, expected) in [
        ("alb", "the two target groups are on different load balancers: stable on web, other on another"),
        (
            "code_deploy",
            "target group `other` is behind load balancer another, and the production listener belongs to web; both \
             target groups must be behind the same one",
        ),
    ] {
        let said = refused(cell("canary", controller), move_to_another_load_balancer, |_| {});
        assert_eq!(said, expected);
    }
}

/// Somebody else's deployer of another image died where its first call of this operation was answered.
async fn under_way(cell: Cell, operation: &str) -> Door {
    let (door, _) = opened(SAME, cell, Release::Good).await;
    door.kill_at(Kill::Never);
    until_killed(&door, &plan(cell, Release::Good), &mut Vec::new()).await.unwrap();
    let number = door.made().iter().position(|made| made == operation).unwrap();
    drop(door.world());

    let (door, _) = opened(SAME, cell, Release::Good).await;
    door.kill_at(Kill::After(u32::try_from(number).unwrap() + 1));
    assert_eq!(until_killed(&door, &plan(cell, Release::Good), &mut Vec::new()).await, None);
    door
}

/// A rolling deployment is overtaken by the next one, as ECS means it to be.
#[test]
fn a_deployment_of_something_else_while_traffic_is_shifted_is_refused_for_every_controller() {
    let ways = ["UpdateService", "CreateDeployment", "PutParameter"];
    for (cell, operation) in controllers().into_iter().skip(1).zip(ways) {
        let said = simulated(async {
            let door = under_way(cell, operation).await;
            let mut plan = plan(cell, Release::Good);
            plan.source = TaskDefinitionSource::Document(definition(3));
            let said = said(&door, &plan).await;
            drop(door.world());
            said
        });
        let known = ["is in progress", "rolls web:2 out to prod/web since"];
        assert!(known.iter().any(|words| said.contains(words)), "{cell:?}: {said}");
    }
}
