//! The program of the previous commit, for the drill of an upgrade.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use crate::run::{answer, cargo, command, quietly, root, run};

const COMMIT: &str = "HEAD~1";
/// From the commit on that has it, nodes of two versions can stand side by side.
const SHARED: &str = "HEAD~1:migrations/postgres/0001_init.sql";
const FOLDER: &str = "target/previous";

/// Where there is a commit before this one that nodes can share a database with.
pub(crate) fn is_there() -> bool {
    quietly(command("git").args(["cat-file", "-e", SHARED])).is_some()
}

/// Where the program is once it is built.
pub(crate) fn program() -> PathBuf {
    root().join(FOLDER).join("applyd")
}

/// Builds it, unless it is there from an earlier run. In a folder of its own: cargo tells two versions of one crate
/// apart by the place in their workspace, which is the same.
///
/// # Errors
/// It cannot be built.
pub(crate) fn build() -> Result<()> {
    let commit = answer(command("git").args(["rev-parse", COMMIT])).context("there is no previous commit")?;
    let folder = root().join(FOLDER);
    let stamp = folder.join("commit");
    if program().is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == commit) {
        return Ok(());
    }
    let source = folder.join("source");
    // They may not be there. What was built of the dependencies stays.
    drop(fs::remove_dir_all(&source));
    drop(fs::remove_file(program()));
    fs::create_dir_all(&source).with_context(|| format!("cannot make {}", source.display()))?;
    unpack(commit.trim(), &source)?;
    let manifest = source.join("Cargo.toml");
    let manifest = manifest.to_str().context("the path of the repository is not UTF-8")?;
    let target = folder.join("target");
    run(cargo(&["build", "-p", "applyd", "--manifest-path", manifest])
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    fs::copy(target.join("debug/applyd"), program()).context("cannot copy the program")?;
    fs::write(&stamp, commit).with_context(|| format!("cannot write {}", stamp.display()))
}

fn unpack(commit: &str, into: &Path) -> Result<()> {
    let mut git = command("git").args(["archive", commit]).stdout(Stdio::piped()).spawn()?;
    let archive = git.stdout.take().context("git gives nothing")?;
    // With today's times: cargo looks at them.
    let mut tar = command("tar");
    tar.args(["--extract", "--touch"]).arg("--directory").arg(into).stdin(archive);
    run(&mut tar)?;
    ensure!(git.wait()?.success(), "git archive failed");
    Ok(())
}
