//! The operator's master key: made at the first start, readable by its owner only.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use applyd_core::seal::MasterKey;
use applyd_store::{Error, Tx, grant, webhook};

use crate::start::{StartError, Tried};
use crate::work::witness::sync_folder;

const KEY_BYTES: usize = 32;

/// The key of this file; a missing file is made if it may: not where something waits that only it opens.
///
/// # Errors
/// The file is no key, cannot be read or made, or is missing and must not be made.
pub fn master_key(path: &Path, may_make: bool) -> Result<MasterKey, StartError> {
    let shown = path.display();
    match std::fs::read(path) {
        Ok(bytes) => {
            let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice())
                .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it must have exactly 32 bytes"));
            key.map(MasterKey::new).tried(|| format!("the master key {shown} is damaged"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
            make(path).tried(|| format!("cannot make the master key {shown}"))
        }
        Err(error) => {
            let tried = || {
                format!("cannot read the master key {shown}, which grants and the secrets of webhooks need")
            };
            Err(error).tried(tried)
        }
    }
}

/// Whether something waits that only the master key opens, and that nobody but a person can bring again.
///
/// # Errors
/// The store's.
pub fn has_sealed(tx: &Tx<'_>) -> Result<bool, Error> {
    Ok(webhook::is_any(tx)? || grant::is_any_of_a_person(tx)?)
}

fn make(path: &Path) -> io::Result<MasterKey> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    sync_folder(path)?;
    Ok(MasterKey::new(bytes))
}
