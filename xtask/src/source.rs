//! Rules about the source text that no lint knows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run::root;

const MOST_LINES: usize = 500;
/// How each of the stand-in's own error codes begins.
const STAND_IN_CODE: &str = "STANDIN_";

/// No Rust file is too long to be read in one sitting.
///
/// # Errors
/// The files that are.
pub(crate) fn no_long_file() -> Result<()> {
    let mut found = Vec::new();
    for folder in ["crates", "xtask"] {
        for file in rust_files(&root().join(folder))? {
            let lines = read(&file)?.lines().count();
            if lines > MOST_LINES {
                found.push(format!("{}: {lines} lines, at most {MOST_LINES}", shown(&file)));
            }
        }
    }
    none(&found)
}

/// The stand-in's own error codes are not known outside of it: what applyd understands by them it could not
/// understand of the real site. Tests may know them.
///
/// # Errors
/// The places that know one.
pub(crate) fn no_stand_in_code_outside() -> Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("crates")).context("crates")? {
        let package = entry?.path();
        if package.ends_with("sandbox") {
            continue;
        }
        for file in rust_files(&package.join("src"))? {
            if is_test(&file) {
                continue;
            }
            let text = read(&file)?;
            // A file's own tests stand at its end.
            for (at, line) in text.lines().take_while(|line| *line != "mod tests {").enumerate() {
                if line.contains(STAND_IN_CODE) {
                    found.push(format!("{}:{}: {}", shown(&file), at + 1, line.trim()));
                }
            }
        }
    }
    none(&found)
}

fn is_test(file: &Path) -> bool {
    file.iter().any(|part| part == "tests" || part == "tests.rs")
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| shown(folder))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| shown(file))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn none(found: &[String]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    bail!("{}", found.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_by_their_path() {
        assert!(is_test(Path::new("crates/core/src/state/tests.rs")));
        assert!(is_test(Path::new("crates/core/src/tests/a.rs")));
        assert!(!is_test(Path::new("crates/core/src/state.rs")));
    }
}
