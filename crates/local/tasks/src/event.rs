//! What a runtime reports.

use std::net::IpAddr;

use tidegate_models::ecs::{HealthStatus, TransportProtocol};

/// Something that happened to a task. The events of one task come in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEvent {
    /// The task has an address, and these ports are bound on the host.
    ///
    /// A container port is reached at its binding's `host_port` where there is a binding for it, else at `address` with
    /// the container port itself (`awsvpc`).
    NetworkReady {
        /// The task's id.
        task_id: String,
        /// Where it is reached.
        address: IpAddr,
        /// Bound host ports. Empty with `awsvpc`.
        bindings: Vec<NetworkBinding>,
    },
    /// Its images are being pulled.
    PullStarted {
        /// The task's id.
        task_id: String,
    },
    /// Its images are here, or could not be had.
    PullStopped {
        /// The task's id.
        task_id: String,
    },
    /// A container runs; again for each restart by its restart policy.
    ContainerStarted {
        /// The task's id.
        task_id: String,
        /// The container's name.
        container: String,
        /// The runtime's own id of it.
        runtime_id: String,
        /// The digest of its image (`sha256:…`), when the runtime knows it.
        image_digest: Option<String>,
    },
    /// A container's health check found something new. A container with a health check begins as UNKNOWN.
    ContainerHealth {
        /// The task's id.
        task_id: String,
        /// The container's name.
        container: String,
        /// What was found.
        status: HealthStatus,
    },
    /// A container is gone for good; once for each container of a task, also for one that never ran.
    ContainerStopped {
        /// The task's id.
        task_id: String,
        /// The container's name.
        container: String,
        /// Its exit code; 128 + n after signal n. `None` when it never started, or ended while nobody could see it.
        exit_code: Option<i32>,
        /// Why, in AWS's words, when there is more to say than the exit code.
        reason: Option<String>,
    },
    /// Every container that must be running for ECS to call the task RUNNING is. At most once.
    Running {
        /// The task's id.
        task_id: String,
    },
    /// All containers are gone, and with them the ports and addresses: the last event of a task.
    Stopped {
        /// The task's id.
        task_id: String,
        /// Why.
        code: StopCause,
        /// Why, in AWS's words; empty when it was requested, since whoever asked knows better.
        reason: String,
    },
}

impl TaskEvent {
    /// The id of the task that it is about.
    pub fn task_id(&self) -> &str {
        match self {
            Self::NetworkReady { task_id, .. }
            | Self::PullStarted { task_id }
            | Self::PullStopped { task_id }
            | Self::ContainerStarted { task_id, .. }
            | Self::ContainerHealth { task_id, .. }
            | Self::ContainerStopped { task_id, .. }
            | Self::Running { task_id }
            | Self::Stopped { task_id, .. } => task_id,
        }
    }
}

/// Why a task stopped, as far as its runtime can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// [`Runtime::stop`](crate::Runtime::stop) was called.
    Requested,
    /// An essential container ended by itself.
    EssentialContainerExited,
    /// An essential container could not be started.
    TaskFailedToStart,
}

/// A port of a container that is bound on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkBinding {
    /// The container's name.
    pub container: String,
    /// The port that the task definition names.
    pub container_port: u16,
    /// The port on the host.
    pub host_port: u16,
    /// The host's address.
    pub bind_ip: IpAddr,
    /// TCP or UDP.
    pub protocol: TransportProtocol,
}

/// What became of an expected task while the local cloud was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// Something of it still runs; from here on its changes come as events again.
    Running {
        /// The task's id.
        task_id: String,
        /// The events that would lead from a fresh task to where it stands: address, containers started and stopped,
        /// Running when it is. They are not sent; nor is a health status, until the next check finds one.
        facts: Vec<TaskEvent>,
    },
    /// Nothing of it runs. No event will come.
    Gone {
        /// The task's id.
        task_id: String,
        /// Containers whose end was recorded, with their exit codes.
        exit_codes: Vec<(String, i32)>,
    },
}
