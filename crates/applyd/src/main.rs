//! `applyd`: the program. Data goes to stdout, all else to stderr; exit 0 done, 1 the user's fault, 2 ours.

mod cli;
mod commands;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come here as well; those are no faults.
            let code = if error.use_stderr() { ExitCode::from(failure::USER) } else { ExitCode::SUCCESS };
            // A closed stdout leaves nobody to tell.
            let _ = error.print();
            return code;
        }
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => failure.tell(),
    }
}
