//! Tasks without programs: for who tests what calls the API, and not what runs.
//!
//! Containers start at once, pass their health checks, and run until somebody stops them; they print nothing and listen
//! nowhere. Nothing of a task is kept outside the engine's own state, so a cloud that comes back finds them all running.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use tidegate_clock::Clock;
use tidegate_models::ecs::NetworkMode;
use tokio::sync::oneshot;

use crate::{
    NetworkBinding,
    addresses::hash,
    driver::{Driver, Exit, Failure, Found, FoundContainer, Network, Started, StopSignal},
    health::ProbeOutcome,
    plan::TaskPlan,
};

/// What programs end with whom SIGTERM or SIGKILL ended.
const TERMINATED: i32 = 128 + 15;
const KILLED: i32 = 128 + 9;
/// Dynamic host ports count up from here, as those of an ECS instance do, and begin again.
const FIRST_DYNAMIC_PORT: u16 = 32_768;

/// Runs nothing.
pub(crate) struct SimulatedDriver {
    clock: Clock,
    next_port: AtomicU16,
    /// By task: who waits for each container's end.
    running: Mutex<HashMap<String, Vec<Option<oneshot::Sender<Exit>>>>>,
}

impl SimulatedDriver {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, next_port: AtomicU16::new(0), running: Mutex::default() }
    }

    fn begin(&self, task: &TaskPlan, container: usize) -> Started {
        let (end, ended) = oneshot::channel();
        let mut running = self.running();
        let containers = running.entry(task.id.clone()).or_default();
        if containers.len() <= container {
            containers.resize_with(container + 1, || None);
        }
        containers[container] = Some(end);
        drop(running);
        let watch = Box::pin(async move {
            // A driver that goes away takes its containers with it.
            ended.await.unwrap_or(Exit { code: Some(KILLED), reason: None })
        });
        Started { runtime_id: format!("{}-{container}", task.id), watch }
    }

    fn network(&self, task: &TaskPlan) -> Network {
        let address = match task.network_mode {
            NetworkMode::Awsvpc => address_of(&task.id),
            NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => Ipv4Addr::LOCALHOST,
        };
        let mut bindings = Vec::new();
        if matches!(task.network_mode, NetworkMode::Bridge | NetworkMode::Host) {
            for container in &task.containers {
                bindings.extend(container.ports.iter().map(|port| NetworkBinding {
                    container: container.name.clone(),
                    container_port: port.container_port,
                    host_port: port.host_port.unwrap_or_else(|| self.dynamic_port()),
                    bind_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    protocol: port.protocol,
                }));
            }
        }
        Network { address: address.into(), bindings }
    }

    fn dynamic_port(&self) -> u16 {
        FIRST_DYNAMIC_PORT + self.next_port.fetch_add(1, Ordering::Relaxed) % (u16::MAX - FIRST_DYNAMIC_PORT)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Vec<Option<oneshot::Sender<Exit>>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loopback address that stays the task's own over restarts. Nobody listens there, so two may share one.
fn address_of(task_id: &str) -> Ipv4Addr {
    let [.., second, third, last] = hash(task_id).to_be_bytes();
    Ipv4Addr::new(127, 128 | second, third, last.clamp(1, 254))
}

impl Driver for SimulatedDriver {
    async fn prepare(&self, task: &Arc<TaskPlan>) -> Result<Network, Failure> {
        Ok(self.network(task))
    }

    async fn pull(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Option<String>, Failure> {
        Ok(task.containers[container].digest.clone())
    }

    async fn start(&self, task: &Arc<TaskPlan>, container: usize) -> Result<Started, Failure> {
        Ok(self.begin(task, container))
    }

    async fn signal(&self, task: &Arc<TaskPlan>, container: usize, signal: StopSignal) {
        let code = match signal {
            StopSignal::Terminate => TERMINATED,
            StopSignal::Kill => KILLED,
        };
        let end = self.running().get_mut(&task.id).and_then(|it| it.get_mut(container)?.take());
        if let Some(end) = end {
            // A task whose loop was ended waits no more.
            let _ = end.send(Exit { code: Some(code), reason: None });
        }
    }

    async fn probe(&self, _task: &Arc<TaskPlan>, _container: usize) -> ProbeOutcome {
        ProbeOutcome::Passed
    }

    async fn release(&self, task: &Arc<TaskPlan>) {
        self.running().remove(&task.id);
    }

    async fn find(&self, task: &Arc<TaskPlan>) -> Option<Found> {
        let containers = (0..task.containers.len()).map(|container| FoundContainer::Running {
            started: self.begin(task, container),
            since: self.clock.now(),
            image_digest: task.containers[container].digest.clone(),
        });
        Some(Found { network: self.network(task), containers: containers.collect() })
    }

    async fn sweep(&self, keep: &[String]) {
        if keep.is_empty() {
            self.running().clear();
            return;
        }
        let keep: std::collections::HashSet<_> = keep.iter().collect();
        self.running().retain(|task_id, _| keep.contains(task_id));
    }
}
