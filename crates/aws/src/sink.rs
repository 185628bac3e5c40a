//! Where the events of a rollout go, and the one place that reads the wall clock. Start with
//! [`EventSink`].

use std::time::{SystemTime, UNIX_EPOCH};
use tidegate_rollout::{Event, Millis};

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

/// The moment, in milliseconds since the Unix epoch.
pub(crate) fn now() -> Millis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX))
}
