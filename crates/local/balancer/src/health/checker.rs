//! The loop that checks one target, as long as it is needed.
//!
//! It waits on the clock and asks the network; what a result means it leaves to whoever it reports to. Start at
//! [`Checker::start`].

use std::{net::SocketAddr, time::Duration};

use tidegate_clock::Clock;
use tokio::{runtime::Handle, task::JoinHandle};

use super::{machine::ProbeResult, probe::probe};
use crate::{
    config::{HealthCheck, HealthCheckPort},
    pace::real_at_least,
};

/// What a machine may need for an answer, however fast the clock runs.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(250);

/// A running check of one target. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Checker(JoinHandle<()>);

impl Checker {
    /// Checks `target` at once and then at every interval. `report` gets each result.
    pub(crate) fn start(
        runtime: &Handle,
        clock: Clock,
        target: SocketAddr,
        settings: HealthCheck,
        mut report: impl FnMut(ProbeResult) + Send + 'static,
    ) -> Self {
        Self(runtime.spawn(async move {
            let address = match settings.port {
                HealthCheckPort::TrafficPort => target,
                HealthCheckPort::Port(port) => SocketAddr::new(target.ip(), port),
            };
            let patience = real_at_least(&clock, settings.timeout, SHORTEST_PATIENCE);
            loop {
                let next = clock.now() + settings.interval;
                report(probe(address, &settings.path, &settings.matcher, patience).await);
                clock.sleep_until(next).await;
            }
        }))
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.0.abort();
    }
}
