//! Puts a backup in the place of the database. At each moment the one or the other stands there, whole.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use applyd_core::time::iso;
use applyd_store::backup::{self, Contents, log_of};
use applyd_store::{Clock, ServeLock, real};

use crate::backup::{CopyError, Unfinished, failed, file_of, on_disk, unfinished};
use crate::config::Settings;
use crate::failpoint;
use crate::work::witness::sync_folder;

/// A finished restore.
#[derive(Debug)]
pub struct Restored {
    /// What the database holds now.
    pub contents: Contents,
    /// The former database, if there was one.
    pub aside: Option<PathBuf>,
    /// Its log, where it was damaged or not its own: else all of it stands in the file.
    pub log_aside: Option<PathBuf>,
    /// What a restore that was killed had left behind.
    pub removed: Vec<PathBuf>,
}

const ASIDE: &str = ".before-restore-";

/// Checks the backup, puts the present database aside and the backup in its place, marked as one. `begun` hears what
/// is being written.
///
/// # Errors
/// A server or another process has the database open, the file is no usable backup, or a file cannot be written.
pub fn restore(
    settings: &Settings,
    file: &Path,
    force: bool,
    begun: impl FnOnce(&Path),
) -> Result<Restored, CopyError> {
    let database = file_of(settings)?;
    let database = real(database).map_err(failed("find the folder of", database))?;
    let _lock = ServeLock::take(&database)?;
    if is_same(file, &database).map_err(failed("read", file))? {
        let message = format!("{} is the database itself", file.display());
        return Err(CopyError::refused(message, "name a file that `applyd backup` made"));
    }
    let contents = backup::check(file)?;
    if !force && let Some(first) = contents.violations.first() {
        let message = format!("the ledger of {} is not clean: {first}", file.display());
        return Err(CopyError::refused(message, "name an older backup, or restore this one with --force"));
    }
    let Unfinished { file: fresh, removed } = unfinished(&database)?;
    begun(fresh.path());
    backup::copy(file, fresh.path())?;
    if contents.taken.is_none() {
        backup::mark(fresh.path(), Clock::System.now())?;
    }
    on_disk(&fresh)?;
    failpoint::hit("restore_copied");
    let is_there = database.exists();
    // Held until the other one has its name: nobody can open this one in between and write to it.
    let alone = if is_there { backup::alone(&database)? } else { None };
    failpoint::hit("restore_alone");
    let (aside, log_aside) = put_aside(&database, is_there)?;
    failpoint::hit("restore_aside");
    if let Err(error) = fresh.persist(&database) {
        // Nothing has changed, and nothing is to look as if it had.
        forget_unfinished(&database).map_err(failed("read the folder of", &database))?;
        return Err(failed("write", &database)(error.error));
    }
    failpoint::hit("restore_named");
    // Durable before anything of the former one is touched.
    sync_folder(&database).map_err(failed("write the folder of", &database))?;
    let was_whole = alone.is_some();
    drop(alone);
    if let Some(aside) = aside.as_ref().filter(|_| was_whole) {
        // From here on it is behind as well. Unmarked it is what it was, and the witness still knows.
        let _ = backup::mark(aside, Clock::System.now());
    }
    // Only what is known to be the former one's: whoever opens the new one makes a log too. While that of the former
    // one lies there, everybody is refused.
    if log_aside.is_some() {
        remove(&with(&database, "-shm"))?;
        remove(&log_of(&database))?;
        sync_folder(&database).map_err(failed("write the folder of", &database))?;
    }
    Ok(Restored { contents, aside, log_aside, removed })
}

/// Gives the present database a second name, and its log too where it could not be brought into the file.
fn put_aside(database: &Path, is_there: bool) -> Result<(Option<PathBuf>, Option<PathBuf>), CopyError> {
    forget_unfinished(database).map_err(failed("read the folder of", database))?;
    let stamp: String = iso(Clock::System.now()).chars().filter(char::is_ascii_alphanumeric).collect();
    let name = with(database, &format!("{ASIDE}{stamp}"));
    let link = |from: &Path, to: PathBuf| {
        fs::hard_link(from, &to).map_err(failed("put aside", from))?;
        Ok::<_, CopyError>(to)
    };
    let aside = is_there.then(|| link(database, name.clone())).transpose()?;
    let log = log_of(database);
    let has_log = log.metadata().is_ok_and(|log| log.len() > 0);
    // By such a name that nothing takes the two for a pair.
    let log_aside = has_log.then(|| link(&log, with(&name, ".log"))).transpose()?;
    // A journal beside the new file would be rolled back into it.
    let journal = with(database, "-journal");
    if journal.exists() {
        link(&journal, with(&name, ".journal"))?;
        sync_folder(database).map_err(failed("write the folder of", database))?;
        remove(&journal)?;
    }
    sync_folder(database).map_err(failed("write the folder of", database))?;
    Ok((aside, log_aside))
}

/// A restore that was killed may have left the present database a second name, which is no copy of it.
fn forget_unfinished(database: &Path) -> io::Result<()> {
    let prefix = with(database, ASIDE);
    let folder = database.parent().unwrap_or(Path::new("."));
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let is_aside = path.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes());
        if is_aside && is_same(&path, database)? {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let Ok(other) = other.metadata() else { return Ok(false) };
    let one = one.metadata()?;
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

fn remove(path: &Path) -> Result<(), CopyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
