//! The client of a job, as the data reads show it.

use applyd_wire::{
    Amount, Buyer, Company, Contractor, Feedback, Location, PastJob, Stats, Verification, WorkHistory,
};
use serde_json::{Number, Value};

use crate::job::id;
use crate::job_document::{amount, number, text};
use crate::text::whole;

/// The client in a job's document.
pub(crate) fn buyer(document: &Value) -> Buyer {
    let company = &document["data"]["marketplaceJobPosting"]["clientCompanyPublic"];
    let record = &document["client_record"];
    Buyer {
        company: Company {
            name: text(&company["name"]),
            company_id: id(&company["id"]),
            is_edc_replicated: None,
            contract_date: text(&company["contractDate"]),
        },
        location: Location {
            city: text(&company["city"]),
            country: text(&company["country"]["name"]),
            country_timezone: text(&company["timezone"]),
        },
        stats: Stats {
            total_assignments: whole(&record["contracts_total"]),
            score: number(&record["feedback_score"]),
            total_charges: record["spend_total"].as_str().and_then(dollars),
            feedback_count: whole(&record["feedback_count"]),
            total_jobs_with_hires: whole(&record["jobs_with_hires"]),
        },
        enterprise: None,
        avg_hourly_jobs_rate: None,
        posted_count: None,
        top_client: None,
        phone_verification_status: text(&company["verificationStatus"]).map(|status| Verification { status }),
    }
}

/// `HOURLY` or `FIXED`.
pub(crate) fn kind(value: &Value) -> Option<String> {
    match value.as_str()? {
        "HOURLY" => Some("HOURLY".to_owned()),
        "FIXED" | "FIXED_PRICE" => Some("FIXED".to_owned()),
        _ => None,
    }
}

/// The client's contracts, newest first. The form of these rows is not published: what is not found is null.
pub(crate) fn work_history(document: &Value) -> Vec<WorkHistory> {
    let lists = ["open", "closed"].map(|list| document["client_work_history"][list].as_array());
    let mut rows: Vec<_> = lists.into_iter().flatten().flatten().map(contract).collect();
    rows.sort_by(|one, other| other.start_date.cmp(&one.start_date));
    rows
}

fn contract(row: &Value) -> WorkHistory {
    let is_private = row["private"].as_bool().unwrap_or(false);
    // What others may not see is not passed on, even if it was told.
    let row = &if is_private { blanked(row) } else { row.clone() };
    let id = id(&row["job_id"]);
    WorkHistory {
        is_ptc_job: is_private,
        status: text(&row["status"]),
        start_date: text(&row["start_date"]),
        end_date: text(&row["end_date"]),
        total_charge: number(&row["total_charge"]),
        total_hours: number(&row["total_hours"]),
        job_info: PastJob {
            title: text(&row["title"]),
            ciphertext: id.as_ref().map(|id| format!("~02{id}")),
            id,
            kind: kind(&row["contract_type"]),
            access: Some(if is_private { "PRIVATE" } else { "PUBLIC" }.to_owned()),
        },
        contractor_info: Contractor {
            contractor_name: text(&row["freelancer"]["name"]),
            ciphertext: text(&row["freelancer"]["ciphertext"]),
        },
        rate: amount(&row["hourly_rate"]),
        feedback: feedback(&row["feedback_to_freelancer"]),
        feedback_to_client: feedback(&row["feedback_to_client"]),
    }
}

fn blanked(row: &Value) -> Value {
    let mut row = row.clone();
    for member in ["title", "job_id", "freelancer", "hourly_rate"] {
        row[member] = Value::Null;
    }
    for side in ["feedback_to_freelancer", "feedback_to_client"] {
        if let Some(comment) = row[side].get_mut("comment") {
            *comment = Value::Null;
        }
    }
    row
}

fn feedback(value: &Value) -> Option<Feedback> {
    if !value.is_object() || value["suppressed"] == true {
        return None;
    }
    Some(Feedback {
        feedback_suppressed: false,
        score: number(&value["score"]),
        comment: text(&value["comment"]),
    })
}

/// `$1,721.68`, or what `$20K+` is at least.
fn dollars(shown: &str) -> Option<Amount> {
    let shown = shown.trim().trim_start_matches('$').trim_end_matches('+').replace(',', "");
    let (digits, times) = match shown.char_indices().last()? {
        (at, 'K' | 'k') => (&shown[..at], 1_000.0),
        (at, 'M' | 'm') => (&shown[..at], 1_000_000.0),
        _ => (shown.as_str(), 1.0),
    };
    let dollars =
        digits.parse::<f64>().ok().filter(|dollars| dollars.is_finite() && *dollars >= 0.0)? * times;
    number(&Value::Number(Number::from_f64(dollars)?)).map(|amount| Amount { amount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_is_read_in_its_forms() {
        let read = |shown| dollars(shown).map(|amount| amount.amount.to_string());
        for (shown, expected) in [
            ("$0", "0"),
            ("$20K+", "20000"),
            ("$1,721.68", "1721.68"),
            ("$1.5M+", "1500000"),
            ("$850", "850"),
        ] {
            assert_eq!(read(shown).as_deref(), Some(expected), "{shown}");
        }
        for odd in ["", "much", "K", "$-5", "$inf"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
