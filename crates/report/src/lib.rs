//! The event stream rendered: live terminal, plain lines, JSON lines.
