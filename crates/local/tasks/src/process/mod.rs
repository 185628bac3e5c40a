//! Tasks as plain processes: each container a process group with an address of its own, a clean environment and a log.
//!
//! Nothing isolates them: CPU, memory and files are the machine's. What is kept is how ECS treats a container: its main
//! process gets SIGTERM, its exit code is reported, and when it ends all that it started ends with it. Start at
//! [`ProcessDriver`].

mod driver;
mod launch;
mod leftovers;
mod usage;
mod watchdog;

pub(crate) use driver::{ProcessDriver, not_found};
pub(crate) use leftovers::clean_up;
pub(crate) use usage::of_groups;
