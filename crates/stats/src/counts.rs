//! What is counted of a group of tasks. A count must never have more errors than requests, and never run backwards by
//! itself. Start with [`Counts`]; [`Tally`] is for counters that begin again at zero.

use crate::evidence::Group;
use serde::{Deserialize, Serialize};

/// How many requests a group answered, and how many of them count against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    requests: u64,
    errors: u64,
}

impl Counts {
    /// `errors` of `requests`. A metric for errors may be ahead of the one for requests by a moment; then every request
    /// so far was an error.
    pub fn new(requests: u64, errors: u64) -> Self {
        Self { requests, errors: errors.min(requests) }
    }

    /// How many of these values lie above a line: for response times that are at hand one by one.
    pub fn above(line: f64, values: impl IntoIterator<Item = f64>) -> Self {
        values.into_iter().fold(Self::default(), |all, value| all.plus(Self::new(1, u64::from(value > line))))
    }

    /// All requests.
    pub fn requests(self) -> u64 {
        self.requests
    }

    /// Those that count against the group.
    pub fn errors(self) -> u64 {
        self.errors
    }

    /// The share of errors, 0 to 1; 0 where there were no requests.
    pub fn rate(self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.errors as f64 / self.requests as f64 }
    }

    /// These and those.
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            errors: self.errors.saturating_add(more.errors),
        }
    }

    pub(crate) fn group(self) -> Group {
        Group { requests: self.requests as f64, errors: self.errors as f64 }
    }
}

/// A total made of a counter that may start again at zero, as that of a process that was restarted does. What such a
/// counter lost between the last reading and its restart is not known to anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    total: Counts,
    last: Counts,
}

impl Tally {
    /// What was counted since the counter stood at `now`.
    pub fn since(now: Counts) -> Self {
        Self { total: Counts::default(), last: now }
    }

    /// Takes a reading in; the total so far comes back. A reading below the last one is of a counter that began again.
    pub fn read(&mut self, reading: Counts) -> Counts {
        let went_on = reading.requests >= self.last.requests && reading.errors >= self.last.errors;
        let new = if went_on {
            Counts::new(reading.requests - self.last.requests, reading.errors - self.last.errors)
        } else {
            reading
        };
        self.last = reading;
        self.total = self.total.plus(new);
        self.total
    }

    /// The total of all readings.
    pub fn total(self) -> Counts {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_errors_than_requests_are_as_many() {
        assert_eq!(Counts::new(3, 5), Counts::new(3, 3));
    }

    #[test]
    fn a_counter_that_begins_again_adds_what_it_shows() {
        let mut tally = Tally::since(Counts::new(100, 1));
        assert_eq!(tally.read(Counts::new(140, 2)), Counts::new(40, 1));
        assert_eq!(tally.read(Counts::new(140, 2)), Counts::new(40, 1));
        assert_eq!(tally.read(Counts::new(7, 1)), Counts::new(47, 2));
        assert_eq!(tally.read(Counts::new(0, 0)), Counts::new(47, 2));
        assert_eq!(tally.read(Counts::new(5, 5)), Counts::new(52, 7));
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let mut tally = Tally::default();
        tally.read(Counts::new(u64::MAX, u64::MAX));
        tally.read(Counts::new(9, 9));
        assert_eq!(tally.total(), Counts::new(u64::MAX, u64::MAX));
    }
}
