use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// Held by the one `serve` of an SQLite file, or of a node's witness, for as long as the process lives.
///
/// The kernel frees it when the process dies, so holding it proves that every earlier server is dead and
/// that no byte of theirs can follow.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock file beside it.
    ///
    /// # Errors
    /// [`Error::Served`] while another process has it.
    pub fn take(path: &Path) -> Result<Self, Error> {
        match beside(path, ".serve")? {
            Some(file) => Ok(Self { _file: file }),
            None => Err(Error::Served(path.display().to_string())),
        }
    }
}

/// A lock file beside it; `None` while another process has it.
pub(crate) fn beside(path: &Path, suffix: &str) -> Result<Option<File>, Error> {
    let unlocked = |error: std::io::Error| Error::Unlocked {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let mut lock = real(path).map_err(unlocked)?.into_os_string();
    lock.push(suffix);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock).map_err(unlocked)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unlocked(error)),
    }
}

/// One database has one lock and one place, by whatever link it is named.
///
/// # Errors
/// Its folder cannot be found.
pub fn real(path: &Path) -> std::io::Result<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize()?;
    Ok(folder.join(path.file_name().unwrap_or_default()))
}
