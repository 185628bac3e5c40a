//! What a gate sees of a comparison: its answers, its words, and what may not matter to it.

#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use insta::assert_snapshot;
use proptest::prelude::*;
use tidegate_stats::{Answer, Certainty, Comparison, Counts, Judgement, Measure, Needed, Points};

fn error_rates(certainty: f64, tolerance: f64) -> Comparison {
    Comparison::new(
        Measure::ErrorRate,
        Certainty::percent(certainty).unwrap(),
        Points::new(tolerance).unwrap(),
    )
}

fn judged(stable: (u64, u64), candidate: (u64, u64)) -> Judgement {
    let mut comparison = error_rates(99.0, 0.5);
    comparison.observe(Counts::new(stable.0, stable.1), Counts::new(candidate.0, candidate.1));
    comparison.judgement()
}

#[test]
fn the_judgement_is_a_sentence_with_its_numbers() {
    assert_snapshot!(judged((265, 0), (29, 9)), @"more than 99.9999 % sure that the candidate's error rate is more than 0.5 points worse: 31.0 % (9 of 29) against 0.0 % (0 of 265)");
    assert_snapshot!(judged((90, 0), (10, 4)), @"99.8 % sure that the candidate's error rate is more than 0.5 points worse: 40.0 % (4 of 10) against 0.0 % (0 of 90)");
    assert_snapshot!(judged((90_000, 12), (10_000, 2)), @"more than 99.9999 % sure that the candidate's error rate is not more than 0.5 points worse: 0.020 % (2 of 10,000) against 0.013 % (12 of 90,000)");
    assert_snapshot!(judged((265, 0), (29, 1)), @"too little evidence whether the candidate's error rate is more than 0.5 points worse: 3.4 % (1 of 29) against 0.0 % (0 of 265); about 150 more requests to the candidate like these would tell");
    assert_snapshot!(judged((265, 0), (0, 0)), @"too little evidence whether the candidate's error rate is more than 0.5 points worse: nothing (no requests) against 0.0 % (0 of 265); the candidate must have some requests first");
    assert_snapshot!(judged((0, 0), (29, 9)), @"too little evidence whether the candidate's error rate is more than 0.5 points worse: 31.0 % (9 of 29) against nothing (no requests); stable must have some requests, too");
    assert_snapshot!(judged((1000, 5), (1000, 10)), @"too little evidence whether the candidate's error rate is more than 0.5 points worse: 1.0 % (10 of 1,000) against 0.50 % (5 of 1,000); the difference is too near to what is tolerated for any traffic to tell");
    assert_snapshot!(judged((90, 0), (10, 4)).difference, @"+40.0 points, surely within +3.1 and +90.7");
    assert_snapshot!(judged((0, 0), (0, 0)).difference, @"+0.0 points, surely within -100.0 and +100.0");

    let mut exact = error_rates(99.9, 0.0);
    exact.observe(Counts::new(100_000, 1_000), Counts::new(100_000, 1_300));
    assert_snapshot!(exact.judgement(), @"more than 99.9999 % sure that the candidate's error rate is worse: 1.3 % (1,300 of 100,000) against 1.0 % (1,000 of 100,000)");
}

#[test]
fn no_traffic_is_too_little_evidence_and_says_whose_is_missing() {
    assert_eq!(judged((0, 0), (0, 0)).answer, Answer::TooLittle(Needed::CandidateTraffic));
    assert_eq!(judged((5_000, 3), (0, 0)).answer, Answer::TooLittle(Needed::CandidateTraffic));
    assert_eq!(judged((0, 0), (40, 0)).answer, Answer::TooLittle(Needed::StableTraffic));
    assert_eq!(judged((0, 0), (40, 40)).answer, Answer::TooLittle(Needed::StableTraffic));
}

#[test]
fn the_requests_that_are_said_to_be_needed_do_tell() {
    let Answer::TooLittle(Needed::Requests(more)) = judged((900, 0), (100, 0)).answer else {
        panic!("100 good requests cannot tell half a point");
    };
    let all = 100 + more;
    assert_eq!(judged((all * 9, 0), (all, 0)).answer, Answer::NotWorse);
    assert!(more < 2_000, "{more}");

    let Needed::Requests(all) = error_rates(99.0, 0.5).requests_to_tell(0.01, Points::new(2.5).unwrap(), 0.1)
    else {
        panic!("two points above the tolerance can be told");
    };
    assert!((800..1_200).contains(&all), "{all}");
    let never = error_rates(99.0, 0.5).requests_to_tell(0.01, Points::new(0.5).unwrap(), 0.1);
    assert_eq!(never, Needed::NoAmount, "the tolerance itself is never found worse");
}

#[test]
fn an_alarm_stands_whatever_comes_after_it() {
    let mut comparison = error_rates(99.0, 0.5);
    comparison.observe(Counts::new(90, 0), Counts::new(10, 4));
    assert!(comparison.is_worse());
    comparison.observe(Counts::new(900_000, 0), Counts::new(100_000, 4));
    assert_eq!(comparison.judgement().answer, Answer::Worse);
    comparison.observe(Counts::new(0, 0), Counts::new(0, 0));
    assert_eq!(comparison.judgement().answer, Answer::Worse);
}

fn counts() -> impl Strategy<Value = Counts> {
    (prop_oneof![Just(0u64), 1u64..60, 0u64..5_000, Just(u64::MAX)], 0.0f64..1.0)
        .prop_map(|(requests, share)| Counts::new(requests, (requests as f64 * share * share) as u64))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_totals_in_any_order_are_judged_without_a_panic(looks in prop::collection::vec((counts(), counts()), 1..4)) {
        let mut comparison = error_rates(99.0, 0.5);
        for (stable, candidate) in looks {
            comparison.observe(stable, candidate);
            let judgement = comparison.judgement();
            prop_assert!(judgement.worse.ln_e_value().is_finite());
            prop_assert!(judgement.difference.at_least <= judgement.difference.counted + 1e-9);
            prop_assert!(judgement.difference.at_most >= judgement.difference.counted - 1e-9);
            prop_assert!(!judgement.to_string().is_empty());
        }
    }

    /// What came in one batch, in many, or twice is judged alike, unless an earlier look raised the alarm.
    #[test]
    fn batches_do_not_matter(
        batches in prop::collection::vec((0u64..30, 0u64..3, 0u64..20, 0u64..3), 1..12), again in 0usize..12,
    ) {
        let mut total = (Counts::default(), Counts::default());
        let mut often = error_rates(99.0, 0.5);
        for (place, (stable, stable_errors, candidate, candidate_errors)) in batches.iter().enumerate() {
            total.0 = total.0.plus(Counts::new(*stable, *stable_errors));
            total.1 = total.1.plus(Counts::new(*candidate, *candidate_errors));
            often.observe(total.0, total.1);
            if place == again {
                often.observe(total.0, total.1);
            }
        }
        let mut once = error_rates(99.0, 0.5);
        once.observe(total.0, total.1);
        if often.is_worse() {
            prop_assert!(often.judgement().worse >= once.judgement().worse);
        } else {
            prop_assert_eq!(often.judgement(), once.judgement());
        }
    }
}

#[test]
fn what_is_stored_goes_on_where_it_was() {
    let mut comparison = error_rates(99.0, 0.5);
    comparison.observe(Counts::new(90, 0), Counts::new(10, 4));
    let text = serde_json::to_string(&comparison).unwrap();
    let back: Comparison = serde_json::from_str(&text).unwrap();
    assert_eq!(back, comparison);
    let judgement = comparison.judgement();
    assert_eq!(
        serde_json::from_str::<Judgement>(&serde_json::to_string(&judgement).unwrap()).unwrap(),
        judgement
    );
    let wrong = text.replace("99.0", "100.0");
    assert!(serde_json::from_str::<Comparison>(&wrong).is_err(), "{wrong}");
}
