//! Lost answers, other people's changes, requests, silence.

use super::super::rule::{Stickiness, Weights};
use super::super::{Phase, Progress, Verb, step};
use super::Runner;
use super::world::{Quality, World, revision};
use crate::Event;
use crate::verdict::Verdict;

/// Runs; at each look the world may be changed by the test.
fn run(mut world: World) -> (World, Runner) {
    let progress = world.begin(World::canary());
    world.save(&progress).expect("no fuse");
    let mut runner = Runner::of(progress);
    runner.run(&mut world).expect("nobody kills it");
    (world, runner)
}

/// A phase, and how it is known.
type InPhase = (&'static str, fn(&Progress) -> bool);

/// Runs until it is there; answers the runner's state.
fn until(world: &mut World, is_there: impl Fn(&Progress) -> bool) -> Runner {
    let progress = world.begin(World::canary());
    world.save(&progress).expect("no fuse");
    let mut runner = Runner::of(progress);
    runner.run_until(world, |progress, _| is_there(progress)).expect("nobody kills it");
    assert_eq!(runner.progress.verdict(), None);
    runner
}

fn told(runner: &Runner) -> String {
    let mut text = String::new();
    for event in &runner.events {
        text.push_str(&serde_json::to_string(event).expect("serialisable"));
        text.push('\n');
    }
    text
}

#[test]
fn lost_answers_change_nothing_but_time() {
    for seed in 0..200 {
        for (quality, promoted) in [(Quality::Good, true), (Quality::Errors, false)] {
            let mut world = World::new(quality);
            world.noise = Some((seed * 7_919 + 1, 4));
            world.lag = 3_000;
            let (world, runner) = run(world);
            let verdict = runner.progress.verdict().expect("ended");
            assert_eq!(verdict.is_promoted(), promoted, "seed {seed}: {verdict:?}");
            assert!(world.weights().are_home(), "seed {seed}");
            assert_eq!(world.candidate.service.desired_count, 0, "seed {seed}");
        }
    }
}

#[test]
fn a_rule_that_somebody_else_changes_is_noticed_said_and_not_overwritten() {
    let theirs = Weights { stable: 70, candidate: 30 };
    let phases: [InPhase; 5] = [
        ("scaling up", |p| matches!(p.phase(), Phase::ScalingUp)),
        ("baking", |p| matches!(p.phase(), Phase::Baking { shift: 1 })),
        ("emptying", |p| matches!(p.phase(), Phase::Emptying)),
        ("rolling stable", |p| matches!(p.phase(), Phase::RollingStable)),
        ("settling", |p| matches!(p.phase(), Phase::Settling { .. })),
    ];
    for (name, is_there) in phases {
        let mut world = World::new(Quality::Good);
        let mut runner = until(&mut world, is_there);
        world.meddle(theirs);
        runner.run(&mut world).expect("nobody kills it");
        let Some(Verdict::Failed { reason, left, .. }) = runner.progress.verdict() else {
            panic!("{name}: {:?}", runner.progress.verdict())
        };
        assert!(reason.contains("stable 70, candidate 30"), "{name}: {reason}");
        assert!(left.contains("tidegate resume"), "{name}: {left}");
        assert_eq!(world.weights(), theirs, "{name}");
    }
}

#[test]
fn a_group_added_to_the_rule_is_somebody_elses_doing() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { .. }));
    if let Some(rule) = &mut world.rule {
        rule.stickiness = Stickiness::Seconds(60);
    }
    runner.run(&mut world).expect("nobody kills it");
    assert!(matches!(runner.progress.verdict(), Some(Verdict::Failed { .. })));
}

#[test]
fn after_the_rule_was_put_right_it_can_be_taken_up() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 1 }));
    let ours = world.weights();
    world.meddle(Weights { stable: 70, candidate: 30 });
    runner.run(&mut world).expect("nobody kills it");
    world.meddle(ours);
    let mut world = world.forgiven();
    assert!(runner.progress.can_be_taken_up());
    let mut second = Runner::of(runner.progress.taken_up(world.now));
    second.run(&mut world).expect("nobody kills it");
    assert!(second.progress.verdict().is_some_and(Verdict::is_promoted));
}

#[test]
fn weights_that_somebody_set_home_mean_a_rollback() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 1 }));
    world.meddle(Weights { stable: 100, candidate: 0 });
    runner.run(&mut world).expect("nobody kills it");
    let Some(Verdict::RolledBack { reason, .. }) = runner.progress.verdict() else {
        panic!("{:?}", runner.progress.verdict())
    };
    assert_eq!(reason, "somebody set the rule's weights back to stable");
    assert_eq!(world.weights(), Weights { stable: 100, candidate: 0 }, "as they set it");
    assert_eq!(world.candidate.service.desired_count, 0);
}

#[test]
fn an_abort_sets_the_weights_home_in_the_very_next_step() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 1 }));
    let asked_at = world.now;
    world.ask_for(Verb::Abort);
    runner.run_until(&mut world, |_, world| world.weights().are_home()).expect("nobody kills it");
    assert!(world.now - asked_at <= 2_000, "{} ms", world.now - asked_at);
    runner.run(&mut world).expect("nobody kills it");
    let Some(Verdict::RolledBack { reason, .. }) = runner.progress.verdict() else { panic!("rolled back") };
    assert_eq!(reason, "aborted by bob");
}

#[test]
fn past_the_point_of_no_return_an_abort_is_answered_and_the_work_goes_on() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::RollingStable));
    world.ask_for(Verb::Abort);
    runner.run(&mut world).expect("nobody kills it");
    assert!(runner.progress.verdict().is_some_and(Verdict::is_promoted));
    assert!(told(&runner).contains("it is too late"), "{}", told(&runner));
}

#[test]
fn a_pause_holds_the_weights_and_resume_goes_on() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 0 }));
    world.ask_for(Verb::Pause);
    let pause_ends = world.now + 3_000_000;
    runner.run_until(&mut world, |_, world| world.now >= pause_ends).expect("nobody kills it");
    assert_eq!(world.weights(), Weights { stable: 90, candidate: 10 });
    world.ask_for(Verb::Resume);
    runner.run(&mut world).expect("nobody kills it");
    assert!(runner.progress.verdict().is_some_and(Verdict::is_promoted));
}

#[test]
fn a_promotion_skips_the_rest_of_the_bake_and_no_more() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 0 }));
    let began = world.now;
    world.ask_for(Verb::Promote);
    let is_next = |p: &Progress, _: &World| matches!(p.phase(), Phase::Baking { shift: 1 });
    runner.run_until(&mut world, is_next).expect("nobody kills it");
    assert!(world.now - began <= 4_000, "{} ms", world.now - began);
}

#[test]
fn without_traffic_or_counts_it_says_so_and_goes_on() {
    for (traffic, counts, words) in
        [(false, true, "too little traffic"), (true, false, "the request counts cannot be had")]
    {
        let mut world = World::new(Quality::Good);
        world.traffic = traffic;
        world.counts = counts;
        let (_, runner) = run(world);
        assert!(runner.progress.verdict().is_some_and(Verdict::is_promoted));
        assert!(told(&runner).contains(words), "{}", told(&runner));
    }
}

#[test]
fn a_stable_service_that_cannot_run_the_revision_leaves_the_candidate_serving() {
    let (world, runner) = run(World::new(Quality::CrashesOnStable));
    let Some(Verdict::Failed { left, .. }) = runner.progress.verdict() else {
        panic!("{:?}", runner.progress.verdict())
    };
    assert!(left.starts_with("the candidate service goes on serving web:8 with all the traffic"), "{left}");
    assert_eq!(world.weights(), Weights { stable: 0, candidate: 100 });
    assert_eq!(world.candidate.targets().healthy, 4);
    assert_eq!(world.stable.updates, 3, "it was tried again");
    // The cause is found and put right: the work goes on from there.
    let mut world = world;
    world.quality = Quality::Good;
    let mut second = Runner::of(runner.progress.taken_up(world.now));
    second.run(&mut world).expect("nobody kills it");
    assert!(second.progress.verdict().is_some_and(Verdict::is_promoted));
    assert!(world.weights().are_home());
}

#[test]
fn a_revision_that_was_deregistered_meanwhile_does_not_pass_the_point_of_no_return() {
    let mut world = World::new(Quality::Good);
    world.revision_is_active = false;
    let (world, runner) = run(world);
    assert!(matches!(runner.progress.verdict(), Some(Verdict::RolledBack { .. })));
    assert_eq!(world.stable.service.task_definition, revision(7));
}

#[test]
fn a_refused_update_ends_it_before_anything_has_changed() {
    let mut world = World::new(Quality::Good);
    world.refused = Some(8);
    let (world, runner) = run(world);
    let Some(Verdict::RolledBack { reason, .. }) = runner.progress.verdict() else {
        panic!("{:?}", runner.progress.verdict())
    };
    assert_eq!(reason, "TaskDefinition is inactive");
    assert_eq!(world.candidate.updates, 0);
}

#[test]
fn a_candidate_whose_old_revision_is_gone_gets_its_count_back_all_the_same() {
    let mut world = World::new(Quality::Errors);
    world.refused = Some(7);
    let (world, runner) = run(world);
    assert!(matches!(runner.progress.verdict(), Some(Verdict::RolledBack { .. })));
    assert_eq!(world.candidate.service.desired_count, 0);
    assert_eq!(world.candidate.service.task_definition, revision(8));
    assert!(told(&runner).contains("the candidate service keeps web:8"), "{}", told(&runner));
}

#[test]
fn somebody_elses_deployment_of_stable_ends_it_with_the_weights_home() {
    let mut world = World::new(Quality::Good);
    let mut runner = until(&mut world, |p| matches!(p.phase(), Phase::Baking { shift: 1 }));
    world.deploy_stable(9);
    runner.run(&mut world).expect("nobody kills it");
    let Some(Verdict::Superseded { task_definition, .. }) = runner.progress.verdict() else {
        panic!("{:?}", runner.progress.verdict())
    };
    assert_eq!(*task_definition, revision(9));
    assert!(world.weights().are_home());
}

#[test]
fn a_rollout_that_has_its_verdict_does_nothing_more() {
    let (world, runner) = run(World::new(Quality::Good));
    let (same, actions) = step(&runner.progress, &super::Seen::default(), world.now);
    assert_eq!((same, actions.len()), (runner.progress.clone(), 0));
    assert!(matches!(runner.events.last(), Some(Event::Decided { .. })));
}
