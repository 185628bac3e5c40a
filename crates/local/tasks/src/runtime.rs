//! What the local cloud runs its tasks on.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    Adopted, Error, ImageMap, LogPage, LogPosition, Settings, TaskEvent, TaskSpec, Usage,
    docker::{self, DockerDriver},
    host::Host,
    logs::LogStore,
    process::{self, ProcessDriver},
    simulated::SimulatedDriver,
};

/// A task runtime. Cheap to clone; with [`Lifetime::WithParent`](crate::Lifetime::WithParent) its tasks end when the last
/// clone is dropped.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    hosts: Hosts,
    logs: LogStore,
    /// Ends what runs beside the tasks.
    stop: CancellationToken,
}

enum Hosts {
    Docker(Host<DockerDriver>),
    Process(Host<ProcessDriver>),
    Simulated(Host<SimulatedDriver>),
}

/// The same for all runtimes.
macro_rules! on_each {
    ($inner:expr, $host:ident => $does:expr) => {
        match &$inner.hosts {
            Hosts::Docker($host) => $does,
            Hosts::Process($host) => $does,
            Hosts::Simulated($host) => $does,
        }
    };
}

/// Which runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Docker containers.
    Docker,
    /// Plain processes.
    Process,
    /// No programs at all.
    Simulated,
}

impl Kind {
    /// `docker`, `process` or `simulated`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Process => "process",
            Self::Simulated => "simulated",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Docker, Self::Process, Self::Simulated].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Runtime {
    /// Runs tasks as processes: `images` says which command stands for which image. What happens comes through the
    /// receiver.
    ///
    /// # Errors
    ///
    /// When its folder cannot be written to, or when the watchdog of
    /// [`Lifetime::WithParent`](crate::Lifetime::WithParent) cannot be started.
    pub async fn process(
        settings: Settings,
        images: ImageMap,
    ) -> Result<(Self, mpsc::UnboundedReceiver<TaskEvent>), Error> {
        make_folder(&settings.data_dir).await?;
        let stop = CancellationToken::new();
        let logs = LogStore::new(&settings.data_dir, settings.clock.clone(), stop.clone());
        let clock = settings.clock.clone();
        let driver = ProcessDriver::new(settings, images, logs.clone())?;
        let (events, receiver) = mpsc::unbounded_channel();
        let hosts = Hosts::Process(Host::new(driver, clock, events));
        Ok((Self(Arc::new(Inner { hosts, logs, stop })), receiver))
    }

    /// Runs tasks as containers of the Docker daemon that `DOCKER_HOST` names, or the machine's own. What happens comes
    /// through the receiver.
    ///
    /// # Errors
    ///
    /// When no daemon answers, or its folder cannot be written to.
    pub async fn docker(settings: Settings) -> Result<(Self, mpsc::UnboundedReceiver<TaskEvent>), Error> {
        make_folder(&settings.data_dir).await?;
        let stop = CancellationToken::new();
        let logs = LogStore::new(&settings.data_dir, settings.clock.clone(), stop.clone());
        let clock = settings.clock.clone();
        let driver = DockerDriver::new(settings, logs.clone()).await?;
        let (events, receiver) = mpsc::unbounded_channel();
        let hosts = Hosts::Docker(Host::new(driver, clock, events));
        Ok((Self(Arc::new(Inner { hosts, logs, stop })), receiver))
    }

    /// Runs no programs: every task is RUNNING from its start until it is stopped. For tests of what calls the API, and
    /// for more tasks than a machine could run. What happens comes through the receiver.
    ///
    /// # Errors
    ///
    /// When its folder cannot be written to.
    pub async fn simulated(settings: Settings) -> Result<(Self, mpsc::UnboundedReceiver<TaskEvent>), Error> {
        make_folder(&settings.data_dir).await?;
        let stop = CancellationToken::new();
        let logs = LogStore::new(&settings.data_dir, settings.clock.clone(), stop.clone());
        let driver = SimulatedDriver::new(settings.clock.clone());
        let (events, receiver) = mpsc::unbounded_channel();
        let hosts = Hosts::Simulated(Host::new(driver, settings.clock, events));
        Ok((Self(Arc::new(Inner { hosts, logs, stop })), receiver))
    }

    /// Starts a task and returns at once; everything else comes as events, failures included. A task that is known
    /// already, or was, is left alone.
    pub fn start(&self, spec: TaskSpec) {
        on_each!(self.0, host => host.start(spec));
    }

    /// Stops a task: SIGTERM to its containers in the reverse order of their dependencies, SIGKILL after each one's
    /// `stopTimeout`. Its end comes as [`TaskEvent::Stopped`]; at once for a task that is not here.
    pub fn stop(&self, task_id: &str) {
        on_each!(self.0, host => host.stop(task_id));
    }

    /// Makes a task crash, for a rehearsal: SIGKILL to its containers, which nobody asked to end.
    pub fn crash(&self, task_id: &str) {
        on_each!(self.0, host => host.crash(task_id));
    }

    /// After a restart: finds which of the `expected` tasks still run and goes on with them, and ends everything else of
    /// this instance. One answer for each expected task, in any order; none for those that this runtime started itself.
    pub async fn adopt(&self, expected: Vec<TaskSpec>) -> Vec<Adopted> {
        on_each!(self.0, host => host.adopt(expected).await)
    }

    /// At most `limit` lines that a container printed, also after its task has stopped: the logs of the last 500 tasks
    /// are kept, 8 to 16 MiB of each container.
    ///
    /// # Errors
    ///
    /// [`Error::NoLog`] when there is none; [`Error::Folder`] when it cannot be read.
    pub async fn read_logs(
        &self,
        task_id: &str,
        container: &str,
        position: LogPosition,
        limit: usize,
    ) -> Result<LogPage, Error> {
        let logs = self.0.logs.clone();
        let (task_id, container) = (task_id.to_owned(), container.to_owned());
        let path = logs.task_folder(&task_id);
        let reading = tokio::task::spawn_blocking(move || logs.read(&task_id, &container, position, limit));
        match reading.await {
            Ok(page) => page,
            Err(error) => Err(Error::Folder { action: "read", path, source: std::io::Error::other(error) }),
        }
    }

    /// Which command stands for which image from now on. Tasks that run stay as they are; only processes need any.
    pub fn set_images(&self, images: ImageMap) {
        match &self.0.hosts {
            Hosts::Docker(_) | Hosts::Simulated(_) => {}
            Hosts::Process(host) => host.driver.set_images(images),
        }
    }

    /// The digest (`sha256:…`) that an image's name stands for now; `None` when the runtime knows no digests, as with
    /// processes, or no such image.
    ///
    /// # Errors
    ///
    /// When the Docker daemon does not answer.
    pub async fn resolve_digest(&self, image: &str) -> Result<Option<String>, Error> {
        match &self.0.hosts {
            Hosts::Docker(host) => host.driver.resolve_digest(image).await,
            Hosts::Process(_) | Hosts::Simulated(_) => Ok(None),
        }
    }

    /// What each of these containers uses of the machine, by the id that [`TaskEvent::ContainerStarted`] told. Those that
    /// are gone, or that the system does not tell of, are left out.
    pub async fn usage(&self, runtime_ids: &[String]) -> HashMap<String, Usage> {
        match &self.0.hosts {
            Hosts::Docker(host) => host.driver.usage(runtime_ids).await,
            Hosts::Process(host) => host.driver.usage(runtime_ids).await,
            Hosts::Simulated(_) => HashMap::new(),
        }
    }

    /// Ends and removes everything of this instance: programs get up to five seconds of real time to end by themselves.
    /// Nothing is started any more.
    pub async fn shutdown(&self) {
        on_each!(self.0, host => host.shutdown().await);
        self.0.stop.cancel();
    }

    /// Which runtime it is.
    pub fn kind(&self) -> Kind {
        match &self.0.hosts {
            Hosts::Docker(_) => Kind::Docker,
            Hosts::Process(_) => Kind::Process,
            Hosts::Simulated(_) => Kind::Simulated,
        }
    }

    /// Whether tasks run as containers of images, so that an image that is not there cannot run.
    pub fn needs_images(&self) -> bool {
        self.kind() == Kind::Docker
    }

    /// `docker`, `process` or `simulated`.
    pub fn name(&self) -> &'static str {
        self.kind().as_str()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
        on_each!(self, host => host.abandon());
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runtime").field(&self.name()).finish()
    }
}

async fn make_folder(path: &Path) -> Result<(), Error> {
    tokio::fs::create_dir_all(path).await.map_err(Error::folder("make", path))
}

/// Ends everything that a cloud left behind that was killed: its instance id and its runtime's folder name it. Returns how
/// many processes and containers there were. The cloud must not run any more.
///
/// # Errors
///
/// When its tasks were containers and the Docker daemon does not answer.
pub async fn clean_up(data_dir: &Path, instance: &str) -> Result<usize, Error> {
    let containers = docker::clean_up(data_dir, instance).await?;
    Ok(containers + process::clean_up(data_dir, instance).await)
}
