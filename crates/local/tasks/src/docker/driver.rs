//! The Docker runtime's hands: creates, watches, probes and removes containers.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bollard::{
    Docker,
    auth::DockerCredentials,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::{ContainerCreateBody, ContainerInspectResponse, ContainerState},
    query_parameters::{
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, EventsOptionsBuilder,
        KillContainerOptionsBuilder, WaitContainerOptionsBuilder,
    },
};
use futures_util::{StreamExt, TryStreamExt};
use tidegate_models::ecs::NetworkMode;
use tokio::{sync::OnceCell, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    create,
    daemon::{Daemon, is_conflict, is_missing, says},
    labels, leftovers,
    output::Follower,
    pause, usage,
    watchdog::Watchdog,
};
use crate::{
    Error, Lifetime, Settings, Usage,
    addresses::Addresses,
    driver::{Driver, Exit, Failure, Found, FoundContainer, Network, Started, StopSignal, Watch},
    health::{ProbeCommand, ProbeOutcome},
    logs::LogStore,
    plan::{ContainerPlan, TaskPlan},
    process::not_found,
    records::{Records, TaskRecord},
};

/// For how long a daemon may be silent before its containers are given up, in real time.
const GIVE_UP: Duration = Duration::from_mins(1);
/// How long to wait before asking a daemon again that did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// For how long the last lines of a container that has ended are waited for.
const LAST_LINES: Duration = Duration::from_secs(5);
/// How long a pull may take, in real time.
const PULL: Duration = Duration::from_mins(10);

/// What the ECS agent says of a container that took too much.
const OUT_OF_MEMORY: &str = "OutOfMemoryError: Container killed due to memory usage";

/// Runs containers in Docker.
pub(crate) struct DockerDriver {
    daemon: Daemon,
    settings: Settings,
    addresses: Addresses,
    records: Records,
    logs: LogStore,
    pause_image: OnceCell<()>,
    /// Health checks that did not end, by container: Docker cannot end them, so no others are begun.
    hanging: Mutex<HashMap<String, String>>,
    /// Containers that were killed here, by id: who else ends with 137 may have run out of memory.
    killed: Arc<Mutex<HashSet<String>>>,
    /// There is one exactly when containers must end with this process, unless the machine has no means.
    _watchdog: Option<Watchdog>,
    /// Ends what goes on trying to remove things.
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// An image that is here.
struct Image {
    /// What to create a container from.
    reference: String,
    digest: Option<String>,
}

impl DockerDriver {
    pub(crate) async fn new(settings: Settings, logs: LogStore) -> Result<Self, Error> {
        let daemon = Daemon::connect().await?;
        leftovers::note_daemon(&settings.data_dir, &daemon)?;
        match leftovers::remove_abandoned(&daemon).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed containers whose local cloud is gone"),
            Err(error) => tracing::warn!(%error, "containers of a local cloud that is gone may be left"),
        }
        let watchdog = match settings.lifetime {
            Lifetime::WithParent => Watchdog::start(&settings.instance, &daemon.address)
                .map_err(|source| Error::Watchdog { source })?
                .or_else(|| {
                    tracing::warn!("neither curl, docker nor perl is here: if this process is killed, its containers stay until the next local cloud starts");
                    None
                }),
            Lifetime::Persistent => None,
        };
        let records = Records::new(&settings.data_dir);
        let addresses = Addresses::new(&settings.data_dir, &settings.instance, &records);
        let stop = CancellationToken::new();
        Ok(Self {
            daemon,
            settings,
            addresses,
            records,
            logs,
            pause_image: OnceCell::new(),
            hanging: Mutex::default(),
            killed: Arc::default(),
            _watchdog: watchdog,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// The digest that an image's name stands for on this machine.
    pub(crate) async fn resolve_digest(&self, image: &str) -> Result<Option<String>, Error> {
        match self.docker().inspect_image(image).await {
            Ok(found) => Ok(digest(image, found.repo_digests, found.id)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.daemon.refuses("look at an image")(error)),
        }
    }

    /// What each of these containers uses; those that are gone are left out.
    pub(crate) async fn usage(&self, ids: &[String]) -> HashMap<String, Usage> {
        let each =
            ids.iter().map(async |id| Some((id.clone(), usage::of_container(self.docker(), id).await?)));
        futures_util::future::join_all(each).await.into_iter().flatten().collect()
    }

    fn docker(&self) -> &Docker {
        &self.daemon.docker
    }

    /// The container's image, if it is here. What the deployment has fixed is taken by digest, wherever the tag moved.
    async fn image(&self, container: &ContainerPlan) -> Result<Option<Image>, bollard::errors::Error> {
        if let Some(known) = &container.registry_image {
            let reference = format!("{}@{}", known.repository, known.digest);
            return match self.docker().inspect_image(&reference).await {
                Ok(_) => Ok(Some(Image { reference, digest: Some(known.digest.clone()) })),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(error),
            };
        }
        let references = match &container.digest {
            // An image that was never in a registry has no digest but its id, by which it is found directly.
            Some(digest) => vec![by_digest(&container.image, digest), digest.clone()],
            None => vec![container.image.clone()],
        };
        for reference in references {
            match self.docker().inspect_image(&reference).await {
                Ok(found) => {
                    let digest = container.digest.clone();
                    let digest =
                        digest.or_else(|| self::digest(&container.image, found.repo_digests, found.id));
                    return Ok(Some(Image { reference, digest }));
                }
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, bollard::errors::Error> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        match self.docker().create_container(Some(options.clone()), body.clone()).await {
            // An earlier run of it: a restart in place, or a local cloud that died in between.
            Err(error) if is_conflict(&error) => {
                leftovers::remove(self.docker(), name).await?;
                self.docker().create_container(Some(options), body).await
            }
            other => other,
        }
        .map(|created| created.id)
    }

    async fn hold_network(&self, task: &TaskPlan) -> Result<Network, Failure> {
        self.pause_image.get_or_try_init(|| pause::ensure_image(&self.daemon)).await?;
        // From Linux, a container's address can be reached; from a system that runs Docker in a machine of its own, not.
        let published =
            if cfg!(target_os = "linux") { None } else { Some(self.addresses.assign_on_localhost(task)?) };
        let bindings = published.as_ref().map(|it| it.bindings.as_slice()).unwrap_or_default();
        let labels = labels::of(&self.settings, task, "");
        let body = create::network_holder(task, pause::IMAGE, bindings, labels);
        let name = labels::network_name(&task.id);
        let fails = |error| {
            Failure::new(format!("CannotStartContainerError: no network for the task: {}", says(&error)))
        };
        self.create(&name, body).await.map_err(fails)?;
        self.docker().start_container(&name, None).await.map_err(fails)?;
        let found = self.docker().inspect_container(&name, None).await.map_err(fails)?;
        match published {
            Some(network) => Ok(network),
            None => address(&found)
                .map(|address| Network { address, bindings: Vec::new() })
                .ok_or_else(|| Failure::new("CannotStartContainerError: Docker gave the task no address")),
        }
    }

    async fn launch(&self, task: &TaskPlan, container: &ContainerPlan) -> Result<Started, Failure> {
        let cannot_create = |reason: String| Failure::new(format!("CannotCreateContainerError: {reason}"));
        let record =
            self.records.task(&task.id).ok_or_else(|| cannot_create("its task is gone".to_owned()))?;
        let image = self.image(container).await.map_err(|error| cannot_create(says(&error)))?;
        let image = image.ok_or_else(|| Failure::new(not_found(&container.image)))?;
        let labels = labels::of(&self.settings, task, &container.name);
        let network = record.network();
        let body = create::container(task, container, &image.reference, &network, labels, self.daemon.cores);
        let name = labels::container_name(&task.id, &container.name);
        let id = self.create(&name, body).await.map_err(|error| cannot_create(says(&error)))?;
        self.logs
            .open_for_lines(&task.id, &container.name)
            .map_err(|error| cannot_create(error.to_string()))?;
        if let Err(error) = self.docker().start_container(&id, None).await {
            let reason = says(&error);
            let exit_code = exit_code_of(&reason);
            // What cannot be removed now goes with the task.
            let _ = leftovers::remove(self.docker(), &id).await;
            return Err(Failure { reason: format!("CannotStartContainerError: {reason}"), exit_code });
        }
        Ok(Started { runtime_id: id.clone(), watch: self.watch(task, container, id) })
    }

    fn watch(&self, task: &TaskPlan, container: &ContainerPlan, id: String) -> Watch {
        let follower = Follower {
            docker: self.docker().clone(),
            logs: self.logs.clone(),
            clock: self.settings.clock.clone(),
            task_id: task.id.clone(),
            container: container.name.clone(),
            id: id.clone(),
        };
        let (docker, logs, killed) = (self.docker().clone(), self.logs.clone(), Arc::clone(&self.killed));
        let (task_id, container) = (task.id.clone(), container.name.clone());
        Box::pin(async move {
            let following = follower.run();
            tokio::pin!(following);
            let mut all_lines = false;
            let exit = {
                let ended = exit(&docker, &id);
                tokio::pin!(ended);
                loop {
                    tokio::select! {
                        exit = &mut ended => break exit,
                        () = &mut following, if !all_lines => all_lines = true,
                    }
                }
            };
            if !all_lines && tokio::time::timeout(LAST_LINES, following).await.is_err() {
                tracing::warn!(
                    task = task_id,
                    container,
                    "the daemon keeps the last lines of output to itself"
                );
            }
            logs.close(&task_id, &container);
            if killed.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
                return exit;
            }
            memory_considered(&docker, &id, exit).await
        })
    }

    /// What can still be done about things that could not be removed: try again until the daemon answers.
    fn remove_later(&self, task_id: String) {
        let docker = self.docker().clone();
        let trying = async move {
            while leftovers::remove_task(&docker, &task_id).await.is_err() {
                tokio::time::sleep(PAUSE * 4).await;
            }
        };
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(trying));
    }

    fn hanging(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn still_hangs(&self, name: &str) -> bool {
        let Some(exec) = self.hanging().get(name).cloned() else { return false };
        let runs = self.docker().inspect_exec(&exec).await.is_ok_and(|it| it.running == Some(true));
        if !runs {
            self.hanging().remove(name);
        }
        runs
    }
}

/// Waits for the end of a container, over restarts of the daemon.
async fn exit(docker: &Docker, id: &str) -> Exit {
    let mut silent_since: Option<Instant> = None;
    loop {
        match docker.inspect_container(id, None).await {
            Ok(ContainerInspectResponse { state: Some(state), .. }) if !is_over(&state) => {
                silent_since = None;
                let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
                let mut ends = Box::pin(docker.wait_container(id, Some(options)));
                if !matches!(
                    ends.next().await,
                    Some(Ok(_) | Err(bollard::errors::Error::DockerContainerWaitError { .. }))
                ) {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Ok(found) => return how_it_ended(&found.state.unwrap_or_default()),
            Err(error) if is_missing(&error) => {
                let reason = "CannotInspectContainerError: somebody else removed the container".to_owned();
                return Exit { code: None, reason: Some(reason) };
            }
            Err(error) => {
                if silent_since.get_or_insert_with(Instant::now).elapsed() > GIVE_UP {
                    let reason =
                        format!("CannotInspectContainerError: the Docker daemon is silent: {}", says(&error));
                    return Exit { code: None, reason: Some(reason) };
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Docker may learn a little later than of the end that it was for want of memory; then it tells as an event only.
async fn memory_considered(docker: &Docker, id: &str, mut exit: Exit) -> Exit {
    for _ in 0..10 {
        if exit.code != Some(137) || exit.reason.is_some() {
            break;
        }
        tokio::time::sleep(PAUSE / 5).await;
        let Ok(found) = docker.inspect_container(id, None).await else { break };
        let state = found.state.unwrap_or_default();
        exit = how_it_ended(&state);
        if exit.reason.is_none() && wanted_memory(docker, id, state.started_at.as_deref()).await {
            exit.reason = Some(OUT_OF_MEMORY.to_owned());
        }
    }
    exit
}

/// Whether there was an event that says so since the container started.
async fn wanted_memory(docker: &Docker, id: &str, started_at: Option<&str>) -> bool {
    let Some(Ok(since)) = started_at.map(str::parse::<jiff::Timestamp>) else { return false };
    let until = jiff::Timestamp::now();
    let filters = HashMap::from([("container", vec![id]), ("event", vec!["oom"])]);
    let options = EventsOptionsBuilder::default()
        .since(&since.as_second().to_string())
        .until(&format!("{}.{:09}", until.as_second(), until.subsec_nanosecond()))
        .filters(&filters)
        .build();
    matches!(Box::pin(docker.events(Some(options))).next().await, Some(Ok(_)))
}

fn is_over(state: &ContainerState) -> bool {
    use bollard::models::ContainerStateStatusEnum::{DEAD, EXITED, REMOVING};
    matches!(state.status, Some(EXITED | DEAD | REMOVING))
}

fn how_it_ended(state: &ContainerState) -> Exit {
    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
    let reason = (state.oom_killed == Some(true)).then(|| OUT_OF_MEMORY.to_owned());
    Exit { code, reason: reason.or_else(|| state.error.clone().filter(|it| !it.is_empty())) }
}

fn address(found: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = found.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|it| it.ip_address.as_deref()?.parse().ok())
}

/// Docker says in words what a shell would say by exit code.
fn exit_code_of(reason: &str) -> Option<i32> {
    if reason.contains("permission denied") {
        Some(126)
    } else if reason.contains("executable file not found") || reason.contains("no such file or directory") {
        Some(127)
    } else {
        None
    }
}

/// The digest under which the image's repository knows it; an image that was never in a registry has only its id.
fn digest(image: &str, repo_digests: Option<Vec<String>>, id: Option<String>) -> Option<String> {
    let repository = repository(image);
    let known = repo_digests.unwrap_or_default();
    let own = known.iter().find(|it| it.split('@').next() == Some(repository)).or(known.first());
    own.and_then(|it| it.split_once('@')).map(|(_, digest)| digest.to_owned()).or(id)
}

fn by_digest(image: &str, digest: &str) -> String {
    format!("{}@{digest}", repository(image))
}

/// The image's name without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // A colon before the last slash is a port's.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

impl Driver for DockerDriver {
    async fn prepare(&self, task: &Arc<TaskPlan>) -> Result<Network, Failure> {
        let network = match task.network_mode {
            NetworkMode::Awsvpc => self.hold_network(task).await?,
            NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => self.addresses.assign(task)?,
        };
        self.records.add_task(&task.id, &TaskRecord::new(&self.settings.instance, &network)).map_err(
            |error| {
                let folder = self.settings.data_dir.display();
                Failure::new(format!("CannotCreateContainerError: cannot write to {folder}: {error}"))
            },
        )?;
        Ok(network)
    }

    async fn pull(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Option<String>, Failure> {
        let container = &task.containers[container];
        let cannot = |reason: String| Failure::new(format!("CannotPullContainerError: {reason}"));
        if let Some(image) = self.image(container).await.map_err(|error| cannot(says(&error)))? {
            return Ok(image.digest);
        }
        let wanted = match (&container.registry_image, &container.digest) {
            (Some(known), _) => format!("{}@{}", known.repository, known.digest),
            (None, Some(digest)) => by_digest(&container.image, digest),
            (None, None) => container.image.clone(),
        };
        let credentials = container.registry_image.as_ref().map(|known| DockerCredentials {
            username: Some(known.user.clone()),
            password: Some(known.password.expose().to_owned()),
            serveraddress: known.repository.split('/').next().map(str::to_owned),
            ..DockerCredentials::default()
        });
        // Without a tag Docker would pull them all.
        let named = if wanted.contains('@') || repository(&wanted) != wanted {
            wanted
        } else {
            format!("{wanted}:latest")
        };
        let options = CreateImageOptionsBuilder::default().from_image(&named).build();
        let pulling = self.docker().create_image(Some(options), None, credentials).try_collect::<Vec<_>>();
        match tokio::time::timeout(PULL, pulling).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if is_missing(&error) => return Err(Failure::new(not_found(&container.image))),
            Ok(Err(error)) => {
                let image = &container.image;
                return Err(cannot(format!(
                    "pull image manifest has been retried 5 time(s): failed to resolve ref {image}: {}",
                    says(&error)
                )));
            }
            Err(_) => return Err(cannot(format!("the pull did not end within {} s", PULL.as_secs()))),
        }
        match self.image(container).await {
            Ok(Some(image)) => Ok(image.digest),
            Ok(None) => Err(Failure::new(not_found(&container.image))),
            Err(error) => Err(cannot(says(&error))),
        }
    }

    async fn start(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Started, Failure> {
        self.launch(task, &task.containers[container]).await
    }

    async fn signal(&self, task: &Arc<TaskPlan>, container: usize, signal: StopSignal) {
        let name = labels::container_name(&task.id, &task.containers[container].name);
        let signal = match signal {
            StopSignal::Terminate => {
                let found = self.docker().inspect_container(&name, None).await;
                found.ok().and_then(|it| it.config?.stop_signal).unwrap_or_else(|| "SIGTERM".to_owned())
            }
            StopSignal::Kill => {
                if let Ok(ContainerInspectResponse { id: Some(id), .. }) =
                    self.docker().inspect_container(&name, None).await
                {
                    self.killed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                }
                "SIGKILL".to_owned()
            }
        };
        let options = KillContainerOptionsBuilder::default().signal(&signal).build();
        match self.docker().kill_container(&name, Some(options)).await {
            // It has ended by itself.
            Err(error) if !is_missing(&error) && !is_conflict(&error) => {
                tracing::warn!(
                    container = name,
                    signal,
                    reason = says(&error),
                    "a container could not be told to end"
                );
            }
            _ => {}
        }
    }

    async fn probe(&self, task: &Arc<TaskPlan>, container: usize) -> ProbeOutcome {
        let container = &task.containers[container];
        let Some(health) = &container.health else { return ProbeOutcome::Failed };
        let name = labels::container_name(&task.id, &container.name);
        if self.still_hangs(&name).await {
            return ProbeOutcome::Failed;
        }
        let words = match &health.command {
            ProbeCommand::Exec(words) => words.clone(),
            ProbeCommand::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        };
        let options = CreateExecOptions {
            cmd: Some(words),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let Ok(exec) = self.docker().create_exec(&name, options).await else { return ProbeOutcome::Failed };
        let run = async {
            let options = StartExecOptions { detach: false, ..StartExecOptions::default() };
            if let Ok(StartExecResults::Attached { mut output, input: _input }) =
                self.docker().start_exec(&exec.id, Some(options)).await
            {
                // What it prints says nothing; its end says that the exit code is there.
                while output.next().await.is_some() {}
            }
            self.docker().inspect_exec(&exec.id).await.ok()
        };
        match tokio::time::timeout(self.settings.clock.real(health.timeout), run).await {
            Ok(Some(ended)) if ended.exit_code == Some(0) => ProbeOutcome::Passed,
            Ok(_) => ProbeOutcome::Failed,
            Err(_) => {
                self.hanging().insert(name, exec.id);
                ProbeOutcome::Failed
            }
        }
    }

    async fn release(&self, task: &Arc<TaskPlan>) {
        if let Err(error) = leftovers::remove_task(self.docker(), &task.id).await {
            tracing::warn!(
                task = task.id,
                reason = says(&error),
                "containers of a task that is over are removed later"
            );
            self.remove_later(task.id.clone());
        }
        for container in &task.containers {
            self.hanging().remove(&labels::container_name(&task.id, &container.name));
        }
        self.records.remove_task(&task.id);
        self.addresses.release(&task.id);
        self.logs.prune_behind(self.records.clone());
    }

    async fn find(&self, task: &Arc<TaskPlan>) -> Option<Found> {
        let record = self.records.task(&task.id).filter(|it| it.instance == self.settings.instance)?;
        let network = record.network();
        self.addresses.take(&task.id, &network);
        let mut containers = Vec::with_capacity(task.containers.len());
        for container in &task.containers {
            let name = labels::container_name(&task.id, &container.name);
            let found = self.docker().inspect_container(&name, None).await;
            containers.push(match found.ok().map(|it| (it.id, it.state, it.config)) {
                Some((Some(id), Some(state), config)) if state.running == Some(true) => {
                    let labels = config.and_then(|it| it.labels).unwrap_or_default();
                    if let Err(error) = self.logs.open_for_lines(&task.id, &container.name) {
                        tracing::warn!(task = task.id, %error, "its output is lost");
                    }
                    let started = Started { runtime_id: id.clone(), watch: self.watch(task, container, id) };
                    let since = labels::started_at(&labels).unwrap_or_else(|| self.settings.clock.now());
                    let image_digest = self.image(container).await.ok().flatten().and_then(|it| it.digest);
                    FoundContainer::Running { started, since, image_digest }
                }
                Some((_, Some(state), _)) if is_over(&state) => FoundContainer::Ended(how_it_ended(&state)),
                _ => FoundContainer::NeverStarted,
            });
        }
        Some(Found { network, containers })
    }

    async fn sweep(&self, keep: &[String]) {
        match leftovers::remove_all_but(&self.daemon, &self.settings.instance, keep).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed containers that nobody wants"),
            Err(error) => tracing::warn!(%error, "containers that nobody wants may be left"),
        }
        for (task_id, record) in self.records.live_tasks() {
            if record.instance == self.settings.instance && !keep.contains(&task_id) {
                self.records.remove_task(&task_id);
                self.addresses.release(&task_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_image_without_tag_and_digest() {
        for (image, expected) in [
            ("hello", "hello"),
            ("hello:1", "hello"),
            ("localhost:5000/hello", "localhost:5000/hello"),
            ("localhost:5000/hello:1@sha256:00", "localhost:5000/hello"),
        ] {
            assert_eq!(repository(image), expected);
        }
    }

    #[test]
    fn the_digest_is_the_repositorys_own_and_the_id_where_there_is_none() {
        let known = vec!["other@sha256:11".to_owned(), "hello@sha256:22".to_owned()];
        assert_eq!(
            digest("hello:1", Some(known), Some("sha256:33".to_owned())).as_deref(),
            Some("sha256:22")
        );
        assert_eq!(digest("hello:1", None, Some("sha256:33".to_owned())).as_deref(), Some("sha256:33"));
    }
}
