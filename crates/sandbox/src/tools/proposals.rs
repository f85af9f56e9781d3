//! `list_freelancer_proposals`: what was submitted, as the site shows it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Answer, Call};
use crate::behaviour::StatusFilter;
use crate::clock::rfc3339;
use crate::document::{object, participant};
use crate::error::Error;
use crate::job::{COST_CONNECTS, Job};
use crate::memory::proposals::{self, Page, Stored};

/// The status of every proposal here.
const STATUS: &str = "Pending";
const STATUSES: [&str; 8] =
    ["Accepted", "Offered", "Hired", "Activated", "Pending", "Declined", "Withdrawn", "Archived"];
const MAX_LIMIT: u64 = 10;

/// Reads `limit` and the cursor of any list here.
pub(crate) fn page(params: &Map<String, Value>, newest_first: bool) -> Result<Page, &'static str> {
    let limit = match params.get("limit") {
        None => MAX_LIMIT,
        Some(limit) => limit.as_u64().unwrap_or(0),
    };
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err("limit must be 1 to 10");
    }
    let after = match params.get("cursor").or_else(|| params.get("after")) {
        None | Some(Value::Null) => None,
        Some(cursor) => {
            let number = cursor.as_str().and_then(|cursor| cursor.strip_prefix("after_")?.parse().ok());
            Some(number.ok_or("cursor is none of ours")?)
        }
    };
    // The check above makes it fit.
    Ok(Page { after, limit: u32::try_from(limit).unwrap_or(1), newest_first })
}

/// The cursor behind the last of these rows.
pub(crate) fn cursor_behind(rows: &[Stored]) -> Option<String> {
    rows.last().map(|row| format!("after_{}", row.number))
}

/// Answers a list.
pub(crate) async fn list(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    stand_in.take_time_to_read().await;
    if call.is_dark(None).await? {
        return Ok(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let status = call.param("status").unwrap_or(STATUSES[0]);
    let sort_field = call.param("sort_field").unwrap_or("CREATEDDATETIME");
    let sort_order = call.param("sort_order").unwrap_or("DESC");
    if !STATUSES.contains(&status) {
        return Ok(stand_in.bad_input("status is none of the eight"));
    }
    if !matches!(sort_field, "CREATEDDATETIME" | "MODIFIEDDATETIME") || !matches!(sort_order, "ASC" | "DESC")
    {
        return Ok(stand_in.bad_input("sort_field or sort_order is unknown"));
    }
    let page = match page(&call.params, sort_order == "DESC") {
        Ok(page) => page,
        Err(what) => return Ok(stand_in.bad_input(what)),
    };
    let shows_all = match stand_in.settings.behaviour.status_filter {
        StatusFilter::Honest => status == STATUS,
        StatusFilter::Mixed => true,
        StatusFilter::Empty => status == STATUSES[0],
    };
    let (org_uid, shown_until_ms) = (call.bearer.org_uid.clone(), call.shown_until_ms());
    let (rows, has_more, total) = if shows_all {
        let listed = stand_in
            .memory
            .read(move |memory| proposals::list(memory, &org_uid, shown_until_ms, page))
            .await?;
        (listed.rows, listed.has_more, listed.total)
    } else {
        (Vec::new(), false, 0)
    };
    let edges: Vec<_> = rows.iter().map(|row| json!({"node": node(row)})).collect();
    let page_info = json!({"endCursor": cursor_behind(&rows), "hasNextPage": has_more});
    Ok(stand_in.ok(object(json!({
        "hasMore": has_more,
        "totalCount": total,
        "data": {"vendorProposals": {"edges": edges, "pageInfo": page_info, "totalCount": total}},
    }))))
}

/// Answers a read of one proposal.
pub(crate) async fn get(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    stand_in.take_time_to_read().await;
    if call.is_dark(None).await? {
        return Ok(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let named = call.param("id").or_else(|| call.param("proposal_id")).unwrap_or_default();
    let Some(number) = named.strip_prefix("sbp_").and_then(|number| number.parse().ok()) else {
        return Ok(stand_in.bad_input("id names no proposal"));
    };
    let (org_uid, shown_until_ms) = (call.bearer.org_uid.clone(), call.shown_until_ms());
    let found =
        stand_in.memory.read(move |memory| proposals::find(memory, &org_uid, number, shown_until_ms)).await?;
    let Some(stored) = found else { return Ok(stand_in.bad_input("id names no proposal")) };
    let boost = stored.terms.boost_connects.unwrap_or(0);
    let mut node = node(&stored);
    node["terms"]["connectsBid"] = (COST_CONNECTS + boost).into();
    node["proposalCoverLetter"] = participant(&stored.terms.cover_letter).into();
    Ok(stand_in.ok(object(json!({"data": {"vendorProposal": node}}))))
}

/// Answers a list of invitations.
pub(crate) async fn invitations(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    stand_in.take_time_to_read().await;
    if call.is_dark(None).await? {
        return Ok(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    if let Err(what) = page(&call.params, true) {
        return Ok(stand_in.bad_input(what));
    }
    let job = call.param("job_posting_id").and_then(Job::find);
    let invitations: Vec<_> = job
        .filter(|_| stand_in.settings.behaviour.invited)
        .map(|job| {
            json!({
                "id": format!("inv_{}", job.id),
                "jobPosting": {"id": job.id, "title": participant(&job.title())},
                "user": {"name": job.company_name()},
            })
        })
        .into_iter()
        .collect();
    let page_info = json!({"endCursor": null, "hasNextPage": false});
    Ok(stand_in.ok(object(json!({"data": {"invitations": invitations}, "pageInfo": page_info}))))
}

fn node(stored: &Stored) -> Value {
    let job = Job::find(&stored.terms.job_reference);
    let created = json!({
        "rawValue": stored.created_ms.to_string(), "displayValue": rfc3339(stored.created_ms),
    });
    json!({
        "id": stored.id(),
        "status": {"status": STATUS, "status_label": "Submitted"},
        "terms": {
            "chargeRate": {
                "currency": "USD",
                "displayValue": format!("${}", stored.terms.charged_amount),
                "rawValue": stored.terms.charged_amount.to_string(),
            },
            "estimatedDuration": null,
        },
        "marketplaceJobPosting": {
            "id": stored.terms.job_reference,
            "content": {"title": participant(&job.as_ref().map(Job::title).unwrap_or_default())},
            "url": job.as_ref().map(Job::url),
        },
        "auditDetails": {"createdDateTime": created, "modifiedDateTime": created},
        "boosted": stored.terms.boost_connects.is_some(),
    })
}
