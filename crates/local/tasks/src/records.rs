//! What is written down of each task before anything of it runs, so that the next local cloud finds it.
//!
//! One folder per task: `task.json` while the task lives, and per container a record of its process, the pid of its main
//! process, its exit code and its log. The records never say that something runs: only the system knows that.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tidegate_clock::Timestamp;
use tidegate_models::ecs::TransportProtocol;

use crate::{NetworkBinding, driver::Network, identity::Identity, logs::file_name};

/// The folder of all tasks.
#[derive(Clone, Debug)]
pub(crate) struct Records(PathBuf);

/// A live task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TaskRecord {
    pub(crate) instance: String,
    pub(crate) address: IpAddr,
    bindings: Vec<BindingRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct BindingRecord {
    container: String,
    container_port: u16,
    host_port: u16,
    bind_ip: IpAddr,
    protocol: TransportProtocol,
}

/// A container that was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ContainerRecord {
    /// The leader of its process group.
    pub(crate) leader: Identity,
    pub(crate) runtime_id: String,
    /// Milliseconds of virtual time.
    started_at: i64,
}

impl TaskRecord {
    pub(crate) fn new(instance: &str, network: &Network) -> Self {
        let binding = |it: &NetworkBinding| BindingRecord {
            container: it.container.clone(),
            container_port: it.container_port,
            host_port: it.host_port,
            bind_ip: it.bind_ip,
            protocol: it.protocol,
        };
        let bindings = network.bindings.iter().map(binding).collect();
        Self { instance: instance.to_owned(), address: network.address, bindings }
    }

    pub(crate) fn network(&self) -> Network {
        let binding = |it: &BindingRecord| NetworkBinding {
            container: it.container.clone(),
            container_port: it.container_port,
            host_port: it.host_port,
            bind_ip: it.bind_ip,
            protocol: it.protocol,
        };
        Network { address: self.address, bindings: self.bindings.iter().map(binding).collect() }
    }
}

impl ContainerRecord {
    pub(crate) fn new(leader: Identity, runtime_id: String, started_at: Timestamp) -> Self {
        Self { leader, runtime_id, started_at: started_at.as_millis() }
    }

    pub(crate) fn started_at(&self) -> Timestamp {
        Timestamp::from_millis(self.started_at)
    }
}

const TASK: &str = "task.json";

impl Records {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The tasks that are written down as live, with their ids.
    pub(crate) fn live_tasks(&self) -> Vec<(String, TaskRecord)> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| {
                let task_id = entry.file_name().into_string().ok()?;
                let record = self.task(&task_id)?;
                Some((task_id, record))
            })
            .collect()
    }

    pub(crate) fn task(&self, task_id: &str) -> Option<TaskRecord> {
        load(&self.folder(task_id).join(TASK))
    }

    pub(crate) fn add_task(&self, task_id: &str, record: &TaskRecord) -> io::Result<()> {
        fs::create_dir_all(self.folder(task_id))?;
        save(&self.folder(task_id).join(TASK), record)
    }

    /// The task is over: only its logs stay.
    pub(crate) fn remove_task(&self, task_id: &str) {
        let folder = self.folder(task_id);
        let Ok(entries) = fs::read_dir(&folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_log = path.extension().is_some_and(|it| it == "log" || it == "times" || it == "start");
            if !is_log && let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove the record of a task that is over");
            }
        }
    }

    /// The names of the started containers' records, and the records.
    pub(crate) fn containers(&self, task_id: &str) -> Vec<ContainerRecord> {
        let entries = fs::read_dir(self.folder(task_id)).into_iter().flatten().flatten();
        entries
            .map(|it| it.path())
            .filter(|it| it.extension().is_some_and(|it| it == "process"))
            .filter_map(|it| load(&it))
            .collect()
    }

    pub(crate) fn container(&self, task_id: &str, container: &str) -> Option<ContainerRecord> {
        load(&self.file(task_id, container, "process"))
    }

    pub(crate) fn add_container(
        &self,
        task_id: &str,
        container: &str,
        record: &ContainerRecord,
    ) -> io::Result<()> {
        save(&self.file(task_id, container, "process"), record)
    }

    /// What an earlier run of the container left is void.
    pub(crate) fn begin_run(&self, task_id: &str, container: &str) {
        for extension in ["exit", "pid", "process"] {
            // Nearly always there is none.
            let _ = fs::remove_file(self.file(task_id, container, extension));
        }
    }

    /// Where the container's wrapper writes the exit code.
    pub(crate) fn exit_file(&self, task_id: &str, container: &str) -> PathBuf {
        self.file(task_id, container, "exit")
    }

    /// Where the container's wrapper writes the pid of its main process.
    pub(crate) fn pid_file(&self, task_id: &str, container: &str) -> PathBuf {
        self.file(task_id, container, "pid")
    }

    pub(crate) fn exit_code(&self, task_id: &str, container: &str) -> Option<i32> {
        number(&self.exit_file(task_id, container))
    }

    pub(crate) fn main_pid(&self, task_id: &str, container: &str) -> Option<i32> {
        number(&self.pid_file(task_id, container))
    }

    fn folder(&self, task_id: &str) -> PathBuf {
        self.0.join(file_name(task_id))
    }

    fn file(&self, task_id: &str, container: &str, extension: &str) -> PathBuf {
        self.folder(task_id).join(format!("{}.{extension}", file_name(container)))
    }
}

/// A number that was written out to its line's end.
fn number(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.strip_suffix('\n')?.trim().parse().ok()
}

fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let text = fs::read(path).ok()?;
    serde_json::from_slice(&text)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a task's record cannot be read"))
        .ok()
}

/// All or nothing, so that a kill in between leaves the old record.
pub(crate) fn save<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, serde_json::to_vec(value)?).and_then(|()| fs::rename(&draft, path))
}
