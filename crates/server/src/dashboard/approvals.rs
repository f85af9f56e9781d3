//! `GET /dashboard/approvals`: what waits for a person, the oldest first.

use std::borrow::Borrow;
use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_store::listing::{self, Listed};
use applyd_store::{Error, approval};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use serde::Deserialize;

use super::badge::Badge;
use super::member::Member;
use super::page::{Section, Shell, page};
use super::refused::Refused;
use super::when::When;
use crate::http::App;

const AT_ONCE: usize = 100;

#[derive(Template)]
#[template(path = "dashboard/approvals.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    /// With the time by which each must be decided.
    waiting: Vec<(Listed, i64)>,
    /// There are more than these.
    has_more: bool,
    /// What was decided just before.
    last: Option<Listed>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    last: Option<String>,
}

pub(super) async fn approvals(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(asked) = query.map_err(|rejection| Refused::Invalid(rejection.body_text()))?;
    let (account, last) = (member.account(), asked.last.as_deref().and_then(QueueId::parse));
    let (waiting, has_more, last) = app
        .store
        .read(move |tx| {
            let all = approval::waiting(tx, Some(&account))?;
            let waiting = all.iter().take(AT_ONCE).map(|waiting| {
                Ok(listing::one(tx, &account, &waiting.id)?.map(|listed| (listed, waiting.approve_by)))
            });
            let waiting = waiting.filter_map(Result::transpose).collect::<Result<Vec<_>, Error>>()?;
            let last = last.as_ref().map(|id| listing::one(tx, &account, id)).transpose()?.flatten();
            Ok::<_, Error>((waiting, all.len() > AT_ONCE, last))
        })
        .await?;
    let shell = member.shell(Section::Approvals);
    Ok(page(&Page { shell, now: app.store.now(), waiting, has_more, last }))
}

impl Page {
    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn badge(&self, row: &Listed) -> Badge {
        Badge(row.state)
    }
}
