//! The name of a node, which the incarnations of all its starts begin with.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::config::Settings;
use crate::start::{StartError, Tried};

const DIGITS: usize = 32;

/// Whom the serve lock proves dead: all starts whose incarnation begins so, but for this one. An SQLite file has one
/// server at a time, so that is everybody; nodes of a shared database have names of their own, kept beside their
/// witness, and the lock of one says nothing of the others.
pub(crate) fn name(settings: &Settings) -> Result<String, StartError> {
    if settings.database.file().is_some() {
        return Ok("w_".to_owned());
    }
    let mut path = settings.witness_file.clone().into_os_string();
    path.push(".node");
    let path = PathBuf::from(path);
    let kept = match std::fs::read_to_string(&path) {
        Ok(kept) => kept.trim().to_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let fresh = format!("{:0DIGITS$x}", fastrand::u128(..));
            std::fs::write(&path, format!("{fresh}\n"))
                .tried(|| format!("cannot write the node's name {}", path.display()))?;
            fresh
        }
        Err(error) => return Err(error).tried(|| format!("cannot read the node's name {}", path.display())),
    };
    if kept.len() != DIGITS || !kept.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let broken = std::io::Error::new(ErrorKind::InvalidData, "it must be 32 hexadecimal digits");
        return Err(broken).tried(|| format!("cannot use the node's name {}", path.display()));
    }
    Ok(format!("w_{kept}_"))
}
