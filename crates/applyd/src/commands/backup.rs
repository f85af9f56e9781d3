//! `applyd backup FILE`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use applyd_core::time::iso;
use applyd_server::back_up;
use applyd_store::backup::Contents;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::cli::{BackupArgs, Global};
use crate::failure::{self, Failure};
use crate::output;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One whose ledger is not clean is better than none, and tells so by its exit code.
pub(super) fn run(global: &Global, arguments: &BackupArgs) -> Result<ExitCode, Failure> {
    let BackupArgs { file, force } = arguments;
    let settings = global.settings()?;
    let database = settings.database.file().unwrap_or(file);
    let made = shown(database, |begun| back_up(&settings, file, *force, begun))?;
    tell_removed(&made.removed);
    let violations = &made.contents.violations;
    let mut value = told(&made.contents);
    value.extend([
        ("file".to_owned(), json!(file)),
        ("bytes".to_owned(), json!(made.bytes)),
        ("at".to_owned(), json!(iso(made.at))),
        ("ledgerOk".to_owned(), json!(violations.is_empty())),
    ]);
    let value = Value::Object(value);
    output::print(global.json, &value, |value| {
        let file = output::shown(&value["file"]);
        format!(
            "{file}: {} bytes, {}, all up to {}",
            value["bytes"],
            counts(value),
            output::shown(&value["at"])
        )
    })?;
    output::note(&format!(
        "not in it, keep a copy elsewhere: the master key {}, without which grants and the secrets of webhooks cannot \
         be read. Nor the witness {}: it must outlive the database, and never be set back with it",
        settings.master_key_file.display(),
        settings.witness_file.display()
    ));
    if violations.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::note(&format!("error: the ledger is not clean: {}", violations.join("; ")));
    Ok(ExitCode::from(failure::USER))
}

/// What a copy that was killed had left behind.
pub(super) fn tell_removed(removed: &[PathBuf]) {
    for file in removed {
        output::note(&format!("left behind by a copy that was broken off, removed: {}", file.display()));
    }
}

pub(super) fn counts(value: &Value) -> String {
    format!("{} accounts, {} applications", value["accounts"], value["applications"])
}

/// What both commands tell of a database.
pub(super) fn told(contents: &Contents) -> Map<String, Value> {
    let facts = [
        ("schema", json!(contents.schema)),
        ("accounts", json!(contents.accounts)),
        ("applications", json!(contents.applications)),
        ("lastEventSeq", json!(contents.last_event_seq)),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Shows on a terminal how a copy of `source` grows while `work` writes it.
pub(super) fn shown<T>(source: &Path, work: impl FnOnce(&mut dyn FnMut(&Path)) -> T) -> T {
    let bar = ProgressBar::new(source.metadata().map_or(0, |source| source.len()));
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {wide_bar} {bytes} of about {total_bytes}  {elapsed}")
    {
        bar.set_style(style);
    }
    let (working, ended) = channel::<()>();
    let mut ended = Some(ended);
    let result = work(&mut |path| {
        let Some(ended) = ended.take() else { return };
        let (bar, path) = (bar.clone(), path.to_owned());
        // Without it nothing is shown, and all is done the same.
        let _ = std::thread::Builder::new().spawn(move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(path.metadata().map_or(0, |part| part.len()));
            }
        });
    });
    drop(working);
    bar.finish_and_clear();
    result
}
