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
#[error(
    "'{0}' is no fault; there are crash-on-start, never-healthy, crash-after=30s, error-rate=30% and latency=800ms"
)]
pub struct InvalidFault(String);

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let invalid = || InvalidFault(text.to_owned());
        match text.split_once('=') {
            None if text == "crash-on-start" => Ok(Self::CrashOnStart),
            None if text == "never-healthy" => Ok(Self::NeverHealthy),
            Some(("crash-after", length)) => duration(length).map(Self::CrashAfter).ok_or_else(invalid),
            Some(("latency", length)) => duration(length).map(Self::Latency).ok_or_else(invalid),
            Some(("error-rate", share)) => self::share(share).map(Self::ErrorRate).ok_or_else(invalid),
            _ => Err(invalid()),
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
fn share(text: &str) -> Option<f64> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    (0.0..=1.0).contains(&share).then_some(share)
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
        for text in
            ["", "crash", "crash-after", "crash-after=5", "latency=-1s", "error-rate=130%", "latency=1e9m"]
        {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains("never-healthy"), "{error}");
        }
    }
}
