//! What a person at the desk sees of an application.

use applyd_core::approval::{Subject, resolved};
use applyd_core::ids::QueueId;
use applyd_core::state::State;
use applyd_core::terms::{Cents, Price, Terms};
use applyd_store::account::Channel;
use applyd_store::application::{self, Application};
use applyd_store::desk::{self, Case};
use applyd_store::person::Person;
use applyd_store::{Error, Tx, freelancer};
use applyd_wire::{DeskCase, DeskProfile, DeskSheet, DeskStage, Milestone, ProposalTerms, QuestionAnswer};

use crate::work::terms;

/// Where a job stands on Upwork, by its ciphertext.
const JOBS: &str = "https://www.upwork.com/jobs/";

/// One line of the list.
pub(crate) fn case(person: &Person, case: &Case, now: i64) -> DeskCase {
    let (application, progress) = (&case.application, &case.application.progress);
    let claimed_until = progress.lease_until.filter(|until| now < *until);
    let (stage, until) = match progress.state {
        State::Leased | State::Armed if claimed_until.is_some() => (DeskStage::Claimed, claimed_until),
        State::AwaitingApproval | State::Queued | State::Leased | State::Armed => {
            (DeskStage::Waiting, Some(progress.deadline))
        }
        State::Intent | State::Submitted => (DeskStage::Declared, Some(progress.deadline)),
        State::Verifying | State::Unknown => (DeskStage::Unknown, None),
        _ => (DeskStage::Ended, None),
    };
    let is_held = matches!(stage, DeskStage::Claimed | DeskStage::Declared | DeskStage::Unknown);
    let holder = case.person.as_ref().filter(|_| is_held);
    DeskCase {
        queue_id: application.id.as_str().to_owned(),
        job_id: application.job.as_str().to_owned(),
        job_url: format!("{JOBS}{}", application.job),
        stage,
        held_by: holder.map(|who| who.name.clone()),
        is_mine: holder.is_some_and(|who| who.id == person.id),
        until,
        accepted_at: application.accepted_at,
    }
}

/// Everything; `None`: the person's account has no such application at its desk.
pub(crate) fn read(tx: &Tx<'_>, person: &Person, id: &QueueId) -> Result<Option<DeskSheet>, Error> {
    let Some(found) = desk::find(tx, person, id)? else { return Ok(None) };
    let terms = terms_of(tx, id)?;
    let answer = found.application.answer();
    Ok(Some(DeskSheet {
        case: case(person, &found, tx.now()),
        profile: profile(tx, &found.application, &terms)?,
        sha256: hash(tx, &found.application, &terms)?,
        proposal: proposal(&terms),
        question_answers: terms
            .answers
            .into_iter()
            .map(|one| QuestionAnswer { question: one.question, answer: one.answer })
            .collect(),
        cover_letter: terms.cover_letter,
        application_status: answer.application_status,
        error_message: answer.error_message,
    }))
}

/// What a declaration of it is bound to; none while the application or its profile is not there.
pub(super) fn sha256(tx: &Tx<'_>, person: &Person, id: &QueueId) -> Result<Option<String>, Error> {
    let Some(found) = desk::find(tx, person, id)? else { return Ok(None) };
    hash(tx, &found.application, &terms_of(tx, id)?)
}

fn terms_of(tx: &Tx<'_>, id: &QueueId) -> Result<Terms, Error> {
    let request = application::request(tx, id)?;
    request.as_deref().and_then(terms).ok_or_else(|| Error::Damaged(format!("the request of {id}")))
}

fn hash(tx: &Tx<'_>, application: &Application, terms: &Terms) -> Result<Option<String>, Error> {
    let account = &application.account;
    let chosen = freelancer::profile(tx, account, terms.profile_id.as_deref())?;
    Ok(chosen.map(|chosen| {
        let subject = Subject {
            channel: Channel::Desk.as_str(),
            agency: account.as_str(),
            job: application.job.as_str(),
            profile: &chosen.id,
            terms: &resolved(terms, chosen.rate, None),
        };
        subject.sha256()
    }))
}

fn profile(tx: &Tx<'_>, application: &Application, terms: &Terms) -> Result<Option<DeskProfile>, Error> {
    let account = &application.account;
    let Some(chosen) = freelancer::profile(tx, account, terms.profile_id.as_deref())? else {
        return Ok(None);
    };
    let all = freelancer::list(tx, account)?;
    let mut profiles = all.into_iter().flat_map(|freelancer| {
        let name = freelancer.name;
        freelancer.profiles.into_iter().map(move |profile| (name.clone(), profile))
    });
    Ok(profiles.find(|(_, profile)| profile.profile_id == chosen.id).map(|(freelancer, profile)| {
        DeskProfile {
            freelancer,
            profile_id: profile.profile_id,
            title: profile.title,
            hourly_rate: profile.hourly_rate,
        }
    }))
}

fn proposal(terms: &Terms) -> ProposalTerms {
    let dollars = |cents: Cents| cents.get() as f64 / 100.0;
    let mut proposal = ProposalTerms {
        timeline: terms.timeline.clone(),
        boost_connects: Some(terms.boost_connects).filter(|boost| *boost > 0),
        max_connects: terms.max_connects,
        ..ProposalTerms::default()
    };
    match &terms.price {
        Price::Absent => {}
        Price::Hourly(rate) => proposal.hourly_rate = Some(dollars(*rate)),
        Price::Fixed { total, milestones } => {
            let milestone = |part: &applyd_core::terms::Milestone| Milestone {
                description: part.description.clone(),
                amount: dollars(part.amount),
                due_date: part.due_date.clone(),
            };
            proposal.fixed_price = Some(dollars(*total));
            proposal.milestones =
                Some(milestones.iter().map(milestone).collect::<Vec<_>>()).filter(|parts| !parts.is_empty());
        }
    }
    proposal
}
