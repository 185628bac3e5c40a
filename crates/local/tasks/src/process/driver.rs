//! The process runtime's hands: starts, watches, probes and ends the processes of containers.

use std::{
    collections::HashMap,
    env, io,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use rustix::process::Signal;
use tidegate_models::Secret;
use tokio::process::Command;

use super::{
    launch::{self, Files, Program, Waiting},
    leftovers::{self, CONTAINER_MARK, INSTANCE_MARK, TASK_MARK},
    watchdog::Watchdog,
};
use crate::{
    Error, ImageCommand, ImageMap, Lifetime, Settings, Usage,
    addresses::Addresses,
    driver::{Driver, Exit, Failure, Found, FoundContainer, Network, Started, StopSignal, Watch},
    health::{ProbeCommand, ProbeOutcome},
    identity::{self, Identity},
    images::Reference,
    logs::LogStore,
    plan::{ContainerPlan, TaskPlan},
    records::{ContainerRecord, Records, TaskRecord},
};

/// Where programs are looked for when neither the parent nor the container says.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs containers as processes.
pub(crate) struct ProcessDriver {
    settings: Settings,
    images: RwLock<ImageMap>,
    addresses: Addresses,
    records: Records,
    logs: LogStore,
    /// There is one exactly when tasks must end with this process.
    watchdog: Option<Arc<Watchdog>>,
    networks: Mutex<HashMap<String, Network>>,
}

impl ProcessDriver {
    pub(crate) fn new(settings: Settings, images: ImageMap, logs: LogStore) -> Result<Self, Error> {
        let watchdog = match settings.lifetime {
            Lifetime::WithParent => {
                let watchdog =
                    Watchdog::start(&settings.instance).map_err(|source| Error::Watchdog { source })?;
                Some(Arc::new(watchdog))
            }
            Lifetime::Persistent => None,
        };
        let records = Records::new(&settings.data_dir);
        let addresses = Addresses::new(&settings.data_dir, &settings.instance, &records);
        Ok(Self {
            images: RwLock::new(images),
            addresses,
            records,
            logs,
            watchdog,
            networks: Mutex::default(),
            settings,
        })
    }

    /// What each of these containers uses; those that are gone are left out.
    pub(crate) async fn usage(&self, ids: &[String]) -> HashMap<String, Usage> {
        let leaders: HashMap<i32, String> =
            ids.iter().filter_map(|id| Some((leader_of(id)?, id.clone()))).collect();
        let groups: Vec<i32> = leaders.keys().copied().collect();
        let found = tokio::task::spawn_blocking(move || super::of_groups(&groups)).await.unwrap_or_default();
        found.into_iter().filter_map(|(group, usage)| Some((leaders.get(&group)?.clone(), usage))).collect()
    }

    pub(crate) fn set_images(&self, images: ImageMap) {
        *self.images.write().unwrap_or_else(PoisonError::into_inner) = images;
    }

    fn image(&self, name: &str) -> Result<ImageCommand, Failure> {
        let images = self.images.read().unwrap_or_else(PoisonError::into_inner);
        images.find(name).cloned().ok_or_else(|| {
            let known: Vec<_> = images.patterns().collect();
            tracing::warn!(image = name, ?known, "no command stands for an image");
            Failure::new(not_found(name))
        })
    }

    fn program(&self, task: &TaskPlan, container: &ContainerPlan) -> Result<Program, Failure> {
        let image = self.image(&container.image)?;
        let definition = &container.definition;
        let given = |list: &Option<Vec<String>>| list.clone().filter(|it| !it.is_empty());
        let (entry_point, default_command) = match given(&definition.entry_point) {
            // As Docker has it: a new entry point drops the image's command.
            Some(entry_point) => (entry_point, Vec::new()),
            None => (image.entry_point.clone(), image.command.clone()),
        };
        let command = given(&container.command).unwrap_or(default_command);
        let mut words = entry_point.into_iter().chain(command);
        let name =
            words.next().ok_or_else(|| Failure::new("CannotCreateContainerError: no command specified"))?;
        let folder = definition
            .working_directory
            .as_ref()
            .map(PathBuf::from)
            .or_else(|| image.working_directory.clone());
        let current = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let folder = folder.map_or(current.clone(), |folder| current.join(folder));
        if !folder.is_dir() {
            let reason = format!(
                "CannotStartContainerError: the working directory {} does not exist",
                folder.display()
            );
            return Err(Failure::new(reason));
        }
        let environment = self.environment(task, container, &image);
        let path = environment
            .iter()
            .find(|(name, _)| name == "PATH")
            .map_or(DEFAULT_PATH, |(_, value)| value.expose());
        let path = launch::find_program(&name, path, &folder)?;
        Ok(Program { path, arguments: words.collect(), environment, folder })
    }

    /// Everything that the container sees; nothing else of this process's environment reaches it.
    fn environment(
        &self,
        task: &TaskPlan,
        container: &ContainerPlan,
        image: &ImageCommand,
    ) -> Vec<(String, Secret)> {
        let mut all = std::collections::BTreeMap::new();
        let mut set = |name: &str, value: String| {
            all.insert(name.to_owned(), Secret::new(value));
        };
        set("PATH", env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned()));
        set("HOME", env::var("HOME").unwrap_or_else(|_| "/".to_owned()));
        let region = &task.spec.region;
        if !region.is_empty() {
            set("AWS_REGION", region.clone());
            set("AWS_DEFAULT_REGION", region.clone());
        }
        set("TIDEGATE_IMAGE", container.image.clone());
        if let Some(tag) = Reference::parse(&container.image).tag {
            set("TIDEGATE_IMAGE_TAG", tag.to_owned());
        }
        let network = self.networks().get(&task.id).cloned();
        let places: Vec<_> = network.iter().flat_map(|network| places(network, container)).collect();
        if let Some(first) = places.first() {
            set("PORT", first.port.to_string());
        }
        for (name, value) in image.environment.iter().chain(&container.environment) {
            set(name, value.clone());
        }
        for (name, value) in &container.secrets {
            set(name, value.expose().to_owned());
        }
        // On a shared address the definition's own port is another task's, so what was assigned wins.
        if let Some(first) = places.first().filter(|it| it.port != it.container_port) {
            set("PORT", first.port.to_string());
        }
        for place in &places {
            set(&format!("PORT_{}", place.container_port), place.port.to_string());
        }
        if let Some(network) = &network {
            set("HOST", network.address.to_string());
        }
        set(INSTANCE_MARK, self.settings.instance.clone());
        set(TASK_MARK, task.id.clone());
        set(CONTAINER_MARK, container.name.clone());
        all.into_iter().filter(|(name, _)| !name.is_empty() && !name.contains(['=', '\0'])).collect()
    }

    async fn launch(&self, task: &TaskPlan, container: &ContainerPlan) -> Result<Started, Failure> {
        let program = self.program(task, container)?;
        let (task_id, name) = (&task.id, &container.name);
        let failed = |error: io::Error| Failure::new(format!("CannotStartContainerError: {error}"));
        self.records.begin_run(task_id, name);
        let files = Files {
            log: self.logs.open(task_id, name).map_err(failed)?,
            pid: self.records.pid_file(task_id, name),
            exit: self.records.exit_file(task_id, name),
        };
        let waiting = Waiting::spawn(&program, files, self.settings.lifetime).map_err(failed)?;
        let pid = waiting.pid().map_err(failed)?;
        let leader = Identity::of(pid).ok_or_else(|| failed(io::Error::other("its process is gone")))?;
        let runtime_id = runtime_id(task_id, pid);
        let record = ContainerRecord::new(leader.clone(), runtime_id.clone(), self.settings.clock.now());
        self.records.add_container(task_id, name, &record).map_err(failed)?;
        if let Some(watchdog) = &self.watchdog {
            watchdog.guard(&leader).map_err(failed)?;
        }
        let mut child = waiting.release().await.map_err(failed)?;
        let (records, logs, watchdog) = (self.records.clone(), self.logs.clone(), self.watchdog.clone());
        let end = self.end(task_id, name, leader);
        let (task_id, name) = (task_id.clone(), name.clone());
        let watch: Watch = Box::pin(async move {
            let status = child.wait().await;
            end.await;
            logs.close(&task_id, &name);
            drop(watchdog);
            let code = records.exit_code(&task_id, &name).or_else(|| status.ok().and_then(exit_code));
            Exit { code, reason: None }
        });
        Ok(Started { runtime_id, watch })
    }

    /// What is to be done when a container's main process has ended: all that it started ends, too.
    fn end(
        &self,
        task_id: &str,
        container: &str,
        leader: Identity,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (instance, watchdog) = (self.settings.instance.clone(), self.watchdog.clone());
        let (task_id, container) = (task_id.to_owned(), container.to_owned());
        async move {
            identity::signal_group(&leader, Signal::KILL);
            leftovers::kill_marked(move |marks| {
                (marks.instance, marks.task, marks.container) == (&instance, &task_id, &container)
            })
            .await;
            if let Some(watchdog) = watchdog {
                watchdog.release(&leader);
            }
        }
    }

    fn reattach(&self, task_id: &str, container: &str, record: ContainerRecord) -> FoundContainer {
        let since = record.started_at();
        let ContainerRecord { leader, runtime_id, .. } = record;
        if !leader.is_alive() {
            let code = self.records.exit_code(task_id, container);
            return FoundContainer::Ended(Exit { code, reason: None });
        }
        self.logs.follow(task_id, container);
        let (records, logs) = (self.records.clone(), self.logs.clone());
        let end = self.end(task_id, container, leader.clone());
        let (task_id, container) = (task_id.to_owned(), container.to_owned());
        let watch: Watch = Box::pin(async move {
            identity::ended(leader).await;
            end.await;
            logs.close(&task_id, &container);
            Exit { code: records.exit_code(&task_id, &container), reason: None }
        });
        FoundContainer::Running { started: Started { runtime_id, watch }, since, image_digest: None }
    }

    fn networks(&self) -> MutexGuard<'_, HashMap<String, Network>> {
        self.networks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What AWS says when a registry does not know an image.
pub(crate) fn not_found(image: &str) -> String {
    format!(
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: {image}: not found"
    )
}

/// A container's port and where it is on this machine.
struct Place {
    container_port: u16,
    port: u16,
}

fn places(network: &Network, container: &ContainerPlan) -> Vec<Place> {
    let place = |container_port: u16| {
        let binding = network
            .bindings
            .iter()
            .find(|it| it.container == container.name && it.container_port == container_port);
        Place { container_port, port: binding.map_or(container_port, |it| it.host_port) }
    };
    container.ports.iter().map(|it| place(it.container_port)).collect()
}

fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal))
}

impl Driver for ProcessDriver {
    async fn prepare(&self, task: &Arc<TaskPlan>) -> Result<Network, Failure> {
        let network = self.addresses.assign(task)?;
        let record = TaskRecord::new(&self.settings.instance, &network);
        self.records.add_task(&task.id, &record).map_err(|error| {
            self.addresses.release(&task.id);
            let folder = self.settings.data_dir.display();
            Failure::new(format!("CannotCreateContainerError: cannot write to {folder}: {error}"))
        })?;
        self.networks().insert(task.id.clone(), network.clone());
        Ok(network)
    }

    async fn pull(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Option<String>, Failure> {
        let container = &task.containers[container];
        self.image(&container.image).map(|_| container.digest.clone())
    }

    async fn start(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Started, Failure> {
        self.launch(task, &task.containers[container]).await
    }

    async fn signal(&self, task: &Arc<TaskPlan>, container: usize, signal: StopSignal) {
        let name = &task.containers[container].name;
        let Some(ContainerRecord { leader, .. }) = self.records.container(&task.id, name) else { return };
        let signal = match signal {
            StopSignal::Terminate => Signal::TERM,
            StopSignal::Kill => Signal::KILL,
        };
        if leader.is_taken() {
            return;
        }
        // Like Docker, to the main process alone; the rest of its group follows when it has ended.
        match self.settings.lifetime {
            Lifetime::WithParent => identity::signal_member(leader.pid, leader.pid, signal),
            Lifetime::Persistent => match self.main_pid(&task.id, name).await {
                Some(main) => identity::signal_member(main, leader.pid, signal),
                None => identity::signal_group(&leader, signal),
            },
        }
    }

    async fn probe(&self, task: &Arc<TaskPlan>, container: usize) -> ProbeOutcome {
        let container = &task.containers[container];
        let Some(health) = &container.health else { return ProbeOutcome::Failed };
        let Ok(program) = self.program(task, container) else { return ProbeOutcome::Failed };
        let words = match &health.command {
            ProbeCommand::Exec(words) => words.clone(),
            ProbeCommand::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        };
        let path = program.environment.iter().find(|(name, _)| name == "PATH");
        let path = path.map_or(DEFAULT_PATH, |(_, value)| value.expose());
        let Some((name, arguments)) = words.split_first() else { return ProbeOutcome::Failed };
        let Ok(probe) = launch::find_program(name, path, &program.folder) else {
            return ProbeOutcome::Failed;
        };
        let child = Command::new(probe)
            .args(arguments)
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(&program.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let Ok(mut child) = child else { return ProbeOutcome::Failed };
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Identity::of);
        let guard = self.watchdog.as_ref().zip(leader.as_ref());
        if let Some((watchdog, leader)) = guard
            && let Err(error) = watchdog.guard(leader)
        {
            tracing::warn!(%error, "a health check would outlive a killed local cloud for as long as it takes");
        }
        let allowance = self.settings.clock.real(health.timeout);
        let outcome = match tokio::time::timeout(allowance, child.wait()).await {
            Ok(Ok(status)) if status.success() => ProbeOutcome::Passed,
            _ => ProbeOutcome::Failed,
        };
        if let Some(leader) = &leader {
            identity::signal_group(leader, Signal::KILL);
        }
        if let Some((watchdog, leader)) = guard {
            watchdog.release(leader);
        }
        outcome
    }

    async fn release(&self, task: &Arc<TaskPlan>) {
        self.records.remove_task(&task.id);
        self.addresses.release(&task.id);
        self.networks().remove(&task.id);
        self.logs.prune_behind(self.records.clone());
    }

    async fn find(&self, task: &Arc<TaskPlan>) -> Option<Found> {
        let record = self.records.task(&task.id).filter(|it| it.instance == self.settings.instance)?;
        let network = record.network();
        self.addresses.take(&task.id, &network);
        self.networks().insert(task.id.clone(), network.clone());
        let containers =
            task.containers.iter().map(|container| match self.records.container(&task.id, &container.name) {
                Some(record) => self.reattach(&task.id, &container.name, record),
                None => FoundContainer::NeverStarted,
            });
        Some(Found { network, containers: containers.collect() })
    }

    async fn sweep(&self, keep: &[String]) {
        let Settings { data_dir, instance, .. } = &self.settings;
        let others = self
            .records
            .live_tasks()
            .into_iter()
            .filter(|(id, it)| it.instance == *instance && !keep.contains(id));
        let others: Vec<_> = others.map(|(task_id, _)| task_id).collect();
        let found = leftovers::end_all_but(data_dir, instance, keep).await;
        if found > 0 {
            tracing::info!(found, "ended processes that nobody wants");
        }
        for task_id in others {
            self.addresses.release(&task_id);
        }
    }
}

impl ProcessDriver {
    /// The wrapper writes it down right after the start; a signal that comes at once waits for it.
    async fn main_pid(&self, task_id: &str, container: &str) -> Option<i32> {
        for _ in 0..50 {
            let pid = self.records.main_pid(task_id, container);
            if pid.is_some() || self.records.exit_code(task_id, container).is_some() {
                return pid;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        None
    }
}

/// What a container is known by: its task, and the process that leads its group.
fn runtime_id(task_id: &str, leader: i32) -> String {
    format!("{task_id}-{leader}")
}

fn leader_of(runtime_id: &str) -> Option<i32> {
    runtime_id.rsplit_once('-')?.1.parse().ok()
}
