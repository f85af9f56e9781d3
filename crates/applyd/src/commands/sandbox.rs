//! `applyd sandbox …`: the stand-in marketplace.

use anyhow::Context as _;
use applyd_sandbox::Hostility;
use applyd_server::config::Settings;
use applyd_server::telemetry;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::serve::{Stop, run};
use crate::cli::Global;
use crate::failure::Failure;
use crate::output;

const DEFAULT_LISTEN: &str = "127.0.0.1:8090";

/// Runs the stand-in until a signal.
pub(super) fn serve(
    settings: Settings,
    listen: Option<String>,
    hostile: Option<Hostility>,
) -> Result<(), Failure> {
    telemetry::start();
    let listen = listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
    run(async move {
        let mut stop = Stop::listen()?;
        let listener = TcpListener::bind(&listen)
            .await
            .map_err(|error| Failure::user(format!("cannot listen on {listen}: {error}")))?;
        let address = listener.local_addr()?;
        output::line(&format!("applyd sandbox listening on http://{address}/mcp"))?;
        let mut sandbox = settings.sandbox;
        sandbox.settings.behaviour.hostility = hostile;
        applyd_sandbox::serve(
            listener,
            &sandbox.database,
            sandbox.settings,
            async move { stop.heard().await },
        )
        .await
        .context("the sandbox")?;
        Ok(())
    })
}

/// Prints what the stand-in counted, from its own memory.
pub(super) fn submissions(global: &Global) -> Result<(), Failure> {
    let database = global.settings()?.sandbox.database;
    let counted = applyd_sandbox::submissions(&database, None, None).context("the sandbox's memory")?;
    let counted = serde_json::to_value(counted).map_err(anyhow::Error::new)?;
    output::print(global.json, &json!({ "submissions": counted }), |value| {
        let rows = value["submissions"].as_array().into_iter().flatten().map(|row: &Value| {
            [&row["agency"], &row["jobId"], &row["received"], &row["accepted"]]
                .into_iter()
                .map(output::shown)
                .collect()
        });
        output::table(&["agency", "job", "received", "accepted"], rows)
    })
}

/// Prints the jobs of the catalogue, which is part of the program.
pub(super) fn jobs(global: &Global) -> Result<(), Failure> {
    let jobs = serde_json::to_value(applyd_sandbox::catalogue()).map_err(anyhow::Error::new)?;
    output::print(global.json, &json!({ "jobs": jobs }), |value| {
        let rows = value["jobs"].as_array().into_iter().flatten().map(|row: &Value| {
            [&row["jobId"], &row["type"], &row["client"], &row["title"]]
                .into_iter()
                .map(output::shown)
                .collect()
        });
        output::table(&["job", "type", "client", "title"], rows)
    })
}
