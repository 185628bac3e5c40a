use super::*;
use proptest::prelude::*;

fn group(requests: u32, errors: u32) -> Group {
    Group { requests: f64::from(requests), errors: f64::from(errors.min(requests)) }
}

fn claims() -> impl Strategy<Value = Claim> {
    let shifts = prop_oneof![Just(0.0), Just(0.005), Just(-0.005), -0.9..0.9];
    let bets = prop_oneof![Just(Bets::SECOND_IS_SMALL), Just(Bets::FIRST_IS_SMALL)];
    (shifts, bets).prop_map(|(shift, bets)| Claim { shift, bets })
}

/// Mostly the few errors of a service, but everything else, too.
fn groups() -> impl Strategy<Value = Group> {
    (prop_oneof![0u32..40, 0u32..20_000], prop_oneof![Just(0.0), 0.0..0.05, 0.0..1.0])
        .prop_map(|(requests, share)| group(requests, (f64::from(requests) * share) as u32))
}

/// The expectation of the evidence after every possible outcome of a fixed number of requests, at given rates.
fn expected_evidence(claim: Claim, sizes: (u32, u32), rates: (f64, f64)) -> f64 {
    let chance = |n: u32, k: u32, rate: f64| {
        let choose: f64 = (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product();
        choose * rate.powi(k as i32) * (1.0 - rate).powi((n - k) as i32)
    };
    let mut sum = 0.0;
    for first in 0..=sizes.0 {
        for second in 0..=sizes.1 {
            let evidence = claim.evidence(group(sizes.0, first), group(sizes.1, second)).exp();
            sum += chance(sizes.0, first, rates.0) * chance(sizes.1, second, rates.1) * evidence;
        }
    }
    sum
}

#[test]
fn under_a_true_claim_the_expected_evidence_is_at_most_one_exactly() {
    for shift in [0.0, 0.005, 0.1, -0.1] {
        for bets in [Bets::SECOND_IS_SMALL, Bets::FIRST_IS_SMALL] {
            for first in [0.0f64, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0] {
                let second = (first + shift).min(1.0);
                if second < 0.0 {
                    continue;
                }
                for sizes in [(1, 1), (12, 1), (3, 3), (20, 6)] {
                    let expected = expected_evidence(Claim { shift, bets }, sizes, (first, second));
                    assert!(expected <= 1.0 + 1e-9, "{shift} {first} {sizes:?}: {expected}");
                }
            }
        }
    }
}

#[test]
fn a_release_that_fails_one_in_three_is_found_out_after_a_handful() {
    let claim = Claim { shift: 0.005, bets: Bets::SECOND_IS_SMALL };
    assert!(claim.evidence_reaches(100f64.ln(), group(90, 0), group(10, 4)));
    assert!(!claim.evidence_reaches(100f64.ln(), group(90, 0), group(10, 1)));
}

/// The ideal knows both rates and bets on them from the first request: ln 100 by what one request tells on average.
#[test]
fn not_knowing_the_rates_costs_about_twice_the_requests_of_the_ideal_test() {
    let claim = Claim { shift: 0.005, bets: Bets::SECOND_IS_SMALL };
    let wanted = 100f64.ln();
    for (first, second) in [(0.0, 0.3), (0.0, 0.02), (0.01, 0.02), (0.01, 0.065), (0.05, 0.07), (0.3, 0.4)] {
        for (per_request, at_most) in [(99.0, 2.0), (9.0, 2.0), (1.0, 2.0), (1.0 / 9.0, 2.4)] {
            let after = |requests: f64| {
                let stable = requests * per_request;
                (
                    Group { requests: stable, errors: stable * first },
                    Group { requests, errors: requests * second },
                )
            };
            let (one, other) = after(1.0);
            let ideal = wanted / claim.best_gain_at(claim.likeliest(one, other), one, other);
            let (one, other) = after(at_most * ideal);
            assert!(claim.evidence_reaches(wanted, one, other), "{first} {second} {per_request}");
        }
    }
}

#[test]
fn nothing_counted_is_no_evidence() {
    for shift in [0.0, 0.005, -0.005] {
        for bets in [Bets::SECOND_IS_SMALL, Bets::FIRST_IS_SMALL] {
            let claim = Claim { shift, bets };
            assert!(claim.evidence(group(0, 0), group(0, 0)).abs() < 1e-9);
            if shift >= 0.0 {
                assert!(claim.evidence(group(0, 0), group(500, 500)) < 1e-6, "one group alone tells nothing");
                assert!(claim.evidence(group(500, 0), group(0, 0)) < 1e-9, "one group alone tells nothing");
            }
        }
    }
}

#[test]
fn the_search_looks_at_the_edge_where_the_second_rate_reaches_one() {
    let claim = Claim { shift: 0.43, bets: Bets::FIRST_IS_SMALL };
    let (first, second) = (group(2271, 2131), group(3, 0));
    assert!(claim.evidence(first, second) <= claim.capital(0.57 - 1e-9, first, second) + 1e-3);
}

#[test]
fn a_claim_about_nearly_all_requests_leaves_little_room_and_does_not_panic() {
    for shift in [0.999_999, -0.999_999] {
        let claim = Claim { shift, bets: Bets::SECOND_IS_SMALL };
        assert!(!claim.evidence_reaches(1.0, group(0, 0), group(1, 0)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The search must find the lowest point, since a higher one would claim evidence that is not there.
    #[test]
    fn the_search_misses_no_lower_point(claim in claims(), first in groups(), second in groups()) {
        let found = claim.evidence(first, second);
        let span = claim.span();
        for step in 1..3000 {
            let odds = ((f64::from(step) - 2000.0) * 0.0135).exp();
            let at = odds / (1.0 + odds) * span;
            prop_assert!(found <= claim.capital(at, first, second) + 1e-3, "lower at {at}");
        }
        let likeliest = claim.likeliest(first, second);
        for step in 0..2000 {
            let at = (likeliest * (0.5 + f64::from(step) / 1000.0)).clamp(SMALLEST, span - SMALLEST);
            prop_assert!(found <= claim.capital(at, first, second) + 1e-3, "lower at {at}");
        }
    }

    #[test]
    fn the_short_way_says_the_same(
        claim in claims(), first in groups(), second in groups(), wanted in 0.7f64..14.0,
    ) {
        let evidence = claim.evidence(first, second);
        prop_assert!(evidence.is_finite());
        prop_assert_eq!(claim.evidence_reaches(wanted, first, second), evidence >= wanted);
    }

    #[test]
    fn one_more_error_of_the_second_group_is_never_less_evidence(
        claim in claims(), first in groups(), requests in 1u32..2000, share in 0.0f64..1.0,
    ) {
        let errors = (f64::from(requests) * share) as u32;
        prop_assume!(errors < requests);
        let before = claim.evidence(first, group(requests, errors));
        let after = claim.evidence(first, group(requests, errors + 1));
        prop_assert!(after >= before - 1e-3, "{before} then {after}");
    }
}
