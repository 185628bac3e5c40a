//! Thousands of worlds, each from its own seed.
//!
//! `TIDEGATE_SCENARIOS` says how many (10,000), `TIDEGATE_SEED` runs one of them and prints its trace.

use std::{
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tidegate_models::ecs::{DeploymentRolloutState as Rollout, SchedulingStrategy};

use super::{
    actions::any_pause,
    functions::Manner,
    release::Release,
    setup::{SERVICE, Setup},
    watch::deployment_of,
    world::{Broken, Faults, World},
};
use tidegate_engine::ecs::records::StandingCause;

/// Seeds that once failed.
const ONCE_FAILED: [u64; 0] = [];

/// How many broken worlds are told of before the rest is left.
const MOST_TOLD: usize = 8;

const DEFAULT_SCENARIOS: u64 = 10_000;

/// The longest that a calm world may take: back-off of starts, drains and grace periods included.
const CONVERGES_WITHIN: Duration = Duration::from_hours(2);

#[test]
fn the_scheduler_keeps_its_promises_in_ten_thousand_random_worlds() {
    let Some((seeds, seen)) = many(DEFAULT_SCENARIOS, &ONCE_FAILED, run) else { return };
    let [completions, rollbacks, failures, calls, alarms] = seen;
    println!(
        "{seeds} worlds: {completions} deployments completed, {rollbacks} roll-backs, {failures} deployments failed, \
         {calls} calls of hooks, {alarms} alarms detected"
    );
    // A simulation in which nothing happens proves nothing.
    for (count, at_least) in [(completions, 20), (rollbacks, 20), (failures, 20), (calls, 20), (alarms, 100)]
    {
        assert!(
            u64::from(count) > seeds / at_least,
            "{completions} completions, {rollbacks} roll-backs, {failures} failures, {calls} calls, {alarms} alarms"
        );
    }
}

/// Runs a world for each of many seeds, after those that once failed. Answers how many that were and the sums of what they
/// counted; nothing when only one seed was asked for.
pub(super) fn many<const N: usize>(
    scenarios: u64,
    once_failed: &[u64],
    run: impl Fn(u64, bool) -> Result<[u32; N], Broken> + Sync,
) -> Option<(u64, [u32; N])> {
    if let Some(seed) = number_from("TIDEGATE_SEED") {
        run(seed, true).unwrap_or_else(|told| panic!("{told}"));
        return None;
    }
    let scenarios = number_from("TIDEGATE_SCENARIOS").unwrap_or(scenarios);
    let seeds = once_failed.len() as u64 + scenarios;
    let (next, seen) = (AtomicU64::new(0), [const { AtomicU32::new(0) }; N]);
    let broken = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(4);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= seeds || broken.lock().unwrap().len() >= MOST_TOLD {
                        return;
                    }
                    let seed = once_failed.get(at as usize).copied().unwrap_or(at);
                    match run(seed, false) {
                        Ok(counts) => {
                            for (total, count) in seen.iter().zip(counts) {
                                total.fetch_add(count, Ordering::Relaxed);
                            }
                        }
                        Err(told) => broken.lock().unwrap().push((seed, told)),
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    if let Some((seed, _)) = broken.first() {
        let Err(told) = run(*seed, true) else { panic!("TIDEGATE_SEED={seed} does not replay its run") };
        let short: Vec<&str> = broken.iter().filter_map(|(_, told)| told.lines().next()).collect();
        panic!("{told}\n{}", short.join("\n"));
    }
    Some((seeds, seen.map(AtomicU32::into_inner)))
}

/// Runs one world. Answers completions, roll-backs and failures, or what broke, with the trace if it was kept.
fn run(seed: u64, with_trace: bool) -> Result<[u32; 5], Broken> {
    let setup = Setup::any(&mut Rng::with_seed(seed ^ 0x5eed));
    let mut world = World::new(seed, setup);
    if with_trace {
        world.keep_trace();
    }
    live(&mut world).map_err(|broken| {
        format!("TIDEGATE_SEED={seed}: {broken}\n{:#?}\n{}\n{}", world.setup, world.trace(), standing(&world))
    })?;
    let tally = world.watch.tally;
    let calls = u32::try_from(world.functions.calls.len()).unwrap_or(u32::MAX);
    Ok([tally.completions, tally.rollbacks, tally.failures, calls, tally.alarms])
}

/// A life with faults, then calm, then one good release.
fn live(world: &mut World) -> Result<(), Broken> {
    let first = if world.rng.u8(..3) == 0 { Release::any(&mut world.rng) } else { Release::Good };
    world.create_service(first)?;
    world.faults = Faults::On;
    world.functions.manner = Manner::Any;
    for _ in 0..world.rng.u8(1..8) {
        let pause = any_pause(&mut world.rng);
        world.run_for(pause)?;
        world.do_anything()?;
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
    world.run_until(CONVERGES_WITHIN, "at rest", is_at_rest)?;
    if world.setup.strategy == SchedulingStrategy::Replica {
        world.forget_early_success()?;
        world.forget_hooks()?;
        world.set_percentages(100, 200)?;
    }
    world.deploy(Release::Good)?;
    world.run_until(CONVERGES_WITHIN, "steady on the good release", is_steady)?;
    world.run_for(Duration::from_mins(10))?;
    if !is_steady(world) {
        return Err("it did not stay steady".to_owned());
    }
    Ok(())
}

/// How the service stands, for who reads a trace.
fn standing(world: &World) -> String {
    let Some(service) = world.state().services.get(SERVICE) else { return "no service".to_owned() };
    let current = service.current_service_deployment.as_ref();
    let current = current.and_then(|arn| world.state().service_deployments.get(arn));
    let mut text = format!(
        "{:?} {:?} {:?}\n",
        current.map(|row| row.status),
        current.and_then(|row| row.status_reason.as_ref()),
        current.map(|row| &row.staged)
    );
    for deployment in &service.deployments {
        let tasks =
            world.state().tasks.indexed_by(SERVICE).filter(|(_, task)| deployment_of(task) == deployment.id);
        let tasks: Vec<_> = tasks.map(|(_, task)| (task.last_status, task.stop.is_some())).collect();
        let line = format!(
            "{} {:?} desired {} {tasks:?}\n",
            deployment.id, deployment.rollout_state, deployment.desired_count
        );
        text.push_str(&line);
    }
    text
}

/// Whether nothing is under way: steady, or FAILED with nothing to go back to, or stuck between two percentages.
fn is_at_rest(world: &World) -> bool {
    let Some(service) = world.state().services.get(SERVICE) else { return true };
    let failed = service.deployments.first().is_some_and(|it| it.rollout_state == Rollout::Failed);
    let stuck = service.standing.iter().any(|(cause, _)| *cause == StandingCause::Stuck);
    failed || stuck || is_steady(world)
}

fn is_steady(world: &World) -> bool {
    let Some(service) = world.state().services.get(SERVICE) else { return false };
    let completed = service.deployments.first().is_some_and(|it| it.rollout_state == Rollout::Completed);
    completed && service.deployments.len() == 1 && service.steady_since.is_some()
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number")))
}
