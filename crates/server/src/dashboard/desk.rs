//! The desk: a person claims what waits, submits it by hand at Upwork, and says what came of it.

use std::borrow::Borrow;
use std::sync::Arc;

use applyd_core::ids::QueueId;
use applyd_core::role::Role;
use applyd_store::account::Channel;
use applyd_store::person::Person;
use applyd_store::{Error, desk};
use applyd_wire::{DeskCase, DeskOutcome, DeskSheet, DeskStage};
use askama::Template;
use axum::extract::{Path, State as Shared};
use axum::response::{Redirect, Response};
use serde::Deserialize;

use super::application::named;
use super::copied::Copied;
use super::member::Member;
use super::page::{Fields, Section, Shell, page};
use super::refused::Refused;
use super::when::When;
use crate::http::App;
use crate::http::desk::{act, sheet};

const AT_ONCE: i64 = 100;
const PATH: &str = "/dashboard/desk";

#[derive(Template)]
#[template(path = "dashboard/desk.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    /// What this person has, then what anybody may have, the oldest first.
    mine: Vec<DeskCase>,
    others: Vec<DeskCase>,
}

#[derive(Template)]
#[template(path = "dashboard/case.html", whitespace = "minimize")]
struct CasePage {
    shell: Shell,
    now: i64,
    sheet: DeskSheet,
}

pub(super) async fn desk(Shared(app): Shared<Arc<App>>, member: Member) -> Result<Response, Refused> {
    member.may(Role::Desk)?;
    let (person, now) = (person(&member), app.store.now());
    let cases = app
        .store
        .read(move |tx| {
            let found = desk::list(tx, &person, None, AT_ONCE)?;
            Ok::<_, Error>(found.iter().map(|case| sheet::case(&person, case, now)).collect::<Vec<_>>())
        })
        .await?;
    let (mine, others) = cases.into_iter().partition(|case| case.is_mine);
    Ok(page(&Page { shell: member.shell(Section::Desk), now, mine, others }))
}

pub(super) async fn case(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.may(Role::Desk)?;
    let (person, id) = (person(&member), named(&id)?);
    let sheet = app.store.read(move |tx| sheet::read(tx, &person, &id)).await?.ok_or(Refused::NoSuchPage)?;
    Ok(page(&CasePage { shell: member.shell(Section::Desk), now: app.store.now(), sheet }))
}

pub(super) async fn claim(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Redirect, Refused> {
    member.may(Role::Desk)?;
    let id = named(&id)?;
    act::claim(&app, person(&member), id.clone()).await?;
    Ok(at(&id))
}

pub(super) async fn release(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Redirect, Refused> {
    member.may(Role::Desk)?;
    act::release(&app, person(&member), named(&id)?).await?;
    Ok(Redirect::to(PATH))
}

/// What the person has read and submits now.
#[derive(Deserialize)]
pub(super) struct Read {
    sha256: String,
}

pub(super) async fn declare(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Fields(read): Fields<Read>,
) -> Result<Redirect, Refused> {
    member.may(Role::Desk)?;
    let id = named(&id)?;
    act::declare(&app, person(&member), id.clone(), read.sha256).await?;
    Ok(at(&id))
}

/// The form of an outcome; an empty field says nothing.
#[derive(Deserialize)]
pub(super) struct Said {
    outcome: String,
    #[serde(default)]
    proposal_url: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    code: String,
}

/// Records it, and goes on to what waits next.
pub(super) async fn record(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Fields(said): Fields<Said>,
) -> Result<Redirect, Refused> {
    member.may(Role::Desk)?;
    let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let is_refused = said.outcome == "refused";
    let outcome = DeskOutcome {
        proposal_url: given(said.proposal_url),
        reason: given(said.reason),
        // The list of reasons is there whatever was chosen above it.
        code: given(said.code).filter(|_| is_refused),
        outcome: Some(said.outcome),
    };
    act::record(&app, person(&member), named(&id)?, outcome).await?;
    let (person, now) = (person(&member), app.store.now());
    let next = app
        .store
        .read(move |tx| {
            let found = desk::list(tx, &person, None, AT_ONCE)?;
            let cases = found.iter().map(|case| sheet::case(&person, case, now));
            Ok::<_, Error>(
                cases.filter(|case| case.stage == DeskStage::Waiting).map(|case| case.queue_id).next(),
            )
        })
        .await?;
    Ok(Redirect::to(&next.map_or_else(|| PATH.to_owned(), |next| format!("{PATH}/{next}"))))
}

fn at(id: &QueueId) -> Redirect {
    Redirect::to(&format!("{PATH}/{id}"))
}

/// Who acts at the desk: the same person as by a token.
fn person(member: &Member) -> Person {
    let session = &member.0;
    let (id, name, account) = (session.person.clone(), session.name.clone(), session.account.id.clone());
    Person { id, name, account, limits: Vec::new() }
}

/// A case's stage, for people.
fn stage(case: &DeskCase) -> (&'static str, &'static str) {
    match case.stage {
        DeskStage::Waiting => ("open", "Waiting"),
        DeskStage::Claimed => ("open", "Claimed"),
        DeskStage::Declared => ("unknown", "Being submitted"),
        DeskStage::Unknown => ("failed", "Outcome missing"),
        DeskStage::Ended => ("refused", "Ended"),
    }
}

impl Page {
    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn is_desk(&self) -> bool {
        self.shell.session.account.channel == Channel::Desk
    }
}

impl CasePage {
    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn copied<'a>(&self, text: &'a str) -> Copied<'a> {
        Copied(text)
    }

    fn is_waiting(&self) -> bool {
        self.sheet.case.stage == DeskStage::Waiting
    }

    fn is_claimed(&self) -> bool {
        self.sheet.case.is_mine && self.sheet.case.stage == DeskStage::Claimed
    }

    /// The outcome can be recorded by this person.
    fn is_declared(&self) -> bool {
        let stage = self.sheet.case.stage;
        self.sheet.case.is_mine && matches!(stage, DeskStage::Declared | DeskStage::Unknown)
    }

    fn price(&self) -> String {
        let of = &self.sheet.proposal;
        match (of.hourly_rate, of.fixed_price) {
            (Some(rate), _) => format!("${rate:.2} an hour"),
            (None, Some(price)) => format!("${price:.2} fixed"),
            (None, None) => "The profile’s rate".to_owned(),
        }
    }
}
