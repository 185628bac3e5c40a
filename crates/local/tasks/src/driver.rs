//! The seam between deciding and doing: what a runtime must be able to do with one container.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc};

use tidegate_clock::Timestamp;

use crate::{NetworkBinding, health::ProbeOutcome, plan::TaskPlan};

/// Docker, processes, or nothing. Methods take as long as they take, but none may wait for ever: a driver whose other side does
/// not answer says so in a [`Failure`].
pub(crate) trait Driver: Send + Sync + 'static {
    /// Gives the task an address and host ports.
    fn prepare(&self, task: &Arc<TaskPlan>) -> impl Future<Output = Result<Network, Failure>> + Send;

    /// Makes sure that a container's image is here; its digest if it has one.
    fn pull(
        &self,
        task: &Arc<TaskPlan>,
        container: usize,
    ) -> impl Future<Output = Result<Option<String>, Failure>> + Send;

    /// Starts a container, and goes on to watch it.
    fn start(
        &self,
        task: &Arc<TaskPlan>,
        container: usize,
    ) -> impl Future<Output = Result<Started, Failure>> + Send;

    /// Tells a running container to end. Its end is reported by the watching future of [`Started`].
    fn signal(
        &self,
        task: &Arc<TaskPlan>,
        container: usize,
        signal: StopSignal,
    ) -> impl Future<Output = ()> + Send;

    /// Runs the container's health check once.
    fn probe(&self, task: &Arc<TaskPlan>, container: usize) -> impl Future<Output = ProbeOutcome> + Send;

    /// Gives back all that the task held; its containers have ended. Its logs stay.
    fn release(&self, task: &Arc<TaskPlan>) -> impl Future<Output = ()> + Send;

    /// What still exists of a task that an earlier process started; watches what runs.
    fn find(&self, task: &Arc<TaskPlan>) -> impl Future<Output = Option<Found>> + Send;

    /// Ends and removes everything of this instance, but for the tasks whose ids are in `keep`.
    fn sweep(&self, keep: &[String]) -> impl Future<Output = ()> + Send;
}

/// Where a task is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) address: IpAddr,
    pub(crate) bindings: Vec<NetworkBinding>,
}

/// Why a container, or the whole task, cannot start: in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// 126 or 127 when the program is the reason.
    pub(crate) exit_code: Option<i32>,
}

impl Failure {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), exit_code: None }
    }
}

/// Completes when the container has ended.
pub(crate) type Watch = Pin<Box<dyn Future<Output = Exit> + Send>>;

/// A container that was started.
pub(crate) struct Started {
    pub(crate) runtime_id: String,
    pub(crate) watch: Watch,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: Option<i32>,
    pub(crate) reason: Option<String>,
}

/// How a container is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// SIGTERM, or what the image names instead.
    Terminate,
    /// SIGKILL.
    Kill,
}

/// What exists of a task.
pub(crate) struct Found {
    pub(crate) network: Network,
    /// In the definition's order.
    pub(crate) containers: Vec<FoundContainer>,
}

/// What exists of a container.
pub(crate) enum FoundContainer {
    NeverStarted,
    Running { started: Started, since: Timestamp, image_digest: Option<String> },
    Ended(Exit),
}
