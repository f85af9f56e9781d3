//! The posting of a job, as `find_jobs` get shows it.

use serde_json::{Value, json};

use crate::catalogue::Listed;
use crate::document::participant;
use crate::job::Job;

/// When every job outside of the catalogue was made and published.
const PUBLISHED: &str = "2026-01-01T00:00:00.000Z";

/// `data.marketplaceJobPosting`.
pub(crate) fn posting(job: &Job) -> Value {
    let listed = job.listed.map(|(_, listed)| listed);
    let published = listed.map_or_else(|| PUBLISHED.to_owned(), |listed| midnight(&listed.posted));
    let (invites, interviewing, hired) =
        listed.map_or((0, 0, 0), |listed| (listed.invites, listed.interviewing, listed.hired));
    json!({
        "id": job.id,
        "url": job.url(),
        "createdDateTime": published,
        "publishedDateTime": published,
        "content": {"title": job.title(), "description": participant(&job.description())},
        "contractTerms": listed.map_or_else(|| plain_terms(job), terms),
        "activityStat": {
            "applicationsBidStats": {},
            "jobActivity": {
                "invitesSent": invites, "totalHired": hired, "totalInvitedToInterview": interviewing,
                "totalOffered": hired, "totalUnansweredInvites": invites.saturating_sub(interviewing),
            },
        },
        "workFlowState": {"status": if job.is_open() { "ACTIVE" } else { "CLOSED" }},
        "canClientReceiveContractProposal": job.is_open(),
        "clientCompanyPublic": company(job),
    })
}

/// A date as a time of Upwork's form.
pub(crate) fn midnight(date: &str) -> String {
    format!("{date}T00:00:00.000Z")
}

fn plain_terms(job: &Job) -> Value {
    if job.is_fixed_price() {
        return json!({
            "contractType": "FIXED", "experienceLevel": "EXPERT", "personsToHire": 1,
            "fixedPriceContractTerms":
                {"amount": {"currency": "USD", "displayValue": "$3,000.00", "rawValue": "3000.0"}},
            "hourlyContractTerms": null,
        });
    }
    json!({
        "contractType": "HOURLY", "experienceLevel": "EXPERT", "personsToHire": 1,
        "fixedPriceContractTerms": null,
        "hourlyContractTerms": {
            "hourlyBudgetType": "MANUAL", "hourlyBudgetMin": 30, "hourlyBudgetMax": 90,
            "engagementType": "FULL_TIME",
        },
    })
}

fn terms(listed: &Listed) -> Value {
    let level = ["ENTRY_LEVEL", "INTERMEDIATE", "EXPERT"][usize::from(listed.level - 1)];
    let duration = json!({"label": span(listed.weeks), "weeks": listed.weeks});
    let fixed = listed.fixed.map(|dollars| {
        json!({
            "amount": {
                "currency": "USD", "displayValue": format!("${dollars}.00"), "rawValue": format!("{dollars}.0"),
            },
            "engagementDuration": duration,
        })
    });
    let hourly = listed.hourly.map(|[least, most]| {
        json!({
            "hourlyBudgetType": "MANUAL", "hourlyBudgetMin": least, "hourlyBudgetMax": most,
            "engagementType": if listed.weeks > 8 { "FULL_TIME" } else { "PART_TIME" },
            "engagementDuration": duration,
        })
    });
    json!({
        "contractType": listed.kind(), "experienceLevel": level, "personsToHire": listed.hired.max(1),
        "fixedPriceContractTerms": fixed, "hourlyContractTerms": hourly,
    })
}

fn span(weeks: u32) -> &'static str {
    match weeks {
        0..=4 => "Less than 1 month",
        5..=13 => "1 to 3 months",
        14..=26 => "3 to 6 months",
        _ => "More than 6 months",
    }
}

fn company(job: &Job) -> Value {
    let mut company = json!({
        "id": job.company_id(), "name": job.company_name(), "country": {"name": "USA"},
        "timezone": "America/New_York (UTC-05:00)", "verificationStatus": "VERIFIED",
    });
    if let Some((client, _)) = job.listed {
        company["country"] = json!({"name": client.country});
        company["city"] = client.city.as_str().into();
        company["timezone"] = client.timezone.as_str().into();
        company["contractDate"] = midnight(&client.since).into();
        company["verificationStatus"] = if client.verified { "VERIFIED" } else { "NOT_VERIFIED" }.into();
    }
    company
}
