//! A job as the data reads show it: every text without tags, every unknown value null. Source: the mapping of
//! upwork-mcp.md §6.2.

use applyd_wire::{
    Amount, AuthBuyer, AuthJob, AuthOpening, BidStats, Buyer, BuyerInfo, ClientActivity, CompanyId,
    EngagementDuration, HourlyBudget, JobAuthDetails, JobBuyer, JobInfo, JobPubDetails, Opening,
    Qualifications, Question,
};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::client_document::{self, buyer, work_history};
use crate::fault::Fault;
use crate::job::{id, questions};
use crate::text::{untag, whole};

/// What one read of a job told, typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDocument {
    /// What everybody sees.
    pub job: JobPubDetails,
    /// What the account sees.
    pub auth: JobAuthDetails,
    /// The client.
    pub buyer: Buyer,
}

impl JobDocument {
    /// Reads the document of `find_jobs` get.
    ///
    /// # Errors
    /// [`Fault::Missing`]: it has no id or no title.
    pub(crate) fn of(document: &Value) -> Result<Self, Fault> {
        let posting = &document["data"]["marketplaceJobPosting"];
        let id = id(&posting["id"]).ok_or(Fault::Missing("job id"))?;
        let title = title(document).ok_or(Fault::Missing("job title"))?;
        let info = JobInfo { ciphertext: format!("~02{id}"), id, kind: kind(posting), title: Some(title) };
        let (buyer, qualifications) = (buyer(document), qualifications(document));
        let company = CompanyId { company_id: buyer.company.company_id.clone() };
        Ok(Self {
            job: JobPubDetails {
                opening: opening(posting, info.clone()),
                buyer: JobBuyer {
                    location: buyer.location.clone(),
                    stats: buyer.stats.clone(),
                    company: company.clone(),
                },
                qualifications: qualifications.clone(),
                similar_jobs: Vec::new(),
            },
            auth: JobAuthDetails {
                opening: AuthOpening {
                    job: AuthJob { info },
                    questions: questions(document)
                        .enumerate()
                        .map(|(position, question)| Question { question, position })
                        .collect(),
                    qualifications,
                },
                buyer: AuthBuyer { info: BuyerInfo { company }, work_history: work_history(document) },
                applicants_bids_stats: bids(&posting["activityStat"]["applicationsBidStats"]),
            },
            buyer,
        })
    }

    /// The job's title.
    #[must_use]
    pub fn title(&self) -> &str {
        self.job.opening.info.title.as_deref().unwrap_or_default()
    }

    /// Whether its words say that it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.job.opening.status.as_deref().is_some_and(crate::job::is_closed)
    }
}

/// The title in a job's document.
pub(crate) fn title(document: &Value) -> Option<String> {
    text(&document["data"]["marketplaceJobPosting"]["content"]["title"])
}

fn opening(posting: &Value, info: JobInfo) -> Opening {
    let terms = &posting["contractTerms"];
    let (fixed, hourly) = (&terms["fixedPriceContractTerms"], &terms["hourlyContractTerms"]);
    let activity = &posting["activityStat"]["jobActivity"];
    Opening {
        status: text(&posting["workFlowState"]["status"]),
        posted_on: text(&posting["createdDateTime"]),
        publish_time: text(&posting["publishedDateTime"]),
        description: text(&posting["content"]["description"]),
        contractor_tier: tier(&terms["experienceLevel"]),
        info,
        budget: amount(&fixed["amount"]),
        extended_budget_info: hourly.is_object().then(|| HourlyBudget {
            hourly_budget_min: number(&hourly["hourlyBudgetMin"]),
            hourly_budget_max: number(&hourly["hourlyBudgetMax"]),
            hourly_budget_type: text(&hourly["hourlyBudgetType"]),
        }),
        engagement_duration: duration(&hourly["engagementDuration"])
            .or_else(|| duration(&fixed["engagementDuration"])),
        client_activity: ClientActivity {
            total_applicants: whole(&activity["totalApplicants"]),
            total_hired: whole(&activity["totalHired"]),
            total_invited_to_interview: whole(&activity["totalInvitedToInterview"]),
            unanswered_invites: whole(&activity["totalUnansweredInvites"]),
            invitations_sent: whole(&activity["invitesSent"]),
            number_of_positions_to_hire: whole(&terms["personsToHire"]),
        },
    }
}

fn kind(posting: &Value) -> Option<String> {
    client_document::kind(&posting["contractTerms"]["contractType"])
}

fn tier(level: &Value) -> Option<i64> {
    match level.as_str()? {
        "ENTRY_LEVEL" => Some(1),
        "INTERMEDIATE" => Some(2),
        "EXPERT" => Some(3),
        _ => None,
    }
}

fn duration(value: &Value) -> Option<EngagementDuration> {
    value
        .is_object()
        .then(|| EngagementDuration { label: text(&value["label"]), weeks: whole(&value["weeks"]) })
}

fn qualifications(document: &Value) -> Qualifications {
    let (wanted, places) = (&document["preferred_qualifications"], &document["preferred_locations"]);
    Qualifications {
        countries: places["countries"].as_array().map(|all| all.iter().filter_map(text).collect()),
        location_check_required: places["location_required"].as_bool(),
        min_job_success_score: whole(&wanted["min_job_success_score"]),
        pref_english_skill: text(&wanted["english_proficiency"]),
        rising_talent: wanted["rising_talent"].as_bool(),
    }
}

fn bids(stats: &Value) -> BidStats {
    BidStats {
        avg_rate_bid: amount(&stats["avgRateBid"]),
        min_rate_bid: amount(&stats["minRateBid"]),
        max_rate_bid: amount(&stats["maxRateBid"]),
    }
}

/// Text without tags; none where it is blank.
pub(crate) fn text(value: &Value) -> Option<String> {
    Some(untag(value.as_str()?)).filter(|text| !text.is_empty())
}

/// A number as it stands, also as a string; whole ones without a point.
pub(crate) fn number(value: &Value) -> Option<Number> {
    if let Some(whole) = whole(value) {
        return Some(whole.into());
    }
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => number(&Number::from_f64(text.trim().parse().ok()?)?.into()),
        _ => None,
    }
}

/// Dollars as number, string, or an object with `rawValue`.
pub(crate) fn amount(value: &Value) -> Option<Amount> {
    let raw = value.get("rawValue").unwrap_or(value);
    number(raw).map(|amount| Amount { amount })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    const OPEN: &str = "<untrusted_participant_content>\n";
    const CLOSE: &str = "\n</untrusted_participant_content>";

    fn document() -> Value {
        let tagged = |text: &str| format!("{OPEN}{text}{CLOSE}");
        json!({
            "status": "ok", "can_apply": true, "applied": false, "connects_cost": 13, "connects_balance": 167,
            "screening_questions": [tagged("First?"), {"question": tagged("Second?")}],
            "client_record": {"contracts_total": 9, "feedback_count": 8, "feedback_score": 4.9,
                "jobs_with_hires": 7, "spend_total": "$20K+"},
            "client_work_history": {"open": [{
                "title": tagged("Move it"), "job_id": "77", "private": false, "contract_type": "HOURLY",
                "status": "ACTIVE", "start_date": "2025-12-01T00:00:00.000Z", "end_date": null,
                "hourly_rate": 25, "total_charge": 235.94, "total_hours": 10.3,
                "freelancer": {"name": tagged("Ada E."), "ciphertext": "~01ab"},
                "feedback_to_freelancer": {"suppressed": true},
                "feedback_to_client": {"suppressed": false, "score": 5, "comment": tagged("Good")},
            }], "closed": [], "shown": 1, "more_available": false},
            "preferred_qualifications":
                {"english_proficiency": "FLUENT", "min_job_success_score": null, "rising_talent": false},
            "preferred_locations": {"countries": ["Norway"], "location_required": true},
            "data": {"marketplaceJobPosting": {
                "id": "2099064829143857470", "createdDateTime": "2026-05-09T16:00:00.000Z",
                "content": {"title": tagged("A title"), "description": tagged("A text")},
                "contractTerms": {"contractType": "HOURLY", "experienceLevel": "INTERMEDIATE", "personsToHire": 1,
                    "fixedPriceContractTerms": null,
                    "hourlyContractTerms": {"hourlyBudgetType": "MANUAL", "hourlyBudgetMin": 15,
                        "hourlyBudgetMax": 25.0, "engagementDuration": {"label": "1 to 3 months", "weeks": 9}}},
                "activityStat": {"applicationsBidStats": {"avgRateBid": {"rawValue": "31.5"}},
                    "jobActivity": {"invitesSent": 3, "totalHired": 0, "totalInvitedToInterview": 2,
                        "totalOffered": 0, "totalUnansweredInvites": 1}},
                "workFlowState": {"status": "ACTIVE"},
                "clientCompanyPublic": {"id": "1991212616395436888", "country": {"name": "Germany"},
                    "timezone": "Europe/Berlin (UTC+02:00)"},
            }},
        })
    }

    #[test]
    fn each_member_lands_where_the_contract_has_it() {
        let read = JobDocument::of(&document()).unwrap();
        let job = serde_json::to_value(&read.job).unwrap();
        assert_eq!(
            job["opening"],
            json!({
                "status": "ACTIVE", "postedOn": "2026-05-09T16:00:00.000Z", "publishTime": null,
                "description": "A text", "contractorTier": 2,
                "info": {"ciphertext": "~022099064829143857470", "id": "2099064829143857470", "type": "HOURLY",
                    "title": "A title"},
                "budget": null,
                "extendedBudgetInfo":
                    {"hourlyBudgetMin": 15, "hourlyBudgetMax": 25, "hourlyBudgetType": "MANUAL"},
                "engagementDuration": {"label": "1 to 3 months", "weeks": 9},
                "clientActivity": {"totalApplicants": null, "totalHired": 0, "totalInvitedToInterview": 2,
                    "unansweredInvites": 1, "invitationsSent": 3, "numberOfPositionsToHire": 1},
            })
        );
        assert_eq!(
            job["buyer"],
            json!({
                "location": {"city": null, "country": "Germany", "countryTimezone": "Europe/Berlin (UTC+02:00)"},
                "stats": {"totalAssignments": 9, "score": 4.9, "totalCharges": {"amount": 20000},
                    "feedbackCount": 8, "totalJobsWithHires": 7},
                "company": {"companyId": "1991212616395436888"},
            })
        );
        let auth = serde_json::to_value(&read.auth).unwrap();
        assert_eq!(
            auth["opening"]["questions"],
            json!([{"question": "First?", "position": 0}, {"question": "Second?", "position": 1}])
        );
        assert_eq!(auth["applicantsBidsStats"]["avgRateBid"], json!({"amount": 31.5}));
        assert_eq!(
            auth["buyer"]["workHistory"][0],
            json!({
                "isPtcJob": false, "status": "ACTIVE", "startDate": "2025-12-01T00:00:00.000Z", "endDate": null,
                "totalCharge": 235.94, "totalHours": 10.3,
                "jobInfo":
                    {"title": "Move it", "id": "77", "ciphertext": "~0277", "type": "HOURLY", "access": "PUBLIC"},
                "contractorInfo": {"contractorName": "Ada E.", "ciphertext": "~01ab"}, "rate": {"amount": 25},
                "feedbackToClient": {"feedbackSuppressed": false, "score": 5, "comment": "Good"},
            })
        );
        let stored = serde_json::to_string(&read).unwrap();
        assert!(!stored.contains("untrusted"), "{stored}");
        assert_eq!(serde_json::from_str::<JobDocument>(&stored).unwrap(), read);
    }

    #[test]
    fn a_bare_document_is_read_and_what_is_missing_is_null() {
        let bare = json!({"data": {"marketplaceJobPosting": {"id": 7, "content": {"title": "T"},
            "contractTerms": {"contractType": "FIXED_PRICE",
                "fixedPriceContractTerms": {"amount": {"rawValue": "3000.0"}}}}}});
        let read = JobDocument::of(&bare).unwrap();
        assert_eq!(read.job.opening.info.kind.as_deref(), Some("FIXED"));
        assert_eq!(serde_json::to_value(&read.job.opening.budget).unwrap(), json!({"amount": 3000}));
        assert!(read.job.opening.extended_budget_info.is_none() && read.job.buyer.stats.score.is_none());
        assert!(JobDocument::of(&json!({"data": {}})).is_err());
    }

    #[test]
    fn a_private_contract_is_blank_whatever_was_told() {
        let mut document = document();
        document["client_work_history"]["open"][0]["private"] = true.into();
        let read = JobDocument::of(&document).unwrap();
        let row = serde_json::to_value(&read.auth.buyer.work_history[0]).unwrap();
        assert_eq!((&row["isPtcJob"], &row["jobInfo"]["access"]), (&json!(true), &json!("PRIVATE")));
        for blank in [&row["jobInfo"]["title"], &row["contractorInfo"]["contractorName"], &row["rate"]] {
            assert!(blank.is_null(), "{row}");
        }
        assert_eq!(row["feedbackToClient"]["comment"], Value::Null);
    }
}
