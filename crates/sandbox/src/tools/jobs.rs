//! `find_jobs` get: the read of a job, where scripts make most of their trouble.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Call};
use crate::document::{object, participant};
use crate::error::Error;
use crate::job::{COST_CONNECTS, Job, JobRef};
use crate::memory::{proposals, scripts};
use crate::refusal::Refusal;
use crate::script::Script;

/// Reads of one application that job 0007 fails.
const FLAKY_READS: u32 = 3;
/// When every job was made and published.
const PUBLISHED: &str = "2026-01-01T00:00:00.000Z";

/// Answers a read of a job.
pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Error> {
    let Some(named) = call.param("id").or_else(|| call.param("job_id")) else {
        return Ok(call.stand_in.bad_input("id is missing"));
    };
    let reference = JobRef::parse(named);
    let Some(job) = reference.as_ref().and_then(|reference| Job::find(&reference.id)) else {
        return Ok(call.stand_in.refuse(Refusal::JobNotVisible));
    };
    call.stand_in.take_time_to_read().await;
    if let Some(request_id) = call.request_id
        && let Some(trouble) = trouble(call, &job, request_id).await?
    {
        return Ok(trouble);
    }
    if let Some(ciphertext) = reference.and_then(|reference| reference.old_ciphertext) {
        let id = job.id.clone();
        call.stand_in.memory.write(move |memory| proposals::remember_old(memory, &id, &ciphertext)).await?;
    }
    let (org_uid, id, shown_until_ms) = (call.bearer.org_uid.clone(), job.id.clone(), call.shown_until_ms());
    let applied = call
        .stand_in
        .memory
        .read(move |memory| proposals::applied(memory, &org_uid, &id, shown_until_ms))
        .await?;
    let cost = if call.stand_in.settings.behaviour.extra_members {
        json!(f64::from(COST_CONNECTS))
    } else {
        json!(COST_CONNECTS)
    };
    let can_apply = job.is_open() && job.is_eligible() && job.balance_connects() >= COST_CONNECTS;
    let countries: &[&str] = if job.is_eligible() { &[] } else { &["Iceland"] };
    Ok(call.stand_in.ok(object(json!({
        "can_apply": can_apply,
        "applied": applied,
        "connects_cost": cost,
        "connects_balance": job.balance_connects(),
        "screening_questions": job.questions().iter().map(|question| participant(question)).collect::<Vec<_>>(),
        "client_record": {
            "contracts_active": 0, "contracts_total": 0, "feedback_count": 0, "feedback_score": null,
            "hours_total": 0, "jobs_with_hires": 0, "spend_total": "$0",
        },
        "client_work_history": {"open": [], "closed": [], "shown": 0, "more_available": false},
        "client_feedback": [],
        "preferred_qualifications":
            {"english_proficiency": "ANY", "min_job_success_score": null, "rising_talent": false},
        "preferred_locations": {"countries": countries, "location_required": !job.is_eligible()},
        "plan": "basic",
        "data": {"marketplaceJobPosting": posting(&job)},
    }))))
}

/// What the job's script puts in the way of this read: login first, then the read itself.
async fn trouble(call: &Call<'_>, job: &Job, request_id: &str) -> Result<Option<Answer>, Error> {
    let unavailable = Some(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    let trouble = match job.script {
        Script::LoggedOut => Some(Answer::Unauthorized),
        Script::LoginLostOnce => login_lost(call, job, request_id).await?.then_some(Answer::Unauthorized),
        Script::Silent => Some(Answer::Silence),
        Script::FlakyReads if read_fails(call, job, request_id).await? => unavailable,
        _ if call.is_dark(Some(&job.id)).await? => unavailable,
        _ => None,
    };
    Ok(trouble)
}

/// Whether this read uses the token that the application's first read had.
async fn login_lost(call: &Call<'_>, job: &Job, request_id: &str) -> Result<bool, Error> {
    let (request_id, id, token) = (request_id.to_owned(), job.id.clone(), call.bearer.token.clone());
    call.stand_in
        .memory
        .write(move |memory| match scripts::failed_reads(memory, &request_id, &id)? {
            Some(failed) => Ok(failed.first_token == token),
            None => {
                scripts::fail_read(memory, &request_id, &id, &token)?;
                Ok(true)
            }
        })
        .await
}

/// Whether this read is one of the application's first few, and counts it.
async fn read_fails(call: &Call<'_>, job: &Job, request_id: &str) -> Result<bool, Error> {
    let (request_id, id, token) = (request_id.to_owned(), job.id.clone(), call.bearer.token.clone());
    call.stand_in
        .memory
        .write(move |memory| {
            let failed = scripts::failed_reads(memory, &request_id, &id)?.map_or(0, |failed| failed.count);
            if failed >= FLAKY_READS {
                return Ok(false);
            }
            scripts::fail_read(memory, &request_id, &id, &token)?;
            Ok(true)
        })
        .await
}

fn posting(job: &Job) -> Value {
    let terms = if job.is_fixed_price() {
        json!({
            "contractType": "FIXED", "experienceLevel": "EXPERT", "personsToHire": 1,
            "fixedPriceContractTerms":
                {"amount": {"currency": "USD", "displayValue": "$3,000.00", "rawValue": "3000.0"}},
            "hourlyContractTerms": null,
        })
    } else {
        json!({
            "contractType": "HOURLY", "experienceLevel": "EXPERT", "personsToHire": 1,
            "fixedPriceContractTerms": null,
            "hourlyContractTerms": {
                "hourlyBudgetType": "MANUAL", "hourlyBudgetMin": 30, "hourlyBudgetMax": 90,
                "engagementType": "FULL_TIME",
            },
        })
    };
    json!({
        "id": job.id,
        "url": job.url(),
        "createdDateTime": PUBLISHED,
        "publishedDateTime": PUBLISHED,
        "content": {"title": job.title(), "description": participant(&job.description())},
        "contractTerms": terms,
        "activityStat": {
            "applicationsBidStats": {},
            "jobActivity": {
                "invitesSent": 0, "totalHired": 0, "totalInvitedToInterview": 0, "totalOffered": 0,
                "totalUnansweredInvites": 0,
            },
        },
        "workFlowState": {"status": if job.is_open() { "ACTIVE" } else { "CLOSED" }},
        "canClientReceiveContractProposal": job.is_open(),
        "clientCompanyPublic": {
            "id": job.company_id(), "name": job.company_name(), "country": {"name": "USA"},
            "timezone": "America/New_York (UTC-05:00)",
        },
    })
}
