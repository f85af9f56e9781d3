//! `applyd verify-only …`.

use std::process::ExitCode;

use applyd_store::{Error, audit, meta, queue};
use serde_json::{Value, json};

use crate::cli::{Global, VerifyOnlyCommand, operator};
use crate::failure::{self, Failure};
use crate::output;

pub(super) fn run(global: &Global, command: VerifyOnlyCommand) -> Result<ExitCode, Failure> {
    match command {
        VerifyOnlyCommand::Begin { reason } => begin(global, reason),
        VerifyOnlyCommand::End { force } => end(global, force),
    }
}

/// Effective at once, before the next intent of a running server.
fn begin(global: &Global, reason: String) -> Result<ExitCode, Failure> {
    let begun = super::store(global, false)?.write_blocking(move |tx| {
        meta::set_verify_only(tx, Some(&reason))?;
        audit::note(tx, "verify_only_begun", &operator(), None, &json!({"reason": reason}))?;
        Ok::<Value, Error>(json!({"verifyOnly": true, "reason": reason}))
    })?;
    output::print(global.json, &begun, |_| {
        "the verify-only mode is on: nothing is submitted until `applyd verify-only end`".to_owned()
    })?;
    Ok(ExitCode::SUCCESS)
}

fn end(global: &Global, force: bool) -> Result<ExitCode, Failure> {
    let ended = super::store(global, false)?.write_blocking(move |tx| {
        let unverified = queue::unverified(tx)?;
        let was = meta::verify_only(tx)?;
        let end = force || unverified.is_empty();
        if end {
            meta::set_verify_only(tx, None)?;
        }
        if end && was.is_some() {
            let facts = json!({"reason": was, "unverified": unverified.len()});
            audit::note(tx, "verify_only_ended", &operator(), None, &facts)?;
        }
        let unverified: Vec<Value> = unverified
            .iter()
            .map(|(id, status)| json!({"queueId": id.as_str(), "applicationStatus": status.as_str()}))
            .collect();
        Ok::<Value, Error>(json!({"ended": end, "reason": was, "unverified": unverified}))
    })?;
    output::print(global.json, &ended, |ended| {
        let rows = ended["unverified"].as_array().into_iter().flatten();
        let rows =
            rows.map(|row| vec![output::shown(&row["queueId"]), output::shown(&row["applicationStatus"])]);
        let verdict = match (&ended["ended"], &ended["reason"]) {
            (Value::Bool(true), Value::Null) => "the verify-only mode was not on",
            (Value::Bool(true), _) => "the verify-only mode has ended",
            _ => {
                "the verify-only mode goes on: these outcomes are not verified yet (--force ends it all the same)"
            }
        };
        format!("{verdict}\n{}", output::table(&["queueId", "status"], rows)).trim_end().to_owned()
    })?;
    Ok(if ended["ended"] == Value::Bool(true) { ExitCode::SUCCESS } else { ExitCode::from(failure::USER) })
}
