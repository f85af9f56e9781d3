//! `POST /api/auto-apply-v2/preflight`: uphunt-api.md §13. Reads only: nothing is spent, held or made.

use std::sync::Arc;

use applyd_core::approval::Policy;
use applyd_core::draft::Draft;
use applyd_core::job_ref::JobKey;
use applyd_core::json;
use applyd_core::state::State;
use applyd_core::terms::Terms;
use applyd_store::api_key::Holder;
use applyd_store::freelancer::Chosen;
use applyd_store::{Error, queue, stored_job};
use applyd_upwork::{Assignment, Facts, Fill, Objection, Preflight};
use applyd_wire::{
    ApplicationStatus, AskedQuestion, Connects, ErrorAnswer, PreflightAnswer, PreflightRequest, Problem,
    Verdict,
};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::account::Caller;
use super::answer;
use super::apply::{profile, read, within_ceiling};
use super::body::Whole;
use super::channel::{awaited, contents, fresh_job_id, numbered, written};
use super::refused::Refused;
use crate::marketplaces::fill;

/// Tells what an application would come to.
///
/// It takes what apply takes, without a letter if you like. Nothing is spent, held, previewed or kept as an application.
#[utoipa::path(
    post, path = "/api/auto-apply-v2/preflight", tag = "applications",
    request_body(content = PreflightRequest, example = json!({"jobId": "~022052895097657407455"})),
    responses(
        (status = 200, description = "The verdict, and all that stands against it", body = PreflightAnswer),
        (status = 404, description = "The job is not known", body = ErrorAnswer),
        (status = 422, description = "Well-formed but senseless: `field` names it", body = ErrorAnswer),
    ),
)]
pub(crate) async fn preflight(
    Shared(app): Shared<Arc<App>>,
    Caller(holder): Caller,
    Whole(body): Whole,
) -> Result<Response, Refused> {
    let mut draft = Draft::parse_preflight(read(json::object(&body)?)?)?;
    within_ceiling(&holder, &draft.terms)?;
    draft.terms.max_connects = draft.terms.max_connects.or(holder.ceiling_connects);
    let asked = asked(&app, &holder, &draft).await?;
    let told = match app.marketplaces.of(holder.channel) {
        Some(marketplace) => {
            let assignment = assignment(&app, &holder, &asked, draft.terms.clone());
            awaited(marketplace.preflight(&assignment)).await?
        }
        // Nothing can be read at the desk.
        None => Preflight { seen: None, objections: Vec::new() },
    };
    let processed_job_id = keep(&app, &holder, &asked.job, &told).await?;
    Ok(answer::json(StatusCode::OK, &verdict(asked, holder.policy, processed_job_id, &draft.terms, told)))
}

/// What the store knows beforehand.
struct Asked {
    job: JobKey,
    profile: Chosen,
    barred: Option<&'static str>,
    has_credit: bool,
}

async fn asked(app: &App, holder: &Holder, draft: &Draft) -> Result<Asked, Refused> {
    let profile = profile(app, holder, draft.terms.profile_id.clone()).await?;
    let (account, channel) = (holder.account.clone(), holder.channel);
    let named = numbered(app, holder, draft.job.clone()).await?;
    app.store
        .read(move |tx| {
            let job = stored_job::resolve(tx, &account, channel, &named)?.ok_or(Refused::UnknownJob)?;
            let bars = queue::bars(tx, &account, &job)?;
            let has_credit = queue::has_credit(tx, &account)?;
            Ok::<_, Refused>(Asked { job, profile: profile.clone(), barred: bars.map(standing), has_credit })
        })
        .await
}

/// How a 409 says it.
fn standing(state: State) -> &'static str {
    match state.status() {
        ApplicationStatus::Applied => "Already applied to this job",
        ApplicationStatus::Processing => "An application for this job is in progress",
        _ => "The outcome of an earlier application for this job is unknown",
    }
}

fn assignment(app: &App, holder: &Holder, asked: &Asked, terms: Terms) -> Assignment {
    let is_read_by_person = matches!(holder.policy, Policy::Required | Policy::ByRequest);
    Assignment {
        queue_id: None,
        grantee: asked.profile.grantee(holder.channel, &holder.account),
        org_uid: None,
        job: asked.job.clone(),
        terms,
        default_rate: asked.profile.rate,
        fill: match fill(holder.channel) {
            Fill::Refuse if is_read_by_person && app.letters.is_model() => Fill::AskPerson,
            fill => fill,
        },
        approved: None,
    }
}

/// Keeps what was read, as any data read does; answers the job's UUID.
async fn keep(app: &App, holder: &Holder, job: &JobKey, told: &Preflight) -> Result<String, Error> {
    let (account, channel, job) = (holder.account.clone(), holder.channel, job.clone());
    let document = told.seen.as_ref().map(|seen| seen.document.clone());
    let fresh_job_id = fresh_job_id();
    app.store
        .write(move |tx| match &document {
            Some(document) => {
                let text = written(document)?;
                let contents = contents(document, &text);
                let stored = stored_job::save(tx, &account, channel, &job, &fresh_job_id, contents)?;
                Ok(stored.processed_job_id)
            }
            None => stored_job::processed_id(tx, &account, channel, &job, &fresh_job_id),
        })
        .await
}

fn verdict(
    asked: Asked,
    policy: Policy,
    processed_job_id: String,
    terms: &Terms,
    told: Preflight,
) -> PreflightAnswer {
    let verdict =
        told.objections.first().map_or(Verdict::Ok, |first| verdict_of(State::of(first.ending.code)));
    let (document, facts) = told.seen.map_or((None, None), |seen| (Some(seen.document), seen.facts));
    let contract_type = document.and_then(|document| document.job.opening.info.kind);
    let is_fixed = contract_type.as_deref() == Some("FIXED");
    let duplicate = asked.barred.map(|message| problem("duplicate", Some("jobId"), message.to_owned()));
    let no_credit =
        (!asked.has_credit).then(|| problem("no_credit", None, "Insufficient auto-apply credits".to_owned()));
    let objections = told.objections.into_iter().map(said);
    PreflightAnswer {
        job_id: asked.job.as_str().to_owned(),
        processed_job_id,
        verdict,
        approval: policy.as_str().to_owned(),
        contract_type,
        connects: facts.as_ref().map(|facts| connects(facts, terms)),
        milestones_allowed: facts.as_ref().filter(|_| is_fixed).map(|facts| facts.takes_milestones),
        questions: facts.map(questions),
        problems: duplicate.into_iter().chain(no_credit).chain(objections).collect(),
    }
}

fn verdict_of(state: State) -> Verdict {
    match state.status() {
        ApplicationStatus::Applied | ApplicationStatus::Processing => Verdict::Ok,
        ApplicationStatus::Failed => Verdict::Failed,
        ApplicationStatus::NotAvailable => Verdict::NotAvailable,
        ApplicationStatus::NotEligible => Verdict::NotEligible,
        ApplicationStatus::NotEnoughConnects => Verdict::NotEnoughConnects,
        ApplicationStatus::LoggedOut => Verdict::LoggedOut,
    }
}

fn connects(facts: &Facts, terms: &Terms) -> Connects {
    Connects {
        cost: facts.cost_connects,
        boost: terms.boost_connects,
        total: facts.cost_connects.saturating_add(terms.boost_connects),
        balance: facts.balance_connects,
        max: terms.max_connects,
    }
}

fn questions(facts: Facts) -> Vec<AskedQuestion> {
    let asked = facts.questions.into_iter().enumerate();
    asked.map(|(position, (question, answered))| AskedQuestion { position, question, answered }).collect()
}

fn said(Objection { ending, field }: Objection) -> Problem {
    let code = ending.code.as_str();
    let words = ending.message.strip_prefix(code).and_then(|rest| rest.strip_prefix(": "));
    problem(code, field, words.unwrap_or(&ending.message).to_owned())
}

fn problem(code: &str, field: Option<&str>, message: String) -> Problem {
    Problem { code: code.to_owned(), field: field.map(str::to_owned), message }
}
