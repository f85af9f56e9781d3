//! `cargo xtask setup`: what the tests need and this machine lacks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::{command, quietly, root, run};
use crate::tool::{DENY, NEXTEST};

const OLDEST_NODE: u32 = 18;
const REQUIREMENTS: &str = "tests/clients/requirements.txt";

/// Installs it all; fast when it is all there.
///
/// # Errors
/// Something is missing and cannot be installed.
pub(crate) fn setup() -> Result<()> {
    debian_packages()?;
    python_clients()?;
    NEXTEST.install()?;
    DENY.install()
}

/// A program in the environment of the foreign Python clients.
pub(crate) fn venv_program(name: &str) -> PathBuf {
    venv().join("bin").join(name)
}

fn venv() -> PathBuf {
    root().join(".tools/python")
}

fn debian_packages() -> Result<()> {
    let missing = missing_packages();
    if missing.is_empty() {
        return Ok(());
    }
    if quietly(command("apt-get").arg("--version")).is_none() {
        bail!("please install: {} (this system has no apt-get)", missing.join(", "));
    }
    run(apt_get().arg("update"))?;
    run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&missing))?;
    match missing_packages() {
        still if still.is_empty() => Ok(()),
        still => bail!("installed, and still not good enough: {}", still.join(", ")),
    }
}

fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if quietly(command("curl").arg("--version")).is_none() {
        missing.push("curl");
    }
    // wrk has no option that ends well: that it can be started is enough.
    if command("wrk").arg("--version").output().is_err() {
        missing.push("wrk");
    }
    if quietly(command("python3").args(["-c", "import ensurepip, venv"])).is_none() {
        missing.extend(["python3", "python3-venv"]);
    }
    if node_version().is_none_or(|major| major < OLDEST_NODE) {
        missing.push("nodejs");
    }
    missing
}

fn node_version() -> Option<u32> {
    let version = quietly(command("node").arg("--version"))?;
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// `apt-get`, by `sudo` unless we are root already.
fn apt_get() -> std::process::Command {
    let root = quietly(command("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut apt_get = command(if root { "apt-get" } else { "sudo" });
    if !root {
        apt_get.args(["--non-interactive", "--preserve-env=DEBIAN_FRONTEND", "apt-get"]);
    }
    apt_get.env("DEBIAN_FRONTEND", "noninteractive");
    apt_get
}

/// The environment is made anew when the list of clients has changed since, or when its Python is gone.
fn python_clients() -> Result<()> {
    let wanted = fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    let stamp = venv().join("applyd-requirements.txt");
    let python = venv_program("python");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) && runs(&python) {
        return Ok(());
    }
    run(command("python3").args(["-m", "venv", "--clear"]).arg(venv()))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS];
    run(command(&python).args(install))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn runs(python: &Path) -> bool {
    quietly(command(python).args(["-c", "pass"])).is_some()
}
