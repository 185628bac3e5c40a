//! Is the candidate slower: by how many requests take longer than is usual for stable. CloudWatch gives percentiles and how
//! many requests were above a line, never the requests themselves, and counts are what a [`Comparison`] is exact about. It
//! must never move the line once it counts. Start with [`Latency`].

use crate::comparison::{Comparison, Measure};
use crate::counts::Counts;
use crate::judgement::{Answer, Difference, Judgement, Needed, Sureness};
use crate::limits::{Certainty, OutOfRange, Points, in_range};
use serde::{Deserialize, Serialize};

/// Where "slow" begins: at a percentile of stable's response times and some per cent above it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct SlowLine {
    percentile: f64,
    above_percent: f64,
}

impl SlowLine {
    /// The percentile, 50 to 99.9, and by how many per cent a request may be slower than it: 0 to 1000.
    pub fn new(percentile: f64, above_percent: f64) -> Result<Self, OutOfRange> {
        Ok(Self {
            percentile: in_range("a percentile", percentile, "", 50.0, 99.9)?,
            above_percent: in_range("a slowdown", above_percent, " %", 0.0, 1000.0)?,
        })
    }

    /// The percentile of stable's response times that it is made of.
    pub fn percentile(self) -> f64 {
        self.percentile
    }

    /// How many requests the percentile must be of, so that it is one: ten of them beyond it.
    fn requests(self) -> u64 {
        (10.0 / (1.0 - self.percentile / 100.0)).round() as u64
    }

    fn millis(self, of_stable: f64) -> f64 {
        of_stable * (1.0 + self.above_percent / 100.0)
    }
}

impl TryFrom<(f64, f64)> for SlowLine {
    type Error = OutOfRange;

    fn try_from((percentile, above_percent): (f64, f64)) -> Result<Self, OutOfRange> {
        Self::new(percentile, above_percent)
    }
}

impl From<SlowLine> for (f64, f64) {
    fn from(line: SlowLine) -> Self {
        (line.percentile, line.above_percent)
    }
}

/// What to ask the metrics for next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ask {
    /// This percentile of stable's response times, and of how many requests it is: for [`Latency::reference`].
    Percentile(f64),
    /// How many requests there were since the line was drawn, and how many of them took longer than so many milliseconds,
    /// of both groups: for [`Latency::observe`].
    SlowerThan(f64),
}

/// Candidate against stable by the share of slow requests. First one look at stable draws the line, then requests that come
/// *later* are counted on both sides of it: were the line drawn through the requests that are counted, it would be bent
/// towards them. To look at several percentiles at once, take one of these for each, with [`Certainty::shared_by`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// There is no line yet.
    NoLine {
        /// How it is to be drawn.
        line: SlowLine,
        /// How sure the comparison must be.
        certainty: Certainty,
        /// How many more points of the candidate's requests may be slow.
        tolerance: Points,
        /// How many requests stable had when last looked at.
        seen: u64,
    },
    /// The line is drawn, and requests are counted.
    Counting(Comparison),
}

impl Latency {
    /// A comparison that waits for its line: "worse once `certainty` sure that more than `tolerance` points more of its
    /// requests are slow".
    pub fn new(line: SlowLine, certainty: Certainty, tolerance: Points) -> Self {
        Self::NoLine { line, certainty, tolerance, seen: 0 }
    }

    /// What to look up for the next step.
    pub fn ask(&self) -> Ask {
        match self {
            Self::NoLine { line, .. } => Ask::Percentile(line.percentile),
            Self::Counting(comparison) => match comparison.measure() {
                Measure::SlowerThan(millis) => Ask::SlowerThan(millis),
                Measure::ErrorRate | Measure::Slow => Ask::SlowerThan(0.0),
            },
        }
    }

    /// Draws the line by stable's percentile in milliseconds, of so many requests. Too few of them draw none, and once drawn
    /// it stays.
    pub fn reference(&mut self, millis: f64, requests: u64) {
        if let Self::NoLine { line, certainty, tolerance, seen } = self {
            *seen = requests;
            if requests >= line.requests() && millis.is_finite() {
                let measure = Measure::SlowerThan(line.millis(millis));
                *self = Self::Counting(Comparison::new(measure, *certainty, *tolerance));
            }
        }
    }

    /// Takes in the totals since the line was drawn, with the slow requests for errors. Before that it counts nothing.
    pub fn observe(&mut self, stable: Counts, candidate: Counts) {
        if let Self::Counting(comparison) = self {
            comparison.observe(stable, candidate);
        }
    }

    /// Was the candidate found to be slower, at this or any earlier look?
    pub fn is_worse(&self) -> bool {
        matches!(self, Self::Counting(comparison) if comparison.is_worse())
    }

    /// What the counts tell by now.
    pub fn judgement(&self) -> Judgement {
        match self {
            Self::Counting(comparison) => comparison.judgement(),
            Self::NoLine { line, certainty, tolerance, seen } => Judgement {
                answer: Answer::TooLittle(Needed::StableRequests(
                    line.requests().saturating_sub(*seen).max(1),
                )),
                measure: Measure::Slow,
                certainty: *certainty,
                tolerance: *tolerance,
                stable: Counts::default(),
                candidate: Counts::default(),
                worse: Sureness::NONE,
                not_worse: Sureness::NONE,
                difference: Difference::UNKNOWN,
            },
        }
    }
}
