//! Why a local cloud does not start.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a local cloud does not start, in words for who started it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port of the AWS API is taken or may not be bound.
    #[error(
        "cannot serve the AWS API on {address}: {source}; stop what listens there, or choose another with --port"
    )]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The folder for the state cannot be made.
    #[error("cannot make the folder for the local cloud's state, {path}: {source}")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It cannot start from the snapshot.
    #[error(transparent)]
    Snapshot(#[from] crate::SnapshotError),
    /// The stored state cannot be read.
    #[error(transparent)]
    Store(#[from] tidegate_store::StoreError),
    /// A row of the stored state cannot be read.
    #[error("the stored state cannot be read: {0}; `tidegate local reset` empties it")]
    Load(#[from] tidegate_engine::LoadError),
    /// The folder cannot keep what it must.
    #[error(transparent)]
    Presence(#[from] crate::remote::PresenceError),
    /// The runtime for tasks does not start.
    #[error(transparent)]
    Runtime(#[from] tidegate_tasks::Error),
    /// A listener that the state holds cannot be bound again.
    #[error("cannot bring a load balancer back: {0}")]
    Balancer(#[from] tidegate_balancer::ApplyError),
}
