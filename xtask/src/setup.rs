//! `cargo xtask setup`: what the tests need and this machine lacks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::postgres;
use crate::run::{command, quietly, root, run};
use crate::tool::{DENY, NEXTEST};

const OLDEST_NODE: u32 = 18;

/// The Python clients of the tests.
pub(crate) const CLIENTS: Environment =
    Environment { folder: ".tools/python", requirements: "tests/clients/requirements.txt" };
/// Apart from them: what it needs would bind their versions.
pub(crate) const SCHEMATHESIS: Environment =
    Environment { folder: ".tools/schemathesis", requirements: "tests/clients/schemathesis.txt" };

/// What drives the browser; apart for the same reason.
pub(crate) const BROWSER: Environment =
    Environment { folder: ".tools/browser", requirements: "tests/browser/requirements.txt" };
/// The judge of accessibility, from npm.
const AXE: &str = "axe-core@4.14.1";
const NODE_FOLDER: &str = ".tools/node";

/// A Python environment, and the list of what is in it.
pub(crate) struct Environment {
    folder: &'static str,
    requirements: &'static str,
}

/// Installs it all; fast when it is all there.
///
/// # Errors
/// Something is missing and cannot be installed.
pub(crate) fn setup() -> Result<()> {
    debian_packages()?;
    CLIENTS.install()?;
    SCHEMATHESIS.install()?;
    BROWSER.install()?;
    install_axe()?;
    NEXTEST.install()?;
    DENY.install()
}

impl Environment {
    /// A program in it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        root().join(self.folder).join("bin").join(name)
    }

    /// It is made anew when its list has changed since, or when its Python is gone.
    fn install(&self) -> Result<()> {
        let wanted = fs::read_to_string(root().join(self.requirements)).context(self.requirements)?;
        let stamp = root().join(self.folder).join("applyd-requirements.txt");
        let python = self.program("python");
        if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) && runs(&python) {
            return Ok(());
        }
        run(command("python3").args(["-m", "venv", "--clear", self.folder]))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        run(command(&python).args(install).arg(self.requirements))?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

/// The script that judges a page.
pub(crate) fn axe() -> PathBuf {
    root().join(NODE_FOLDER).join("node_modules/axe-core/axe.min.js")
}

fn install_axe() -> Result<()> {
    let stamp = root().join(NODE_FOLDER).join("applyd-axe.txt");
    if axe().exists() && fs::read_to_string(&stamp).is_ok_and(|have| have == AXE) {
        return Ok(());
    }
    let quiet = ["install", "--silent", "--no-save", "--ignore-scripts", "--prefix", NODE_FOLDER, AXE];
    run(command("npm").args(quiet))?;
    fs::write(&stamp, AXE).with_context(|| format!("cannot write {}", stamp.display()))
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
    if quietly(command("haproxy").arg("-v")).is_none() {
        missing.push("haproxy");
    }
    // The drills cut a host off in a network namespace, where they may make one.
    if quietly(command("ip").arg("-Version")).is_none() {
        missing.push("iproute2");
    }
    if quietly(command("nft").arg("--version")).is_none() {
        missing.push("nftables");
    }
    // For systemd-analyze; the package starts nothing by itself.
    if quietly(command("systemd-analyze").arg("--version")).is_none() {
        missing.push("systemd");
    }
    // It makes the certificates of a test.
    if quietly(command("openssl").arg("version")).is_none() {
        missing.push("openssl");
    }
    let [has_postgres, has_pgbouncer] = postgres::is_installed();
    if !has_postgres {
        missing.push("postgresql");
    }
    if !has_pgbouncer {
        missing.push("pgbouncer");
    }
    if quietly(command("python3").args(["-c", "import ensurepip, venv"])).is_none() {
        missing.extend(["python3", "python3-venv"]);
    }
    if node_version().is_none_or(|major| major < OLDEST_NODE) {
        missing.push("nodejs");
    }
    if quietly(command("npm").arg("--version")).is_none() {
        missing.push("npm");
    }
    if quietly(command("chromium").arg("--version")).is_none() {
        missing.push("chromium");
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

fn runs(python: &Path) -> bool {
    quietly(command(python).args(["-c", "pass"])).is_some()
}
