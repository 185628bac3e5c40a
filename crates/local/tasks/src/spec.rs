//! What a runtime and a task are started with.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tidegate_clock::Clock;
use tidegate_models::{Secret, ecs};

/// What a runtime is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The clock by which health checks, start and stop timeouts and restart policies run.
    pub clock: Clock,
    /// The runtime's own folder: records of what runs, and logs. Made if it is missing.
    pub data_dir: PathBuf,
    /// For how long tasks may live.
    pub lifetime: Lifetime,
    /// Names this local cloud. Two clouds with different ids never touch each other's tasks.
    pub instance: String,
}

/// For how long tasks may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// They die when this process dies, however it dies, or when the last [`Runtime`](crate::Runtime) is dropped.
    WithParent,
    /// They outlive this process; the next one with the same folder and id adopts them, or
    /// [`clean_up`](crate::clean_up) ends them.
    Persistent,
}

/// A task to run.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSpec {
    /// 32 hexadecimal digits.
    pub task_id: String,
    /// Its ARN.
    pub task_arn: String,
    /// Its cluster's name.
    pub cluster: String,
    /// Its definition, with the server's defaults or without.
    pub definition: Arc<ecs::TaskDefinition>,
    /// As given to `RunTask`.
    pub overrides: Option<ecs::TaskOverride>,
    /// Added to the environment of every container; the definition's own wins.
    pub environment: Vec<(String, String)>,
    /// Values that containers get in their environment and nowhere else.
    pub secrets: Vec<ContainerSecret>,
    /// Digests (`sha256:…`) that the deployment has fixed, by container name.
    pub image_digests: BTreeMap<String, String>,
    /// Where images are pulled from that a registry of this machine has, by container name; they win over the digests.
    pub registry_images: BTreeMap<String, RegistryImage>,
    /// `service:…` or `family:…`.
    pub group: String,
    /// The region that it believes to be in.
    pub region: String,
}

/// An image in a registry of this machine. Whatever else has its name is not taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryImage {
    /// Host and repository.
    pub repository: String,
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// Whom the registry takes the daemon for.
    pub user: String,
    /// What proves it.
    pub password: Secret,
}

/// A variable of a container's environment whose value is never printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSecret {
    /// The container's name.
    pub container: String,
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: Secret,
}
