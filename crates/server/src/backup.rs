//! A backup: a checked copy of the database, beside its final name until it is whole.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use applyd_store::backup::{self, BackupLock, Contents};
use applyd_store::{Clock, Error, real};
use tempfile::NamedTempFile;

use crate::config::Settings;
use crate::failpoint;
use crate::work::witness::sync_folder;

/// Why there is no backup, or nothing was restored. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database's.
    #[error("{0}")]
    Store(#[from] Error),
    /// It is not to be done: the message and the hint say why, and what to do.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A file.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

/// A finished backup.
#[derive(Debug)]
pub struct Backup {
    /// When it was begun, Unix milliseconds: all that was committed before is in it.
    pub at: i64,
    /// Its size.
    pub bytes: u64,
    /// What it holds.
    pub contents: Contents,
    /// What a backup that was killed had left behind.
    pub removed: Vec<PathBuf>,
}

/// What a copy that was never finished is called until it is.
const UNFINISHED: (&str, &str) = (".applyd-", ".part");

impl CopyError {
    pub(crate) fn refused(message: String, hint: &str) -> Self {
        Self::Refused { message, hint: hint.to_owned() }
    }
}

/// Names the file that was worked on when an I/O error has to be told.
pub(crate) fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    let what = format!("cannot {what} {}", path.display());
    move |source| CopyError::Io { what, source }
}

/// Copies the database into `file`, which gets its name when it has been checked and is on disk. `begun` hears what
/// is being written, so that its growth can be shown.
///
/// # Errors
/// The file is there and must not be replaced, cannot be written, or the copy is not whole.
pub fn back_up(
    settings: &Settings,
    file: &Path,
    replace: bool,
    begun: impl FnOnce(&Path),
) -> Result<Backup, CopyError> {
    let database = file_of(settings)?;
    if !database.exists() {
        let message = format!("there is no database {}", database.display());
        return Err(CopyError::refused(message, "name it with --database"));
    }
    refuse_ours(settings, database, file)?;
    let _lock = BackupLock::take(database)?;
    let there = || {
        let message = format!("{} is there already", file.display());
        CopyError::refused(message, "name another file, or replace it with --force")
    };
    if !replace && file.symlink_metadata().is_ok() {
        return Err(there());
    }
    let Unfinished { file: fresh, removed } = unfinished(file)?;
    begun(fresh.path());
    let at = Clock::System.now();
    backup::copy(database, fresh.path())?;
    failpoint::hit("backup_copied");
    backup::mark(fresh.path(), at)?;
    let contents = backup::check(fresh.path())?;
    let bytes = on_disk(&fresh)?;
    failpoint::hit("backup_checked");
    let named = if replace { fresh.persist(file) } else { fresh.persist_noclobber(file) };
    named.map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => there(),
        _ => failed("write", file)(error.error),
    })?;
    failpoint::hit("backup_named");
    sync_folder(file).map_err(failed("write the folder of", file))?;
    Ok(Backup { at, bytes, contents, removed })
}

/// The database, where it is a file: a server has tools of its own.
pub(crate) fn file_of(settings: &Settings) -> Result<&Path, CopyError> {
    settings.database.file().ok_or_else(|| {
        let message = format!("{} is copied and put back by PostgreSQL's own tools", settings.database);
        CopyError::refused(message, "docs/operations.md tells how; then `applyd verify-only begin`")
    })
}

/// A new file that is gone again unless it is given its name.
pub(crate) struct Unfinished {
    pub(crate) file: NamedTempFile,
    pub(crate) removed: Vec<PathBuf>,
}

/// A new file beside `file`, for its owner alone. What an earlier one left behind that was killed goes first: whoever
/// calls this holds the lock.
pub(crate) fn unfinished(file: &Path) -> Result<Unfinished, CopyError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = file.file_name() else {
        return Err(CopyError::refused(format!("{} is no file", file.display()), "name a file"));
    };
    let mut prefix = name.to_owned();
    prefix.push(UNFINISHED.0);
    let removed = left_behind(folder, &prefix).map_err(failed("read the folder of", file))?;
    for left in &removed {
        std::fs::remove_file(left).map_err(failed("remove", left))?;
    }
    let made = tempfile::Builder::new().prefix(&prefix).suffix(UNFINISHED.1).tempfile_in(folder);
    Ok(Unfinished { file: made.map_err(failed("write beside", file))?, removed })
}

/// The engine may have left a journal beside each.
fn left_behind(folder: &Path, prefix: &OsStr) -> io::Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for entry in folder.read_dir()? {
        let (name, prefix) = (entry?.file_name(), prefix.to_string_lossy());
        let rest = name.to_string_lossy().strip_prefix(prefix.as_ref()).map(str::to_owned);
        if rest.is_some_and(|rest| rest.contains(UNFINISHED.1)) {
            left.push(folder.join(name));
        }
    }
    Ok(left)
}

/// Its size, when all of it is on disk.
pub(crate) fn on_disk(fresh: &NamedTempFile) -> Result<u64, CopyError> {
    let synced = fresh.as_file().sync_all().and_then(|()| Ok(fresh.as_file().metadata()?.len()));
    synced.map_err(failed("write", fresh.path()))
}

/// A backup that replaced the database, its witness or its key would destroy what it is made for.
fn refuse_ours(settings: &Settings, database: &Path, file: &Path) -> Result<(), CopyError> {
    let database = real(database).map_err(failed("find the folder of", database))?;
    let beside = ["", "-wal", "-shm", "-journal", ".serve", ".backup"].map(|suffix| {
        let mut path = database.clone().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    });
    let others = [&settings.witness_file, &settings.master_key_file, &settings.sandbox.database];
    let file = real(file).map_err(failed("find the folder of", file))?;
    let is_ours = beside.contains(&file)
        || others.into_iter().any(|other| real(other).is_ok_and(|other| other == file));
    if is_ours {
        let message = format!("{} belongs to the installation itself", file.display());
        return Err(CopyError::refused(message, "name another file, best on another disk"));
    }
    Ok(())
}
