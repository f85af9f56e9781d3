//! Own proposals and invitations as the site lists them.
//!
//! The status filter has been seen to lie and an empty list proves nothing, so every status is read.

use serde_json::{Value, json};

use crate::clock::time_ms;
use crate::fault::Fault;
use crate::job::id;
use crate::session::Session;
use crate::text::untag;
use crate::tool::Tool;

/// The statuses of a proposal, the likely one for a fresh proposal first.
pub(crate) const STATUSES: [&str; 8] =
    ["Pending", "Accepted", "Offered", "Hired", "Activated", "Declined", "Withdrawn", "Archived"];
const PAGE_ROWS: usize = 10;

/// How far back a list is read: the first bound ends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// Rows older than this, Unix milliseconds, are of no interest.
    pub(crate) back_to_ms: i64,
    /// Pages of ten rows.
    pub(crate) most_pages: usize,
}

/// A proposal for one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: Option<String>,
    pub(crate) created_ms: Option<i64>,
}

/// The rows for one job, and whether all that could hold one were seen.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    pub(crate) is_complete: bool,
}

/// Lists proposals of a status (none: without filter), newest first, and keeps those for `job`.
pub(crate) async fn list(
    session: &Session,
    org_uid: &str,
    job: &str,
    status: Option<&str>,
    reach: Reach,
) -> Result<Rows, Fault> {
    let mut params = json!({"sort_field": "CREATEDDATETIME", "sort_order": "DESC", "limit": PAGE_ROWS});
    if let Some(status) = status {
        params["status"] = status.into();
    }
    let mut found = Rows { rows: Vec::new(), is_complete: true };
    for _ in 0..reach.most_pages {
        let document = session.call(Tool::ListProposals, org_uid, params.clone()).await?;
        let list = &document["data"]["vendorProposals"];
        let edges = list["edges"].as_array().ok_or(Fault::Missing("proposals"))?;
        for node in edges.iter().map(|edge| &edge["node"]) {
            match id(&node["marketplaceJobPosting"]["id"]) {
                Some(id) if id == job => found.rows.push(row(node)),
                Some(_) => {}
                // It could be the one.
                None => found.is_complete = false,
            }
        }
        let oldest_ms = edges.last().and_then(|edge| created_ms(&edge["node"]));
        match next_cursor(&document, &list["pageInfo"]) {
            Some(cursor) if oldest_ms.is_none_or(|oldest_ms| oldest_ms >= reach.back_to_ms) => {
                params["cursor"] = cursor
            }
            _ => return Ok(found),
        }
    }
    found.is_complete = false;
    Ok(found)
}

/// The letter of one proposal, if the site shows it.
pub(crate) async fn letter(
    session: &Session,
    org_uid: &str,
    proposal: &str,
) -> Result<Option<String>, Fault> {
    let document = session.call(Tool::ReadProposal, org_uid, json!({"id": proposal})).await?;
    Ok(document["data"]["vendorProposal"]["proposalCoverLetter"].as_str().map(untag))
}

/// Whether the client's invitation to `job` is pending.
pub(crate) async fn is_invited(session: &Session, org_uid: &str, job: &str) -> Result<bool, Fault> {
    let params = json!({"job_posting_id": job, "limit": PAGE_ROWS});
    let document = session.call(Tool::ListInvitations, org_uid, params).await?;
    let invitations = document["data"]["invitations"].as_array().ok_or(Fault::Missing("invitations"))?;
    // A filter that lies must not end an application: the row itself decides, unless it names no job.
    Ok(invitations.iter().any(|invitation| id(&invitation["jobPosting"]["id"]).is_none_or(|id| id == job)))
}

/// The cursor of the next page, if there is one.
pub(crate) fn next_cursor(document: &Value, page_info: &Value) -> Option<Value> {
    let infos = [page_info, &document["pageInfo"]];
    let has_more = document["hasMore"] == true || infos.iter().any(|info| info["hasNextPage"] == true);
    let cursors = [&document["next_cursor"], &infos[0]["endCursor"], &infos[1]["endCursor"]];
    cursors.into_iter().find(|cursor| has_more && cursor.is_string()).cloned()
}

fn row(node: &Value) -> Row {
    Row { id: id(&node["id"]), created_ms: created_ms(node) }
}

fn created_ms(node: &Value) -> Option<i64> {
    let created = &node["auditDetails"]["createdDateTime"];
    time_ms(&created["rawValue"]).or_else(|| time_ms(&created["displayValue"])).or_else(|| time_ms(created))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_counts_only_where_there_is_more() {
        let nothing = Value::Null;
        let info = json!({"endCursor": "c", "hasNextPage": true});
        assert_eq!(next_cursor(&json!({}), &info), Some(json!("c")));
        assert_eq!(next_cursor(&json!({"pageInfo": info}), &nothing), Some(json!("c")));
        assert_eq!(next_cursor(&json!({"hasMore": true, "next_cursor": "n"}), &nothing), Some(json!("n")));
        assert_eq!(
            next_cursor(&json!({"hasMore": false}), &json!({"endCursor": "c", "hasNextPage": false})),
            None
        );
    }

    #[test]
    fn the_time_of_a_row_comes_in_two_members() {
        let node = |created: Value| json!({"id": "p", "auditDetails": {"createdDateTime": created}});
        assert_eq!(row(&node(json!({"rawValue": "1759212345678"}))).created_ms, Some(1_759_212_345_678));
        let shown = node(json!({"rawValue": "", "displayValue": "2026-10-06T12:30:00Z"}));
        assert_eq!(row(&shown).created_ms, Some(1_791_289_800_000));
        assert_eq!(row(&json!({"id": "p"})).created_ms, None);
    }
}
