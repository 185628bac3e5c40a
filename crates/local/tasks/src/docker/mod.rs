//! Tasks as Docker containers, through the daemon's API.
//!
//! A task with `awsvpc` has a network namespace of its own, held by a container that does nothing; all others publish
//! their ports on this machine's loopback address. Everything that is made carries labels that say whose it is, and
//! nothing without this instance's label is ever touched. Start at [`DockerDriver`].

mod create;
mod daemon;
mod driver;
mod import;
mod labels;
mod leftovers;
mod output;
mod pause;
mod usage;
mod watchdog;

pub(crate) use driver::DockerDriver;
pub use import::{NewImage, import_image, remove_image};
pub(crate) use leftovers::clean_up;
pub use pause::IMAGE as PAUSE_IMAGE;
