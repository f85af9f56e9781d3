//! The sheet on which a person decides about one application: what would be sent, what it costs, what has changed.

use std::borrow::Borrow;
use std::sync::Arc;

use applyd_core::ids::{AccountId, QueueId, ShowingId};
use applyd_core::role::Role;
use applyd_core::state::{Progress, State};
use applyd_store::approval::{self, About, Approved, Person, Showing, Shown};
use applyd_store::pause::{self, Pause};
use applyd_store::{Error, Tx, application, letter};
use askama::Template;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::application::{line, named, own, terms};
use super::copied::Copied;
use super::member::Member;
use super::offer::{Offer, job_url};
use super::page::{Fields, Section, Shell, page};
use super::refused::Refused;
use super::visitor::Visitor;
use super::when::When;
use crate::http::App;

#[derive(Template)]
#[template(path = "dashboard/sheet.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    id: QueueId,
    found: Found,
}

/// What the store has of it.
struct Found {
    progress: Progress,
    about: About,
    /// As it was asked for.
    offer: Option<Offer>,
    /// What a person last wanted to see, and what was shown or why nothing was.
    showing: Option<Showing>,
    /// What is open to be approved, of that.
    open: Option<(Offer, Shown)>,
    /// What is new in it, in words.
    changes: Vec<String>,
    remarks: Vec<String>,
    is_asked: bool,
    approvers: i64,
    pause: Option<Pause>,
    /// The application that has the account's one preview, and until when.
    keeper: Option<(QueueId, Option<i64>)>,
}

pub(super) async fn sheet(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = named(&id)?;
    let (account, wanted) = (member.account(), id.clone());
    let found = app.store.read(move |tx| find(tx, &account, &wanted)).await?.ok_or(Refused::NoSuchPage)?;
    if found.progress.state != State::AwaitingApproval {
        return Ok(Redirect::to(&super::application::path(&id)).into_response());
    }
    Ok(page(&Page { shell: member.shell(Section::Approvals), now: app.store.now(), id, found }))
}

fn find(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<Option<Found>, Error> {
    let Some(application) = application::load(tx, id)?.filter(|found| found.account == *account) else {
        return Ok(None);
    };
    let request = application::request(tx, id)?.unwrap_or_default();
    let asked = terms(&serde_json::from_str(&request).unwrap_or_default());
    let showing = approval::last_shown(tx, id)?;
    let progress = application.progress;
    let is_open = progress.worker.is_none() && progress.opened_until.is_some_and(|until| tx.now() < until);
    let shown = showing.as_ref().and_then(|showing| Some((&showing.id, showing.content.as_ref().ok()?)));
    let shown = shown.filter(|_| is_open);
    let before = shown.map(|(id_of, _)| approval::shown_before(tx, id, id_of)).transpose()?.flatten();
    let changes = shown.zip(before).map(|((_, now), before)| changes(&before, now)).unwrap_or_default();
    let profile =
        shown.map(|(_, shown)| &shown.terms).or(asked.as_ref()).and_then(|of| of.profile_id.clone());
    let Some(about) = approval::about(tx, id, profile.as_deref())? else { return Ok(None) };
    let text = shown.map(|(_, shown)| &shown.terms).or(asked.as_ref()).map_or("", |of| &of.cover_letter);
    // What was shown has them with what the worker noted.
    let remarks = match shown {
        Some((_, shown)) => shown.remarks.clone(),
        None => letter::origin(tx, account, &application.job, text)?.remarks(),
    };
    Ok(Some(Found {
        is_asked: approval::is_asked(tx, id)?,
        approvers: applyd_store::account::approvers(tx, account)?,
        pause: pause::of(tx, account, application.channel)?,
        keeper: approval::in_the_way(tx, id)?,
        remarks,
        offer: asked.map(Offer),
        open: shown.map(|(_, shown)| (Offer(shown.terms.clone()), shown.clone())),
        changes,
        about,
        showing,
        progress,
    }))
}

/// What is new since it was shown before.
fn changes(before: &Shown, now: &Shown) -> Vec<String> {
    let mut found = Vec::new();
    if before.cost != now.cost {
        found.push(format!("It costs {} Connects, {} before.", now.cost.total(), before.cost.total()));
    }
    if before.balance_connects != now.balance_connects {
        found.push(format!(
            "There are {} Connects, {} before.",
            now.balance_connects, before.balance_connects
        ));
    }
    let (was, is) = (&before.terms, &now.terms);
    for (has_changed, says) in [
        (was.cover_letter != is.cover_letter, "The letter is another."),
        (was.price != is.price, "The price is another."),
        (was.answers != is.answers, "The answers are others."),
        (was.profile_id != is.profile_id, "It is for another profile."),
        (before.agency != now.agency, "It is in the name of another agency."),
    ] {
        if has_changed {
            found.push(says.to_owned());
        }
    }
    found
}

/// Has a worker make a preview; the page hears of it.
pub(super) async fn open(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Redirect, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let (account, wanted) = (member.account(), id.clone());
    let asked = app
        .store
        .write(move |tx| Ok::<_, Error>(own(tx, &account, &wanted)? && approval::ask(tx, &wanted)?))
        .await?;
    if !asked {
        return Err(Refused::NoSuchPage);
    }
    app.wakes.wake(&member.account());
    Ok(back(&id))
}

/// Nobody looks any more: another application can be shown.
pub(super) async fn close(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Redirect, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let (account, wanted, timing) = (member.account(), id.clone(), app.timing);
    app.store
        .write(move |tx| {
            Ok::<_, Error>(own(tx, &account, &wanted)? && approval::close(tx, &wanted, &timing)?)
        })
        .await?;
    app.news.changed(&member.account());
    app.wakes.wake(&member.account());
    Ok(Redirect::to("/dashboard/approvals"))
}

/// What a person has in front of them.
#[derive(Deserialize)]
pub(super) struct Seen {
    showing: String,
}

pub(super) async fn approve(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    visitor: Visitor,
    Path(id): Path<String>,
    Fields(seen): Fields<Seen>,
) -> Result<Response, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let seen = ShowingId::parse(&seen.showing).ok_or(Refused::NoSuchPage)?;
    let (account, wanted, timing) = (member.account(), id.clone(), app.timing);
    let (name, address) = (member.0.name.clone(), format!("dashboard, {}", visitor.address));
    let approved = app
        .store
        .write(move |tx| {
            if !own(tx, &account, &wanted)? {
                return Ok(None);
            }
            let person = Person { name: &name, address: &address };
            approval::approve(tx, &wanted, &seen, person, &timing).map(Some)
        })
        .await?;
    let says = match approved.ok_or(Refused::NoSuchPage)? {
        Approved::Queued(application) => {
            app.news.publish(&application);
            app.wakes.wake(&application.account);
            return Ok(decided(&id).into_response());
        }
        Approved::NeedsAnother => {
            app.news.changed(&member.account());
            return Ok(back(&id).into_response());
        }
        Approved::Again => "You have approved this already; another person must approve the same too.".to_owned(),
        Approved::NotShown => {
            "Nothing was approved: this is not what is shown now. It was closed, has expired, or has changed; look at it anew.".to_owned()
        }
        Approved::OverBudget(limit) => format!("Nothing was approved: {limit}."),
    };
    Err(Refused::TooLate(says))
}

#[derive(Deserialize)]
pub(super) struct Why {
    reason: String,
}

pub(super) async fn decline(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    visitor: Visitor,
    Path(id): Path<String>,
    Fields(why): Fields<Why>,
) -> Result<Redirect, Refused> {
    member.may(Role::Approver)?;
    let (id, reason) = (named(&id)?, line(&why.reason, "reason")?);
    let (account, wanted, timing) = (member.account(), id.clone(), app.timing);
    let (name, address) = (member.0.name.clone(), format!("dashboard, {}", visitor.address));
    let declined = app
        .store
        .write(move |tx| {
            if !own(tx, &account, &wanted)? {
                return Ok(None);
            }
            let person = Person { name: &name, address: &address };
            approval::decline(tx, &wanted, person, &reason, &timing).map(Some)
        })
        .await?;
    match declined.ok_or(Refused::NoSuchPage)? {
        Ok(application) => {
            app.news.publish(&application);
            app.wakes.wake(&application.account);
            Ok(decided(&id))
        }
        Err(_) => {
            Err(Refused::TooLate("Nothing was declined: it does not wait for a person any more.".to_owned()))
        }
    }
}

fn back(id: &QueueId) -> Redirect {
    Redirect::to(&format!("/dashboard/approvals/{id}"))
}

fn decided(id: &QueueId) -> Redirect {
    Redirect::to(&format!("/dashboard/approvals?last={id}"))
}

impl Page {
    fn copied<'a>(&self, text: &'a str) -> Copied<'a> {
        Copied(text)
    }

    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn job_url(&self) -> String {
        job_url(&self.found.about.job)
    }

    fn may_decide(&self) -> bool {
        self.shell.may(Role::Approver)
    }

    /// A worker is at it, or will be.
    fn is_being_made(&self) -> bool {
        self.found.open.is_none() && (self.found.is_asked || self.found.progress.worker.is_some())
    }

    /// Why the last try came to nothing.
    fn failure(&self) -> Option<&str> {
        let failed = self.found.showing.as_ref()?.content.as_ref().err()?;
        (!self.is_being_made()).then_some(failed.as_str())
    }

    /// What is on the sheet: what would be sent, else what was asked for.
    fn offer(&self) -> Option<&Offer> {
        self.found.open.as_ref().map(|(offer, _)| offer).or(self.found.offer.as_ref())
    }

    fn showing_id(&self) -> &str {
        self.found.showing.as_ref().map_or("", |showing| showing.id.as_str())
    }
}
