//! The sequential tests of the gates: is the candidate worse than stable, looked at as often as one likes. It must never
//! do I/O, read a clock or draw a random number: counts come in, a [`Judgement`] with its evidence goes out. Start at
//! [`Comparison`]; why its promise holds stands in `evidence.rs`, and how it does in `docs/gates.md`.

pub mod comparison;
pub mod counts;
mod evidence;
pub mod judgement;
pub mod latency;
pub mod limits;
mod words;

pub use comparison::{Comparison, Measure};
pub use counts::{Counts, Tally};
pub use judgement::{Answer, Difference, Judgement, Needed, Sureness};
pub use latency::{Ask, Latency, SlowLine};
pub use limits::{Certainty, OutOfRange, Points};
