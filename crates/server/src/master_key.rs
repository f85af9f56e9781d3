//! The operator's master key: made at the first start, readable by its owner only.

use std::io::{self, Write};
use std::path::Path;

use applyd_core::seal::MasterKey;
use applyd_store::{Error, Tx, grant, webhook};
use tempfile::NamedTempFile;

use crate::start::{StartError, Tried};
use crate::work::witness::sync_folder;

const KEY_BYTES: usize = 32;

/// The key of this file; a missing file is made if it may: not where something waits that only it opens.
///
/// # Errors
/// The file is no key, cannot be read or made, or is missing and must not be made.
pub fn master_key(path: &Path, may_make: bool) -> Result<MasterKey, StartError> {
    let shown = path.display();
    let read = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
            make(path).map_err(|source| StartError::Key { file: shown.to_string(), source })?;
            std::fs::read(path)
        }
        read => read,
    };
    let bytes = read.tried(|| {
        format!("cannot read the master key {shown}, which grants and the secrets of webhooks need")
    })?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it must have exactly 32 bytes"));
    key.map(MasterKey::new).tried(|| format!("the master key {shown} is damaged"))
}

/// Whether something waits that only the master key opens, and that nobody but a person can bring again.
///
/// # Errors
/// The store's.
pub fn has_sealed(tx: &Tx<'_>) -> Result<bool, Error> {
    Ok(webhook::is_any(tx)? || grant::is_any_of_a_person(tx)?)
}

/// Makes the file, whole or not at all. One that somebody made meanwhile stays: it is the key then.
fn make(path: &Path) -> io::Result<()> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Readable by its owner only, and gone again unless it gets its name.
    let mut fresh = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
    fresh.write_all(&bytes)?;
    fresh.as_file().sync_all()?;
    match fresh.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => sync_folder(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;

    use super::*;

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn two_that_make_it_at_once_have_one_key() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let (path, both) = (folder.path().join("master.key"), Barrier::new(2));
            let sealed = std::thread::scope(|scope| {
                let make = || {
                    both.wait();
                    make(&path).unwrap();
                    std::fs::read(&path).unwrap()
                };
                let (one, other) = (scope.spawn(make), scope.spawn(make));
                [one.join().unwrap(), other.join().unwrap()]
            });
            assert_eq!(sealed[0], sealed[1]);
            assert_eq!((sealed[0].len(), files(folder.path())), (KEY_BYTES, 1));
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_there_is_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        std::fs::write(&path, [7; KEY_BYTES]).unwrap();
        make(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), [7; KEY_BYTES]);
    }

    #[test]
    fn one_that_cannot_be_made_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // Its bytes can be written, its name cannot be given.
        make(&folder.path().join("k".repeat(300))).unwrap_err();
        assert_eq!(files(folder.path()), 0);
        let missing = folder.path().join("missing/master.key");
        assert!(matches!(master_key(&missing, true), Err(StartError::Key { .. })));
    }
}
