//! What `find_jobs` get tells of a job's client. The form of its rows is unknown, so they are marked as invented.

use serde_json::{Value, json};

use super::posting::midnight;
use crate::catalogue::{Client, Contract};
use crate::document::participant;
use crate::job::Job;

/// `client_record`: sums of the history.
pub(crate) fn record(job: &Job) -> Value {
    let history = job.listed.map_or(&[][..], |(client, _)| &client.history);
    let scores: Vec<f64> =
        history.iter().filter(|row| !row.suppressed).filter_map(|row| row.client_score).collect();
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    json!({
        "contracts_active": history.iter().filter(|row| row.to.is_none()).count(),
        "contracts_total": history.len(),
        "feedback_count": scores.len(),
        "feedback_score": (!scores.is_empty()).then(|| (mean * 100.0).round() / 100.0),
        "hours_total": whole(history.iter().filter_map(|row| row.hours).sum()),
        "jobs_with_hires": history.len(),
        "spend_total": spend(history.iter().map(|row| row.paid).sum()),
    })
}

/// `client_work_history`: contracts, those that run and those that are over, newest first.
pub(crate) fn work_history(job: &Job) -> Value {
    let Some((client, _)) = job.listed else {
        return json!({"open": [], "closed": [], "shown": 0, "more_available": false});
    };
    let mut rows: Vec<_> = client.history.iter().enumerate().collect();
    rows.sort_by(|(_, one), (_, other)| other.from.cmp(&one.from));
    let of = |runs: bool| -> Vec<Value> {
        let wanted = rows.iter().filter(|(_, contract)| contract.to.is_none() == runs);
        wanted.map(|(place, contract)| row(client, *place, contract)).collect()
    };
    json!({"open": of(true), "closed": of(false), "shown": rows.len(), "more_available": false})
}

/// `client_feedback`: what freelancers said of the client.
pub(crate) fn feedback(job: &Job) -> Value {
    let history = job.listed.map_or(&[][..], |(client, _)| &client.history);
    history
        .iter()
        .filter(|row| !row.suppressed && !row.private && row.client_score.is_some())
        .map(|row| {
            let comment = row.client_comment.as_deref().map(participant);
            json!({"score": row.client_score, "comment": comment, "standin": true})
        })
        .collect()
}

fn row(client: &Client, place: usize, contract: &Contract) -> Value {
    let feedback = |score: Option<f64>, comment: &Option<String>| match score {
        _ if contract.suppressed => json!({"suppressed": true}),
        None => Value::Null,
        Some(_) if contract.private => json!({"suppressed": false, "score": score, "comment": null}),
        Some(_) => {
            json!({"suppressed": false, "score": score, "comment": comment.as_deref().map(participant)})
        }
    };
    let shown = |value: Value| if contract.private { Value::Null } else { value };
    json!({
        "title": shown(participant(&contract.title).into()),
        "job_id": shown(client.past_job_id(place).into()),
        "private": contract.private,
        "contract_type": if contract.rate.is_some() { "HOURLY" } else { "FIXED" },
        "status": if contract.to.is_some() { "CLOSED" } else { "ACTIVE" },
        "start_date": midnight(&contract.from),
        "end_date": contract.to.as_deref().map(midnight),
        "hourly_rate": shown(contract.rate.into()),
        "total_charge": contract.paid,
        "total_hours": contract.hours,
        "freelancer": shown(json!({
            "name": participant(&contract.by), "ciphertext": contract.freelancer_ciphertext(),
        })),
        "feedback_to_freelancer": feedback(contract.score, &contract.comment),
        "feedback_to_client": feedback(contract.client_score, &contract.client_comment),
        "standin": true,
    })
}

/// A sum of hours: whole where it is.
fn whole(hours: f64) -> Value {
    if hours.fract() == 0.0 { json!(hours as u64) } else { json!(hours) }
}

/// Dollars as Upwork shows them: rounded down.
fn spend(dollars: u32) -> String {
    match dollars {
        0..1_000 => format!("${dollars}"),
        1_000..1_000_000 => format!("${}K+", dollars / 1_000),
        _ => format!("${}M+", dollars / 1_000_000),
    }
}
