//! How long to wait before the next look. It must never be slower than three seconds when a
//! verdict is near, nor faster than needed when it cannot be. Start with [`next_look`].
//!
//! # The arithmetic
//!
//! A look is one DescribeServices. DescribeServiceDeployments is read only to explain an end that
//! is not a success (one or two calls), stopped tasks only when a failure count grew (two calls).
//! So a look costs one call, and the number of looks is what counts.
//!
//! * After a change the next look comes after one tick (2 s); while nothing changes the wait grows
//!   by half each time up to five ticks (10 s). Forty quiet seconds cost seven looks.
//! * A verdict is *near* when only the end can come next: the candidate runs in full and old tasks
//!   drain, or the service is on its way back, or it has failed. Then the wait stays at 1.25 ticks
//!   (2.5 s), so that the verdict is seen within 3 s of the fact, call time included.
//! * The first ten seconds after UpdateService are looked at every tick: a deployment on warm
//!   capacity, or a local one, is over by then.
//!
//! The published Fargate timeline (started at 0 s, registered 40 s, old task stopped 90 s, drained
//! and completed 152 s) costs the number of looks that the test at the end of this file counts.
//! Fewer would need a slower end, and a late verdict is what people notice.

use crate::Millis;
use serde::{Deserialize, Serialize};

/// The tick that everything is a multiple of: 2 s on Amazon's clock. A local cloud whose clock runs
/// faster is watched with a shorter one.
pub const TICK: Millis = 2_000;

/// What the pace depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When the rollout began.
    pub started_at: Millis,
    /// When something last changed.
    pub moved_at: Millis,
    /// Whether only the verdict can come next.
    pub nearness: Nearness,
}

/// Can the next change be the verdict?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nearness {
    /// Only the end is missing.
    VerdictIsNear,
    /// Other things must happen first.
    VerdictIsFar,
}

/// Milliseconds to wait from `now` on, given the length of a tick.
pub fn next_look(pulse: Pulse, now: Millis, tick: Millis) -> Millis {
    let quiet = (now - pulse.moved_at).max(0);
    let young = now - pulse.started_at < 5 * tick;
    match pulse.nearness {
        Nearness::VerdictIsNear if quiet < tick || young => tick,
        Nearness::VerdictIsNear => tick * 5 / 4,
        Nearness::VerdictIsFar if young => tick,
        // Half of the time that it has been quiet makes the wait grow by half each time.
        Nearness::VerdictIsFar => (quiet / 2).clamp(tick, 5 * tick),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks a timeline of facts; answers the number of looks and how late each fact was seen.
    fn walk(facts: &[(Millis, Nearness)]) -> (u32, Vec<Millis>) {
        let (mut now, mut looks, mut moved_at) = (0, 0, 0);
        let mut nearness = Nearness::VerdictIsFar;
        let mut late = Vec::new();
        let mut pending = facts.iter().peekable();
        while pending.peek().is_some() {
            let pulse = Pulse { started_at: 0, moved_at, nearness };
            now += next_look(pulse, now, TICK);
            looks += 1;
            while let Some((at, next)) = pending.next_if(|(at, _)| *at <= now) {
                late.push(now - at);
                moved_at = now;
                nearness = *next;
            }
        }
        (looks, late)
    }

    #[test]
    fn the_published_fargate_timeline_is_seen_in_time_with_few_calls() {
        use Nearness::{VerdictIsFar, VerdictIsNear};
        let (looks, late) = walk(&[
            (1_000, VerdictIsFar),
            (40_000, VerdictIsFar),
            (90_000, VerdictIsNear),
            (100_000, VerdictIsNear),
            (152_000, VerdictIsNear),
        ]);
        assert!(late.last().is_some_and(|ms| *ms <= 3_000), "the verdict came {late:?} late");
        assert!(looks <= 45, "{looks} looks");
    }

    #[test]
    fn the_wait_grows_while_nothing_moves_and_never_beyond_five_ticks() {
        let pulse = Pulse { started_at: 0, moved_at: 20_000, nearness: Nearness::VerdictIsFar };
        let waits: Vec<_> =
            [20_000, 26_000, 40_000, 90_000].iter().map(|now| next_look(pulse, *now, TICK)).collect();
        assert_eq!(waits, [2_000, 3_000, 10_000, 10_000]);
    }

    #[test]
    fn near_the_verdict_it_looks_again_within_three_seconds() {
        let pulse = Pulse { started_at: 0, moved_at: 0, nearness: Nearness::VerdictIsNear };
        for now in [0, 60_000, 600_000] {
            assert!(next_look(pulse, now, TICK) <= 2_500);
        }
    }

    #[test]
    fn a_faster_clock_shortens_every_wait_alike() {
        let pulse = Pulse { started_at: 0, moved_at: 0, nearness: Nearness::VerdictIsFar };
        assert_eq!(next_look(pulse, 1_000, 33), 5 * 33);
    }
}
