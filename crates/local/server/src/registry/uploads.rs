//! Layers on their way here: files that grow. They survive the cloud, so that a client can go on where it was.
//!
//! How far an upload is, is the length of its file; what it is for, its name. Start at [`Uploads::append`].

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tidegate_engine::ecr::manifest::digest_text;
use tokio::io::AsyncWriteExt;

use super::blobs::{self, Blobs, Hold};

/// AWS's largest layer.
const MOST_BYTES: u64 = 52_000 << 20;
/// How many digits of its repository's hash an upload's name begins with.
const OWNER: usize = 16;
/// How long an upload may rest, looked at when the cloud starts.
const REST: Duration = Duration::from_hours(24);

/// Why an upload did not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// There is none of this name in this repository.
    #[error("the upload is not known; it may have ended")]
    Unknown,
    /// What came does not begin where the upload is.
    #[error("the upload has {0} bytes, and what comes must begin there")]
    NotNext(u64),
    /// It is larger than layers may be.
    #[error("a layer has at most {MOST_BYTES} bytes")]
    TooLarge,
    /// It is not what it was said to be.
    #[error("the digest of what was uploaded is {0}")]
    OtherDigest(String),
    /// The client broke off. What came by then is kept.
    #[error("the request broke off")]
    BrokenOff,
    /// The disk is full, or broken.
    #[error("cannot write the upload: {0}")]
    File(#[from] io::Error),
}

/// All uploads. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Uploads {
    folder: Arc<Path>,
    blobs: Blobs,
    /// Who writes to an upload has its lock.
    locks: Arc<Mutex<HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>>>,
}

impl Uploads {
    /// Those in `folder`, which is made; those that have rested for long are removed.
    pub(crate) fn open(folder: &Path, blobs: Blobs) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for path in all(folder)? {
            let rested = path.metadata()?.modified()?.elapsed().unwrap_or_default();
            if rested > REST {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.into(), blobs, locks: Arc::default() })
    }

    /// Begins one for a repository; its id.
    pub(crate) async fn begin(&self, repository_arn: &str) -> Result<String, UploadError> {
        let id = uuid();
        tokio::fs::File::create_new(self.path(repository_arn, &id)).await?;
        Ok(id)
    }

    /// How many bytes one has.
    pub(crate) async fn length(&self, repository_arn: &str, id: &str) -> Result<u64, UploadError> {
        let path = self.known(repository_arn, id)?;
        length(&path).await
    }

    /// Appends a body, in pieces as they come; how many bytes the upload has then. `start` is where the client believes
    /// to be.
    pub(crate) async fn append<B>(
        &self,
        repository_arn: &str,
        id: &str,
        start: Option<u64>,
        mut body: B,
    ) -> Result<u64, UploadError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let path = self.known(repository_arn, id)?;
        let lock = self.lock(&path);
        let _only = lock.lock().await;
        let mut length = length(&path).await?;
        if start.is_some_and(|start| start != length) {
            return Err(UploadError::NotNext(length));
        }
        let mut file = tokio::fs::OpenOptions::new().append(true).open(&path).await?;
        let outcome = loop {
            let data = match body.frame().await {
                None => break Ok(()),
                Some(Err(_)) => break Err(UploadError::BrokenOff),
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            if length + data.len() as u64 > MOST_BYTES {
                break Err(UploadError::TooLarge);
            }
            if let Err(error) = file.write_all(&data).await {
                break Err(error.into());
            }
            length += data.len() as u64;
        };
        // What a broken request brought is there for whoever goes on.
        file.flush().await?;
        outcome.map(|()| length)
    }

    /// Ends one whose bytes must have this digest: they are durable then. One that has another digest is gone.
    pub(crate) async fn complete(
        &self,
        repository_arn: &str,
        id: &str,
        digest: &str,
    ) -> Result<(Hold, u64), UploadError> {
        let path = self.known(repository_arn, id)?;
        let lock = self.lock(&path);
        let _only = lock.lock().await;
        let (blobs, digest) = (self.blobs.clone(), digest.to_owned());
        let ended = tokio::task::spawn_blocking(move || {
            let (found, length) = blobs::digest_of(&path).map_err(absent)?;
            if found != digest {
                fs::remove_file(&path)?;
                return Err(UploadError::OtherDigest(found));
            }
            Ok((blobs.take(&path, &digest)?, length))
        });
        ended.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked).into()))
    }

    /// Gives one up.
    pub(crate) async fn cancel(&self, repository_arn: &str, id: &str) -> Result<(), UploadError> {
        let path = self.known(repository_arn, id)?;
        let lock = self.lock(&path);
        let _only = lock.lock().await;
        tokio::fs::remove_file(&path).await.map_err(absent)
    }

    /// Where an upload of that id would be, if it may be one.
    fn known(&self, repository_arn: &str, id: &str) -> Result<PathBuf, UploadError> {
        let path = self.path(repository_arn, id);
        if is_id(id) && path.exists() { Ok(path) } else { Err(UploadError::Unknown) }
    }

    fn path(&self, repository_arn: &str, id: &str) -> PathBuf {
        let hash = digest_text(Sha256::digest(repository_arn).as_slice());
        self.folder.join(format!("{}-{id}", &hash["sha256:".len()..][..OWNER]))
    }

    fn lock(&self, path: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(path.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

/// The paths of all that are in a folder, which need not exist. What has not the name of an upload is somebody else's.
pub(crate) fn all(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_upload = |name: &str| {
        let parts = name.split_once('-');
        parts.is_some_and(|(owner, id)| owner.len() == OWNER && is_hex(owner) && is_id(id))
    };
    let entries = blobs::entries(folder)?.into_iter();
    let ours = entries.filter(|entry| is_upload(&entry.file_name().to_string_lossy()));
    Ok(ours.map(|entry| entry.path()).collect())
}

fn is_id(id: &str) -> bool {
    id.len() == 36 && id.split('-').all(is_hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn length(path: &Path) -> Result<u64, UploadError> {
    tokio::fs::metadata(path).await.map(|it| it.len()).map_err(absent)
}

/// Somebody else may have ended it in between.
fn absent(error: io::Error) -> UploadError {
    if error.kind() == io::ErrorKind::NotFound { UploadError::Unknown } else { error.into() }
}

fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
