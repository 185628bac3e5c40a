//! Thousands of worlds with task sets, each from its own seed; `random` says how they are run.

use std::time::Duration;

use fastrand::Rng;
use tidegate_engine::ecs::records::TaskSetStatus;
use tidegate_models::ecs::{DeploymentControllerType, SchedulingStrategy, StabilityStatus};

use super::{
    actions::any_pause,
    random::many,
    release::Release,
    setup::{SERVICE, Setup},
    world::{Broken, Faults, World},
};

/// Seeds that once failed.
const ONCE_FAILED: [u64; 2] = [20, 774];

const DEFAULT_SCENARIOS: u64 = 3_000;

/// The longest that a calm world may take: back-off of starts, drains and grace periods included.
const CONVERGES_WITHIN: Duration = Duration::from_hours(2);

#[test]
fn task_sets_keep_their_promises_in_three_thousand_random_worlds() {
    let Some((seeds, [steady, gone, replaced])) = many(DEFAULT_SCENARIOS, &ONCE_FAILED, run) else { return };
    println!(
        "{seeds} worlds: {steady} task sets were steady, {gone} were deleted, {replaced} replaced tasks"
    );
    // A simulation in which nothing happens proves nothing.
    for count in [steady, gone, replaced] {
        assert!(u64::from(count) > seeds / 20, "{steady} steady, {gone} deleted, {replaced} replaced");
    }
}

fn run(seed: u64, with_trace: bool) -> Result<[u32; 3], Broken> {
    let mut world = World::new(seed, any_setup(&mut Rng::with_seed(seed ^ 0x5e75)));
    if with_trace {
        world.keep_trace();
    }
    live(&mut world).map_err(|broken| {
        let sets = world.state().services.get(SERVICE).map(|service| &service.task_sets);
        format!("TIDEGATE_SEED={seed}: {broken}\n{:#?}\n{}\n{sets:#?}", world.setup, world.trace())
    })?;
    Ok(world.watch.task_sets.tally)
}

fn any_setup(rng: &mut Rng) -> Setup {
    let controller =
        if rng.bool() { DeploymentControllerType::CodeDeploy } else { DeploymentControllerType::External };
    let any = Setup::any(rng);
    let (minimum_percent, maximum_percent) = match any.strategy {
        SchedulingStrategy::Replica => (any.minimum_percent, any.maximum_percent),
        SchedulingStrategy::Daemon => (100, 200),
    };
    Setup {
        controller,
        minimum_percent,
        maximum_percent,
        breaker: None,
        early_success: None,
        strategy: SchedulingStrategy::Replica,
        load_balanced: controller == DeploymentControllerType::CodeDeploy || any.load_balanced,
        stages: None,
        // Deployment alarms are of the ECS controller alone.
        alarms: None,
        ..any
    }
}

/// A life with faults, then calm, then one good task set that takes over.
fn live(world: &mut World) -> Result<(), Broken> {
    let first = if world.rng.u8(..3) == 0 { Release::any(&mut world.rng) } else { Release::Good };
    world.create_service(first)?;
    world.faults = Faults::On;
    for _ in 0..world.rng.u8(1..12) {
        let pause = any_pause(&mut world.rng);
        world.run_for(pause)?;
        world.do_anything_to_task_sets()?;
    }
    let pause = any_pause(&mut world.rng);
    world.run_for(pause)?;
    world.calm();
    if world.rng.u8(..10) == 0 {
        world.delete_service()?;
        world.run_until(CONVERGES_WITHIN, "gone", |world| world.state().services.is_empty())?;
        return match world.runtime.alive().first() {
            Some(task) => Err(format!("{task} runs, its service is gone")),
            None => Ok(()),
        };
    }
    for id in world.task_sets() {
        world.delete_task_set(&id)?;
    }
    world.run_until(CONVERGES_WITHIN, "without task sets", |world| world.task_sets().is_empty())?;
    world.set_percentages(100, 200)?;
    world.create_task_set(Release::Good, 100.0, 0)?;
    let Some(id) = world.task_sets().pop() else { return Err("no task set was made".to_owned()) };
    world.make_primary(&id)?;
    world.run_until(CONVERGES_WITHIN, "steady on the good task set", is_steady)?;
    world.run_for(Duration::from_mins(10))?;
    if !is_steady(world) {
        return Err("it did not stay steady".to_owned());
    }
    Ok(())
}

fn is_steady(world: &World) -> bool {
    let Some(service) = world.state().services.get(SERVICE) else { return false };
    let [only] = service.task_sets.as_slice() else { return false };
    only.status == TaskSetStatus::Primary
        && only.stability == StabilityStatus::SteadyState
        && service.steady_since.is_some()
}
