//! `cargo xtask openapi`: writes `openapi.json` anew from the code.

use anyhow::{Context, Result};

use crate::run::{answer, cargo, root};

/// Where the description stands; a test fails when it is not what the code says.
const FILE: &str = "openapi.json";

/// Asks the program for its description.
///
/// # Errors
/// The program cannot be built, or the file cannot be written.
pub(crate) fn openapi() -> Result<()> {
    let described = answer(&mut cargo(&["run", "--quiet", "-p", "applyd", "--", "openapi"]))?;
    std::fs::write(root().join(FILE), described).context(FILE)
}
