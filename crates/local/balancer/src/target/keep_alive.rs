//! When an idle connection may carry a request that must not be sent twice.
//!
//! A target may close an idle connection at the very moment a request is written to it. A request that may be repeated
//! then simply is; a POST may not be (RFC 9110 §9.2.2), so it rides only where no such race was ever seen. Start at
//! [`KeepAlive::trusts`].

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// An idle connection older than this carries no POST, whatever was seen: most servers' idle timeouts are longer.
const LONGEST_TRUST: Duration = Duration::from_secs(1);
const UNPROVEN: u64 = 0;

/// What was seen of a target's way with idle connections.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    /// How long an idle connection is trusted, in microseconds; zero as long as none was seen to be kept.
    trusted_micros: AtomicU64,
    /// Half the shortest idle time after which the target had closed one, in microseconds.
    ceiling_micros: AtomicU64,
}

impl KeepAlive {
    pub(crate) fn new() -> Self {
        Self {
            trusted_micros: AtomicU64::new(UNPROVEN),
            ceiling_micros: AtomicU64::new(LONGEST_TRUST.as_micros() as u64),
        }
    }

    /// Whether a connection that was idle for `idle` is safe for a request that must not be repeated.
    pub(crate) fn trusts(&self, idle: Duration) -> bool {
        let limit = self.trusted_micros.load(Relaxed).min(self.ceiling_micros.load(Relaxed));
        idle.as_micros() < u128::from(limit)
    }

    /// A connection served one more request after it had been idle.
    pub(crate) fn was_kept(&self) {
        if self.trusted_micros.load(Relaxed) == UNPROVEN {
            self.trusted_micros.store(LONGEST_TRUST.as_micros() as u64, Relaxed);
        }
    }

    /// The target had closed a connection when it had been idle for `idle`, or less.
    pub(crate) fn was_closed(&self, idle: Duration) {
        let half = u64::try_from(idle.as_micros() / 2).unwrap_or(u64::MAX);
        self.ceiling_micros.fetch_min(half, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_trusted_before_a_connection_was_kept() {
        let target = KeepAlive::new();
        assert!(!target.trusts(Duration::ZERO));
        target.was_kept();
        assert!(target.trusts(Duration::ZERO) && target.trusts(Duration::from_millis(999)));
        assert!(!target.trusts(Duration::from_secs(1)));
    }

    #[test]
    fn a_target_that_closes_is_trusted_for_half_as_long() {
        let target = KeepAlive::new();
        target.was_kept();
        target.was_closed(Duration::from_millis(400));
        assert!(target.trusts(Duration::from_millis(199)) && !target.trusts(Duration::from_millis(200)));
        target.was_closed(Duration::from_secs(5));
        assert!(!target.trusts(Duration::from_millis(200)), "the shortest time counts");
        target.was_closed(Duration::ZERO);
        assert!(!target.trusts(Duration::ZERO));
    }
}
