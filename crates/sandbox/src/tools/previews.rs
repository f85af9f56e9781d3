//! `manage_proposals` create and `get_preview`: the terms before they are submitted.

use axum::http::StatusCode;
use serde_json::{Map, Number, Value, json};

use super::{Answer, Call, preview_key, refusal_of_standing};
use crate::behaviour::{Behaviour, PriorProposal, Standing, StoredTerms};
use crate::chance::secret;
use crate::clock::{millis, now_ms, rfc3339};
use crate::document::{object, participant};
use crate::error::Error;
use crate::job::{COST_CONNECTS, Job, MAX_BOOST_CONNECTS, RECOMMENDED_BOOST_CONNECTS};
use crate::memory::previews::{self, Reply, State, Terms};
use crate::memory::proposals;
use crate::refusal::Refusal;

/// Longest letter, counted as Java and JavaScript count.
const MAX_LETTER_UTF16_UNITS: usize = 5000;
/// Members of create that the stand-in knows.
const CREATE_PARAMS: [&str; 10] = [
    "job_reference",
    "cover_letter",
    "charged_amount",
    "answers",
    "boost_connects",
    "team_org_id",
    "milestones",
    "attachments",
    "certificate_ids",
    "portfolio_project_ids",
];

/// Answers a create: judges the job, then the input, then stores a preview. Nothing is submitted.
pub(crate) async fn create(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    let behaviour = &stand_in.settings.behaviour;
    stand_in.take_time_to_read().await;
    if let Some(refusal) = refusal_of_standing(behaviour.standing) {
        return Ok(stand_in.refuse(refusal));
    }
    let Some(job_id) = call.param("job_reference").filter(|id| id.bytes().all(|b| b.is_ascii_digit())) else {
        return Ok(stand_in.bad_input("job_reference must be the numeric id of a job, as a string"));
    };
    let Some(job) = Job::find(job_id) else { return Ok(stand_in.refuse(Refusal::JobNotVisible)) };
    if let Some(refused) = refuse_prior(call, &job).await? {
        return Ok(refused);
    }
    let boost = call.params.get("boost_connects").and_then(Value::as_u64).unwrap_or(0);
    if let Some(refusal) = refusal(&job, boost, behaviour, call.params.contains_key("team_org_id")) {
        return Ok(stand_in.refuse(refusal));
    }
    let terms = match read_terms(&call.params, &job) {
        Ok(terms) => terms,
        Err(what) => return Ok(stand_in.bad_input(&what)),
    };
    if let Some(missing) = missing_answers(&job, &terms) {
        return Ok(stand_in.refuse_with(Refusal::AnswersMissing, missing));
    }
    let mirror = mirror(&job, &terms);
    let preview_id = secret("pv_")?;
    let created_ms = now_ms();
    let life = behaviour.life_of_a_preview();
    let expires_ms = created_ms + millis(life);
    let (id, org_uid) = (preview_id.clone(), call.bearer.org_uid.clone());
    let stored = alter(terms, behaviour.stored_terms);
    let superseded = stand_in
        .memory
        .write(move |memory| previews::add(memory, &id, &org_uid, &stored, created_ms, expires_ms))
        .await?;
    let mut document = object(json!({
        "type": "proposal",
        "preview": mirror,
        "expires_at": rfc3339(expires_ms),
        "ttl_seconds": life.as_secs(),
        "supersedes_previous_preview": superseded,
    }));
    document.insert(preview_key(behaviour.era).into(), preview_id.into());
    Ok(stand_in.ok(document))
}

/// Answers a read of a preview.
pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    let behaviour = &stand_in.settings.behaviour;
    stand_in.take_time_to_read().await;
    if call.is_dark(None).await? {
        return Ok(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let Some(preview_id) = call.param("id").map(str::to_owned) else {
        return Ok(stand_in.bad_input("id is missing"));
    };
    let (id, org_uid) = (preview_id.clone(), call.bearer.org_uid.clone());
    let Some(preview) = stand_in.memory.read(move |memory| previews::find(memory, &id, &org_uid)).await?
    else {
        return Ok(stand_in.refuse(Refusal::PreviewUnknown));
    };
    match preview.state {
        State::Superseded => return Ok(stand_in.refuse(Refusal::PreviewSuperseded)),
        State::Used if !behaviour.preview_readable_after_confirm => {
            return Ok(stand_in.refuse(Refusal::PreviewUsed));
        }
        State::Pending if preview.expires_ms <= now_ms() => {
            return Ok(stand_in.refuse(Refusal::PreviewExpired));
        }
        State::Used | State::Pending => {}
    }
    let mut params = object(serde_json::to_value(&preview.terms)?);
    params.insert("coverLetter".into(), participant(&preview.terms.cover_letter).into());
    params.insert("connects_cost".into(), json!(COST_CONNECTS));
    if behaviour.extra_members {
        params.insert("chargedAmount".into(), json!(preview.terms.charged_amount.as_f64()));
        params.insert("connects_cost".into(), json!(f64::from(COST_CONNECTS)));
    }
    let mut document = object(json!({"expires_at": rfc3339(preview.expires_ms), "params": params}));
    document.insert(preview_key(behaviour.era).into(), preview_id.into());
    Ok(stand_in.ok(document))
}

/// The refusal of a job that has a proposal or an invitation, where a test wants one.
async fn refuse_prior(call: &Call<'_>, job: &Job) -> Result<Option<Answer>, Error> {
    let behaviour = &call.stand_in.settings.behaviour;
    if behaviour.prior_proposal == PriorProposal::Tolerated {
        return Ok(None);
    }
    let (org_uid, id) = (call.bearer.org_uid.clone(), job.id.clone());
    // The writing side knows what the lists do not show yet.
    let applied =
        call.stand_in.memory.read(move |memory| proposals::applied(memory, &org_uid, &id, now_ms())).await?;
    if !applied && !behaviour.invited {
        return Ok(None);
    }
    let (code, reason) = if behaviour.prior_proposal == PriorProposal::RefusedByCode {
        ("VJ-JA-10", "You cannot send one more proposal for this job.")
    } else {
        ("PROPOSAL_CREATE_FAILED", "The marketplace said VJ-JA-10: a prior proposal or invitation exists.")
    };
    let document = json!({"status": "rejected", "error_code": code, "reason": reason, "standin": true});
    Ok(Some(call.stand_in.document(object(document))))
}

fn refusal(job: &Job, boost: u64, behaviour: &Behaviour, names_team: bool) -> Option<Refusal> {
    if !job.is_open() {
        return Some(Refusal::JobClosed);
    }
    if u64::from(COST_CONNECTS) + boost > u64::from(job.balance_connects()) {
        return Some(Refusal::ConnectsShort);
    }
    if !job.is_eligible() {
        return Some(Refusal::NotEligible);
    }
    if (1..u64::from(RECOMMENDED_BOOST_CONNECTS)).contains(&boost) {
        return Some(Refusal::BoostTooLow);
    }
    (behaviour.standing == Standing::SeveralTeams && !names_team).then_some(Refusal::TeamRequired)
}

fn read_terms(params: &Map<String, Value>, job: &Job) -> Result<Terms, String> {
    if let Some(unknown) = params.keys().find(|name| !CREATE_PARAMS.contains(&name.as_str())) {
        return Err(format!("{unknown} is no member of params"));
    }
    let cover_letter = params.get("cover_letter").and_then(Value::as_str).ok_or("cover_letter is missing")?;
    if cover_letter.encode_utf16().count() > MAX_LETTER_UTF16_UNITS {
        return Err(format!("cover_letter is longer than {MAX_LETTER_UTF16_UNITS}"));
    }
    let charged_amount = match params.get("charged_amount") {
        Some(Value::Number(amount)) if amount.as_f64().is_some_and(|amount| amount > 0.0) => amount.clone(),
        _ => return Err("charged_amount must be a number above 0".into()),
    };
    let boost_connects = match params.get("boost_connects") {
        None => None,
        Some(boost) => match boost.as_u64().and_then(|boost| u32::try_from(boost).ok()) {
            Some(boost @ 1..) => Some(boost),
            _ => return Err("boost_connects must be an integer of at least 1".into()),
        },
    };
    let team_org_id = match params.get("team_org_id") {
        None => None,
        Some(team) => Some(team.as_str().ok_or("team_org_id must be a string")?.to_owned()),
    };
    Ok(Terms {
        job_reference: job.id.clone(),
        cover_letter: cover_letter.into(),
        answers: read_answers(params.get("answers"), job)?,
        milestones: read_milestones(params.get("milestones"), job, &charged_amount)?,
        charged_amount,
        boost_connects,
        team_org_id,
    })
}

fn read_answers(answers: Option<&Value>, job: &Job) -> Result<Vec<Reply>, String> {
    let Some(answers) = answers else { return Ok(Vec::new()) };
    let answers: Vec<Reply> = serde_json::from_value(answers.clone())
        .map_err(|_| "answers must be a list of question and answer".to_owned())?;
    match answers.iter().find(|reply| !job.questions().iter().any(|asked| same(asked, &reply.question))) {
        Some(reply) => Err(format!("the client did not ask {:?}", reply.question)),
        None => Ok(answers),
    }
}

fn read_milestones(milestones: Option<&Value>, job: &Job, amount: &Number) -> Result<Vec<Value>, String> {
    let Some(milestones) = milestones else { return Ok(Vec::new()) };
    let Some(milestones) = milestones.as_array().filter(|_| job.is_fixed_price()) else {
        return Err("milestones must be a list, and the job of a fixed price".into());
    };
    let mut sum = 0.0;
    for milestone in milestones {
        let described = milestone["description"].is_string();
        match milestone["amount"].as_f64() {
            Some(part) if described && part > 0.0 => sum += part,
            _ => return Err("a milestone needs description and amount".into()),
        }
    }
    // Half a cent: sums of decimal amounts are not exact as floats.
    if !milestones.is_empty() && amount.as_f64().is_none_or(|amount| (amount - sum).abs() > 0.005) {
        return Err("charged_amount is not the sum of the milestones".into());
    }
    Ok(milestones.clone())
}

fn missing_answers(job: &Job, terms: &Terms) -> Option<Map<String, Value>> {
    let answered = |asked: &str| {
        terms.answers.iter().any(|reply| same(asked, &reply.question) && !reply.answer.trim().is_empty())
    };
    let missing: Vec<_> = job.questions().into_iter().filter(|asked| !answered(asked)).collect();
    if missing.is_empty() {
        return None;
    }
    let questions: Vec<_> = missing.into_iter().map(participant).collect();
    Some(object(json!({"missing_fields": ["answers"], "questions": questions})))
}

/// Whether two questions are one after trimming and folding of white space.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

fn mirror(job: &Job, terms: &Terms) -> Value {
    let mut mirror = json!({
        "job_reference": job.id,
        "cover_letter": terms.cover_letter,
        "charged_amount": terms.charged_amount,
        "connects_cost": COST_CONNECTS,
        "connects_balance": job.balance_connects(),
        "can_apply": true,
        "screening_questions": job.questions().iter().map(|question| participant(question)).collect::<Vec<_>>(),
        "milestones_allowed": job.is_fixed_price(),
        "unmet_preferred_qualifications": [],
        "bid_stats_available": false,
        "plan": "basic",
        "boost": {
            "available": true, "current_top_bids": [3, 2, 1], "recommendation": "boost",
            "recommended_connects": RECOMMENDED_BOOST_CONNECTS, "max_boost_connects": MAX_BOOST_CONNECTS,
            "suggested_bid": RECOMMENDED_BOOST_CONNECTS, "your_balance": job.balance_connects(),
        },
    });
    if !terms.answers.is_empty() {
        mirror["answers"] = json!(terms.answers);
    }
    if let Some(boost) = terms.boost_connects {
        mirror["boost_connects"] = boost.into();
    }
    if !terms.milestones.is_empty() {
        mirror["milestones"] = json!(terms.milestones);
    }
    mirror
}

fn alter(mut terms: Terms, how: StoredTerms) -> Terms {
    match how {
        StoredTerms::Faithful => {}
        StoredTerms::LetterDiffers => {
            let kept = terms.cover_letter.trim_end().rfind(char::is_whitespace).unwrap_or(0);
            terms.cover_letter.truncate(kept);
        }
        StoredTerms::AmountDiffers => {
            let more = terms.charged_amount.as_f64().unwrap_or(0.0) + 1.0;
            terms.charged_amount = Number::from_f64(more).unwrap_or(terms.charged_amount);
        }
        StoredTerms::BoostAdded => terms.boost_connects = Some(RECOMMENDED_BOOST_CONNECTS),
        StoredTerms::TeamAdded => terms.team_org_id = Some("700000000000009999".into()),
    }
    terms
}
