//! The balancer as its caller sees it.
//!
//! Every method may be called from any task; changes take effect one after the other. It must never hold a lock while
//! it waits. Start at [`Balancer::apply`].

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use tidegate_clock::Clock;
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    config::Change,
    control::Control,
    error::{ApplyError, BindError},
    health::Event,
    metrics::MetricsSnapshot,
    serve::{Shared, Workers, bind},
    target::locked,
};

/// A set of load balancers in this process. Cheap to clone; the last clone that is dropped stops it.
#[derive(Clone)]
pub struct Balancer(Arc<Inner>);

/// What all clones share.
pub(crate) struct Inner {
    shared: Arc<Shared>,
    pub(crate) control: Mutex<Control>,
    /// Changes are applied one after the other, from their first check to the last closed socket.
    applying: tokio::sync::Mutex<()>,
    reserved: Mutex<HashMap<SocketAddr, TcpListener>>,
    workers: Mutex<Option<Workers>>,
}

/// A listener and where it really listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerAddress {
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// The listener's ARN.
    pub listener: String,
    /// The address that was bound: with its real port where port 0 was asked for.
    pub address: SocketAddr,
}

impl Balancer {
    /// A balancer without a load balancer. The receiver yields what happens to its targets' health.
    ///
    /// Must be called within a Tokio runtime, on which health checks run; requests are served on threads of its own.
    pub fn new(clock: Clock) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let (shared, workers) = Workers::start(clock);
        let inner = Arc::new_cyclic(|inner| Inner {
            control: Mutex::new(Control::new(Arc::clone(&shared), Handle::current(), events, inner.clone())),
            shared,
            applying: tokio::sync::Mutex::default(),
            reserved: Mutex::default(),
            workers: Mutex::new(Some(workers)),
        });
        (Self(inner), receiver)
    }

    /// Takes an address before anything is committed, so that a taken port is an error of the call that asks for it.
    /// Kept until [`apply`](Self::apply) uses it or [`release`](Self::release) gives it back. Taking it twice, or when
    /// a listener of this balancer has it, is no error.
    #[expect(clippy::unused_async, reason = "callers must not come to rely on binding without a wait")]
    pub async fn reserve(&self, address: SocketAddr) -> Result<(), BindError> {
        let mut reserved = locked(&self.0.reserved);
        if !reserved.contains_key(&address) && !locked(&self.0.control).listens_on(address) {
            let listener = bind(address).map_err(|source| BindError::new(address, source))?;
            reserved.insert(address, listener);
        }
        Ok(())
    }

    /// Gives an address back that was [`reserve`](Self::reserve)d and not used.
    pub fn release(&self, address: SocketAddr) {
        locked(&self.0.reserved).remove(&address);
    }

    /// Applies changes in order. For requests they take effect at one moment: a request sees all of them or none. What
    /// a change does not touch keeps its connections, counters and health.
    ///
    /// Completes when new listeners answer and the addresses of removed ones are free. After an error nothing has
    /// changed.
    pub async fn apply(&self, changes: Vec<Change>) -> Result<(), ApplyError> {
        let _turn = self.0.applying.lock().await;
        if self.0.shared.stop.is_cancelled() {
            return Err(ApplyError::ShutDown);
        }
        let closing = {
            let mut reserved = locked(&self.0.reserved);
            locked(&self.0.control).apply(changes, &mut reserved)?
        };
        for listener in closing {
            listener.close().await;
        }
        Ok(())
    }

    /// The listeners and where they really listen.
    pub fn listeners(&self) -> Vec<ListenerAddress> {
        locked(&self.0.control).listeners()
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> MetricsSnapshot {
        locked(&self.0.control).metrics()
    }

    /// Closes all listeners and cuts whatever is in flight. Completes when the threads have ended; nothing can be
    /// applied afterwards.
    pub async fn shutdown(&self) {
        self.0.shared.stop.cancel();
        locked(&self.0.reserved).clear();
        locked(&self.0.control).stop();
        let workers = locked(&self.0.workers).take();
        if let Some(workers) = workers {
            workers.join().await;
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        locked(&self.control).stop();
    }
}
