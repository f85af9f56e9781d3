use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// Held by the one `serve` of an SQLite file, for as long as the process lives.
///
/// The kernel frees it when the process dies, so holding it proves that every earlier server is dead and
/// that no byte of theirs can follow.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock file beside the database.
    ///
    /// # Errors
    /// [`Error::Served`] while another process has it.
    pub fn take(database: &Path) -> Result<Self, Error> {
        match beside(database, ".serve")? {
            Some(file) => Ok(Self { _file: file }),
            None => Err(Error::Served(database.display().to_string())),
        }
    }
}

/// A lock file beside the database; `None` while another process has it.
pub(crate) fn beside(database: &Path, suffix: &str) -> Result<Option<File>, Error> {
    let unopened = |what: &str, error: std::io::Error| {
        Error::opening(database)(Error::Engine(format!("{what}: {error}")))
    };
    let mut path =
        real(database).map_err(|error| unopened("cannot find its folder", error))?.into_os_string();
    path.push(suffix);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| unopened("cannot make the lock beside it", error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unopened("cannot take the lock beside it", error)),
    }
}

/// One database has one lock and one place, by whatever link it is named.
///
/// # Errors
/// Its folder cannot be found.
pub fn real(database: &Path) -> std::io::Result<PathBuf> {
    if let Ok(real) = database.canonicalize() {
        return Ok(real);
    }
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize()?;
    Ok(folder.join(database.file_name().unwrap_or_default()))
}
