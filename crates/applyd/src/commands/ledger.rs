//! `applyd ledger …`.

use std::process::ExitCode;

use applyd_store::ledger;
use serde_json::json;

use crate::cli::{Global, LedgerCommand};
use crate::failure::{self, Failure};
use crate::output;

pub(super) fn run(global: &Global, command: &LedgerCommand) -> Result<ExitCode, Failure> {
    let LedgerCommand::Verify = command;
    let report = super::store(global, false)?.read_blocking(ledger::verify)?;
    let ok = report.violations.is_empty();
    let value = json!({
        "ok": ok, "accounts": report.accounts, "applications": report.applications, "violations": report.violations,
    });
    output::print(global.json, &value, |value| {
        let lines = value["violations"].as_array().into_iter().flatten().map(output::shown);
        let verdict =
            if ok { "the ledger is clean".to_owned() } else { "the ledger is NOT clean".to_owned() };
        let counts = format!("{} accounts, {} applications", value["accounts"], value["applications"]);
        [format!("{verdict}: {counts}")].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(failure::USER) })
}
