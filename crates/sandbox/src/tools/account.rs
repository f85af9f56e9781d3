//! The account's Connects and its agency.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::proposals::{cursor_behind, page};
use super::{Answer, Call};
use crate::behaviour::Standing;
use crate::clock::rfc3339;
use crate::document::object;
use crate::error::Error;
use crate::job::{BALANCE_CONNECTS, COST_CONNECTS};
use crate::memory::proposals::{self, Stored};
use crate::refusal::Refusal;

/// Answers a read of the balance: one row of history for each proposal, though the balance never falls.
pub(crate) async fn connects_balance(call: &Call<'_>) -> Result<Answer, Error> {
    let stand_in = call.stand_in;
    stand_in.take_time_to_read().await;
    if call.is_dark(None).await? {
        return Ok(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    }
    let page = match page(&call.params, true) {
        Ok(page) => page,
        Err(what) => return Ok(stand_in.bad_input(what)),
    };
    let (org_uid, shown_until_ms) = (call.bearer.org_uid.clone(), call.shown_until_ms());
    let listed =
        stand_in.memory.read(move |memory| proposals::list(memory, &org_uid, shown_until_ms, page)).await?;
    Ok(stand_in.ok(object(json!({
        "balance": {
            "connectsBalance": BALANCE_CONNECTS, "connectsBalanceFree": 0,
            "connectsBalancePaid": BALANCE_CONNECTS,
        },
        "history": listed.rows.iter().map(spent).collect::<Vec<_>>(),
        "hasMore": listed.has_more,
        "next_cursor": listed.has_more.then(|| cursor_behind(&listed.rows)).flatten(),
        "standin": true,
    }))))
}

/// Answers a read of the agency, whose real bodies nobody has seen.
pub(crate) fn agency(call: &Call<'_>, action: &str) -> Answer {
    let org_uid = &call.bearer.org_uid;
    let data = match action {
        "get_profile" => json!({"agency": {"org_uid": org_uid, "name": "Sandbox agency"}}),
        "list_agencies" => json!({"agencies": [{"org_uid": org_uid, "name": "Sandbox agency"}]}),
        "list_teams" if call.stand_in.settings.behaviour.standing == Standing::SeveralTeams => {
            json!({"teams": [{"team_org_id": "1", "name": "One"}, {"team_org_id": "2", "name": "Two"}]})
        }
        "list_teams" => json!({"teams": []}),
        "list_members" => json!({"members": [{"name": "Ada Sandbox"}, {"name": "Ben Sandbox"}]}),
        _ => return call.stand_in.refuse(Refusal::NotBuilt),
    };
    call.stand_in.ok(object(json!({"data": data, "standin": true})))
}

fn spent(stored: &Stored) -> Value {
    let connects = COST_CONNECTS + stored.terms.boost_connects.unwrap_or(0);
    json!({
        "job_reference": stored.terms.job_reference,
        "reason": "Proposal submitted",
        "connects": -i64::from(connects),
        "createdDateTime": {
            "rawValue": stored.created_ms.to_string(), "displayValue": rfc3339(stored.created_ms),
        },
    })
}
