//! A share of traffic. Amazon ECS takes shares in tenths of a percent, a listener rule takes whole
//! weights from 0 to 999, so tenths are what is kept here, exactly. Start with [`Percent`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A share of traffic from 0 % to 100 %, in steps of 0.1 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(u16);

/// Why a number is no share of traffic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a share of traffic; it must be from 0 to 100 percent, in steps of 0.1")]
pub struct PercentError(String);

impl Percent {
    /// No traffic.
    pub const NONE: Self = Self(0);
    /// All traffic.
    pub const ALL: Self = Self(1000);

    /// From a number of percent, such as 25 or 0.5.
    pub fn parse(percent: f64) -> Result<Self, PercentError> {
        let tenths = (percent * 10.0).round();
        let is_whole = (percent * 10.0 - tenths).abs() < 1e-6;
        if percent.is_finite() && is_whole && (0.0..=1000.0).contains(&tenths) {
            Ok(Self(tenths as u16))
        } else {
            Err(PercentError(percent.to_string()))
        }
    }

    /// A whole number of percent; more than 100 is 100.
    pub fn whole(percent: u16) -> Self {
        Self(percent.min(100) * 10)
    }

    /// The share that a pair of listener weights gives to the first; `None` if both are 0.
    pub fn of_weights(own: u32, other: u32) -> Option<Self> {
        let sum = own + other;
        (sum > 0).then(|| Self(((own * 1000 + sum / 2) / sum) as u16))
    }

    /// In tenths of a percent, 0–1000.
    pub fn tenths(self) -> u16 {
        self.0
    }

    /// In percent, 0.0–100.0.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// Is it a whole number of percent?
    pub fn is_whole(self) -> bool {
        self.0.is_multiple_of(10)
    }

    /// What the other side gets.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(1000 - self.0)
    }

    /// This share and `more`, at most everything.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self((self.0 + more.0).min(1000))
    }

    /// The pair of listener weights (candidate, stable) that makes this share: out of 100 where that
    /// is whole, else out of 1000. Each is at most 999.
    pub fn weights(self) -> (u16, u16) {
        if self.is_whole() { (self.0 / 10, 100 - self.0 / 10) } else { (self.0, 1000 - self.0) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() { write!(f, "{} %", self.0 / 10) } else { write!(f, "{:.1} %", self.as_f64()) }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_whole_and_in_range_for_every_share() {
        for tenths in 0..=1000 {
            let (candidate, stable) = Percent(tenths).weights();
            assert!(candidate <= 999 && stable <= 999 && candidate + stable > 0);
            assert_eq!(Percent::of_weights(candidate.into(), stable.into()), Some(Percent(tenths)));
        }
    }

    #[test]
    fn only_tenths_of_a_percent_up_to_everything_are_shares() {
        assert_eq!(Percent::parse(99.9).map(Percent::weights), Ok((999, 1)));
        for wrong in [-1.0, 100.1, 0.05, f64::NAN, f64::INFINITY] {
            assert!(Percent::parse(wrong).is_err(), "{wrong}");
        }
    }
}
