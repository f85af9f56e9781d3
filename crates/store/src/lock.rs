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
        let unopened = |what: &str, error: std::io::Error| {
            Error::opening(&database.display().to_string())(Error::Engine(format!("{what}: {error}")))
        };
        let real = real(database).map_err(|error| unopened("cannot find its folder", error))?;
        let mut path = real.into_os_string();
        path.push(".serve");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| unopened("cannot make the lock beside it", error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Served(database.display().to_string())),
            Err(TryLockError::Error(error)) => Err(unopened("cannot take the lock beside it", error)),
        }
    }
}

/// One database has one lock, by whatever link it is named.
fn real(database: &Path) -> std::io::Result<PathBuf> {
    if let Ok(real) = database.canonicalize() {
        return Ok(real);
    }
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize()?;
    Ok(folder.join(database.file_name().unwrap_or_default()))
}
