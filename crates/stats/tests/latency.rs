//! Slow requests, candidate against stable.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use insta::assert_snapshot;
use tidegate_stats::{Answer, Ask, Certainty, Counts, Latency, Needed, Points, SlowLine};

fn latency(certainty: Certainty) -> Latency {
    Latency::new(SlowLine::new(95.0, 20.0).unwrap(), certainty, Points::new(2.0).unwrap())
}

fn sure() -> Certainty {
    Certainty::percent(99.0).unwrap()
}

/// Response times as services have them: most near 40 ms, a long tail upwards.
fn response_time(random: &mut fastrand::Rng, times: f64) -> f64 {
    let normal: f64 = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
    times * 40.0 * (0.6 * normal).exp()
}

/// Stable's percentile by its first `n` requests.
fn first_look(random: &mut fastrand::Rng, n: usize, percentile: f64) -> f64 {
    let mut times: Vec<f64> = (0..n).map(|_| response_time(random, 1.0)).collect();
    times.sort_by(f64::total_cmp);
    times[(n as f64 * percentile / 100.0) as usize]
}

#[test]
fn the_first_looks_draw_the_line_and_it_stays() {
    let mut latency = latency(sure());
    assert_eq!(latency.ask(), Ask::Percentile(95.0));
    latency.reference(100.0, 40);
    assert_eq!(latency.judgement().answer, Answer::TooLittle(Needed::StableRequests(160)));
    assert_snapshot!(latency.judgement(), @"too little evidence whether the candidate's share of slow requests is more than 2 points larger: nothing (no requests) against nothing (no requests); stable must have 160 more requests before it is known what is slow");
    latency.observe(Counts::new(40, 0), Counts::new(40, 40));
    assert!(!latency.is_worse(), "without a line nothing is slow");
    latency.reference(f64::NAN, 1_000);
    latency.reference(100.0, 400);
    assert_eq!(latency.ask(), Ask::SlowerThan(120.0));
    latency.reference(500.0, 4_000);
    assert_eq!(latency.ask(), Ask::SlowerThan(120.0));

    latency.observe(Counts::new(900, 20), Counts::new(100, 3));
    assert_snapshot!(latency.judgement(), @"too little evidence whether the candidate's share of requests slower than 120 ms is more than 2 points larger: 3.0 % (3 of 100) against 2.2 % (20 of 900); about 4,500 more requests to the candidate like these would tell");
    latency.observe(Counts::new(1_800, 41), Counts::new(200, 61));
    assert_snapshot!(latency.judgement(), @"more than 99.9999 % sure that the candidate's share of requests slower than 120 ms is more than 2 points larger: 30.5 % (61 of 200) against 2.3 % (41 of 1,800)");
    let stored = serde_json::to_string(&latency).unwrap();
    assert_eq!(serde_json::from_str::<Latency>(&stored).unwrap(), latency);
}

#[test]
fn a_candidate_that_takes_twice_as_long_is_found_out_and_an_equal_one_is_not() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut alarms = [0, 0];
    for _ in 0..200 {
        for (alarm, times) in alarms.iter_mut().zip([1.0, 2.0]) {
            let mut latency = latency(sure());
            latency.reference(first_look(&mut random, 400, 95.0), 400);
            let Ask::SlowerThan(line) = latency.ask() else { panic!("400 requests draw a line") };
            let (mut stable, mut candidate) = (Counts::default(), Counts::default());
            for _ in 0..200 {
                stable = stable.plus(Counts::above(
                    line,
                    std::iter::repeat_with(|| response_time(&mut random, 1.0)).take(9),
                ));
                candidate = candidate.plus(Counts::above(line, [response_time(&mut random, times)]));
                latency.observe(stable, candidate);
                if latency.is_worse() {
                    break;
                }
            }
            *alarm += i32::from(latency.is_worse());
        }
    }
    assert!(alarms[0] <= 6, "99 % sure is at most two of 200, and six with bad luck: {}", alarms[0]);
    assert!(alarms[1] >= 190, "twice as slow shows within 200 requests: {}", alarms[1]);
}

#[test]
fn several_lines_share_the_false_alarms() {
    assert!((sure().shared_by(4).false_alarms() - 0.0025).abs() < 1e-9);
    let stored = serde_json::to_string(&latency(Certainty::percent(99.9999).unwrap().shared_by(4))).unwrap();
    assert!(serde_json::from_str::<Latency>(&stored).is_ok());
}

#[test]
fn a_line_out_of_range_is_refused() {
    assert_snapshot!(SlowLine::new(100.0, 20.0).unwrap_err(), @"a percentile of 100 is out of range: give 50 to 99.9");
    assert_snapshot!(SlowLine::new(95.0, -3.0).unwrap_err(), @"a slowdown of -3 % is out of range: give 0 to 1000");
}
