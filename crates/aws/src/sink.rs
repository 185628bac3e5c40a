//! Where the events of a rollout go, and the one place that reads the wall clock. Start with
//! [`EventSink`].

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};
use tidegate_rollout::{Event, Millis};
use tokio::time::Instant;

/// Takes the events of a rollout as they happen. A sink must return quickly: the next look waits.
pub trait EventSink: Send {
    /// Something happened at this moment.
    fn event(&mut self, at: Millis, event: &Event);
}

impl<F: FnMut(Millis, &Event) + Send> EventSink for F {
    fn event(&mut self, at: Millis, event: &Event) {
        self(at, event);
    }
}

/// The moment, in milliseconds since the Unix epoch. It goes on evenly from the first time that somebody asks: a wall
/// clock that is set meanwhile moves no deadline.
pub(crate) fn now() -> Millis {
    static BEGAN: LazyLock<(Millis, Instant)> = LazyLock::new(|| (wall(), Instant::now()));
    let (at, since) = *BEGAN;
    at + Millis::try_from(since.elapsed().as_millis()).unwrap_or(Millis::MAX)
}

fn wall() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX))
}
