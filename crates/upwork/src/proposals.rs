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
        let times_ms: Vec<_> = edges.iter().map(|edge| created_ms(&edge["node"])).collect();
        match next_page(&document, &list["pageInfo"]) {
            Next::Page(cursor) if !reaches_back(&times_ms, reach.back_to_ms) => params["cursor"] = cursor,
            Next::Page(_) | Next::None => return Ok(found),
            Next::Unnamed => break,
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

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The page at this cursor.
    Page(Value),
    /// More, and no cursor to get at it.
    Unnamed,
    /// Nothing.
    None,
}

/// What comes after a page, wherever that stands.
pub(crate) fn next_page(document: &Value, page_info: &Value) -> Next {
    let infos = [page_info, &document["pageInfo"]];
    let has_more = document["hasMore"] == true || infos.iter().any(|info| info["hasNextPage"] == true);
    let cursors = [&document["next_cursor"], &infos[0]["endCursor"], &infos[1]["endCursor"]];
    match cursors.into_iter().find(|cursor| cursor.is_string()) {
        Some(cursor) if has_more => Next::Page(cursor.clone()),
        None if has_more => Next::Unnamed,
        _ => Next::None,
    }
}

/// Whether nothing behind a page is newer than `back_to_ms`. Only a page that is seen to be newest first tells: the
/// order that was asked for may not be the one that came.
pub(crate) fn reaches_back(times_ms: &[Option<i64>], back_to_ms: i64) -> bool {
    let Some(times_ms) = times_ms.iter().copied().collect::<Option<Vec<i64>>>() else { return false };
    let is_newest_first =
        times_ms.first() > times_ms.last() && times_ms.is_sorted_by(|one, next| one >= next);
    is_newest_first && times_ms.last().is_some_and(|oldest_ms| *oldest_ms < back_to_ms)
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
        let page = |cursor: &str| Next::Page(cursor.into());
        let info = json!({"endCursor": "c", "hasNextPage": true});
        assert_eq!(next_page(&json!({}), &info), page("c"));
        assert_eq!(next_page(&json!({"pageInfo": info}), &nothing), page("c"));
        assert_eq!(next_page(&json!({"hasMore": true, "next_cursor": "n"}), &nothing), page("n"));
        let last = json!({"endCursor": "c", "hasNextPage": false});
        assert_eq!(next_page(&json!({"hasMore": false}), &last), Next::None);
        assert_eq!(next_page(&json!({"hasMore": true}), &last), page("c"));
        assert_eq!(next_page(&json!({"hasMore": true}), &nothing), Next::Unnamed);
    }

    #[test]
    fn only_a_page_that_is_newest_first_says_that_the_rest_is_older() {
        let reaches =
            |times_ms: &[i64]| reaches_back(&times_ms.iter().copied().map(Some).collect::<Vec<_>>(), 100);
        assert!(reaches(&[300, 200, 99]) && reaches(&[99, 98]) && reaches(&[99, 99, 98]));
        assert!(!reaches(&[300, 200, 100]), "the next one may count");
        assert!(!reaches(&[10, 20, 99]) && !reaches(&[20, 10, 30, 9]), "another order");
        assert!(!reaches(&[]) && !reaches(&[99]) && !reaches(&[99, 99]), "no order to be seen");
        assert!(!reaches_back(&[Some(300), None, Some(99)], 100));
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
