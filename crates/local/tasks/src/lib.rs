//! The task runtimes: Docker containers, processes or nothing at all behind one small interface.
//!
//! This is what the ECS agent is on a real machine: it gets a task, runs its containers, and reports what happens. It
//! decides nothing about services, and it must never leave a container running that nobody wants: see [`Lifetime`].
//! Start at [`Runtime`]; what a task does and when is decided in `agent`, without I/O.

mod addresses;
mod agent;
mod docker;
mod driver;
mod error;
mod event;
mod health;
mod host;
mod identity;
mod images;
mod logs;
mod plan;
mod process;
mod records;
mod runtime;
mod simulated;
mod spec;
mod usage;

pub use docker::{NewImage, PAUSE_IMAGE, import_image, remove_image};
pub use error::Error;
pub use event::{Adopted, NetworkBinding, StopCause, TaskEvent};
pub use images::{ImageCommand, ImageMap, glob};
pub use logs::{LogLine, LogPage, LogPosition};
pub use runtime::{Kind, Runtime, clean_up};
pub use spec::{ContainerSecret, Lifetime, RegistryImage, Settings, TaskSpec};
pub use usage::Usage;
