//! Candidate against stable: the one place where a gate's counts meet the statistics. It must never
//! decide by a test that loses its promise when it is looked at often; that of `tidegate-stats` keeps it.
//! Start with [`errors`].

use super::{Comparison, Counts, LatencyComparison};
use tidegate_stats::{Answer, Certainty, Measure, Points};

/// What the counts tell, with the numbers in words.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// The candidate is worse than the tolerance allows.
    Worse(String),
    /// It is not.
    NotWorse(String),
    /// Neither can be said.
    TooLittle(String),
}

/// The share of failed requests of both.
pub(super) fn errors(wanted: &Comparison, stable: Counts, candidate: Counts) -> Told {
    compared(Measure::ErrorRate, wanted.certainty, wanted.tolerance_points, stable, candidate)
}

/// The share of slow requests of both: what is slow was fixed by stable's percentile when the step began.
pub(super) fn latency(wanted: &LatencyComparison, stable: Counts, candidate: Counts, slow_from: f64) -> Told {
    // Of stable's requests this share is slower than its percentile by definition, and the border lies
    // above that. As many points more are the candidate's to have.
    let tolerance = 100.0 - wanted.percentile;
    compared(Measure::SlowerThan(slow_from * 1000.0), wanted.certainty, tolerance, stable, candidate)
}

fn compared(measure: Measure, certainty: f64, tolerance: f64, stable: Counts, candidate: Counts) -> Told {
    // The config file was checked by the same limits; what comes from elsewhere is told, not guessed.
    let (Ok(certainty), Ok(tolerance)) = (Certainty::percent(certainty), Points::new(tolerance)) else {
        return Told::TooLittle(format!("certainty {certainty} or tolerance {tolerance} is out of range"));
    };
    let counts = |counts: Counts| tidegate_stats::Counts::new(counts.requests, counts.bad);
    let mut comparison = tidegate_stats::Comparison::new(measure, certainty, tolerance);
    comparison.observe(counts(stable), counts(candidate));
    let judgement = comparison.judgement();
    match judgement.answer {
        Answer::Worse => Told::Worse(judgement.to_string()),
        Answer::NotWorse => Told::NotWorse(judgement.to_string()),
        Answer::TooLittle(_) => Told::TooLittle(judgement.to_string()),
    }
}
