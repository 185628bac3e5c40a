//! The candidate against stable, by two counts each. It must never hold more than the totals and whether an alarm was
//! raised, so that it can be stored, resumed and fed from anywhere. Start with [`Comparison`].

use crate::counts::Counts;
use crate::evidence::{Bets, Claim, Group};
use crate::judgement::{Answer, Difference, Judgement, Needed, Sureness};
use crate::limits::{Certainty, Points};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the share is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests that failed.
    ErrorRate,
    /// Requests that took longer than so many milliseconds.
    SlowerThan(f64),
    /// Requests that took longer than usual, while nobody knows what is usual.
    Slow,
}

impl Measure {
    /// What it is when it is worse.
    pub(crate) fn worse(self) -> &'static str {
        match self {
            Self::ErrorRate => "worse",
            Self::SlowerThan(_) | Self::Slow => "larger",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorRate => f.write_str("the candidate's error rate"),
            Self::Slow => f.write_str("the candidate's share of slow requests"),
            Self::SlowerThan(millis) => {
                let digits = usize::from(*millis < 10.0);
                write!(f, "the candidate's share of requests slower than {millis:.digits$} ms")
            }
        }
    }
}

/// A comparison that may be looked at as often as one likes: over all its looks together, a candidate that is no worse than
/// tolerated is called worse with no more than the probability that [`Certainty`] leaves. It is stored as it is.
///
/// The promise covers one comparison. One that begins anew with each step of a rollout gives it for each step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    measure: Measure,
    certainty: Certainty,
    tolerance: Points,
    stable: Counts,
    candidate: Counts,
    /// ln of the evidence at the look that raised the alarm, and 0 before it.
    alarm: f64,
}

impl Comparison {
    /// A comparison that has seen nothing yet: "worse once `certainty` sure that it is more than `tolerance` worse".
    pub fn new(measure: Measure, certainty: Certainty, tolerance: Points) -> Self {
        Self {
            measure,
            certainty,
            tolerance,
            stable: Counts::default(),
            candidate: Counts::default(),
            alarm: 0.0,
        }
    }

    /// Takes in what was counted of both groups *since the comparison began*: totals, not what is new. So a look that is
    /// missed or taken twice changes nothing, and a total that was corrected downwards is simply the newer truth. For
    /// counters that begin again at zero there is [`crate::Tally`].
    pub fn observe(&mut self, stable: Counts, candidate: Counts) {
        (self.stable, self.candidate) = (stable, candidate);
        let (first, second) = (stable.group(), candidate.group());
        let claim = self.claim_not_worse();
        if !self.is_worse() && claim.evidence_reaches(self.certainty.log_evidence(), first, second) {
            self.alarm = claim.evidence(first, second);
        }
    }

    /// What is compared.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Was the candidate found to be worse, at this or any earlier look? Costs nothing.
    pub fn is_worse(&self) -> bool {
        self.alarm > 0.0
    }

    /// What the counts tell by now. Takes some ten milliseconds, mostly for the bounds of the difference.
    pub fn judgement(&self) -> Judgement {
        let (stable, candidate) = (self.stable.group(), self.candidate.group());
        let worse = self.claim_not_worse().evidence(stable, candidate).max(self.alarm);
        let not_worse = self.claim_worse().evidence(candidate, stable);
        let answer = if self.is_worse() {
            Answer::Worse
        } else if not_worse >= self.certainty.log_evidence() {
            Answer::NotWorse
        } else {
            Answer::TooLittle(self.needed())
        };
        Judgement {
            answer,
            measure: self.measure,
            certainty: self.certainty,
            tolerance: self.tolerance,
            stable: self.stable,
            candidate: self.candidate,
            worse: Sureness::of_ln(worse),
            not_worse: Sureness::of_ln(not_worse),
            difference: self.difference(),
        }
    }

    /// About how many requests the candidate must have, from the first, until a candidate that fails `worse_by` points more
    /// than stable is called worse: what a gate can see within a step, told before the step. `stable_rate` and `weight` (the
    /// candidate's share of the traffic) are shares of one.
    pub fn requests_to_tell(&self, stable_rate: f64, worse_by: Points, weight: f64) -> Needed {
        let rate = stable_rate.clamp(0.0, 1.0);
        let per_request = (1.0 - weight.clamp(1e-9, 1.0)) / weight.clamp(1e-9, 1.0);
        let at = |requests: f64| {
            let stable = Group { requests: requests * per_request, errors: requests * per_request * rate };
            let failing = (rate + worse_by.share()).min(1.0);
            (stable, Group { requests, errors: requests * failing })
        };
        first_that(1.0, |requests| {
            let (stable, candidate) = at(requests);
            self.claim_not_worse().evidence_reaches(self.certainty.log_evidence(), stable, candidate)
        })
    }

    /// The claim that evidence for "worse" speaks against, with stable as the first group.
    fn claim_not_worse(&self) -> Claim {
        not_worse_than(self.tolerance.share())
    }

    /// The claim that evidence for "not worse" speaks against, with the candidate as the first group.
    fn claim_worse(&self) -> Claim {
        worse_than(self.tolerance.share())
    }

    /// How long it takes until either answer is given, if all goes on at the rates and the split that were counted.
    fn needed(&self) -> Needed {
        if self.candidate.requests() == 0 {
            return Needed::CandidateTraffic;
        }
        if self.stable.requests() == 0 {
            return Needed::StableTraffic;
        }
        let times = |group: Group, scale: f64| Group {
            requests: group.requests * scale,
            errors: group.errors * scale,
        };
        let so_far = self.candidate.requests() as f64;
        let wanted = self.certainty.log_evidence();
        let all = first_that(so_far + 1.0, |requests| {
            let scale = requests / so_far;
            let (stable, candidate) =
                (times(self.stable.group(), scale), times(self.candidate.group(), scale));
            self.claim_not_worse().evidence_reaches(wanted, stable, candidate)
                || self.claim_worse().evidence_reaches(wanted, candidate, stable)
        });
        match all {
            Needed::Requests(all) => Needed::Requests(all.saturating_sub(self.candidate.requests()).max(1)),
            other => other,
        }
    }

    /// The bounds are where the claims about a difference stop being refuted.
    fn difference(&self) -> Difference {
        let (stable, candidate) = (self.stable.group(), self.candidate.group());
        let wanted = self.certainty.log_evidence();
        let counted = self.candidate.rate() - self.stable.rate();
        let at_least = last_that(counted, -1.0, |share| {
            not_worse_than(share).evidence_reaches(wanted, stable, candidate)
        });
        let at_most =
            last_that(counted, 1.0, |share| worse_than(share).evidence_reaches(wanted, candidate, stable));
        Difference { counted: counted * 100.0, at_least: at_least * 100.0, at_most: at_most * 100.0 }
    }
}

/// "The second rate is at most `share` above the first": stable is the first group, the candidate the second.
fn not_worse_than(share: f64) -> Claim {
    Claim { shift: share, bets: Bets::SECOND_IS_SMALL }
}

/// "The first rate is at least `share` above the second": the candidate is the first group, stable the second.
fn worse_than(share: f64) -> Claim {
    Claim { shift: -share, bets: Bets::FIRST_IS_SMALL }
}

/// No service waits for more requests than this.
const NO_AMOUNT: f64 = 1e10;

/// The smallest number of requests from `least` on that is enough, within a hundredth.
fn first_that(least: f64, enough: impl Fn(f64) -> bool) -> Needed {
    let (mut low, mut high) = (least, NO_AMOUNT);
    if enough(low) {
        return Needed::Requests(low as u64);
    }
    if low >= high || !enough(high) {
        return Needed::NoAmount;
    }
    while high > low * 1.01 && high - low > 1.0 {
        let middle = (low * high).sqrt();
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Needed::Requests(high.ceil() as u64)
}

/// The place nearest to `from` on the way to `end` that is refuted, and `end` where none is. A claim about a difference
/// contains all stricter ones, so what is refuted at one place is refuted beyond it.
fn last_that(from: f64, end: f64, refuted: impl Fn(f64) -> bool) -> f64 {
    let (mut open, mut closed) = (from, end);
    for _ in 0..18 {
        let middle = 0.5 * (open + closed);
        if refuted(middle) {
            closed = middle;
        } else {
            open = middle;
        }
    }
    closed
}
