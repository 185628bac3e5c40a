//! What can go wrong with a runtime as a whole. What goes wrong with a task is an event, never an error.

use std::{io, path::PathBuf};

/// A runtime cannot be made, or cannot do what was asked of it as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The runtime's folder cannot be used.
    #[error("cannot {action} {path}: {source}; check that the data folder exists and belongs to you")]
    Folder {
        /// What was being done.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The process that ends tasks after their parent's death cannot be started, so no task may be started either.
    #[error("cannot start /bin/sh to watch over the tasks: {source}")]
    Watchdog {
        /// Why not.
        source: io::Error,
    },
    /// No Docker daemon answers.
    #[error("no Docker daemon answers at {address}: {reason}; start it, or use the process runtime")]
    NoDaemon {
        /// Where it was looked for.
        address: String,
        /// What was answered, or not.
        reason: String,
    },
    /// The Docker daemon refused something that does not belong to one task.
    #[error("the Docker daemon at {address} could not {action}: {reason}")]
    Docker {
        /// Where it is.
        address: String,
        /// What it was asked for.
        action: &'static str,
        /// What it answered.
        reason: String,
    },
    /// There is no log of this container: the task is unknown, or its log was given up after many newer ones.
    #[error("there is no log of container {container} of task {task_id}")]
    NoLog {
        /// The task.
        task_id: String,
        /// The container's name in the task definition.
        container: String,
    },
}

impl Error {
    /// For `map_err`: the folder at `path` failed while `action`.
    pub(crate) fn folder(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { action, path, source }
    }
}
