//! Candidate against stable: the one place where a gate's counts meet the statistics. It must never
//! decide by a test that loses its promise when it is looked at often. Start with [`errors`].

use super::meaning::short;
use super::{Comparison, Counts, LatencyComparison};

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
    let tolerance = wanted.tolerance_points;
    let words = Words { bad: "failed", worse: format!("more than {} points worse", short(tolerance)) };
    compared(stable, candidate, tolerance / 100.0, wanted.certainty, &words)
}

/// The share of slow requests of both: what is slow was fixed by stable's percentile when the step began.
pub(super) fn latency(wanted: &LatencyComparison, stable: Counts, candidate: Counts, slow_from: f64) -> Told {
    // Of stable, this share is slower than its percentile by definition; as much again is tolerated,
    // since the border was stretched by the tolerance already.
    let tolerance = (1.0 - wanted.percentile / 100.0).max(0.0);
    let border = short(slow_from * 1000.0);
    let words = Words {
        bad: &format!("took {border} ms or more"),
        worse: format!(
            "p{} more than {} % slower",
            short(wanted.percentile),
            short(wanted.tolerance_percent)
        ),
    };
    compared(stable, candidate, tolerance, wanted.certainty, &words)
}

/// How the numbers are told.
struct Words<'a> {
    bad: &'a str,
    worse: String,
}

fn compared(stable: Counts, candidate: Counts, tolerance: f64, certainty: f64, words: &Words<'_>) -> Told {
    let share = |counts: Counts| {
        let percent =
            if counts.requests == 0 { 0.0 } else { counts.bad as f64 * 100.0 / counts.requests as f64 };
        format!("{percent:.1} % of {}", counts.requests)
    };
    let numbers = format!("candidate {} requests {}, stable {}", share(candidate), words.bad, share(stable));
    let risk = (1.0 - certainty / 100.0).clamp(1e-9, 0.5);
    let (own, other) = (bounds(candidate, risk / 2.0), bounds(stable, risk / 2.0));
    if own.lowest > other.highest + tolerance {
        Told::Worse(format!("{numbers}; {} % sure that it is {}", short(certainty), words.worse))
    } else if own.highest <= other.lowest + tolerance {
        Told::NotWorse(format!("{numbers}; {} % sure that it is not {}", short(certainty), words.worse))
    } else {
        Told::TooLittle(numbers)
    }
}

/// Between which rates the true one lies, at all looks together, but for the risk.
struct Bounds {
    lowest: f64,
    highest: f64,
}

/// The bounds of the uniform mixture: the chance that `n · KL(seen, true)` ever exceeds
/// `ln((n + 1) / risk)` is at most `risk`, by Ville's inequality.
fn bounds(counts: Counts, risk: f64) -> Bounds {
    let n = counts.requests as f64;
    if counts.requests == 0 {
        return Bounds { lowest: 0.0, highest: 1.0 };
    }
    let seen = (counts.bad as f64 / n).min(1.0);
    let most = ((n + 1.0) / risk).ln() / n;
    let border = |mut inside: f64, mut outside: f64| {
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if divergence(seen, middle) <= most { inside = middle } else { outside = middle }
        }
        outside
    };
    Bounds { lowest: border(seen, 0.0), highest: border(seen, 1.0) }
}

/// The Kullback-Leibler divergence of two rates.
fn divergence(seen: f64, rate: f64) -> f64 {
    let part = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    part(seen, rate) + part(1.0 - seen, 1.0 - rate)
}
