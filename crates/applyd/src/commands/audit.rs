//! `applyd audit …`.

use applyd_core::time::iso;
use applyd_store::audit::{Export, Line, Wanted};
use serde_json::{Value, json};

use crate::cli::{AuditCommand, Global};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(global: &Global, command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Export { account, since, until } = command;
    let store = super::store(global, false)?;
    let account =
        account.map(|name| store.read_blocking(move |tx| super::account_of(tx, &name))).transpose()?;
    let wanted = Wanted {
        account: account.map(|account| account.id),
        since: since.unwrap_or(0),
        // What comes while it prints is the next export's.
        until: until.unwrap_or_else(|| store.now() + 1),
    };
    let mut export = Export::new(wanted);
    loop {
        let (rest, lines) = store.read_blocking(move |tx| {
            let mut rest = export.clone();
            let lines = rest.next(tx)?;
            Ok::<_, Failure>((rest, lines))
        })?;
        if lines.is_empty() {
            return Ok(());
        }
        export = rest;
        for line in lines {
            output::line(&told(line).to_string())?;
        }
    }
}

fn told(line: Line) -> Value {
    let mut told = line.facts;
    let common = [
        ("at", json!(iso(line.at))),
        ("act", json!(line.act)),
        ("by", json!(line.by)),
        ("accountId", json!(line.account)),
        ("queueId", json!(line.application)),
    ];
    told.extend(common.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(told)
}
