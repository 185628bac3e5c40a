//! The promise, checked on simulated rollouts. `cargo run --release -p tidegate-stats --example simulate` does the same at
//! full length and writes `docs/gates`.

#[path = "../examples/simulate/world.rs"]
mod world;

use tidegate_stats::{Counts, OutOfRange};
use world::{CERTAINTY, Looks, Run, TOLERANCE, World, comparison, for_seeds, how_many};

const BASE_RATES: [f64; 5] = [0.0, 0.001, 0.01, 0.05, 0.3];
const WEIGHTS: [f64; 3] = [0.01, 0.1, 0.5];

/// The most alarms in so many runs that are likely when each has the promised chance: three standard deviations above.
fn most_false_alarms(runs: u64) -> usize {
    let chance = 1.0 - CERTAINTY / 100.0;
    let expected = chance * runs as f64;
    (expected + 3.0 * (expected * (1.0 - chance)).sqrt()) as usize
}

/// Ten thousand rollouts, spread over all rates and weights, equal and at the very edge of what is tolerated, each looked at
/// every 10 requests up to 20,000.
#[test]
fn ten_thousand_candidates_that_are_no_worse_raise_no_more_false_alarms_than_promised()
-> Result<(), OutOfRange> {
    let (mut all, mut alarms, mut textbook) = (0, 0, 0);
    for worse in [0.0, TOLERANCE / 100.0] {
        for stable in BASE_RATES {
            for weight in WEIGHTS {
                let looks = Looks::Every(10);
                let world = World { stable, candidate: stable + worse, weight, requests: 20_000, looks };
                let runs: Vec<Run> = for_seeds(all..all + 334, |seed| world.run(seed))?;
                let false_alarms = runs.iter().filter(|run| run.alarm.is_some()).count();
                assert!(false_alarms <= most_false_alarms(334), "{world:?}: {false_alarms} of 334");
                all += 334;
                alarms += false_alarms;
                textbook += runs.iter().filter(|run| run.textbook.is_some()).count();
            }
        }
    }
    assert!(alarms <= most_false_alarms(all), "{alarms} of {all}");
    assert!(
        textbook > 5 * most_false_alarms(all),
        "the textbook's test only {textbook} times: is it looked at?"
    );
    Ok(())
}

#[test]
fn a_candidate_that_fails_three_in_ten_is_found_out_within_25_of_its_requests() -> Result<(), OutOfRange> {
    for weight in [0.01, 0.1] {
        let world = World { stable: 0.001, candidate: 0.3, weight, requests: 100_000, looks: Looks::Sparser };
        let mut delays: Vec<u64> =
            for_seeds(0..500, |seed| world.delay(seed))?.into_iter().flatten().collect();
        assert_eq!(delays.len(), 500, "everyone is found out");
        delays.sort_unstable();
        assert!(delays[250] <= 15 && delays[450] <= 25, "at {weight}: {} and {}", delays[250], delays[450]);
    }
    Ok(())
}

/// How many of 500 rollouts of an equal candidate raise an alarm when 30 % of all requests fail for a while, stable's and the
/// candidate's alike, at this weight before that and at that one from then on.
fn alarms_in_an_outage(before: f64, from_then_on: f64) -> Result<usize, OutOfRange> {
    let runs = for_seeds(0..500, |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut comparison = comparison()?;
        let (mut stable, mut candidate) = (Counts::default(), Counts::default());
        for look in 0..1_000 {
            let (rate, weight) = match look {
                0..400 => (0.001, before),
                400..500 => (0.3, from_then_on),
                _ => (0.001, from_then_on),
            };
            let to_candidate = how_many(&mut random, 10, weight);
            let to_stable = 10 - to_candidate;
            stable = stable.plus(Counts::new(to_stable, how_many(&mut random, to_stable, rate)));
            candidate = candidate.plus(Counts::new(to_candidate, how_many(&mut random, to_candidate, rate)));
            comparison.observe(stable, candidate);
        }
        Ok(comparison.is_worse())
    })?;
    Ok(runs.into_iter().filter(|&alarm| alarm).count())
}

#[test]
fn an_outage_that_hits_both_raises_no_alarm_while_the_weight_stays() -> Result<(), OutOfRange> {
    for weight in [0.01, 0.1, 0.5] {
        let alarms = alarms_in_an_outage(weight, weight)?;
        assert!(alarms <= most_false_alarms(500), "{alarms} of 500 at {weight}");
    }
    Ok(())
}

/// The larger part of the candidate's requests falls into the outage then, and the totals cannot tell. This is why a
/// comparison begins anew with each step.
#[test]
fn a_weight_that_moves_within_one_comparison_makes_an_outage_look_like_the_candidates()
-> Result<(), OutOfRange> {
    assert!(alarms_in_an_outage(0.01, 0.5)? > 400);
    Ok(())
}
