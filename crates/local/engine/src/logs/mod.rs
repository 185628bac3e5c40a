//! Amazon CloudWatch Logs: groups and streams, and the language of filter patterns.
//!
//! What is written into a stream is not here: events are many and no decision hangs on them, so the server keeps them in
//! a store of their own, by the numbers that groups and streams have here (`docs/decisions/0006-logs-and-secrets.md`). Start at
//! `api`; a container's streams are in `containers`.

mod api;
mod containers;
pub mod pattern;
pub mod records;

pub(crate) use api::register;
pub use api::{find_group, group_of_ecs, page_of_streams};
pub use containers::{Destination, destination};
pub(crate) use containers::{check, open};
pub use pattern::Pattern;

/// The signing name.
pub const SERVICE: &str = "logs";
