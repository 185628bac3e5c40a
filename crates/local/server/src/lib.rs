//! The local cloud: an AWS API on a loopback port, with real tasks and a real load balancer behind it.
//!
//! This crate only joins: the wire decodes, the engine decides, the store remembers, the runtime and the balancer act.
//! It must never decide anything that the engine could. Start at [`LocalCloud::start`].
//!
//! ```no_run
//! # async fn example() -> Result<(), tidegate_local::StartError> {
//! use tidegate_local::{LocalCloud, Options};
//!
//! let cloud = LocalCloud::start(Options::default()).await?;
//! println!("AWS_ENDPOINT_URL={}", cloud.endpoint());
//! cloud.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod adoption;
mod api;
mod balancing;
mod cloud;
mod control;
mod effects;
mod error;
mod faults;
mod functions;
mod logs;
mod metering;
mod network;
mod options;
mod ports;
mod presence;
mod registry;
pub mod remote;
pub mod snapshot;
mod tasking;
mod usage;
mod writer;

pub use cloud::LocalCloud;
pub use error::StartError;
pub use faults::Fault;
pub use functions::{Function, FunctionCommand, FunctionMap};
pub use options::{DEFAULT_PORT, ExposeTargets, Options, RuntimeChoice};
pub use presence::{Presence, PresenceError};
pub use snapshot::SnapshotError;
pub use tidegate_balancer::{Balancer, MetricsSnapshot};
pub use tidegate_clock::{Clock, Speed};
pub use tidegate_engine::Missing;
pub use tidegate_tasks::{ImageCommand, ImageMap, NewImage, PAUSE_IMAGE, import_image, remove_image};
