//! The runner is killed between any two calls, each position in turn, and taken up again.

use super::super::{Progress, Verb};
use super::world::{Quality, World, revision};
use super::{Killed, LEASE, Runner};
use crate::strategy::Traffic;
use crate::verdict::Verdict;

/// Runs until the fuse, then as another process to the end.
fn killed_and_taken_up(mut world: World, traffic: &Traffic, then: Option<Verb>) -> (World, Option<Progress>) {
    let mut first = Runner::of(world.begin(traffic.clone()));
    // Taking the lease is the first call, and writes the progress.
    let taken = world.save(&first.progress);
    if taken.is_ok() && first.run(&mut world).is_ok() {
        return (world, Some(first.progress));
    }
    world.fuse = None;
    world.advance(LEASE);
    let Some(progress) = world.load() else { return (world, None) };
    if progress.verdict().is_some() {
        return (world, Some(progress));
    }
    if let Some(verb) = then {
        world.ask_for(verb);
    }
    let mut second = Runner::of(progress.taken_up(world.now));
    second.run(&mut world).expect("nobody kills it");
    (world, Some(second.progress))
}

/// Everything is where it belongs, whichever way it ended.
fn check_end(world: &World, verdict: Option<&Verdict>, at: usize) {
    let stable = &world.stable.service;
    let candidate = &world.candidate.service;
    assert!(world.weights().are_home(), "killed at call {at}: {}", world.weights());
    assert_eq!(stable.deployments[0].running, 4, "killed at call {at}");
    assert_eq!(candidate.desired_count, 0, "killed at call {at}");
    assert_eq!(world.candidate.targets().healthy, 0, "killed at call {at}");
    match verdict {
        Some(Verdict::Promoted { task_definition, running: 4 }) => {
            assert_eq!((task_definition, &stable.task_definition), (&revision(8), &revision(8)));
            assert_eq!(candidate.task_definition, revision(8));
            assert!(world.stable.updates == 1 && world.candidate.updates == 2, "killed at call {at}");
        }
        Some(Verdict::RolledBack { to, .. }) => {
            assert_eq!((to, &stable.task_definition), (&revision(7), &revision(7)), "killed at call {at}");
            assert_eq!(candidate.task_definition, revision(7), "killed at call {at}");
            // ECS may have taken a crashing candidate back while nobody watched: then it is tried once more.
            let most = if world.quality == Quality::Crashes { 3 } else { 2 };
            assert!(world.stable.updates == 0 && world.candidate.updates <= most, "killed at call {at}");
        }
        None => assert!(world.stable.updates == 0 && world.candidate.updates == 0),
        other => panic!("killed at call {at}: {other:?}"),
    }
}

/// Kills at every position; answers how many there are.
fn at_every_position(
    quality: Quality,
    lag: i64,
    traffic: &Traffic,
    then: Option<Verb>,
    promoted: bool,
) -> usize {
    let mut world = World::new(quality);
    world.lag = lag;
    let (whole, end) = killed_and_taken_up(world.clone(), traffic, None);
    let end = end.expect("ended");
    assert_eq!(end.verdict().is_some_and(Verdict::is_promoted), promoted, "{:?}", end.verdict());
    check_end(&whole, end.verdict(), usize::MAX);
    for position in 0..whole.calls {
        let mut world = world.clone();
        world.fuse = Some(position);
        let (world, end) = killed_and_taken_up(world, traffic, then);
        let verdict = end.as_ref().and_then(Progress::verdict);
        check_end(&world, verdict, position);
        if then.is_none()
            && let Some(verdict) = verdict
        {
            assert_eq!(verdict.is_promoted(), promoted, "killed at call {position}: {verdict:?}");
        }
    }
    whole.calls
}

#[test]
fn killed_between_any_two_calls_a_good_canary_is_promoted_by_whoever_resumes() {
    let positions = at_every_position(Quality::Good, 0, &World::canary(), None, true);
    assert!(positions > 100, "{positions} positions");
}

#[test]
fn killed_between_any_two_calls_a_good_canary_is_aborted_or_past_the_point_of_no_return() {
    at_every_position(Quality::Good, 0, &World::canary(), Some(Verb::Abort), true);
}

#[test]
fn killed_between_any_two_calls_a_bad_canary_ends_at_stable() {
    for then in [None, Some(Verb::Abort)] {
        at_every_position(Quality::Errors, 0, &World::canary(), then, false);
    }
}

#[test]
fn killed_between_any_two_calls_a_candidate_that_crashes_ends_at_stable() {
    for then in [None, Some(Verb::Abort)] {
        at_every_position(Quality::Crashes, 0, &World::canary(), then, false);
    }
}

#[test]
fn killed_between_any_two_calls_blue_green_ends_right() {
    let traffic = Traffic::BlueGreen { bake: 20_000 };
    for (quality, promoted) in [(Quality::Good, true), (Quality::Errors, false)] {
        for then in [None, Some(Verb::Abort)] {
            at_every_position(quality, 0, &traffic, then, promoted);
        }
    }
}

#[test]
fn no_update_is_sent_twice_where_describes_lag_behind() {
    let traffic = Traffic::BlueGreen { bake: 4_000 };
    at_every_position(Quality::Good, 8_000, &traffic, None, true);
}

#[test]
fn killed_again_and_again_it_still_ends_right() {
    for every in [3, 7, 20, 41, 90] {
        let mut world = World::new(Quality::Good);
        let mut progress = world.begin(World::canary());
        world.save(&progress).expect("no fuse");
        let mut kills = 0;
        loop {
            // Each runner is given a little more time, or none would ever get through a bake.
            world.fuse = Some(world.calls + every + 20 * kills);
            let mut runner = Runner::of(progress);
            match runner.run(&mut world) {
                Ok(()) => {
                    progress = runner.progress;
                    break;
                }
                Err(Killed) => {
                    kills += 1;
                    world.fuse = None;
                    world.advance(LEASE);
                    progress = world.load().expect("saved").taken_up(world.now);
                }
            }
        }
        check_end(&world, progress.verdict(), every);
        assert!(progress.verdict().is_some_and(Verdict::is_promoted), "{:?}", progress.verdict());
    }
}
