//! The bytes of layers: one file for each digest, whichever repositories have it.
//!
//! A file is here whole or not at all: it is written elsewhere, checked, and moved here. Which are wanted is the
//! engine's to say; a file that a push has just put here is held until the engine knows it. What has not the name of a
//! blob is somebody else's, and is left alone. Start at [`Blobs`].

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};
use tidegate_engine::{
    State,
    ecr::{
        images,
        manifest::{digest_text, is_digest},
    },
};

/// How much is read at once for its digest.
const PIECE: usize = 1 << 20;

/// Held in place of a digest: all of them.
const ALL: &str = "*";

/// The folder of them all. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    folder: Arc<Path>,
    /// How many pushes hold each digest.
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// Keeps a blob's file for as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    held: Arc<Mutex<HashMap<String, usize>>>,
    digest: String,
}

impl Blobs {
    /// Those in `folder`, which is made.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.into(), held: Arc::default() })
    }

    /// Where the blob with this digest is, if it is here.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(place(digest))
    }

    /// Moves a file here that was checked to have this digest and is durable. It stays for as long as what this gives.
    pub(crate) fn take(&self, file: &Path, digest: &str) -> io::Result<Hold> {
        let hold = self.hold(digest);
        let path = self.path(digest);
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            sync(&self.folder)?;
        }
        fs::rename(file, &path)?;
        sync(folder)?;
        Ok(hold)
    }

    /// None is removed for as long as what this gives: they are being copied. What nobody wants by then is removed at the
    /// next start.
    pub(crate) fn hold_all(&self) -> Hold {
        self.hold(ALL)
    }

    fn hold(&self, digest: &str) -> Hold {
        *lock(&self.held).entry(digest.to_owned()).or_default() += 1;
        Hold { held: Arc::clone(&self.held), digest: digest.to_owned() }
    }

    /// Removes the blob with this digest, unless a repository has it or a push holds it.
    pub(crate) fn remove_unwanted(&self, state: &State, digest: &str) {
        let held = lock(&self.held);
        if held.contains_key(digest) || held.contains_key(ALL) || images::is_wanted(state, digest) {
            return;
        }
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(digest, %error, "a layer that nobody wants stays until the next start");
            }
            _ => {}
        }
    }

    /// Removes all that no repository has: what was left when the cloud was killed between two steps.
    pub(crate) fn sweep(&self, state: &State) -> io::Result<()> {
        for digest in all(&self.folder)? {
            self.remove_unwanted(state, &digest);
        }
        Ok(())
    }
}

/// Where a blob is in the folder of all. Two digits of the digest are a folder, so that none gets large.
pub(crate) fn place(digest: &str) -> String {
    let hash = digest.strip_prefix("sha256:").unwrap_or(digest);
    format!("{}/{hash}", hash.get(..2).unwrap_or("00"))
}

/// The digest of the blob that has this place, if it is one.
pub(crate) fn digest_at(at: &str) -> Option<String> {
    let digest = format!("sha256:{}", at.split_once('/')?.1);
    (is_digest(&digest) && place(&digest) == at).then_some(digest)
}

/// The digests of all that are in a folder, which need not exist.
pub(crate) fn all(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for shelf in entries(folder)?.into_iter().filter(|shelf| shelf.path().is_dir()) {
        for file in entries(&shelf.path())? {
            let at =
                format!("{}/{}", shelf.file_name().to_string_lossy(), file.file_name().to_string_lossy());
            if file.file_type()?.is_file() {
                found.extend(digest_at(&at));
            }
        }
    }
    Ok(found)
}

/// What is in a folder, which need not exist.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The digest and length of a file, whose bytes are durable then.
pub(crate) fn digest_of(path: &Path) -> io::Result<(String, u64)> {
    use io::Read;
    let mut file = fs::File::open(path)?;
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        length += read as u64;
    }
    file.sync_all()?;
    Ok((digest_text(hash.finalize().as_slice()), length))
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        if let Some(count) = held.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.digest);
            }
        }
    }
}

fn lock(held: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes what was moved into a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
