//! A local cloud's life: started, served, shut down.

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
};

use tempfile::TempDir;
use tidegate_balancer::Balancer;
use tidegate_clock::{Clock, Timestamp};
use tidegate_engine::{Engine, Missing, Settings};
use tidegate_models::{
    application_autoscaling, cloudwatch, codedeploy, ec2, ecr, ecs, elbv2, iam, logs, secretsmanager, ssm,
    sts,
};
use tidegate_store::{LogEvents, Store};
use tidegate_tasks::{ImageMap, Lifetime, Runtime, TaskEvent};
use tidegate_wire::Wire;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Options, RuntimeChoice, SnapshotError, StartError, adoption,
    api::{self, Api},
    balancing,
    control::{self, Control},
    effects::Effects,
    faults::{Fault, Faults},
    functions::Functions,
    logs::Logs,
    metering,
    network::Network,
    permission::Permissions,
    ports::PortGuard,
    presence::{self, Presence},
    registry::Registry,
    snapshot,
    tasking::TaskNames,
    throttle::Throttle,
    usage,
    writer::{CLOCK_ROW, Commands, META_TABLE, Unstored, Writer},
};

/// A running local cloud. [`LocalCloud::shutdown`] ends it in order; dropping it ends it at once, with all that it runs.
pub struct LocalCloud {
    address: SocketAddr,
    clock: Clock,
    balancer: Balancer,
    runtime: Runtime,
    faults: Faults,
    functions: Functions,
    commands: Commands,
    logs: Logs,
    registry: Registry,
    shutdown_requested: CancellationToken,
    stop: CancellationToken,
    /// Those that end by themselves between two pieces of work once `stop` is cancelled.
    loops: Vec<JoinHandle<()>>,
    /// Those that forward events for as long as there are senders.
    pumps: Vec<JoinHandle<()>>,
    folder: Folder,
    /// Held until everything else is gone.
    _network: Network,
}

/// The tables whose rows nobody is to read off the disk.
const SEALED: [&str; 4] = ["parameters", "parameter_versions", "secrets", "secret_versions"];

/// Where the state lives.
#[derive(Debug)]
enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl LocalCloud {
    /// Starts a local cloud: brings back what its folder holds, finds the tasks that still run, serves.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        // On the heap: it holds much, and callers' futures would all be as large.
        Box::pin(Self::start_here(options)).await
    }

    async fn start_here(options: Options) -> Result<Self, StartError> {
        let folder = open_folder(&options)?;
        if let Some(file) = &options.snapshot {
            snapshot::begin_from(file, folder.path())?;
        }
        let store = Store::open(&folder.path().join(snapshot::STATE), &SEALED)?;
        let events = LogEvents::open(&folder.path().join(snapshot::LOGS))?;
        let wanted = SocketAddr::new(options.address, options.port);
        let listener =
            TcpListener::bind(wanted).await.map_err(|source| StartError::Bind { address: wanted, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Bind { address: wanted, source })?;

        let instance = presence::instance(folder.path())?;
        let network = Network::claim(&instance);
        let (engine, stored_time) = load(&store, network.prefix, options.missing, registry_host(address))?;
        let clock = match stored_time {
            Some(stored) => {
                Clock::starting_at(stored.max(Clock::starting_now(options.speed).now()), options.speed)
            }
            None => Clock::starting_now(options.speed),
        };
        let lifetime = match &folder {
            Folder::Kept(_) => Lifetime::Persistent,
            Folder::Temporary(_) => Lifetime::WithParent,
        };
        let settings = tidegate_tasks::Settings {
            clock: clock.clone(),
            data_dir: folder.path().join("tasks"),
            lifetime,
            instance: instance.clone(),
        };
        let (runtime, task_events) = start_runtime(settings, &options.runtime).await?;
        if let Folder::Kept(path) = &folder {
            let runtime = runtime.name().to_owned();
            Presence { pid: std::process::id(), endpoint: format!("http://{address}"), instance, runtime }
                .write(path)?;
        }

        let faults = Faults::default();
        let (balancer, balancer_events) = Balancer::new(clock.clone());
        balancer.apply(balancing::everything(engine.state(), &faults, options.expose_targets)).await?;
        let engine = Arc::new(RwLock::new(engine));
        let (commands, receiver) = Commands::channel();
        let stop = CancellationToken::new();
        let shutdown_requested = CancellationToken::new();
        let names = TaskNames::default();
        let functions = Functions::new(
            options.functions,
            &format!("http://{address}"),
            clock.clone(),
            commands.clone(),
            stop.clone(),
        );
        let logs = Logs::new(events, runtime.clone(), Arc::clone(&engine), clock.clone());
        let registry = Registry::open(
            &folder.path().join(snapshot::REGISTRY),
            Arc::clone(&engine),
            commands.clone(),
            clock.clone(),
            &registry_host(address),
        );
        let registry = registry
            .map_err(|source| StartError::DataDir { path: folder.path().join(snapshot::REGISTRY), source })?;
        let effects = Effects {
            runtime: runtime.clone(),
            balancer: balancer.clone(),
            names: names.clone(),
            faults: faults.clone(),
            functions: functions.clone(),
            logs: logs.clone(),
            registry: registry.clone(),
            commands: commands.clone(),
            expose_targets: options.expose_targets,
        };
        adoption::adopt(&engine, &runtime, &names, &commands, &effects, &logs).await;

        let writer = Writer {
            engine: Arc::clone(&engine),
            store,
            clock: clock.clone(),
            effects,
            commands: receiver,
            stop: stop.clone(),
            unstored: Unstored::default(),
        };
        let api = Api {
            throttle: Throttle::new(options.limits),
            wire: Wire::new(
                &[
                    ecs::model(),
                    elbv2::model(),
                    codedeploy::model(),
                    cloudwatch::model(),
                    ssm::model(),
                    ec2::model(),
                    ecr::model(),
                    sts::model(),
                    secretsmanager::model(),
                    logs::model(),
                    iam::model(),
                    application_autoscaling::model(),
                ],
                tidegate_wire::Settings { default_account: options.account },
            ),
            engine: Arc::clone(&engine),
            commands: commands.clone(),
            clock: clock.clone(),
            ports: PortGuard(balancer.clone()),
            runtime: runtime.clone(),
            logs: logs.clone(),
            registry: registry.clone(),
            permissions: Permissions::new(options.enforce_iam),
            control: Control {
                balancer: balancer.clone(),
                data_dir: folder.path().to_owned(),
                shutdown: shutdown_requested.clone(),
            },
        };
        let meter = metering::run(
            balancer.clone(),
            Arc::clone(&engine),
            commands.clone(),
            clock.clone(),
            stop.clone(),
        );
        let gauge =
            usage::run(runtime.clone(), Arc::clone(&engine), commands.clone(), clock.clone(), stop.clone());
        let pumps = vec![
            tokio::spawn(pump(task_events, commands.clone(), {
                let (faults, runtime, clock) = (faults.clone(), runtime.clone(), clock.clone());
                move |event| {
                    if let Some(definition) = names.definition(event.task_id()) {
                        faults.carry_out(&definition, &event, &runtime, &clock);
                    }
                    names.translate(event)
                }
            })),
            tokio::spawn(pump(balancer_events, commands.clone(), {
                let engine = Arc::clone(&engine);
                move |event| balancing::translate(&engine, event)
            })),
        ];
        let loops = vec![
            tokio::spawn(writer.run()),
            tokio::spawn(api::serve(listener, Arc::new(api), stop.clone())),
            tokio::spawn(meter),
            tokio::spawn(gauge),
            tokio::spawn(logs.clone().run(stop.clone())),
        ];
        Ok(Self {
            address,
            clock,
            balancer,
            runtime,
            faults,
            functions,
            commands,
            logs,
            registry,
            shutdown_requested,
            stop,
            loops,
            pumps,
            folder,
            _network: network,
        })
    }

    /// The endpoint of its AWS API: what `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Its balancer, to read the counters of.
    pub fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    /// `docker` or `process`.
    pub fn runtime_name(&self) -> &'static str {
        self.runtime.name()
    }

    /// Gives `fault` to every task of `family` that starts with a revision after `after_revision`, until
    /// [`LocalCloud::clear_faults`].
    pub fn inject(&self, family: &str, after_revision: u32, fault: Fault) {
        self.faults.inject(family, after_revision, fault);
    }

    /// No fault any more for tasks that start from now on.
    pub fn clear_faults(&self) {
        self.faults.clear();
    }

    /// Writes the whole state to one file, from which [`Options::snapshot`] starts others. Tasks are started anew there.
    pub async fn save_snapshot(&self, file: &Path) -> Result<(), SnapshotError> {
        let draft =
            control::copy(&self.commands, &self.logs, self.registry.blobs(), self.folder.path()).await?;
        let (data_dir, file) = (self.folder.path().to_owned(), file.to_owned());
        let packed = tokio::task::spawn_blocking(move || snapshot::pack(&data_dir, &draft, &file)).await;
        packed.map_err(|_panicked| SnapshotError::BrokenOff)?
    }

    /// Completes when somebody asked for the end through `POST /_tidegate/shutdown`.
    pub async fn shutdown_requested(&self) {
        self.shutdown_requested.cancelled().await;
    }

    /// Ends it: no more calls, tasks stopped and gone, listeners closed. State in a kept folder stays for the next start.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for running in std::mem::take(&mut self.loops) {
            // A loop that panicked has nothing left to end.
            let _ = running.await;
        }
        self.functions.ended().await;
        self.runtime.shutdown().await;
        self.balancer.shutdown().await;
        if let Folder::Kept(path) = &self.folder
            && let Err(error) = Presence::remove(path)
        {
            tracing::warn!(%error, "the folder still names this cloud");
        }
    }
}

impl fmt::Debug for LocalCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCloud").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for LocalCloud {
    fn drop(&mut self) {
        self.stop.cancel();
        for pump in &self.pumps {
            pump.abort();
        }
    }
}

fn open_folder(options: &Options) -> Result<Folder, StartError> {
    match &options.data_dir {
        Some(path) => {
            fs::create_dir_all(path).map_err(|source| StartError::DataDir { path: path.clone(), source })?;
            Ok(Folder::Kept(path.clone()))
        }
        None => TempDir::with_prefix("tidegate-")
            .map(Folder::Temporary)
            .map_err(|source| StartError::DataDir { path: std::env::temp_dir(), source }),
    }
}

/// Where the daemon of this machine finds the registry. To Docker an address of loopback needs no TLS.
fn registry_host(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("127.0.0.1:{}", address.port()) } else { address.to_string() }
}

/// The engine with all that is stored, and the virtual time at which it was stored last.
fn load(
    store: &Store,
    load_balancer_network: [u8; 2],
    missing: Missing,
    registry: String,
) -> Result<(Engine, Option<Timestamp>), StartError> {
    let settings = Settings { seed: fastrand::u64(..), load_balancer_network, missing, registry };
    let mut engine = Engine::new(settings);
    let mut time = None;
    store.load::<StartError>(|table, key, row| {
        if (table, key) == (META_TABLE, CLOCK_ROW) {
            time =
                std::str::from_utf8(row).ok().and_then(|text| text.parse().ok()).map(Timestamp::from_millis);
            return Ok(());
        }
        Ok(engine.load(table, key, row)?)
    })?;
    engine.resume();
    Ok((engine, time))
}

async fn start_runtime(
    settings: tidegate_tasks::Settings,
    choice: &RuntimeChoice,
) -> Result<(Runtime, mpsc::UnboundedReceiver<TaskEvent>), StartError> {
    let process = |settings, images: &ImageMap| Runtime::process(settings, images.clone());
    match choice {
        RuntimeChoice::Docker => Ok(Runtime::docker(settings).await?),
        RuntimeChoice::Process(images) => Ok(process(settings, images).await?),
        RuntimeChoice::Simulated => Ok(Runtime::simulated(settings).await?),
        RuntimeChoice::Auto(images) => match Runtime::docker(settings.clone()).await {
            Ok(started) => Ok(started),
            Err(error) => {
                tracing::info!(%error, "tasks run as processes");
                Ok(process(settings, images).await?)
            }
        },
    }
}

/// Tells the writer what happens outside, in order.
async fn pump<E>(
    mut events: mpsc::UnboundedReceiver<E>,
    commands: Commands,
    translate: impl Fn(E) -> Option<tidegate_engine::Event>,
) {
    while let Some(event) = events.recv().await {
        if let Some(event) = translate(event) {
            commands.tell(event);
        }
    }
}
