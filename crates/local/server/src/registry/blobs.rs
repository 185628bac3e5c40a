//! The bytes of layers: one file for each digest, whichever repositories have it.
//!
//! A file is here whole or not at all: it is written elsewhere, checked, and moved here. Which are wanted is the
//! engine's to say; a file that a push has just put here is held until the engine knows it. Start at [`Blobs`].

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tidegate_engine::{State, ecr::images};

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

    /// Where the blob with this digest is, if it is here. Two digits of the digest are a folder, so that none gets large.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        let hash = digest.strip_prefix("sha256:").unwrap_or(digest);
        self.folder.join(hash.get(..2).unwrap_or("00")).join(hash)
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

    fn hold(&self, digest: &str) -> Hold {
        *lock(&self.held).entry(digest.to_owned()).or_default() += 1;
        Hold { held: Arc::clone(&self.held), digest: digest.to_owned() }
    }

    /// Removes the blob with this digest, unless a repository has it or a push holds it.
    pub(crate) fn remove_unwanted(&self, state: &State, digest: &str) {
        let held = lock(&self.held);
        if held.contains_key(digest) || images::is_wanted(state, digest) {
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
        for folder in fs::read_dir(&*self.folder)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(&folder)? {
                let name = file?.file_name();
                self.remove_unwanted(state, &format!("sha256:{}", name.to_string_lossy()));
            }
        }
        Ok(())
    }
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
