//! `confirm_preview`: the one call that submits.

use std::time::Duration;

use axum::http::StatusCode;
use rusqlite::Connection;
use serde_json::json;

use super::{Answer, Call, preview_key, refusal_of_standing};
use crate::behaviour::{Behaviour, ConfirmFault, Standing};
use crate::clock::{millis, now_ms};
use crate::connection::HangUp;
use crate::document::object;
use crate::error::Error;
use crate::job::Job;
use crate::memory::previews::{self, State, Terms};
use crate::memory::{proposals, scripts};
use crate::refusal::Refusal;
use crate::script::{Fate, Script};
use crate::stand_in::pause;

/// One submission, with everything that decides its fate.
struct Submission {
    preview_id: String,
    org_uid: String,
    queue_id: Option<String>,
    behaviour: Behaviour,
    arrived_ms: i64,
    /// How long job 0017 or 0018 darkens the agency.
    dark_for: Duration,
}

/// What the memory holds after a submission, and so what may be answered.
struct Settled {
    script: Script,
    ending: Ending,
}

enum Ending {
    Accepted { number: i64 },
    Refused(Refusal),
    Cut,
    NotTaken,
}

/// Answers a confirm; the caller has counted it as received.
pub(crate) async fn confirm(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    let settings = &stand_in.settings;
    let key = preview_key(settings.behaviour.era);
    let (Some("proposal"), Some(preview_id)) = (call.param("type"), call.param(key)) else {
        return Ok(stand_in.bad_input("type and the preview's id are required"));
    };
    if call.params.len() != 2 {
        return Ok(stand_in.refuse(Refusal::ExtraPayload));
    }
    let submission = Submission {
        preview_id: preview_id.into(),
        org_uid: call.bearer.org_uid.clone(),
        queue_id: call.request_id.map(str::to_owned),
        behaviour: settings.behaviour.clone(),
        arrived_ms: now_ms(),
        dark_for: settings.deadline + settings.unreadable_for,
    };
    // Stored at once and answered later: what is not stored now never will be, so a read that comes after the
    // client's drain tells the truth.
    let settled = stand_in.memory.write(move |memory| settle(memory, &submission)).await?;
    pause(match settled.script {
        Script::Slow => settings.slow_answer,
        _ => stand_in.chance.span(&settings.settle_latency),
    })
    .await;
    Ok(answer(call, &settled.ending))
}

fn settle(memory: &Connection, submission: &Submission) -> Result<Settled, Error> {
    let refused = |refusal| Ok(Settled { script: Script::Plain, ending: Ending::Refused(refusal) });
    let Some(preview) = previews::find(memory, &submission.preview_id, &submission.org_uid)? else {
        return refused(Refusal::PreviewUnknown);
    };
    match preview.state {
        State::Used => return refused(Refusal::PreviewUsed),
        State::Superseded => return refused(Refusal::PreviewSuperseded),
        State::Pending if preview.expires_ms <= submission.arrived_ms => {
            return refused(Refusal::PreviewExpired);
        }
        State::Pending => {}
    }
    previews::use_up(memory, &submission.preview_id)?;
    let terms = preview.terms;
    let script = Job::find(&terms.job_reference).map_or(Script::Gone, |job| job.script);
    let script = if submission.queue_id.is_some() { script } else { script.without_faults() };
    if script.darkens() {
        let until_ms = submission.arrived_ms + millis(submission.dark_for);
        scripts::darken(memory, &submission.org_uid, &terms.job_reference, until_ms)?;
    }
    let outbid = submission.behaviour.standing == Standing::Outbid && terms.boost_connects.is_some();
    let standing =
        refusal_of_standing(submission.behaviour.standing).or_else(|| outbid.then_some(Refusal::BoostOutbid));
    let ending = match (standing, submission.behaviour.confirm, script.fate()) {
        (Some(refusal), _, _) | (None, _, Fate::Refuse(refusal)) => Ending::Refused(refusal),
        (None, ConfirmFault::LostBeforeCommit | ConfirmFault::HtmlForbidden | ConfirmFault::PlainText, _) => {
            Ending::NotTaken
        }
        (None, _, Fate::CutLost) => Ending::Cut,
        (None, _, Fate::CutKept) => {
            accept(memory, submission, &terms)?;
            Ending::Cut
        }
        (None, _, Fate::Accept) => Ending::Accepted { number: accept(memory, submission, &terms)? },
    };
    Ok(Settled { script, ending })
}

fn accept(memory: &Connection, submission: &Submission, terms: &Terms) -> Result<i64, Error> {
    let queue_id = submission.queue_id.as_deref();
    proposals::accept(memory, &submission.org_uid, queue_id, terms, submission.arrived_ms)
}

fn answer(call: &Call<'_>, ending: &Ending) -> Answer {
    let number = match ending {
        Ending::Refused(refusal) => return call.stand_in.refuse(*refusal),
        Ending::Cut => return Answer::HangUp(HangUp::Close),
        Ending::NotTaken => None,
        Ending::Accepted { number } => Some(*number),
    };
    match (call.stand_in.settings.behaviour.confirm, number) {
        (ConfirmFault::None, Some(number)) => call.stand_in.ok(object(json!({
            "data": {"createJobProposal": {
                "newProposalId": proposals::proposal_id(number), "status": "Pending", "standin": true,
            }},
        }))),
        (ConfirmFault::BadGatewayAfterCommit, _) => Answer::Status(StatusCode::BAD_GATEWAY),
        (ConfirmFault::ResetAfterCommit, _) => Answer::HangUp(HangUp::Reset),
        (ConfirmFault::StallAfterCommit, _) => Answer::Silence,
        (ConfirmFault::HtmlForbidden, _) => Answer::Html(StatusCode::FORBIDDEN),
        (ConfirmFault::PlainText, _) => Answer::Text("Something went wrong.".into()),
        (ConfirmFault::None | ConfirmFault::LostAfterCommit | ConfirmFault::LostBeforeCommit, _) => {
            Answer::HangUp(HangUp::Close)
        }
    }
}
