//! A cloud's whole state as one file, so that many clouds can start from a prepared one.
//!
//! The file is a tar: a header, the database, and whatever else the folder of a cloud keeps. What belongs to the cloud
//! that runs there, and to the machine that it runs on, stays out. It holds secrets as the folder does, so that only
//! its owner may read it. Start with [`save`] and [`unpack`].

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tidegate_store::{LogEvents, Store, StoreError};

use crate::registry::{BLOBS, UPLOADS, blobs, uploads};

/// The database of the state.
pub(crate) const STATE: &str = "state.db";
/// The database of what was logged.
pub(crate) const LOGS: &str = "logs.db";

/// The folder of the registry: the layers of images, which are of the state, and those on their way.
pub(crate) const REGISTRY: &str = "registry";

/// What a cloud's folder holds of its state: databases, which are copied while they are in use, and the rest.
const DATABASES: [&str; 2] = [STATE, LOGS];
const FILES: [&str; 1] = ["state.key"];

/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What the name of a folder that is being worked on begins with.
const DRAFT: &str = ".snapshot-";

/// The first entry of a snapshot.
const HEADER: &str = "tidegate-snapshot.json";

/// The form of the file. Another one is refused.
const FORM: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    form: u32,
    /// Of the program that wrote it; for people.
    version: String,
}

/// Why there is no snapshot, or why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is no snapshot of a local cloud; `tidegate local snapshot save` writes one")]
    Alien {
        /// The file.
        path: PathBuf,
    },
    /// It was written by another version.
    #[error(
        "{path} is a snapshot of form {found}, written by version {version}, but this version reads form {FORM}"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// The form that it has.
        found: u32,
        /// The program's version that wrote it.
        version: String,
    },
    /// There is a state already, which nobody said may go.
    #[error(
        "{path} holds a state already; empty it with `tidegate local reset`, replace it with `tidegate local snapshot \
         load`, or choose another folder"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be copied or opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cloud is shutting down.
    #[error("the local cloud is shutting down")]
    Ending,
    /// Something of this program broke.
    #[error("the snapshot was broken off")]
    BrokenOff,
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |source| SnapshotError::File { action, path, source }
}

/// Copies of the databases, in a folder beside them that goes with this unless it is handed over.
#[derive(Debug)]
pub(crate) struct Draft(Option<PathBuf>);

impl Draft {
    pub(crate) fn new(data_dir: &Path) -> Result<Self, SnapshotError> {
        let made = TempDir::with_prefix_in(DRAFT, data_dir).map_err(failed("make a folder in", data_dir))?;
        Ok(Self(Some(made.keep())))
    }

    /// Takes the layers of a folder, whose bytes never change: the copies are links.
    pub(crate) fn take_layers(&self, data_dir: &Path) -> Result<(), SnapshotError> {
        for name in layers(data_dir)? {
            let link = self.path_of(&name);
            make_folder_of(&link)?;
            fs::hard_link(data_dir.join(&name), &link).map_err(failed("write", &link))?;
        }
        Ok(())
    }

    /// Where the copy of a database belongs.
    pub(crate) fn path_of(&self, database: &str) -> PathBuf {
        self.0.as_deref().unwrap_or(Path::new("")).join(database)
    }

    /// Leaves the folder to another process, which knows it by its name: see [`Draft::take_over`].
    pub(crate) fn hand_over(mut self) -> String {
        let path = self.0.take().unwrap_or_default();
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Takes a folder over that a cloud has left in its own. The name is somebody else's word: it leads nowhere else.
    pub(crate) fn take_over(data_dir: &Path, name: &str) -> Option<Self> {
        let is_name = name.starts_with(DRAFT) && !name.contains(['/', '\\']);
        let path = data_dir.join(name);
        let is_there = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        // Made only when it is one: it is removed when it goes.
        if is_name && is_there { Some(Self(Some(path))) } else { None }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!(%error, path = %path.display(), "a copy of the state stays behind");
        }
    }
}

/// Writes the snapshot of a cloud that is not up.
pub fn save(data_dir: &Path, file: &Path) -> Result<(), SnapshotError> {
    let database = data_dir.join(STATE);
    if !database.exists() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no local cloud was ever up there");
        return Err(failed("read", &database)(source));
    }
    let draft = Draft::new(data_dir)?;
    Store::open(&database, &[])?.copy_to(&draft.path_of(STATE))?;
    LogEvents::open(&data_dir.join(LOGS))?.copy_to(&draft.path_of(LOGS))?;
    draft.take_layers(data_dir)?;
    pack(data_dir, &draft, file)
}

/// Writes the snapshot of a folder whose databases were copied: all or nothing.
pub(crate) fn pack(data_dir: &Path, draft: &Draft, file: &Path) -> Result<(), SnapshotError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.new"));
    let written = write(data_dir, draft, &new);
    let packed = written.and_then(|()| fs::rename(&new, file).map_err(failed("write", file)));
    if packed.is_err() {
        let _ = fs::remove_file(&new);
    }
    packed
}

fn write(data_dir: &Path, draft: &Draft, new: &Path) -> Result<(), SnapshotError> {
    let created = owners_own(new).map_err(failed("write", new))?;
    let mut tar = tar::Builder::new(BufWriter::new(created));
    let header = Header { form: FORM, version: env!("CARGO_PKG_VERSION").to_owned() };
    let text = serde_json::to_vec(&header).map_err(|error| failed("write", new)(error.into()))?;
    let mut entry = tar::Header::new_gnu();
    entry.set_size(text.len() as u64);
    entry.set_mode(0o600);
    entry.set_cksum();
    tar.append_data(&mut entry, HEADER, text.as_slice()).map_err(failed("write", new))?;
    let databases = DATABASES.iter().map(|name| (draft.path_of(name), *name));
    let files = FILES.iter().map(|name| (data_dir.join(name), *name));
    let layers = layers(&draft.path_of(""))?;
    let layers = layers.iter().map(|name| (draft.path_of(name), name.as_str()));
    for (path, name) in databases.chain(files).filter(|(path, _)| path.exists()).chain(layers) {
        tar.append_path_with_name(&path, name).map_err(failed("read", &path))?;
    }
    let written = tar.into_inner().and_then(|writer| writer.into_inner().map_err(Into::into));
    written.and_then(|file| file.sync_all()).map_err(failed("write", new))
}

/// A new file that nobody else may read.
fn owners_own(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// A snapshot that was read whole and can be opened, beside the folder that it is for.
#[derive(Debug)]
pub struct Unpacked(TempDir);

/// Reads a snapshot for the cloud of a folder, and changes nothing there yet.
pub fn unpack(file: &Path, data_dir: &Path) -> Result<Unpacked, SnapshotError> {
    let alien = || SnapshotError::Alien { path: file.to_owned() };
    fs::create_dir_all(data_dir).map_err(failed("make", data_dir))?;
    let folder = TempDir::with_prefix_in(DRAFT, data_dir).map_err(failed("make", data_dir))?;
    let opened = File::open(file).map_err(failed("read", file))?;
    let mut tar = tar::Archive::new(BufReader::new(opened));
    let mut entries = tar.entries().map_err(failed("read", file))?;
    let mut first = entries.next().and_then(Result::ok).ok_or_else(alien)?;
    if first.path().map_err(|_| alien())?.as_os_str() != HEADER {
        return Err(alien());
    }
    let mut text = String::new();
    first.by_ref().take(4096).read_to_string(&mut text).map_err(|_| alien())?;
    let header: Header = serde_json::from_str(&text).map_err(|_| alien())?;
    if header.form != FORM {
        let path = file.to_owned();
        return Err(SnapshotError::Form { path, found: header.form, version: header.version });
    }
    for entry in entries {
        let mut entry = entry.map_err(failed("read", file))?;
        let name = entry.path().map_err(|_| alien())?.to_string_lossy().into_owned();
        let layer = layer(&name);
        let is_ours = layer.is_some() || DATABASES.contains(&name.as_str()) || FILES.contains(&name.as_str());
        // Links and folders lead elsewhere; a snapshot has none.
        if !is_ours || !entry.header().entry_type().is_file() {
            return Err(alien());
        }
        let target = folder.path().join(&name);
        make_folder_of(&target)?;
        entry.unpack(&target).map_err(failed("unpack", file))?;
        if let Some(digest) = layer
            && blobs::digest_of(&target).map_err(failed("read", &target))?.0 != digest
        {
            return Err(alien());
        }
    }
    let database = folder.path().join(STATE);
    if !database.exists() {
        return Err(alien());
    }
    drop(Store::open(&database, &[])?);
    Ok(Unpacked(folder))
}

impl Unpacked {
    /// Makes it the state of a folder in which no cloud is up, instead of what was there.
    pub fn put_in_place(self, data_dir: &Path) -> Result<(), SnapshotError> {
        remove_state(data_dir)?;
        let layers = layers(self.0.path())?;
        // The state comes last: a folder that has it has all.
        let files = FILES.iter().chain(DATABASES.iter().rev()).map(|name| (*name).to_owned());
        for name in layers.into_iter().chain(files) {
            let (path, target) = (self.0.path().join(&name), data_dir.join(&name));
            if path.exists() {
                make_folder_of(&target)?;
                fs::rename(path, &target).map_err(failed("write", &target))?;
            }
        }
        Ok(())
    }
}

/// Puts a snapshot into a folder that holds no state yet.
pub(crate) fn begin_from(file: &Path, data_dir: &Path) -> Result<(), SnapshotError> {
    if data_dir.join(STATE).exists() {
        return Err(SnapshotError::NotEmpty { path: data_dir.to_owned() });
    }
    unpack(file, data_dir)?.put_in_place(data_dir)
}

/// Removes the state of a cloud that is not up, and nothing else that may be in the folder.
pub fn remove_state(data_dir: &Path) -> Result<(), SnapshotError> {
    let beside = DATABASES.iter().flat_map(|name| BESIDE.iter().map(move |suffix| format!("{name}{suffix}")));
    let names = DATABASES.iter().chain(&FILES).map(|name| (*name).to_owned()).chain(beside);
    let layers = layers(data_dir)?;
    let uploads = data_dir.join(REGISTRY).join(UPLOADS);
    let uploads = uploads::all(&uploads).map_err(failed("read", &uploads))?;
    let shelves: BTreeSet<PathBuf> =
        layers.iter().filter_map(|name| Some(data_dir.join(name).parent()?.to_owned())).collect();
    let paths = names.chain(layers).map(|name| data_dir.join(name)).chain(uploads);
    for path in paths {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path)(error));
            }
            _ => {}
        }
    }
    let registry = data_dir.join(REGISTRY);
    // A folder that holds anything else stays.
    let [blobs, uploads] = [registry.join(BLOBS), registry.join(UPLOADS)];
    for folder in shelves.iter().map(PathBuf::as_path).chain([&*blobs, &*uploads, &*registry]) {
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// The names of the layers that a folder keeps, as they are in a snapshot.
fn layers(data_dir: &Path) -> Result<Vec<String>, SnapshotError> {
    let folder = data_dir.join(REGISTRY).join(BLOBS);
    let digests = blobs::all(&folder).map_err(failed("read", &folder))?;
    Ok(digests.iter().map(|digest| format!("{REGISTRY}/{BLOBS}/{}", blobs::place(digest))).collect())
}

/// The digest of the layer with this name.
fn layer(name: &str) -> Option<String> {
    let at = name.strip_prefix(REGISTRY)?.strip_prefix('/')?.strip_prefix(BLOBS)?.strip_prefix('/')?;
    blobs::digest_at(at)
}

fn make_folder_of(path: &Path) -> Result<(), SnapshotError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed("make", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A snapshot of a cloud that was never used.
    fn written(folder: &Path) -> Vec<u8> {
        drop(Store::open(&folder.join(STATE), &[]).unwrap());
        drop(LogEvents::open(&folder.join(LOGS)).unwrap());
        let file = folder.join("a.snapshot");
        save(folder, &file).unwrap();
        fs::read(file).unwrap()
    }

    #[test]
    fn a_damaged_snapshot_is_refused_or_read_and_reaches_nothing_but_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("origin");
        fs::create_dir(&origin).unwrap();
        let whole = written(&origin);
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
        // Each opens a database, which is a thousand times slower than the other decoders.
        let cases = cases.unwrap_or(256_usize).div_ceil(16).max(64);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut refused = 0;
        for case in 0..cases {
            let mut bytes = whole.clone();
            // Half of the damage is in what the tar says of its entries.
            let headers: Vec<usize> =
                (0..bytes.len()).step_by(512).filter(|at| bytes[*at..].starts_with(b"state")).collect();
            for _ in 0..rng.usize(1..6) {
                let at = match rng.choice(&headers) {
                    Some(header) if rng.bool() => header + rng.usize(..512),
                    _ => rng.usize(..bytes.len()),
                };
                bytes[at] = rng.u8(..);
            }
            if rng.u8(..4) == 0 {
                bytes.truncate(rng.usize(..bytes.len()));
            }
            let (file, target) = (folder.path().join("damaged"), folder.path().join("target"));
            fs::write(&file, &bytes).unwrap();
            match unpack(&file, &target) {
                Ok(unpacked) => drop(unpacked),
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
            let left = fs::read_dir(&target).unwrap().count() + fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 3, "case {case} left something behind, or somewhere else");
        }
        assert!(refused > 0, "no damage was seen");
    }

    #[test]
    fn a_snapshot_that_claims_to_be_huge_costs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_path(HEADER).unwrap();
        header.set_size(u64::MAX / 2);
        header.set_cksum();
        let file = folder.path().join("huge");
        fs::write(&file, header.as_bytes()).unwrap();
        assert!(matches!(unpack(&file, &folder.path().join("target")), Err(SnapshotError::Alien { .. })));
    }
}
