//! An application as a worker takes it, with all that decides what is sent.

use applyd_core::approval::{Policy, Subject, resolved};
use applyd_core::ids::AccountId;
use applyd_core::terms::{Answer, Terms};
use applyd_store::account::Channel;
use applyd_store::application::{self, Application};
use applyd_store::approval::{self, Shown};
use applyd_store::freelancer::{self, Chosen};
use applyd_store::{Error, meta, queue};
use applyd_upwork::{ApprovedPreview, Assignment, Fill};

use super::{Worker, terms};
use crate::marketplaces::fill;

/// What a claim brings along.
pub(super) struct Taken {
    pub(super) application: Application,
    /// As it arrived.
    pub(super) request: String,
    /// What the request asks for.
    asked: Terms,
    /// None: the profile was removed meanwhile.
    pub(super) profile: Option<Chosen>,
    /// What a person has approved.
    approved: Option<Shown>,
    pub(super) verify_only: bool,
}

/// Takes the next application of an account, if there is one.
pub(super) async fn take(worker: &Worker, account: &AccountId) -> Result<Option<Taken>, Error> {
    let (account, timing) = (account.clone(), worker.timing);
    let incarnation = worker.leases.incarnation().to_owned();
    worker
        .store
        .write(move |tx| {
            let Some(application) = queue::claim(tx, &account, &incarnation, &timing)? else {
                return Ok(None);
            };
            let damaged = || Error::Damaged(format!("the request of {}", application.id));
            let request = application::request(tx, &application.id)?.ok_or_else(damaged)?;
            let asked = terms(&request).ok_or_else(damaged)?;
            let profile = freelancer::profile(tx, &account, asked.profile_id.as_deref())?;
            let approved = match application.progress.approval {
                Some(_) => approval::last_shown(tx, &application.id)?,
                None => None,
            };
            let approved = approved.and_then(|showing| showing.content.ok());
            let verify_only = meta::verify_only(tx)?.is_some();
            Ok(Some(Taken { application, request, asked, profile, approved, verify_only }))
        })
        .await
}

impl Taken {
    /// What the client is to do. Where the request names no ceiling, it is what the key may spend, or what a person
    /// was shown.
    pub(super) fn assignment(&self, profile: &Chosen, has_model: bool) -> Result<Assignment, Error> {
        let application = &self.application;
        let shown = self.approved.as_ref().and_then(|shown| shown.terms.max_connects);
        let asked = &self.asked;
        let terms = Terms {
            max_connects: asked.max_connects.or(application.ceiling_connects).or(shown),
            answers: self.answers(),
            ..asked.clone()
        };
        Ok(Assignment {
            queue_id: Some(application.id.clone()),
            grantee: profile.grantee(application.channel, &application.account),
            org_uid: None,
            job: application.job.clone(),
            terms,
            default_rate: profile.rate,
            fill: match application.progress.policy {
                // Where nobody writes answers, a person's approval would bring none.
                Policy::ByRequest if has_model || application.channel == Channel::Sandbox => Fill::AskPerson,
                _ => fill(application.channel),
            },
            approved: self.approved.as_ref().map(|shown| ApprovedPreview {
                id: shown.preview_id.clone(),
                expires_at: shown.preview_expires_at,
                cost_connects: shown.cost.base,
            }),
        })
    }

    /// The caller's, and after them those that were written for the caller when a person saw them.
    fn answers(&self) -> Vec<Answer> {
        let mut answers = self.asked.answers.clone();
        if self.asked.auto_fill
            && let Some(shown) = &self.approved
        {
            answers.extend(shown.terms.answers.iter().cloned());
        }
        answers
    }

    /// The hash that an approval of `terms` is bound to. A caller's own decision covers what was asked for; what the
    /// job makes of it must fit that, or the preview would not have been made.
    pub(super) fn sha256(&self, profile: &Chosen, org_uid: &str, terms: &Terms) -> String {
        let application = &self.application;
        let asked;
        let terms = match application.progress.policy {
            Policy::ByRequest => {
                asked = resolved(&self.asked, profile.rate, application.ceiling_connects);
                &asked
            }
            Policy::None | Policy::Required | Policy::Desk => terms,
        };
        let channel = application.channel;
        let agency = if channel == Channel::Sandbox { application.account.as_str() } else { org_uid };
        let (job, profile) = (application.job.as_str(), profile.id.as_str());
        Subject { channel: channel.as_str(), agency, job, profile, terms }.sha256()
    }
}
