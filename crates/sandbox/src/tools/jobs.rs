//! `find_jobs` get: the read of a job, where scripts make most of their trouble.

use axum::http::StatusCode;
use serde_json::json;

use super::{Answer, Call, client, posting};
use crate::document::{object, participant};
use crate::error::Error;
use crate::job::{COST_CONNECTS, Job, JobRef};
use crate::memory::{proposals, scripts};
use crate::refusal::Refusal;
use crate::script::Script;

/// Reads of one application that job 0007 fails.
const FLAKY_READS: u32 = 3;

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
    let countries = match job.listed {
        Some((_, listed)) => listed.countries.iter().map(String::as_str).collect(),
        None if job.is_eligible() => Vec::new(),
        None => vec!["Iceland"],
    };
    Ok(call.stand_in.ok(object(json!({
        "can_apply": can_apply,
        "applied": applied,
        "connects_cost": cost,
        "connects_balance": job.balance_connects(),
        "screening_questions": job.questions().iter().map(|question| participant(question)).collect::<Vec<_>>(),
        "client_record": client::record(&job),
        "client_work_history": client::work_history(&job),
        "client_feedback": client::feedback(&job),
        "preferred_qualifications":
            {"english_proficiency": "ANY", "min_job_success_score": null, "rising_talent": false},
        "preferred_locations": {"countries": countries, "location_required": !job.is_eligible()},
        "plan": "basic",
        "data": {"marketplaceJobPosting": posting::posting(&job)},
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
