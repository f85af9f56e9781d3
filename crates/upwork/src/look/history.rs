//! The history of the balance: a row for the job after the intent shows that Connects were taken for it.

use serde_json::{Value, json};

use super::{Evidence, MOST_PAGES, Search};
use crate::accounts::Role;
use crate::clock::time_ms;
use crate::proposals::{Next, next_page, reaches_back};

const PAGE_ROWS: usize = 10;

/// Searches the history back to the intent.
pub(super) async fn search(search: &Search<'_>, role: Role) -> Evidence {
    let mut params = json!({"limit": PAGE_ROWS});
    for _ in 0..MOST_PAGES {
        let document = match search.session.call(role.connects(), search.org_uid, params.clone()).await {
            Ok(document) => document,
            Err(fault) => return Evidence::Doubt(fault.to_string()),
        };
        let Some(rows) = rows(&document) else { return Evidence::Doubt("no history".into()) };
        match judge(rows, search.job, search.counts_from_ms()) {
            Evidence::Silent => {}
            told => return told,
        }
        let times_ms: Vec<_> = rows.iter().map(newest_time_ms).collect();
        match next_page(&document, &document["history"]["pageInfo"]) {
            Next::Page(cursor) if !reaches_back(&times_ms, search.counts_from_ms()) => {
                params["cursor"] = cursor;
            }
            Next::Page(_) | Next::None => return Evidence::Silent,
            Next::Unnamed => break,
        }
    }
    Evidence::Doubt("the history goes on".into())
}

/// The rows: the only array of objects, as its key is unknown.
fn rows(document: &Value) -> Option<&[Value]> {
    let named = document["history"].as_array();
    let any = || {
        document
            .as_object()?
            .values()
            .find_map(|member| member.as_array().filter(|rows| rows.iter().all(Value::is_object)))
    };
    named.or_else(any).map(Vec::as_slice)
}

/// A row without a readable time may be of an earlier proposal for the job (withdrawn, say): it proves nothing,
/// but neither may the history then count as silent.
fn judge(rows: &[Value], job: &str, counts_from_ms: i64) -> Evidence {
    let mut doubt = false;
    for row in rows.iter().filter(|row| names(row, job)) {
        match newest_time_ms(row) {
            Some(created_ms) if created_ms >= counts_from_ms => {
                return Evidence::Shown {
                    proposal: None,
                    created_ms: Some(created_ms),
                    by: "the history of Connects",
                };
            }
            Some(_) => {}
            None => doubt = true,
        }
    }
    if doubt { Evidence::Doubt("a row for this job without a time".into()) } else { Evidence::Silent }
}

/// Whether any value of a row holds the numeric id; a ciphertext or URL holds it too.
fn names(value: &Value, job: &str) -> bool {
    match value {
        Value::String(text) => {
            digits(text).any(|number| number == job || number.strip_prefix("02") == Some(job))
        }
        Value::Number(number) => number.to_string() == job,
        Value::Array(items) => items.iter().any(|item| names(item, job)),
        Value::Object(members) => members.values().any(|member| names(member, job)),
        Value::Null | Value::Bool(_) => false,
    }
}

fn digits(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty())
}

fn newest_time_ms(row: &Value) -> Option<i64> {
    match row {
        Value::Array(items) => items.iter().filter_map(newest_time_ms).max(),
        Value::Object(members) => members.values().filter_map(newest_time_ms).max(),
        leaf => time_ms(leaf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "9000000000000000001";
    const INTENT_MS: i64 = 1_759_212_345_678;

    fn shown(row: Value) -> Option<bool> {
        match judge(&[row], JOB, INTENT_MS) {
            Evidence::Shown { .. } => Some(true),
            Evidence::Silent => Some(false),
            Evidence::Doubt(_) => None,
        }
    }

    #[test]
    fn a_row_counts_by_job_and_time_wherever_they_stand() {
        let time = "2027-01-01T00:00:00Z";
        assert_eq!(shown(json!({"ref": {"job": JOB}, "at": time})), Some(true));
        assert_eq!(
            shown(json!({"link": format!("https://x/jobs/~02{JOB}?a=1"), "ms": INTENT_MS})),
            Some(true)
        );
        assert_eq!(shown(json!({"job": "9000000000000000002", "at": time})), Some(false));
        assert_eq!(shown(json!({"job": format!("{JOB}1"), "at": time})), Some(false));
        assert_eq!(shown(json!({"job": JOB, "at": "2020-01-01T00:00:00Z"})), Some(false));
    }

    #[test]
    fn a_row_for_the_job_without_a_time_proves_neither() {
        assert_eq!(shown(json!({"job": JOB, "reason": "proposal"})), None);
    }
}
