//! One application: everything that is known of it, and what a person can do about it.

use std::borrow::Borrow;
use std::sync::Arc;

use applyd_core::draft::Draft;
use applyd_core::ids::{AccountId, QueueId};
use applyd_core::outcome::Code;
use applyd_core::role::Role;
use applyd_core::state::State;
use applyd_core::terms::Terms;
use applyd_store::cancel::{self, Cancel};
use applyd_store::dossier::{self, Dossier, Step};
use applyd_store::resolve::{self, Finding, Resolved};
use applyd_store::{Error, Tx, application};
use askama::Template;
use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::badge::Badge;
use super::copied::Copied;
use super::member::Member;
use super::offer::Offer;
use super::page::{Fields, Section, Shell, page};
use super::refused::Refused;
use super::when::{Span, When};
use crate::http::App;

const LONGEST_NOTE_CHARS: usize = 500;

#[derive(Template)]
#[template(path = "dashboard/application.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    now: i64,
    told: Dossier,
    /// What was asked for; `None`: it is erased.
    offer: Option<Offer>,
}

pub(super) async fn application(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (account, id) = (member.account(), named(&id)?);
    let told = app.store.read(move |tx| dossier::read(tx, &account, &id)).await?;
    let told = told.ok_or(Refused::NoSuchPage)?;
    let offer = terms(&told.request).map(Offer);
    Ok(page(&Page { shell: member.shell(Section::Applications), now: app.store.now(), told, offer }))
}

/// An id that cannot be one is no page's.
pub(super) fn named(id: &str) -> Result<QueueId, Refused> {
    QueueId::parse(id).ok_or(Refused::NoSuchPage)
}

/// Of a request that was accepted, so that only an erased one has none.
pub(super) fn terms(request: &serde_json::Value) -> Option<Terms> {
    let request = serde_json::from_value(request.clone()).ok()?;
    Draft::parse(request).ok().map(|draft| draft.terms)
}

/// The page of an application.
pub(super) fn path(id: &QueueId) -> String {
    format!("/dashboard/applications/{id}")
}

/// Cancels what was not sent, as the caller could.
pub(super) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let (account, asked, timing, leases) =
        (member.account(), id.clone(), app.timing, Arc::clone(&app.leases));
    let outcome = app
        .store
        .write(move |tx| {
            cancel::cancel(tx, &account, &asked, &timing, |progress| leases.dead(&asked, progress))
        })
        .await?;
    let (application, says) = match outcome.ok_or(Refused::NoSuchPage)? {
        Cancel::Cancelled(application) => (application, None),
        Cancel::Started(application) => {
            (application, Some("Submission has started: it cannot be taken back any more."))
        }
        Cancel::Ended(application) => (application, Some("It has ended already.")),
        Cancel::Unread(application) => {
            (application, Some("After the restore the site has to be read first; try again in a minute."))
        }
    };
    app.leases.taken_away(&application.id, &application.progress);
    app.news.publish(&application);
    app.wakes.wake(&application.account);
    match says {
        None => Ok(Redirect::to(&path(&id)).into_response()),
        Some(says) => Err(Refused::TooLate(says.to_owned())),
    }
}

/// What a person has found at the site.
#[derive(Deserialize)]
pub(super) struct Found {
    finding: String,
    #[serde(default)]
    proposal: String,
    note: String,
}

pub(super) async fn resolve(
    Shared(app): Shared<Arc<App>>,
    member: Member,
    Path(id): Path<String>,
    Fields(found): Fields<Found>,
) -> Result<Response, Refused> {
    member.may(Role::Approver)?;
    let id = named(&id)?;
    let note = line(&found.note, "note")?;
    let proposal = Some(found.proposal.trim()).filter(|proposal| !proposal.is_empty());
    let proposal = proposal.map(|proposal| line(proposal, "proposal")).transpose()?;
    let finding = match found.finding.as_str() {
        "submitted" => Finding::Submitted(proposal),
        "not_submitted" => Finding::NotSubmitted,
        "clear_guard" => Finding::ClearGuard,
        _ => return Err(Refused::Invalid("Say what you found.".to_owned())),
    };
    let (account, wanted, name, timing) = (member.account(), id.clone(), member.0.name.clone(), app.timing);
    let resolved = app
        .store
        .write(move |tx| match own(tx, &account, &wanted)? {
            true => resolve::resolve(tx, &wanted, &finding, &name, &note, &timing),
            false => Ok(Resolved::Unknown),
        })
        .await?;
    let says = match resolved {
        Resolved::Settled(application) => {
            app.news.publish(&application);
            app.wakes.wake(&application.account);
            None
        }
        Resolved::Noted | Resolved::GuardCleared => None,
        Resolved::Unknown => return Err(Refused::NoSuchPage),
        Resolved::NotOpen(_) => Some("Its outcome is not in doubt."),
        Resolved::NotUnresolved(_) => Some("Only what has ended as unresolved leaves a guard to clear."),
        Resolved::TooEarly(_) => Some(
            "It cannot be called not submitted yet: what was on its way may still arrive. Look at Upwork once more in a minute and say it again.",
        ),
    };
    match says {
        None => Ok(Redirect::to(&path(&id)).into_response()),
        Some(says) => Err(Refused::TooLate(says.to_owned())),
    }
}

/// Whether an application is of this account.
pub(super) fn own(tx: &Tx<'_>, account: &AccountId, id: &QueueId) -> Result<bool, Error> {
    Ok(application::load(tx, id)?.is_some_and(|found| found.account == *account))
}

/// One line of a person's own words.
pub(super) fn line(text: &str, field: &str) -> Result<String, Refused> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NOTE_CHARS || text.contains(char::is_control) {
        let allowed = format!("`{field}` must be one line of 1 to {LONGEST_NOTE_CHARS} characters.");
        return Err(Refused::Invalid(allowed));
    }
    Ok(text.to_owned())
}

impl Page {
    fn copied<'a>(&self, text: &'a str) -> Copied<'a> {
        Copied(text)
    }

    fn when(&self, at: impl Borrow<i64>) -> When {
        When { at: *at.borrow(), now: self.now }
    }

    fn badge(&self) -> Badge {
        Badge(self.told.application.progress.state)
    }

    fn state(&self) -> State {
        self.told.application.progress.state
    }

    fn has_ended(&self) -> bool {
        self.state().is_terminal()
    }

    fn took(&self) -> Option<Span> {
        let progress = &self.told.application.progress;
        let ended = self.told.steps.last().filter(|_| self.has_ended()).map(|step| step.at);
        Some(Span(progress.applied_at.or(ended)? - self.told.application.accepted_at))
    }

    /// Nothing of it was sent, so that it can be cancelled.
    fn is_unsent(&self) -> bool {
        matches!(self.state(), State::AwaitingApproval | State::Queued | State::Leased | State::Armed)
    }

    fn awaits_approval(&self) -> bool {
        self.state() == State::AwaitingApproval
    }

    /// A person's word can settle it.
    fn is_in_doubt(&self) -> bool {
        matches!(self.state(), State::Verifying | State::Unknown) || self.is_unresolved()
    }

    /// It has ended so; a finding is only noted.
    fn is_unresolved(&self) -> bool {
        self.told.application.progress.code == Some(Code::Unresolved)
    }

    fn may_decide(&self) -> bool {
        self.shell.may(Role::Approver)
    }

    /// What a step is called, for people.
    fn word(&self, step: &Step) -> String {
        step.event.replace('_', " ")
    }

    /// The evidence as it was written down.
    fn evidence(&self, step: &Step) -> Option<String> {
        if step.facts.is_empty() {
            return None;
        }
        let lines = step.facts.iter().filter_map(|fact| serde_json::to_string_pretty(fact).ok());
        Some(lines.collect::<Vec<_>>().join("\n"))
    }

    /// Where the job is at Upwork.
    fn job_url(&self) -> String {
        super::offer::job_url(&self.told.application.job)
    }
}
