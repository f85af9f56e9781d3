//! Running other programs, from the root of the repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A command that starts in the root of the repository and does not inherit what cargo told *us* about the
/// package `xtask`: build scripts that watch such variables would run again each time.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// `cargo` with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = command("cargo");
    command.args(args);
    command
}

/// Runs it with its output on ours.
///
/// # Errors
/// It cannot be started, or it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs it unseen; answers its stdout.
///
/// # Errors
/// It cannot be started, or it fails; then with what it said.
pub(crate) fn answer(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    let [stdout, said] =
        [output.stdout, output.stderr].map(|told| String::from_utf8_lossy(&told).into_owned());
    if !output.status.success() {
        bail!("`{line}` failed: {}\n{}", output.status, said.trim_end());
    }
    Ok(stdout)
}

/// The same where it does not matter why; `None` when it cannot be started or fails.
pub(crate) fn quietly(command: &mut Command) -> Option<String> {
    answer(command).ok()
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.strip_prefix(root()).unwrap_or(program);
    let mut line = program.display().to_string();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}
