//! What a person asks of a comparison: how certain, and how much worse is still well. Neither can be built out of range.
//! Start with [`Certainty`].

use crate::words;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A number that a comparison cannot work with.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfRange {
    what: &'static str,
    given: f64,
    unit: &'static str,
    lowest: f64,
    highest: f64,
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, given, unit, lowest, highest } = self;
        write!(f, "{what} of {given}{unit} is out of range: give {lowest} to {highest}")
    }
}

impl std::error::Error for OutOfRange {}

/// How sure a comparison must be before it says that the candidate is worse, in per cent. 99 means: of a hundred rollouts
/// of a candidate that is no worse than tolerated, at most one is called worse, however often each was looked at.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Certainty(f64);

impl Certainty {
    /// From per cent, 50 to 99.9999.
    pub fn percent(percent: f64) -> Result<Self, OutOfRange> {
        in_range("a certainty", percent, " %", 50.0, 99.9999).map(Self)
    }

    /// What each of `gates` gates must be sure of, so that all of them together keep this certainty: the false alarms that
    /// are put up with are shared out evenly. It takes a certainty beyond the range that people are offered.
    #[must_use]
    pub fn shared_by(self, gates: u8) -> Self {
        Self(100.0 - (100.0 - self.0) / f64::from(gates.max(1)))
    }

    /// In per cent.
    pub fn as_percent(self) -> f64 {
        self.0
    }

    /// The probability of a false alarm that is put up with.
    pub fn false_alarms(self) -> f64 {
        1.0 - self.0 / 100.0
    }

    /// ln of the evidence that this certainty asks for.
    pub(crate) fn log_evidence(self) -> f64 {
        -self.false_alarms().ln()
    }
}

impl TryFrom<f64> for Certainty {
    type Error = OutOfRange;

    /// What is stored may be a share of what people are offered, see [`Self::shared_by`].
    fn try_from(percent: f64) -> Result<Self, OutOfRange> {
        in_range("a certainty", percent, " %", 50.0, 99.999_999_9).map(Self)
    }
}

impl From<Certainty> for f64 {
    fn from(certainty: Certainty) -> Self {
        certainty.0
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A difference of two shares in percentage points: from 1 % to 1.5 % are 0.5 points.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Points(f64);

impl Points {
    /// From percentage points, 0 to 50.
    pub fn new(points: f64) -> Result<Self, OutOfRange> {
        in_range("a difference", points, " points", 0.0, 50.0).map(Self)
    }

    /// In percentage points.
    pub fn as_points(self) -> f64 {
        self.0
    }

    /// As a share of one.
    pub(crate) fn share(self) -> f64 {
        self.0 / 100.0
    }
}

impl TryFrom<f64> for Points {
    type Error = OutOfRange;

    fn try_from(points: f64) -> Result<Self, OutOfRange> {
        Self::new(points)
    }
}

impl From<Points> for f64 {
    fn from(points: Points) -> Self {
        points.0
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::points(self.0))
    }
}

pub(crate) fn in_range(
    what: &'static str,
    given: f64,
    unit: &'static str,
    lowest: f64,
    highest: f64,
) -> Result<f64, OutOfRange> {
    if given >= lowest && given <= highest {
        Ok(given)
    } else {
        Err(OutOfRange { what, given, unit, lowest, highest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_refused_with_the_range() {
        assert_eq!(
            Certainty::percent(100.0).unwrap_err().to_string(),
            "a certainty of 100 % is out of range: give 50 to 99.9999"
        );
        assert_eq!(
            Points::new(-1.0).unwrap_err().to_string(),
            "a difference of -1 points is out of range: give 0 to 50"
        );
        assert!(Certainty::percent(f64::NAN).is_err());
        assert!(Points::new(f64::INFINITY).is_err());
        assert!(Certainty::percent(50.0).is_ok() && Certainty::percent(99.9999).is_ok());
    }
}
