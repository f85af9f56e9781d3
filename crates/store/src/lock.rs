use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

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
        let mut path = database.as_os_str().to_owned();
        path.push(".serve");
        let unopened = |what: &str, error: std::io::Error| {
            Error::opening(database)(Error::Engine(format!("{what}: {error}")))
        };
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
