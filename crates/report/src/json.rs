//! One JSON object a line, for programs. It must never write anything else. Start with [`JsonLines`].

use crate::Reporter;
use serde::Serialize;
use std::io::Write;
use tidegate_rollout::{Event, Millis};

/// Events as JSON lines: `{"at_ms":…,"event":"…",…}`.
pub struct JsonLines<W> {
    out: W,
}

/// A borrowed `tidegate_rollout::event::Stamped`.
#[derive(Serialize)]
struct Line<'a> {
    at_ms: Millis,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Reporter for JsonLines<W> {
    fn event(&mut self, at: Millis, event: &Event) {
        if let Ok(line) = serde_json::to_string(&Line { at_ms: at, event }) {
            let _ = writeln!(self.out, "{line}");
            let _ = self.out.flush();
        }
    }
}
