//! Autoscaling acts while the deployer moves a service: the count that it set is the service's in the end.

use std::time::Duration;

use serde_json::json;
use tidegate_aws::{Outcome, deploy};
use tidegate_rollout::{Event, Millis};

use super::{
    Cell, Release, SAME, cell,
    cells::{CLUSTER, SERVICE},
    client, opened, plan, simulated,
    world::scope,
};

/// The service has two tasks; autoscaling is told in mid-deployment that five are the least.
fn scaled_out_in(cell: Cell, release: Release) {
    simulated(async {
        let (door, stage) = opened(SAME, cell, release).await;
        let target = |least: u32| {
            json!({
                "ServiceNamespace": "ecs", "ResourceId": format!("service/{CLUSTER}/{SERVICE}"),
                "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": least, "MaxCapacity": 10,
            })
        };
        door.world().call("application-autoscaling", "RegisterScalableTarget", target(1));
        let plan = plan(cell, release);
        let client = client(&door).await;
        let mut told = Vec::new();
        let mut sink = |_: Millis, event: &Event| told.push(format!("{event:?}"));
        let scaling = async {
            while door.world().running(CLUSTER).len() < 2 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            door.world().call("application-autoscaling", "RegisterScalableTarget", target(5));
        };
        let (outcome, ()) = tokio::join!(deploy::run(&client, &plan, &mut sink), scaling);
        let Ok(Outcome::Ended(verdict)) = outcome else {
            panic!("{cell:?}: {outcome:?}\n{}", told.join("\n"))
        };
        assert_eq!(
            verdict.is_promoted(),
            release == Release::Good,
            "{cell:?}: {verdict:?}\n{}",
            told.join("\n")
        );
        tokio::time::sleep(Duration::from_mins(3)).await;
        let world = door.world();
        let service =
            world.state().services.get(&scope().arn("ecs", format_args!("service/{CLUSTER}/{SERVICE}")));
        assert_eq!(service.map(|service| service.desired_count), Some(5), "{cell:?}\n{}", told.join("\n"));
        let running: Vec<_> = world.running(CLUSTER).into_iter().collect();
        let [(revision, tasks)] = &running[..] else { panic!("{cell:?}: {running:?}") };
        assert_eq!((*revision == stage.stable, *tasks), (release != Release::Good, 5), "{cell:?}");
        assert_eq!(world.unserved, 0, "{cell:?}: no request found nobody");
    });
}

#[test]
fn in_every_cell_a_count_that_autoscaling_sets_in_mid_deployment_is_kept() {
    for (strategy, controller) in [
        ("rolling", "ecs"),
        ("blue_green", "ecs"),
        ("linear", "ecs"),
        ("canary", "ecs"),
        ("blue_green", "code_deploy"),
        ("linear", "code_deploy"),
        ("canary", "code_deploy"),
        ("blue_green", "alb"),
        ("linear", "alb"),
        ("canary", "alb"),
    ] {
        scaled_out_in(cell(strategy, controller), Release::Good);
    }
}

#[test]
fn a_count_that_autoscaling_sets_outlives_the_way_back_too() {
    for controller in ["ecs", "code_deploy", "alb"] {
        scaled_out_in(cell("canary", controller), Release::Failing);
    }
    scaled_out_in(cell("rolling", "ecs"), Release::Unhealthy);
}
