//! What is to be said of a service as it stands: one rule for each thing that goes wrong one day, with the
//! evidence and the fix. It must never ask anybody anything: a [`Picture`] holds all that is known, and what
//! could not be asked is neither good nor bad. Start with [`audit`]; the rules are in [`rules`].

mod asked;
mod audit;
mod finding;
mod line;
pub mod picture;
pub mod rules;
mod suppression;

#[cfg(test)]
mod testing;

pub use asked::Asked;
pub use audit::{Audit, Reported, Suppressed, Tally, Untold, audit};
pub use finding::{Found, Look, Severity};
pub use picture::Picture;
pub use rules::Rule;
pub use suppression::{BadDay, Day, Suppression};
