//! `GET /api/auto-apply-v2/applied-jobs`: uphunt-api.md §8.

use std::sync::Arc;

use applyd_core::ids::{AccountId, QueueId};
use applyd_core::refusal::Refusal;
use applyd_store::applied_jobs::{self, Page};
use applyd_store::{Error, queue};
use applyd_wire::{ApplicationStatus, AppliedJobsAnswer, ErrorAnswer};
use axum::extract::{RawQuery, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer::json;
use super::query::{find, whole};
use super::refused::Refused;

const DEFAULT_LIMIT: i64 = 50;
const MOST_AT_ONCE: i64 = 100;

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    status: Option<ApplicationStatus>,
    limit: i64,
    offset: i64,
}

/// Lists the account's applications, newest first.
#[utoipa::path(
    get, path = "/api/auto-apply-v2/applied-jobs", tag = "applications",
    params(
        ("limit" = Option<i64>, Query, description = "How many at most", minimum = 1, maximum = 100),
        ("offset" = Option<i64>, Query, description = "How many are skipped", minimum = 0),
        ("status" = Option<ApplicationStatus>, Query, description = "Only those of this status"),
    ),
    responses(
        (status = 200, description = "A page", body = AppliedJobsAnswer),
        (status = 422, description = "A parameter is none of what is allowed", body = ErrorAnswer),
    ),
)]
pub(crate) async fn applied_jobs(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let asked = Asked::parse(query.as_deref().unwrap_or_default())?;
    let mut page = page(&app, &holder.account, asked).await?;
    if !page.overdue.is_empty() {
        catch_up(&app, &holder.account, std::mem::take(&mut page.overdue)).await?;
        page = self::page(&app, &holder.account, asked).await?;
    }
    let Asked { limit, offset, .. } = asked;
    let shown = i64::try_from(page.jobs.len()).unwrap_or(limit);
    let has_more = offset.saturating_add(shown) < page.total;
    let answer = AppliedJobsAnswer { jobs: page.jobs, total: page.total, limit, offset, has_more };
    Ok(json(StatusCode::OK, &answer))
}

impl Asked {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let status = find(query, "status").map(|name| status(&name)).transpose()?;
        let limit = whole(query, "limit", DEFAULT_LIMIT, 1..=MOST_AT_ONCE)?;
        let offset = whole(query, "offset", 0, 0..=i64::MAX)?;
        Ok(Self { status, limit, offset })
    }
}

fn status(name: &str) -> Result<ApplicationStatus, Refusal> {
    ApplicationStatus::ALL.into_iter().find(|status| status.as_str() == name).ok_or_else(|| {
        let all = ApplicationStatus::ALL.map(ApplicationStatus::as_str).join(", ");
        Refusal::meaning("status", format!("`status` must be one of {all}"))
    })
}

async fn page(app: &App, account: &AccountId, asked: Asked) -> Result<Page, Error> {
    let account = account.clone();
    let Asked { status, limit, offset } = asked;
    app.store.read(move |tx| applied_jobs::page(tx, &account, status, limit, offset)).await
}

/// What time has overtaken is ended here too, as a status read does.
async fn catch_up(app: &Arc<App>, account: &AccountId, overdue: Vec<QueueId>) -> Result<(), Error> {
    let (timing, leases) = (app.timing, Arc::clone(&app.leases));
    let changed = app
        .store
        .write(move |tx| {
            let moved = overdue
                .iter()
                .map(|id| queue::catch_up(tx, id, &timing, |progress| leases.dead(id, progress)));
            moved.collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    for application in changed.iter().flatten() {
        app.news.publish(application);
        app.wakes.wake(account);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_documented_is_taken() {
        let plain = Asked { status: None, limit: 50, offset: 0 };
        assert_eq!(Asked::parse(""), Ok(plain));
        assert_eq!(Asked::parse("other=1"), Ok(plain));
        let all = Asked { status: Some(ApplicationStatus::NotEnoughConnects), limit: 100, offset: 7 };
        assert_eq!(Asked::parse("offset=7&status=not_enough_connects&limit=100"), Ok(all));
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=", "limit"),
            ("limit=1.0", "limit"),
            ("offset=-1", "offset"),
            ("offset=9223372036854775808", "offset"),
            ("status=Applied", "status"),
            ("status=", "status"),
        ] {
            let refusal = Asked::parse(query).map_err(|refusal| (refusal.kind, refusal.field));
            assert_eq!(refusal, Err((applyd_core::refusal::Kind::Meaning, field.to_owned())), "{query}");
        }
    }
}
