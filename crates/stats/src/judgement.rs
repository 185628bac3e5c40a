//! What a comparison says, with the evidence that it rests on, in numbers and in words. It must never say more than the
//! counts show: "too little evidence" is an answer of its own. Start with [`Judgement`].

use crate::comparison::Measure;
use crate::counts::Counts;
use crate::limits::{Certainty, Points};
use crate::words::{grouped, nines, points, roughly, share_of};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The candidate against stable, as far as the counts tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The answer.
    pub answer: Answer,
    /// What was compared.
    pub measure: Measure,
    /// How sure the answer must be.
    pub certainty: Certainty,
    /// How much worse is still well.
    pub tolerance: Points,
    /// What was counted of stable.
    pub stable: Counts,
    /// What was counted of the candidate.
    pub candidate: Counts,
    /// The evidence that the candidate is worse by more than the tolerance.
    pub worse: Sureness,
    /// The evidence that it is not.
    pub not_worse: Sureness,
    /// The candidate's share less stable's.
    pub difference: Difference,
}

/// Is the candidate worse by more than the tolerance?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Surely. This answer stands once it was given.
    Worse,
    /// Surely not.
    NotWorse,
    /// It cannot be told yet.
    TooLittle(Needed),
}

/// What would settle a question that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// Stable has had no request yet.
    StableTraffic,
    /// Stable must have so many more requests before it is known what is usual.
    StableRequests(u64),
    /// The candidate has had no request yet.
    CandidateTraffic,
    /// About so many more requests to the candidate, at the present split of traffic.
    Requests(u64),
    /// The difference lies so near the tolerance that no traffic tells on which side of it.
    NoAmount,
}

/// Evidence, kept as the ln of its e-value: of rollouts for which the opposite is true, at most one in `e` ever shows as much.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sureness {
    ln: f64,
}

impl Sureness {
    pub(crate) const NONE: Self = Self { ln: 0.0 };

    pub(crate) fn of_ln(ln: f64) -> Self {
        Self { ln }
    }

    /// ln of the e-value.
    pub fn ln_e_value(self) -> f64 {
        self.ln
    }

    /// The e-value; a thousand million stands for all beyond it.
    pub fn e_value(self) -> f64 {
        self.ln.exp()
    }

    /// One less the chance that evidence as strong as this ever comes up although the opposite is true, in per cent.
    pub fn as_percent(self) -> f64 {
        100.0 * (1.0 - self.doubt())
    }

    fn doubt(self) -> f64 {
        (-self.ln).exp().min(1.0)
    }
}

impl fmt::Display for Sureness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", nines(self.doubt()))
    }
}

/// The candidate's share less stable's in percentage points. Each bound holds with the certainty that was asked for, at
/// all looks together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// As it was counted.
    pub counted: f64,
    /// Surely more than this, -100 where nothing is known.
    pub at_least: f64,
    /// Surely less than this, 100 where nothing is known.
    pub at_most: f64,
}

impl Difference {
    pub(crate) const UNKNOWN: Self = Self { counted: 0.0, at_least: -100.0, at_most: 100.0 };
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.1} points, surely within {:+.1} and {:+.1}", self.counted, self.at_least, self.at_most)
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measure = self.measure;
        let worse = match self.tolerance.as_points() {
            none if none <= 0.0 => measure.worse().to_owned(),
            some => format!("more than {} {}", points(some), measure.worse()),
        };
        match self.answer {
            Answer::Worse => write!(f, "{} sure that {measure} is {worse}", self.worse)?,
            Answer::NotWorse => write!(f, "{} sure that {measure} is not {worse}", self.not_worse)?,
            Answer::TooLittle(_) => write!(f, "too little evidence whether {measure} is {worse}")?,
        }
        write!(f, ": {} against {}", share_of(self.candidate), share_of(self.stable))?;
        if let Answer::TooLittle(needed) = self.answer {
            write!(f, "; {needed}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StableRequests(more) => {
                write!(f, "stable must have {} more requests before it is known what is slow", grouped(*more))
            }
            Self::StableTraffic => f.write_str("stable must have some requests, too"),
            Self::CandidateTraffic => f.write_str("the candidate must have some requests first"),
            Self::Requests(1) => f.write_str("one more request to the candidate like these would tell"),
            Self::Requests(more) => {
                write!(
                    f,
                    "about {} more requests to the candidate like these would tell",
                    grouped(roughly(*more))
                )
            }
            Self::NoAmount => {
                f.write_str("the difference is too near to what is tolerated for any traffic to tell")
            }
        }
    }
}
