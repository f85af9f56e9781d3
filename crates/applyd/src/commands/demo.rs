//! `applyd demo`: from nothing to a proposal shown as `applied`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use applyd_client::Client;
use applyd_core::role::Role;
use applyd_server::config::Settings;
use applyd_server::{Running, StartError, open_store, start, telemetry};
use applyd_store::account::Channel;
use applyd_wire::{ApplicationStatus, ApplyRequest, StatusAnswer};
use indicatif::{ProgressBar, ProgressStyle};

use super::serve::{Stop, run};
use super::{account, dashboard, person};
use crate::failure::Failure;
use crate::output;

const JOB: &str = "https://www.upwork.com/jobs/~029000000000000000001";
const CREDITS: i64 = 100;
const POLL_EVERY: Duration = Duration::from_millis(250);
const WAIT: Duration = Duration::from_secs(290);

/// Starts a server, applies, watches; stays up until Ctrl-C unless `once`.
pub(super) fn demo(settings: Settings, listen_given: bool, once: bool) -> Result<(), Failure> {
    telemetry::start_quiet();
    let store = open_store(&settings.database)?;
    let name = format!("demo-{:08x}", fastrand::u32(..));
    let account = account::create(&store, &name, CREDITS, Channel::Sandbox)?;
    let (person, of) = (name.clone(), name.clone());
    let admin = store.write_blocking(move |tx| {
        let account = super::account_of(tx, &of)?;
        person::insert(tx, &account, &person, Role::Admin)
    })?;
    let key = output::shown(&account["apiKey"]);
    run(async move {
        let mut stop = Stop::listen()?;
        let running = start_somewhere(settings, listen_given).await?;
        let address = running.address.context("the demo's server listens")?;
        let base = format!("http://{address}");
        let shown = async {
            apply_and_watch(&base, &key, &name).await?;
            if !once {
                let (origin, admin) = (base.clone(), output::shown(&admin["personId"]));
                let link = store.write(move |tx| {
                    let person = dashboard::person_of(tx, &admin)?;
                    dashboard::make_link(tx, &person, &origin)
                });
                output::line(&format!("\ndashboard  {}  (once, within 15 minutes)", link.await?))?;
                output::line("\nCtrl-C stops the server.")?;
                std::future::pending::<()>().await;
            }
            Ok(())
        };
        let shown = tokio::select! {
            shown = shown => shown,
            () = stop.heard() => Ok(()),
        };
        running.stop().await;
        shown
    })
}

/// The usual port, or a free one if that is taken and none was asked for.
async fn start_somewhere(settings: Settings, listen_given: bool) -> Result<Running, StartError> {
    let listen = settings.listen.map(|address| SocketAddr::new(address.ip(), 0));
    let free = Settings { listen, ..settings.clone() };
    match start(settings).await {
        Err(StartError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::AddrInUse && !listen_given =>
        {
            start(free).await
        }
        other => other,
    }
}

async fn apply_and_watch(base: &str, key: &str, name: &str) -> Result<(), Failure> {
    output::line(&format!(
        "server   {base}\naccount  {name}, {CREDITS} credits, sandbox marketplace\nAPI key  {key}"
    ))?;
    let client = Client::new(base, key).context("the demo's own client")?;
    let request = ApplyRequest {
        job_id: Some(JOB.to_owned()),
        cover_letter: Some(
            "Hello! I have written Rust services for years and would like to help.".to_owned(),
        ),
        ..ApplyRequest::default()
    };
    let accepted = client.apply(&request).await.context("applying")?;
    output::line(&format!("job      {JOB}\nqueueId  {}\n", accepted.queue_id))?;
    let ended = watch(&client, &accepted.queue_id).await?;
    if ended.application_status != ApplicationStatus::Applied {
        let reason = ended.error_message.unwrap_or_default();
        return Err(Failure::Ours(anyhow::anyhow!(
            "the demo application ended as {:?}: {reason}",
            ended.application_status
        )));
    }
    output::line(&format!(
        "\nTry it yourself:\n\n  curl -s {base}/api/auto-apply-v2/apply -H 'x-api-key: {key}' \\\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{{\"jobId\":\"~029000000000000001000\",\"coverLetter\":\"Hello!\"}}'\n\n  \
         curl -s '{base}/api/auto-apply-v2/status?queueId={}' -H 'x-api-key: {key}'",
        accepted.queue_id
    ))
}

/// Live on a terminal, a line for each change elsewhere.
async fn watch(client: &Client, queue_id: &str) -> Result<StatusAnswer, Failure> {
    let bar = std::io::stdout().is_terminal().then(spinner);
    let mut last = None;
    let ended = client
        .wait(queue_id, POLL_EVERY, WAIT, |status| {
            let now = (status.application_status, status.processed_at.is_some());
            if last == Some(now) {
                return;
            }
            last = Some(now);
            match &bar {
                Some(bar) => bar.set_message(told(status)),
                // A reader that went away is told nothing more.
                None => drop(output::line(&told(status))),
            }
        })
        .await
        .context("polling the status")?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
        output::line(&told(&ended))?;
    }
    Ok(ended)
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn told(status: &StatusAnswer) -> String {
    let step = match (status.application_status, status.processed_at) {
        (ApplicationStatus::Processing, None) => "queued".to_owned(),
        (ApplicationStatus::Processing, Some(_)) => status.application_status_message.clone(),
        _ => status.error_message.clone().unwrap_or_else(|| status.application_status_message.clone()),
    };
    format!("status   {}: {step}", status.application_status.as_str())
}
