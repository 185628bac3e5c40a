//! How long to wait before the next look. It must never be slower than three seconds when a
//! verdict is near, nor faster than needed when it cannot be. Start with [`next_look`].
//!
//! # The arithmetic
//!
//! A look is one `DescribeServices`. `DescribeServiceDeployments` is read only to explain an end that
//! is not a success (one or two calls), stopped tasks only when a failure count grew (two calls), a
//! deregistration delay once (one call). So a look costs one call, and the number of looks counts.
//!
//! * After a change the next look comes after one tick (2 s); while nothing changes the wait doubles
//!   up to five ticks (10 s). Forty quiet seconds cost seven looks.
//! * A verdict is *near* when only the end can come next: the candidate runs in full and old tasks
//!   drain, or the service is on its way back, or it has failed. Then the wait stays at 1.4 ticks
//!   (2.8 s), so that the verdict is seen within 3 s of the fact, call time included.
//! * A drain takes the target group's deregistration delay (300 s unless somebody lowered it) and ECS
//!   waits for its end, so the delay is read once and the end is not looked for before it: without
//!   that, the default delay alone would cost a hundred looks.
//!
//! The published Fargate timeline (started at 0 s, registered 40 s, old task stopped 90 s, drained
//! and completed 152 s) costs the looks that a test at the end of this file counts. Fewer would need
//! a slower end, and a late verdict is what people notice.

use crate::Millis;
use serde::{Deserialize, Serialize};

/// The tick that everything is a multiple of: 2 s on Amazon's clock. A local cloud whose clock runs
/// faster is watched with a shorter one.
pub const TICK: Millis = 2_000;

/// What the pace depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// When something last changed.
    pub moved_at: Millis,
    /// Whether only the verdict can come next.
    pub nearness: Nearness,
    /// When the drain ends before which there is no verdict.
    pub drained_at: Millis,
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
    let far = quiet.clamp(tick, 5 * tick);
    let draining = pulse.drained_at - now;
    match pulse.nearness {
        Nearness::VerdictIsNear if draining <= 0 => tick * 7 / 5,
        // Not past the end of the drain, from which on the verdict may come.
        Nearness::VerdictIsNear => far.min(draining.max(tick)),
        Nearness::VerdictIsFar => far,
    }
}

/// How long a time of Amazon's clock is on one whose ticks take `tick` milliseconds.
pub fn on_clock(time: Millis, tick: Millis) -> Millis {
    time.saturating_mul(tick) / TICK
}

#[cfg(test)]
mod tests {
    use super::*;
    use Nearness::{VerdictIsFar, VerdictIsNear};

    /// A fact: when it happens, what it means, and the drain that it begins.
    struct Fact(Millis, Nearness, Millis);

    /// Walks a timeline of facts; answers the number of looks and how late each fact was seen.
    fn walk(facts: &[Fact]) -> (u32, Vec<Millis>) {
        let (mut now, mut looks, mut late) = (0, 0, Vec::new());
        let mut pulse = Pulse { moved_at: 0, nearness: VerdictIsFar, drained_at: 0 };
        let mut coming = facts.iter().peekable();
        while coming.peek().is_some() {
            now += next_look(pulse, now, TICK);
            looks += 1;
            while let Some(Fact(at, nearness, drain)) = coming.next_if(|fact| fact.0 <= now) {
                late.push(now - at);
                let drained_at = if *drain > 0 { at + drain } else { pulse.drained_at };
                pulse = Pulse { moved_at: now, nearness: *nearness, drained_at };
            }
        }
        (looks, late)
    }

    #[test]
    fn the_published_fargate_timeline_is_seen_in_time_with_few_calls() {
        let (looks, late) = walk(&[
            Fact(1_000, VerdictIsFar, 0),
            Fact(40_000, VerdictIsFar, 0),
            Fact(90_000, VerdictIsNear, 0),
            Fact(100_000, VerdictIsNear, 30_000),
            Fact(152_000, VerdictIsNear, 0),
        ]);
        assert!(late.last().is_some_and(|ms| *ms <= 3_000), "the verdict came {late:?} late");
        assert_eq!(looks, 32);
    }

    #[test]
    fn a_drain_of_five_minutes_costs_few_looks_and_its_end_is_seen_in_time() {
        let (looks, late) = walk(&[Fact(1_000, VerdictIsNear, 300_000), Fact(305_000, VerdictIsNear, 0)]);
        assert!(late.last().is_some_and(|ms| *ms <= 3_000), "the verdict came {late:?} late");
        assert!(looks <= 38, "{looks} looks");
    }

    #[test]
    fn the_wait_doubles_while_nothing_moves_and_never_beyond_five_ticks() {
        let pulse = Pulse { moved_at: 20_000, nearness: VerdictIsFar, drained_at: 0 };
        let waits: Vec<_> = [20_000, 22_000, 24_000, 28_000, 36_000, 90_000]
            .iter()
            .map(|now| next_look(pulse, *now, TICK))
            .collect();
        assert_eq!(waits, [2_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    }

    #[test]
    fn near_the_verdict_it_looks_again_within_three_seconds() {
        let pulse = Pulse { moved_at: 0, nearness: VerdictIsNear, drained_at: 0 };
        for now in [0, 60_000, 600_000] {
            assert!(next_look(pulse, now, TICK) <= 2_800);
        }
    }

    #[test]
    fn a_faster_clock_shortens_every_wait_alike() {
        let pulse = Pulse { moved_at: 0, nearness: VerdictIsFar, drained_at: 0 };
        assert_eq!(next_look(pulse, 1_000, 33), 5 * 33);
    }
}
