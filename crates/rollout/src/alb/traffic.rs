//! Whether the traffic does what the rule says. A weight is three numbers: asked, set, measured; a
//! group is empty when its requests say so, not when its weight does. Start with [`Quiet`].

use super::seen::Counted;
use crate::{Millis, Percent};
use serde::{Deserialize, Serialize};

/// How long a group must have seen no request before its tasks may go.
pub(super) const SETTLE: Millis = 30_000;
/// How long the counts are waited for; CloudWatch is one to three minutes late.
pub(super) const NO_COUNTS: Millis = 300_000;
/// Requests of which a share can be told; fewer may all have gone the other way by chance.
const ENOUGH: f64 = 20.0;

/// What the counts say of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measured {
    /// This share, and it is plausible.
    Plausible(Percent),
    /// There is none, or too little to tell.
    TooLittle,
    /// A group that should get requests gets none, or the other way round.
    Contradicts(Percent),
}

/// Compares the share that was set with what the groups got since. Not a test of the exact share: of
/// whether the weights have any effect.
pub(super) fn measured(set: Percent, counted: Counted) -> Measured {
    let (stable, candidate) = (counted.stable as f64, counted.candidate as f64);
    let all = stable + candidate;
    let share = set.as_f64() / 100.0;
    if all == 0.0 {
        return Measured::TooLittle;
    }
    let tenths = (candidate / all * 1000.0).round() / 10.0;
    let Ok(found) = Percent::parse(tenths) else { return Measured::TooLittle };
    let silent = |expected: f64, got: f64| expected * all >= ENOUGH && got == 0.0;
    let unwanted = |expected: f64, got: f64| expected == 0.0 && got > 0.0;
    let absent = |expected: f64, got: f64| expected > 0.0 && got == 0.0;
    let both = [(share, candidate), (1.0 - share, stable)];
    if both.iter().any(|(expected, got)| silent(*expected, *got)) {
        Measured::Contradicts(found)
    } else if both.iter().any(|(expected, got)| unwanted(*expected, *got) || absent(*expected, *got)) {
        // Few requests, or some that were under way when the weights changed.
        Measured::TooLittle
    } else {
        Measured::Plausible(found)
    }
}

/// A watch over a group that should get no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Quiet {
    /// When the weights were read back.
    began: Millis,
    /// No request is known from this moment on.
    pub(super) since: Millis,
}

/// What is known of a group that should get no more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emptied {
    /// It got none for the settle time, while the other one did.
    Yes,
    /// Nobody got any.
    NoTraffic,
    /// It still gets requests, or the settle time is not over.
    NotYet,
    /// The counts cannot be had.
    Unknown,
}

impl Quiet {
    pub(super) fn from(now: Millis) -> Self {
        Self { began: now, since: now }
    }

    /// Takes in a count: requests of the group that should be empty, and of the other one.
    pub(super) fn hear(
        &mut self,
        counted: Option<Counted>,
        emptying: impl Fn(Counted) -> u64,
        scaled: impl Fn(Millis) -> Millis,
        now: Millis,
    ) -> Emptied {
        let Some(counted) = counted.filter(|counted| counted.until > counted.from) else {
            let waited = now - self.began >= scaled(NO_COUNTS);
            // Requests were counted once: what cannot be asked now may still go on.
            return if waited && self.since == self.began { Emptied::Unknown } else { Emptied::NotYet };
        };
        if counted.from < self.since {
            return Emptied::NotYet;
        }
        if emptying(counted) > 0 {
            self.since = counted.until;
            return Emptied::NotYet;
        }
        if counted.until - self.since < scaled(SETTLE) {
            return Emptied::NotYet;
        }
        if counted.stable + counted.candidate > 0 { Emptied::Yes } else { Emptied::NoTraffic }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(stable: u64, candidate: u64) -> Counted {
        Counted { from: 0, until: 60_000, stable, candidate }
    }

    #[test]
    fn a_group_that_gets_nothing_though_it_should_contradicts_its_weight() {
        let ten = Percent::whole(10);
        assert_eq!(measured(ten, counted(1_000, 0)), Measured::Contradicts(Percent::NONE));
        assert_eq!(measured(ten, counted(100, 0)), Measured::TooLittle, "a tenth of few");
        assert_eq!(measured(ten, counted(0, 0)), Measured::TooLittle);
        assert_eq!(measured(ten, counted(900, 100)), Measured::Plausible(ten));
        assert_eq!(measured(Percent::ALL, counted(3, 997)), Measured::TooLittle, "stragglers");
        assert_eq!(measured(Percent::ALL, counted(900, 0)), Measured::Contradicts(Percent::NONE));
    }

    #[test]
    fn a_group_is_empty_only_after_it_was_silent_for_the_settle_time() {
        let mut quiet = Quiet::from(1_000);
        let same = |ms| ms;
        let seen = |from, until, candidate| Some(Counted { from, until, stable: 9, candidate });
        let candidate = |c: Counted| c.candidate;
        assert_eq!(quiet.hear(seen(1_000, 20_000, 3), candidate, same, 20_000), Emptied::NotYet);
        assert_eq!(quiet.hear(seen(20_000, 49_000, 0), candidate, same, 49_000), Emptied::NotYet);
        assert_eq!(quiet.hear(seen(20_000, 50_000, 0), candidate, same, 50_000), Emptied::Yes);
    }

    #[test]
    fn counts_that_cannot_be_had_are_waited_for_and_then_done_without_unless_requests_were_seen() {
        let candidate = |c: Counted| c.candidate;
        let mut quiet = Quiet::from(0);
        assert_eq!(quiet.hear(None, candidate, |ms| ms, NO_COUNTS - 1), Emptied::NotYet);
        assert_eq!(quiet.hear(None, candidate, |ms| ms, NO_COUNTS), Emptied::Unknown);
        let busy = Counted { from: 0, until: 60_000, stable: 1, candidate: 1 };
        quiet.hear(Some(busy), candidate, |ms| ms, 60_000);
        assert_eq!(quiet.hear(None, candidate, |ms| ms, NO_COUNTS), Emptied::NotYet);
    }
}
