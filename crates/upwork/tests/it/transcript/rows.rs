//! The tables of the contract, row by row: one exchange is another than usual, and something else follows.

use std::time::Duration;

use applyd_core::outcome::{Sighting, Trouble};
use serde_json::{Value, json};

use super::script::{Exchange, Form, file};
use super::{INTENT, Stage, for_status, named, nothing_listed};
use crate::world::{crossed, name};

/// One row of a table.
struct Row(Value);

impl Row {
    fn all(table: &str) -> Vec<Self> {
        file(table).as_array().unwrap().iter().cloned().map(Self).collect()
    }

    fn says(&self) -> &str {
        self.0["row"].as_str().unwrap()
    }

    fn then(&self) -> &Value {
        &self.0["then"]
    }

    /// Changes what the row changes; a status's list is named `list Pending`.
    fn change(&self, all: &mut Vec<Exchange>) {
        for (at, other) in self.0["at"].as_object().unwrap() {
            match (at.strip_prefix("list "), other.get("answer")) {
                (Some(status), Some(answer)) => for_status(all, status, answer),
                (Some(status), None) => {
                    for_status(all, status, &file("row.json"));
                    named(all, at).changes(&other["changes"]);
                }
                (None, Some(answer)) => named(all, at).replies(answer),
                (None, None) => named(all, at).changes(&other["changes"]),
            }
        }
        if let Some(boost) = self.0.get("boost") {
            named(all, "create").expects("/params/arguments/params/boost_connects", boost.clone());
        }
    }
}

fn told(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Passing { after_ms: None, .. } => "passing".into(),
        Trouble::Passing { after_ms: Some(ms), .. } => format!("passing after {ms} ms"),
        Trouble::Login { .. } => "login".into(),
        Trouble::Policy { .. } => "policy".into(),
        Trouble::Reconnecting { .. } => "reconnecting".into(),
        Trouble::Person => "person".into(),
        Trouble::End(ending) => ending.code.as_str().into(),
    }
}

#[tokio::test]
async fn every_answer_before_the_confirm_means_what_the_contract_says() {
    for row in Row::all("before.json") {
        for form in Form::BOTH {
            let stage = Stage::start(form, |all| row.change(all)).await;
            let mut assignment = stage.assignment();
            assignment.terms.boost_connects = row.0["boost"].as_i64().unwrap_or(0);
            let told = match stage.upwork.prepare(&assignment, &mut None).await {
                Ok(_) => "ready".to_owned(),
                Err(trouble) => told(&trouble),
            };
            assert_eq!(row.then(), &told, "{}", row.says());
            assert_eq!(stage.server.count("confirm"), 0, "{}", row.says());
            stage.server.assert_literal();
        }
    }
}

#[tokio::test]
async fn every_answer_to_the_confirm_means_what_the_contract_says() {
    for row in Row::all("confirm.json") {
        for form in Form::BOTH {
            let stage = Stage::start(form, |all| row.change(all)).await;
            let ready = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
            let (send_by, answer_by) = (Duration::from_millis(200), Duration::from_millis(400));
            let outcome = ready.confirm(crossed(send_by, answer_by)).await;
            assert_eq!(row.then(), &name(&outcome), "{} in {form:?}: {outcome:?}", row.says());
            assert_eq!(stage.server.count("confirm"), 1, "{}", row.says());
            stage.server.assert_literal();
        }
    }
}

#[tokio::test]
async fn a_confirm_is_doubtful_wherever_its_answer_is_cut() {
    // Through the head and the body, until the answer is whole.
    for form in Form::BOTH {
        for cut in (0..).step_by(23) {
            let stage = Stage::start(form, |all| {
                named(all, "confirm").changes(&json!({"/cut_after_bytes": cut, "/breaks": "close"}));
            })
            .await;
            let ready = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
            let outcome = name(&ready.confirm(crossed(Duration::from_secs(1), Duration::from_secs(2))).await);
            if outcome == "submitted 990011" {
                assert!(cut > 250, "whole after {cut} bytes");
                break;
            }
            assert_eq!(outcome, "unknown", "cut after {cut} bytes");
            assert_eq!(stage.server.count("confirm"), 1);
        }
    }
}

#[tokio::test]
async fn every_call_may_be_cut_anywhere_before_the_confirm() {
    let calls = [
        "initialize",
        "initialized",
        "tools_list",
        "list_accounts",
        "find_jobs",
        "invitations",
        "list",
        "create",
        "get_preview",
    ];
    for (call, form) in calls.into_iter().zip(Form::BOTH.into_iter().cycle()) {
        let mut cuts = 0;
        loop {
            let cut = cuts * 71;
            let stage = Stage::start(form, |all| {
                named(all, call).changes(&json!({"/cut_after_bytes": cut, "/breaks": "close"}));
            })
            .await;
            let prepared = stage.upwork.prepare(&stage.assignment(), &mut None).await;
            match prepared {
                Ok(_) => break,
                Err(trouble) => assert_eq!(told(&trouble), "passing", "{call} cut after {cut} bytes"),
            }
            assert_eq!(stage.server.count("confirm"), 0);
            cuts += 1;
        }
        assert!(cuts > 0, "{call} was never cut");
    }
}

#[tokio::test]
async fn what_is_read_after_the_intent_means_what_the_contract_says() {
    for row in Row::all("looks.json") {
        for form in Form::BOTH {
            let stage = Stage::start(form, |all| row.change(all)).await;
            let told = match stage.upwork.look(&stage.assignment(), INTENT).await {
                Sighting::Found { proposal, evidence, .. } => {
                    format!("found {} by {evidence}", proposal.as_deref().unwrap_or("-"))
                }
                Sighting::Absent => "absent".into(),
                Sighting::Unreadable { .. } => "unreadable".into(),
            };
            assert_eq!(row.then(), &told, "{}", row.says());
            assert_eq!(
                (stage.server.count("create"), stage.server.count("confirm")),
                (0, 0),
                "{}",
                row.says()
            );
            stage.server.assert_literal();
        }
    }
}

#[tokio::test]
async fn a_pre_flight_says_what_an_application_would_meet() {
    for row in Row::all("preflight.json") {
        let stage = Stage::start(Form::PLAIN, |all| row.change(all)).await;
        let told = stage.upwork.preflight(&stage.assignment()).await.unwrap();
        let codes: Vec<_> = told.objections.iter().map(|objection| objection.ending.code.as_str()).collect();
        assert_eq!(row.then(), &json!(codes), "{}", row.says());
        assert_eq!((stage.server.count("create"), stage.server.count("confirm")), (0, 0), "{}", row.says());
        stage.server.assert_literal();
    }
}

#[tokio::test]
async fn a_list_is_read_on_with_its_cursor_wherever_that_stands() {
    for changes in [
        json!({"/document/hasMore": true, "/document/next_cursor": "c1"}),
        json!({"/document/data/vendorProposals/pageInfo": {"endCursor": "c1", "hasNextPage": true}}),
        json!({
            "/document/pageInfo": {"endCursor": "c1", "hasNextPage": true},
            "/document/data/vendorProposals/pageInfo": null,
        }),
    ] {
        let stage = Stage::start(Form::PLAIN, |all| {
            for_status(all, "Hired", &nothing_listed());
            named(all, "list Hired").changes(&changes);
            let mut second = named(all, "list Hired").clone();
            second.name = "second page".into();
            second.expects(
                "/params/arguments/params",
                json!({"status": "Hired", "sort_field": "CREATEDDATETIME", "sort_order": "DESC", "limit": 10,
                    "cursor": "c1"}),
            );
            second.replies(&file("row.json"));
            all.push(second);
        })
        .await;
        let trouble = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap_err();
        assert_eq!(told(&trouble), "already_applied", "{changes}");
        stage.server.assert_literal();
    }
}

/// A page of `rows` proposals for other jobs, from `from_ms` on, each `step_ms` after the one before.
fn page(rows: i64, from_ms: i64, step_ms: i64) -> Value {
    let mut page = file("row.json");
    let edge = page["document"]["data"]["vendorProposals"]["edges"][0].clone();
    let edges = (0..rows).map(|n| {
        let mut edge = edge.clone();
        edge["node"]["marketplaceJobPosting"]["id"] = n.to_string().into();
        edge["node"]["auditDetails"]["createdDateTime"] =
            json!({"rawValue": (from_ms + n * step_ms).to_string()});
        edge
    });
    page["document"]["data"]["vendorProposals"]["edges"] = edges.collect();
    page["document"]["data"]["vendorProposals"]["pageInfo"] = json!({"endCursor": "c1", "hasNextPage": true});
    page
}

#[tokio::test]
async fn a_list_that_is_not_newest_first_is_read_to_its_end() {
    const LONG_BEFORE_MS: i64 = 1_750_000_000_000;
    const AFTER_MS: i64 = 1_759_212_350_000;
    for (first, then) in [
        (page(10, LONG_BEFORE_MS, 1000), "found 990011"),
        (page(10, LONG_BEFORE_MS, 0), "found 990011"),
        (page(10, AFTER_MS, -1000), "found 990011"),
        (page(10, LONG_BEFORE_MS, -1000), "absent"),
    ] {
        let stage = Stage::start(Form::PLAIN, |all| {
            for_status(all, "Pending", &first);
            let mut second = named(all, "list Pending").clone();
            second.name = "second page".into();
            second.expects(
                "/params/arguments/params",
                json!({"status": "Pending", "sort_field": "CREATEDDATETIME", "sort_order": "DESC", "limit": 10,
                    "cursor": "c1"}),
            );
            second.replies(&file("row.json"));
            all.push(second);
        })
        .await;
        let told = match stage.upwork.look(&stage.assignment(), INTENT).await {
            Sighting::Found { proposal, .. } => format!("found {}", proposal.unwrap_or_default()),
            Sighting::Absent => "absent".into(),
            Sighting::Unreadable { reason } => reason,
        };
        assert_eq!(told, then, "{first}");
        stage.server.assert_literal();
    }
}
