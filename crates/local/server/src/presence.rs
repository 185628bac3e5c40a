//! What a local cloud leaves in its folder so that other commands find it, or find what it left behind.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Where a local cloud runs, as its folder says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The process.
    pub pid: u32,
    /// The endpoint of its AWS API.
    pub endpoint: String,
    /// By which its tasks are known to the runtime.
    pub instance: String,
    /// `docker` or `process`.
    pub runtime: String,
}

/// The folder's record of its cloud cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct PresenceError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

const FILE: &str = "cloud.json";

impl Presence {
    /// What the folder says; `None` when no cloud runs from it, nor died there.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, PresenceError> {
        let path = data_dir.join(FILE);
        let failed = |source| PresenceError { action: "read", path: path.clone(), source };
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| failed(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Leaves word of this cloud in the folder, all or nothing.
    pub fn write(&self, data_dir: &Path) -> Result<(), PresenceError> {
        let path = data_dir.join(FILE);
        let failed = |source| PresenceError { action: "write", path: path.clone(), source };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let draft = data_dir.join(".cloud.json.new");
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)).map_err(failed)
    }

    /// Removes the word; nothing runs here any more.
    pub fn remove(data_dir: &Path) -> Result<(), PresenceError> {
        let path = data_dir.join(FILE);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(PresenceError { action: "remove", path, source })
            }
            _ => Ok(()),
        }
    }
}

/// The id by which the runtime knows this folder's tasks: made once, kept in the folder.
pub(crate) fn instance(data_dir: &Path) -> Result<String, PresenceError> {
    let path = data_dir.join("instance");
    let failed = |source| PresenceError { action: "keep", path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(instance) if instance.len() == 16 && instance.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(instance)
        }
        Ok(_) => Err(failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "it does not hold an id of 16 hexadecimal digits",
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let instance = format!("{:016x}", fastrand::u64(..));
            fs::write(&path, &instance).map_err(failed)?;
            Ok(instance)
        }
        Err(error) => Err(failed(error)),
    }
}
