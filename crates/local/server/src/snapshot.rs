//! A cloud's whole state as one file, so that many clouds can start from a prepared one.
//!
//! The file is a tar: a header, the database, and whatever else the folder of a cloud keeps. What belongs to the cloud
//! that runs there, and to the machine that it runs on, stays out. It holds secrets as the folder does, so that only
//! its owner may read it. Start with [`save`] and [`unpack`].

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tidegate_store::{LogEvents, Store, StoreError};

/// The database of the state.
pub(crate) const STATE: &str = "state.db";
/// The database of what was logged.
pub(crate) const LOGS: &str = "logs.db";

/// The folder of the registry.
pub(crate) const REGISTRY: &str = "registry";
/// The part of it that is of the state.
const BLOBS: &str = "registry/blobs";

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

/// A new folder beside the state, for copies of the databases. Whoever asked for it removes it: [`pack`] does.
pub(crate) fn draft(data_dir: &Path) -> Result<PathBuf, SnapshotError> {
    let made = TempDir::with_prefix_in(DRAFT, data_dir).map_err(failed("make a folder in", data_dir))?;
    Ok(made.keep())
}

/// Writes the snapshot of a cloud that is not up.
pub fn save(data_dir: &Path, file: &Path) -> Result<(), SnapshotError> {
    let database = data_dir.join(STATE);
    if !database.exists() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no local cloud was ever up there");
        return Err(failed("read", &database)(source));
    }
    let state = Store::open(&database, &[])?;
    let logs = LogEvents::open(&data_dir.join(LOGS))?;
    let draft = draft(data_dir)?;
    let copied = state.copy_to(&draft.join(STATE)).and_then(|()| logs.copy_to(&draft.join(LOGS)));
    let copied = copied.map_err(SnapshotError::from).and_then(|()| link_blobs(data_dir, &draft));
    match copied {
        Ok(()) => pack(data_dir, &draft, file),
        Err(error) => {
            let _ = fs::remove_dir_all(&draft);
            Err(error)
        }
    }
}

/// Links the layers of images into a draft: their bytes never change, and stay there also when nobody else wants them.
pub(crate) fn link_blobs(data_dir: &Path, draft: &Path) -> Result<(), SnapshotError> {
    let (from, to) = (data_dir.join(BLOBS), draft.join(BLOBS));
    let Ok(folders) = fs::read_dir(&from) else { return Ok(()) };
    for folder in folders.flatten().map(|folder| folder.path()).filter(|folder| folder.is_dir()) {
        let copies = to.join(folder.file_name().unwrap_or_default());
        fs::create_dir_all(&copies).map_err(failed("make", &copies))?;
        for file in fs::read_dir(&folder).map_err(failed("read", &folder))? {
            let file = file.map_err(failed("read", &folder))?;
            match fs::hard_link(file.path(), copies.join(file.file_name())) {
                // Nobody wanted it any more a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                linked => linked.map_err(failed("link", &file.path()))?,
            }
        }
    }
    Ok(())
}

/// Writes the snapshot of a folder whose databases were copied to the folder `draft`: all or nothing. The draft is gone
/// afterwards.
pub fn pack(data_dir: &Path, draft: &Path, file: &Path) -> Result<(), SnapshotError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let new = file.with_file_name(format!(".{name}.new"));
    let written = write(data_dir, draft, &new);
    let packed = written.and_then(|()| fs::rename(&new, file).map_err(failed("write", file)));
    let _ = fs::remove_dir_all(draft);
    if packed.is_err() {
        let _ = fs::remove_file(&new);
    }
    packed
}

fn write(data_dir: &Path, draft: &Path, new: &Path) -> Result<(), SnapshotError> {
    let created = owners_own(new).map_err(failed("write", new))?;
    let mut tar = tar::Builder::new(BufWriter::new(created));
    let header = Header { form: FORM, version: env!("CARGO_PKG_VERSION").to_owned() };
    let text = serde_json::to_vec(&header).map_err(|error| failed("write", new)(error.into()))?;
    let mut entry = tar::Header::new_gnu();
    entry.set_size(text.len() as u64);
    entry.set_mode(0o600);
    entry.set_cksum();
    tar.append_data(&mut entry, HEADER, text.as_slice()).map_err(failed("write", new))?;
    let databases = DATABASES.iter().map(|name| (draft.join(name), name));
    let files = FILES.iter().map(|name| (data_dir.join(name), name));
    for (path, name) in databases.chain(files).filter(|(path, _)| path.exists()) {
        tar.append_path_with_name(&path, name).map_err(failed("read", &path))?;
    }
    if draft.join(BLOBS).exists() {
        tar.append_dir_all(BLOBS, draft.join(BLOBS)).map_err(failed("read", &draft.join(BLOBS)))?;
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
        // Paths that lead out of the folder are left out by it.
        entry.unpack_in(folder.path()).map_err(failed("unpack", file))?;
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
        for entry in fs::read_dir(self.0.path()).map_err(failed("read", self.0.path()))? {
            let entry = entry.map_err(failed("read", self.0.path()))?;
            let target = data_dir.join(entry.file_name());
            fs::rename(entry.path(), &target).map_err(failed("write", &target))?;
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
    for name in names {
        let path = data_dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove", &path)(error));
            }
            _ => {}
        }
    }
    let registry = data_dir.join(REGISTRY);
    match fs::remove_dir_all(&registry) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &registry)(error)),
        _ => Ok(()),
    }
}
