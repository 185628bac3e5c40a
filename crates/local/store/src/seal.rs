//! Rows that nobody reads off the disk: sealed with a key that stands in a file beside the state.
//!
//! It guards against somebody who gets hold of the state alone (a copy, a backup, a `grep`), not against whoever can read
//! the whole folder. AES-256-GCM, a new random nonce for each row, the row's place as what it is bound to. Start at
//! [`Key::seal`].

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

/// What a sealed row begins with; one that is JSON never does.
const MARK: u8 = 0;
/// Bytes of a key.
const LENGTH: usize = 32;

/// A key, and where randomness comes from.
pub(crate) struct Key {
    key: LessSafeKey,
    random: SystemRandom,
}

/// A row that cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file of the key cannot be read or made.
    #[error("cannot use the key at {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("the key at {path} is broken: it must have {LENGTH} bytes")]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// A row was sealed with another key.
    #[error(
        "row {key:?} of table {table:?} was sealed with another key than the one in {path}; put the key back that was there \
         when the state was written, or empty it with `tidegate local reset`"
    )]
    Foreign {
        /// The row's table.
        table: String,
        /// The row's key.
        key: String,
        /// The file of the key.
        path: PathBuf,
    },
    /// The system gives no randomness.
    #[error("the system gives no randomness to seal a row with")]
    NoRandomness,
}

impl Key {
    /// The key in the file at `path`, which is made when it is not there, for its owner alone.
    pub(crate) fn open(path: &Path) -> Result<Self, SealError> {
        let failed = |source| SealError::File { path: path.to_owned(), source };
        match fs::read(path) {
            Ok(bytes) => Self::new(&bytes).ok_or_else(|| SealError::Broken { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes = fresh()?;
                write(path, &bytes).map_err(failed)?;
                Self::new(&bytes).ok_or_else(|| SealError::Broken { path: path.to_owned() })
            }
            Err(source) => Err(failed(source)),
        }
    }

    /// A key that ends with the process.
    pub(crate) fn temporary() -> Result<Self, SealError> {
        Self::new(&fresh()?).ok_or(SealError::NoRandomness)
    }

    fn new(bytes: &[u8]) -> Option<Self> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?);
        Some(Self { key, random: SystemRandom::new() })
    }

    /// The row as it is stored.
    pub(crate) fn seal(&self, table: &str, key: &str, row: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut text = row.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), place(table, key), &mut text)
            .map_err(|_| SealError::NoRandomness)?;
        let mut sealed = vec![MARK];
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// The row as it was; `None` when it was not sealed with this key. One that was never sealed is left as it is.
    pub(crate) fn open_row(&self, table: &str, key: &str, stored: Vec<u8>) -> Option<Vec<u8>> {
        let Some(sealed) = stored.strip_prefix(&[MARK]) else { return Some(stored) };
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let opened =
            self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), place(table, key), &mut text);
        Some(opened.ok()?.to_vec())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// A row is bound to its place: it cannot be moved to another.
fn place(table: &str, key: &str) -> Aad<Vec<u8>> {
    Aad::from([table.as_bytes(), b"\0", key.as_bytes()].concat())
}

fn fresh() -> Result<[u8; LENGTH], SealError> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

/// All or nothing: a kill in between leaves no half key.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}
