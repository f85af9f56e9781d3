//! `applyd restore FILE`.

use applyd_core::time::iso;
use applyd_server::restore;
use serde_json::{Value, json};

use super::backup::{counts, shown, tell_removed, told};
use crate::cli::{Global, RestoreArgs};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, arguments: &RestoreArgs) -> Result<(), Failure> {
    let RestoreArgs { file, force } = arguments;
    let settings = global.settings()?;
    let restored = shown(file, |begun| restore(&settings, file, *force, begun))?;
    tell_removed(&restored.removed);
    let mut value = told(&restored.contents);
    value.extend([
        ("file".to_owned(), json!(file)),
        ("database".to_owned(), json!(settings.database.to_string())),
        ("at".to_owned(), json!(restored.contents.taken.map(|taken| iso(taken.at)))),
        ("putAside".to_owned(), json!(restored.aside)),
        ("logPutAside".to_owned(), json!(restored.log_aside)),
        ("verifyOnly".to_owned(), json!(true)),
        ("ledgerOk".to_owned(), json!(restored.contents.violations.is_empty())),
    ]);
    output::print(global.json, &Value::Object(value), |value| {
        let aside = match &value["putAside"] {
            Value::Null => String::new(),
            aside => format!("\nthe former database is {}", output::shown(aside)),
        };
        let of = match &value["at"] {
            // Such as one that was put aside; it is marked as a backup from here on.
            Value::Null => output::shown(&value["file"]),
            at => format!("the backup of {}", output::shown(at)),
        };
        format!("{} is now {of}: {}{aside}", output::shown(&value["database"]), counts(value))
    })?;
    output::note(
        "verify-only: start the server, look at what it finds, then `applyd verify-only end`; nothing is submitted \
         before",
    );
    if !settings.master_key_file.exists() {
        output::note(&format!(
            "warning: there is no master key {}: the grants and the secrets of webhooks in this database cannot be read \
             without the one that they were sealed with. Put it there before the start",
            settings.master_key_file.display()
        ));
    }
    if !settings.witness_file.exists() {
        output::note(&format!(
            "warning: there is no witness {}: what was submitted after the backup, and is not in it, is not known here. \
             If the former machine's is left, put it there before the start",
            settings.witness_file.display()
        ));
    }
    Ok(())
}
