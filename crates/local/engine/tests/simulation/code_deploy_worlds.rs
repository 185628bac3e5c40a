//! Thousands of worlds with CodeDeploy, each from its own seed; `random` says how they are run.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_engine::{
    codedeploy::records::{Event, Work},
    ecs::records::TaskSetStatus,
};
use tidegate_models::{
    codedeploy::DeploymentStatus,
    ecs::{DeploymentControllerType, SchedulingStrategy, StabilityStatus},
};

use super::{
    actions::any_pause,
    random::many,
    release::Release,
    setup::{SERVICE, Setup},
    world::{Broken, Faults, World},
};

/// Seeds that once failed.
const ONCE_FAILED: [u64; 2] = [68, 926];

const DEFAULT_SCENARIOS: u64 = 3_000;

/// The longest that a calm world may take: the hour of an Install or of a function, drains and waits included.
const CONVERGES_WITHIN: Duration = Duration::from_hours(4);

#[test]
fn code_deploy_keeps_its_promises_in_three_thousand_random_worlds() {
    let Some((seeds, [succeeded, rolled_back, failed])) = many(DEFAULT_SCENARIOS, &ONCE_FAILED, run) else {
        return;
    };
    println!("{seeds} worlds: {succeeded} deployments succeeded, {rolled_back} roll-backs, {failed} others");
    // A simulation in which nothing happens proves nothing.
    for count in [succeeded, rolled_back, failed] {
        assert!(
            u64::from(count) > seeds / 20,
            "{succeeded} succeeded, {rolled_back} roll-backs, {failed} others"
        );
    }
}

fn run(seed: u64, with_trace: bool) -> Result<[u32; 3], Broken> {
    let mut world = World::new(seed, any_setup(&mut Rng::with_seed(seed ^ 0xc0de)));
    if with_trace {
        world.keep_trace();
    }
    live(&mut world).map_err(|broken| {
        let rows: Vec<_> = world
            .state()
            .deployments
            .iter()
            .map(|(_, row)| (&row.id, row.status, row.phase, row.step, &row.error, &row.green, &row.blue))
            .collect();
        let sets = world.state().services.get(SERVICE).map(|service| &service.task_sets);
        format!("TIDEGATE_SEED={seed}: {broken}\n{:#?}\n{}\n{rows:#?}\n{sets:#?}", world.setup, world.trace())
    })?;
    Ok(world.watch.code_deploy.tally)
}

fn any_setup(rng: &mut Rng) -> Setup {
    let any = Setup::any(rng);
    let (minimum_percent, maximum_percent) = match any.strategy {
        SchedulingStrategy::Replica => (any.minimum_percent, any.maximum_percent),
        SchedulingStrategy::Daemon => (100, 200),
    };
    Setup {
        controller: DeploymentControllerType::CodeDeploy,
        minimum_percent,
        maximum_percent,
        breaker: None,
        early_success: None,
        strategy: SchedulingStrategy::Replica,
        load_balanced: true,
        stages: None,
        // Deployment alarms are of the ECS controller alone.
        alarms: None,
        ..any
    }
}

/// Settings of a deployment group, with waits short enough to see many of them.
fn change_group(group: &mut Value, rng: &mut Rng) {
    let configs =
        ["CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSCanary10Percent5Minutes", "quarters"];
    group["deploymentConfigName"] = json!(configs[rng.usize(..3)]);
    let all = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_STOP_ON_ALARM"];
    let events: Vec<&str> = all.into_iter().filter(|_| rng.u8(..4) != 0).collect();
    group["autoRollbackConfiguration"] = json!({ "enabled": !events.is_empty(), "events": events });
    let options = &mut group["blueGreenDeploymentConfiguration"];
    if rng.u8(..3) == 0 {
        options["deploymentReadyOption"] =
            json!({ "actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": rng.i32(1..4) });
    }
    options["terminateBlueInstancesOnDeploymentSuccess"] = match rng.u8(..4) {
        0 => json!({ "action": "KEEP_ALIVE" }),
        _ => json!({ "action": "TERMINATE", "terminationWaitTimeInMinutes": rng.i32(0..4) }),
    };
    if rng.u8(..3) == 0 {
        let pair = &mut group["loadBalancerInfo"]["targetGroupPairInfoList"][0];
        pair.as_object_mut().unwrap().remove("testTrafficRoute");
    }
}

fn do_anything(world: &mut World) -> Result<(), Broken> {
    match world.rng.u8(..24) {
        0..8 => {
            let release = Release::any(&mut world.rng);
            let hooks: Vec<Event> =
                Event::ALL.into_iter().filter(|event| event.is_hook() && world.rng.u8(..8) == 0).collect();
            world.release(release, &hooks)
        }
        8..10 => {
            let rolls_back = [Some(true), Some(false), None][world.rng.usize(..3)];
            world.stop_release(rolls_back)
        }
        10 | 11 => world.continue_release("READY_WAIT"),
        12 | 13 => world.continue_release("TERMINATION_WAIT"),
        14..18 => world.answer_function("Succeeded"),
        18 => world.answer_function("Failed"),
        19 => world.function_fails(),
        20 => {
            let desired = world.rng.u32(..=5);
            world.scale(desired)
        }
        21 => world.stop_any_task(),
        22 => world.deregister_any_target(),
        _ => world.restart(),
    }
}

/// A life with faults, then calm, then one good release.
fn live(world: &mut World) -> Result<(), Broken> {
    let first = if world.rng.u8(..3) == 0 { Release::any(&mut world.rng) } else { Release::Good };
    world.create_service(first)?;
    let mut rng = Rng::with_seed(world.rng.u64(..));
    world.create_deployment_group(|group| change_group(group, &mut rng));
    world.faults = Faults::On;
    for _ in 0..world.rng.u8(2..16) {
        let pause = any_pause(&mut world.rng);
        world.run_for(pause)?;
        do_anything(world)?;
    }
    let pause = any_pause(&mut world.rng);
    world.run_for(pause)?;
    world.calm();
    if world.rng.u8(..12) == 0 {
        world.delete_service()?;
        world.run_until(CONVERGES_WITHIN, "gone", |world| world.state().services.is_empty())?;
        return match world.live_deployment() {
            Some(row) => Err(format!("{} is under way, its service is gone", row.id)),
            None => Ok(()),
        };
    }
    world.run_until(CONVERGES_WITHIN, "at rest", |world| world.live_deployment().is_none())?;
    world.set_percentages(100, 200)?;
    world.release(Release::Good, &[])?;
    let waits =
        |world: &World| world.live_deployment().is_none_or(|row| row.status == DeploymentStatus::Ready);
    world.run_until(CONVERGES_WITHIN, "ready or over", waits)?;
    world.continue_release("READY_WAIT")?;
    world.run_until(CONVERGES_WITHIN, "over", |world| world.live_deployment().is_none())?;
    let rows = world.state().deployments.iter().map(|(_, row)| row);
    let last = rows.filter(|row| row.work != Work::RollBack).max_by_key(|row| row.created_at);
    match last.map(|row| row.status) {
        Some(DeploymentStatus::Succeeded) => {}
        status => return Err(format!("a good release in a calm world is {status:?}")),
    }
    world.run_until(CONVERGES_WITHIN, "steady on the good release", is_steady)?;
    world.run_for(Duration::from_mins(10))?;
    if !is_steady(world) {
        return Err("it did not stay steady".to_owned());
    }
    Ok(())
}

fn is_steady(world: &World) -> bool {
    let Some(service) = world.state().services.get(SERVICE) else { return false };
    let primary = service.task_sets.iter().find(|it| it.status == TaskSetStatus::Primary);
    primary.is_some_and(|it| it.stability == StabilityStatus::SteadyState)
        && service.task_sets.iter().all(|it| it.status != TaskSetStatus::Draining)
}
