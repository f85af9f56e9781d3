//! `GET /dashboard/applications`: what was asked for, newest first. What one looks for stands in the address.

use std::borrow::Borrow;
use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_store::listing::{self, Listed, Page as Found};
use applyd_store::{Error, freelancer};
use applyd_wire::Freelancer;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;

use super::badge::Badge;
use super::member::Member;
use super::page::{Section, Shell, page_as};
use super::pick::{CHOICES, Pick, Wrong};
use super::refused::Refused;
use super::when::{Span, When};
use crate::http::App;

const AT_ONCE: usize = 50;

#[derive(Template)]
#[template(path = "dashboard/applications.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    pick: Pick,
    wrong: Option<Wrong>,
    freelancers: Vec<Freelancer>,
    rows: Vec<Listed>,
    next: Option<QueueId>,
}

pub(super) async fn applications(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    query: Result<Query<Pick>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(pick) = query.map_err(|rejection| Refused::Invalid(rejection.body_text()))?;
    let account = member.account();
    let (parsed, wrong) = match pick.parse() {
        Ok(parsed) => (Some(parsed), None),
        Err(wrong) => (None, Some(wrong)),
    };
    let (freelancers, found) = app
        .store
        .read(move |tx| {
            let freelancers = freelancer::list(tx, &account)?;
            let wanted = parsed.as_ref().map(|parsed| parsed.wanted(tx, &account)).transpose()?.flatten();
            let before = parsed.as_ref().and_then(|parsed| parsed.before.as_ref());
            let found =
                wanted.map(|wanted| listing::page(tx, &account, &wanted, before, AT_ONCE)).transpose()?;
            Ok::<_, Error>((freelancers, found.unwrap_or(Found { rows: Vec::new(), next: None })))
        })
        .await?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let Found { rows, next } = found;
    let shell = member.shell(Section::Applications);
    Ok(page_as(status, &Page { shell, now: app.store.now(), pick, wrong, freelancers, rows, next }))
}

impl Page {
    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn took(&self, row: &Listed) -> Option<Span> {
        row.ended_at.map(|ended| Span(ended - row.accepted_at))
    }

    fn badge(&self, row: &Listed) -> Badge {
        Badge(row.state)
    }

    fn is_wrong(&self, field: &str) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.field == field)
    }
}
