//! Faults that a rehearsal gives to the candidate.

use std::{fmt, str::FromStr, time::Duration};

/// What is wrong with the candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Its containers die as soon as they start.
    CrashOnStart,
    /// Its health checks fail.
    NeverHealthy,
    /// Its containers die this long after the task runs.
    CrashAfter(Duration),
    /// This share of its requests, 0–1, is answered with status 500.
    ErrorRate(f64),
    /// Its answers come this much later.
    Latency(Duration),
}

impl Fault {
    /// One of each kind, as a matrix rehearses them.
    pub const EACH: [Self; 5] = [
        Self::CrashOnStart,
        Self::NeverHealthy,
        Self::CrashAfter(Duration::from_secs(20)),
        Self::ErrorRate(0.3),
        Self::Latency(Duration::from_millis(800)),
    ];
}

/// A fault that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// There is no such fault.
    #[error(
        "'{0}' is no fault; there are crash-on-start, never-healthy, crash-after=30s, error-rate=30% and latency=800ms"
    )]
    Unknown(String),
    /// How long.
    #[error(
        "{fault} takes a time of at most 1000000 with its unit, such as {fault}=800ms, 30s or 2m; not '{given}'"
    )]
    NoTime {
        /// The fault.
        fault: &'static str,
        /// What was given for it.
        given: String,
    },
    /// How many.
    #[error(
        "{fault} takes a share of the requests from 0% to 100%, such as {fault}=30% or 0.3; not '{given}'"
    )]
    NoShare {
        /// The fault.
        fault: &'static str,
        /// What was given for it.
        given: String,
    },
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (name, given) = text.split_once('=').map_or((text, None), |(name, given)| (name, Some(given)));
        match (name, given) {
            ("crash-on-start", None) => Ok(Self::CrashOnStart),
            ("never-healthy", None) => Ok(Self::NeverHealthy),
            ("crash-after", given) => time("crash-after", given).map(Self::CrashAfter),
            ("latency", given) => time("latency", given).map(Self::Latency),
            ("error-rate", given) => self::share("error-rate", given).map(Self::ErrorRate),
            _ => Err(InvalidFault::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CrashOnStart => f.write_str("crash-on-start"),
            Self::NeverHealthy => f.write_str("never-healthy"),
            Self::CrashAfter(length) => write!(f, "crash-after={length:?}"),
            Self::ErrorRate(share) => write!(f, "error-rate={}%", share * 100.0),
            Self::Latency(length) => write!(f, "latency={length:?}"),
        }
    }
}

/// `800ms`, `30s` or `2m`.
fn time(fault: &'static str, given: Option<&str>) -> Result<Duration, InvalidFault> {
    let given = given.unwrap_or_default();
    duration(given).ok_or_else(|| InvalidFault::NoTime { fault, given: given.to_owned() })
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok().filter(|number| (0.0..=1e6).contains(number))?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(seconds))
}

/// `30%` or `0.3`.
fn share(fault: &'static str, given: Option<&str>) -> Result<f64, InvalidFault> {
    let given = given.unwrap_or_default();
    let share = match given.strip_suffix('%') {
        Some(percent) => percent.parse().map(|percent: f64| percent / 100.0),
        None => given.parse(),
    };
    share
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| InvalidFault::NoShare { fault, given: given.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_people_write_them() {
        for (text, fault) in [
            ("crash-on-start", Fault::CrashOnStart),
            ("never-healthy", Fault::NeverHealthy),
            ("crash-after=1.5s", Fault::CrashAfter(Duration::from_millis(1500))),
            ("latency=800ms", Fault::Latency(Duration::from_millis(800))),
            ("error-rate=30%", Fault::ErrorRate(0.3)),
            ("error-rate=0.3", Fault::ErrorRate(0.3)),
        ] {
            assert_eq!(text.parse(), Ok(fault), "{text}");
            assert_eq!(fault.to_string().parse(), Ok(fault), "{fault}");
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_those_that_are() {
        for text in ["", "crash", "crash-on-start=3", "slow=3s"] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains("never-healthy"), "{error}");
        }
    }

    #[test]
    fn a_value_that_a_fault_cannot_have_is_refused_with_those_that_it_can() {
        let said = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        for text in ["crash-after", "crash-after=5", "latency=-1s", "latency=1e9m"] {
            assert!(said(text).contains("with its unit"), "{}", said(text));
        }
        for text in ["error-rate", "error-rate=130%", "error-rate=-0.1", "error-rate=many"] {
            assert!(said(text).contains("from 0% to 100%"), "{}", said(text));
        }
    }
}
