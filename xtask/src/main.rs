//! Tasks of the applyd repository: `cargo xtask setup`, `test`, `openapi` and `bench`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod bench;
mod openapi;
mod postgres;
mod previous;
mod run;
mod setup;
mod source;
mod test;
mod tool;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Tasks of the applyd repository.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the tests need and this machine lacks.
    Setup,
    /// Run every check and every test; the last line is `N passed, N failed`.
    Test {
        /// Multiply the random parts.
        #[arg(long)]
        long: bool,
    },
    /// Write `openapi.json` anew from the code.
    Openapi,
    /// Measure the release build beside a bare route, single commits and pgbench; prints ratios.
    Bench {
        /// Only these pages.
        pages: Vec<bench::Page>,
        /// Hold the snapshot for ten minutes.
        #[arg(long)]
        long: bool,
    },
}

fn main() -> Result<ExitCode> {
    match Args::parse().task {
        Task::Setup => setup::setup()?,
        Task::Test { long } => return test::test(long),
        Task::Openapi => openapi::openapi()?,
        Task::Bench { pages, long } => bench::bench(&pages, long)?,
    }
    Ok(ExitCode::SUCCESS)
}
