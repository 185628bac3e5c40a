//! The local cloud: AWS's API on a loopback port, with real tasks and a real load balancer behind it.
//!
//! Start one in a test, point an AWS client at it, and let it go at the end:
//!
//! ```
//! use tidegate_local::{ImageCommand, ImageMap, LocalCloud, Options, RuntimeChoice, Speed};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), tidegate_local::StartError> {
//! // What stands for the images where tasks run as processes.
//! let sleeps = ImageCommand { command: vec!["sleep".into(), "infinity".into()], ..ImageCommand::default() };
//! // A free port, a temporary folder. A minute of its time takes a second of yours.
//! let cloud = LocalCloud::start(Options {
//!     speed: Speed::new(60.0).unwrap_or(Speed::REAL),
//!     runtime: RuntimeChoice::Process(ImageMap::default().with("shop:*", sleeps)),
//!     ..Options::default()
//! })
//! .await?;
//! let url = cloud.endpoint(); // what the client takes as its endpoint URL, with any region and any keys
//! # assert!(url.starts_with("http://127.0.0.1:"));
//! # Ok(())
//! # }
//! ```
//!
//! - **What clients see** is AWS: services, errors and waits of Amazon ECS, Elastic Load Balancing, CodeDeploy, CloudWatch and
//!   what they stand on. An operation that is not there says so by its name.
//! - **From a prepared cloud:** [`LocalCloud::save_snapshot`] writes all of its state to one file, and
//!   [`Options::snapshot`] starts any number of others from it.
//! - **When things go wrong:** [`LocalCloud::inject`] gives the tasks of a revision a [`Fault`].
//! - **What ends when:** [`LocalCloud::shutdown`] ends all of it in order and waits. Dropping it ends all of it at once.
//!   When the whole program is killed, a watchdog ends the tasks. With [`Options::data_dir`] the state stays.
//! - **From another process:** [`remote`] asks a cloud that `tidegate local up` started, or cleans up after it.
//!
//! docs/library.md has whole tests to begin with.
//!
//! Inside, this crate only joins: the wire decodes, the engine decides, the store remembers, the runtime and the balancer
//! act. It must never decide anything that the engine could.

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
mod permission;
mod ports;
mod presence;
mod registry;
pub mod remote;
pub mod snapshot;
mod tasking;
mod throttle;
mod usage;
mod writer;

pub use cloud::LocalCloud;
pub use error::StartError;
pub use faults::Fault;
pub use functions::{Function, FunctionCommand, FunctionMap};
pub use options::{DEFAULT_PORT, ExposeTargets, Options, RuntimeChoice};
pub use permission::EnforceIam;
pub use snapshot::SnapshotError;
pub use throttle::Limits;
pub use tidegate_balancer::{Balancer, MetricsSnapshot};
pub use tidegate_clock::{Clock, Speed};
pub use tidegate_engine::Missing;
pub use tidegate_tasks::{ImageCommand, ImageMap};

/// Images in the Docker daemon that tasks run in.
pub mod docker {
    pub use tidegate_tasks::{NewImage, PAUSE_IMAGE, import_image, remove_image};
}
