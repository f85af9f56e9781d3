//! `GET /api/clients/:companyId/jobs`: uphunt-api.md §11.

use std::sync::Arc;

use applyd_core::job_ref::JobKey;
use applyd_store::Error;
use applyd_store::account::Channel;
use applyd_store::api_key::Holder;
use applyd_store::stored_job::{self, StoredJob};
use applyd_wire::{ClientJobsAnswer, ErrorAnswer, OpenJob};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::json;
use super::channel::{CALLER_WAIT, Read, fetch, fresh};
use super::named::Named;
use super::refused::Refused;

const LONGEST_ID_DIGITS: usize = 20;
/// How many stored jobs are read anew, at most, to find one that can still be read.
const MOST_REREAD: usize = 3;

/// Shows the open jobs and the history of one client.
///
/// It is known from the newest of its jobs that this account has read. Costs no credit.
#[utoipa::path(
    get, path = "/api/clients/{companyId}/jobs", tag = "data",
    params(("companyId" = String, Path, description = "The client's id, as a job shows it")),
    responses(
        (status = 200, description = "What is unknown is null", body = ClientJobsAnswer),
        (status = 404, description = "No job of this client was read", body = ErrorAnswer),
    ),
)]
pub(crate) async fn client_jobs(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Named(company_id): Named,
) -> Result<Response, Refused> {
    let shown = shown(&app, &holder, company_id).await;
    shown.map(|shown| json(StatusCode::OK, &shown)).map_err(Refused::coded)
}

async fn shown(app: &App, holder: &Holder, company_id: String) -> Result<ClientJobsAnswer, Refused> {
    let is_id =
        (1..=LONGEST_ID_DIGITS).contains(&company_id.len()) && company_id.bytes().all(|b| b.is_ascii_digit());
    if !is_id || holder.channel == Channel::Desk {
        return Err(Refused::UnknownClient);
    }
    let stored = of_company(app, holder, &company_id).await?;
    let freshened = tokio::time::timeout(CALLER_WAIT, freshen(app, holder, &stored)).await;
    freshened.unwrap_or(Err(Refused::ChannelUnreachable))?;
    let now = app.store.now();
    let fresh = of_company(app, holder, &company_id).await?.into_iter().filter(|stored| stored.is_fresh(now));
    let reads = fresh.map(Read::of).collect::<Result<Vec<_>, _>>()?;
    let newest = reads.first().ok_or(Refused::UnknownClient)?;
    let mut answer = ClientJobsAnswer {
        company_id,
        last_synced_at: newest.stored.synced_at,
        buyer: newest.document.buyer.clone(),
        open_jobs: reads.iter().filter(|read| read.document.is_open()).map(open).collect(),
        work_history: newest.document.auth.buyer.work_history.clone(),
        archived_ciphers: Vec::new(),
        archived_job_ids: Vec::new(),
    };
    archive(app, holder, &mut answer).await?;
    Ok(answer)
}

/// Sees to it that one of the newest is fresh, if one of them can still be read.
async fn freshen(app: &App, holder: &Holder, newest: &[StoredJob]) -> Result<(), Refused> {
    for stored in newest.iter().take(MOST_REREAD) {
        if stored.is_fresh(app.store.now()) {
            return Ok(());
        }
        match fetch(app, holder, &stored.job).await {
            Ok(_) => return Ok(()),
            Err(Refused::UnknownJob) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}

async fn of_company(app: &App, holder: &Holder, company_id: &str) -> Result<Vec<StoredJob>, Error> {
    let (account, company_id) = (holder.account.clone(), company_id.to_owned());
    app.store.read(move |tx| stored_job::of_company(tx, &account, &company_id)).await
}

fn open(read: &Read) -> OpenJob {
    let info = &read.document.job.opening.info;
    OpenJob {
        id: info.id.clone(),
        ciphertext: info.ciphertext.clone(),
        title: info.title.clone(),
        kind: info.kind.clone(),
        is_ptc_private: false,
    }
}

/// Names what by-ciphertext has stored of the jobs in this answer.
async fn archive(app: &App, holder: &Holder, answer: &mut ClientJobsAnswer) -> Result<(), Error> {
    let past = answer.work_history.iter().filter_map(|row| row.job_info.ciphertext.as_ref());
    let ciphers = answer.open_jobs.iter().map(|job| &job.ciphertext).chain(past);
    let keys: Vec<_> = ciphers.filter_map(|cipher| JobKey::parse(cipher)).collect();
    let account = holder.account.clone();
    let stored = app
        .store
        .read(move |tx| {
            let found = keys.iter().map(|key| fresh(tx, &account, key));
            Ok::<_, Error>(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>())
        })
        .await?;
    for stored in stored {
        let cipher = stored.job.as_str().to_owned();
        if !answer.archived_ciphers.contains(&cipher) {
            answer.archived_ciphers.push(cipher);
            answer.archived_job_ids.push(stored.processed_job_id);
        }
    }
    Ok(())
}
