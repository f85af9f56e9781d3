//! What upwork-mcp.md shows, replayed through the client: each message compared literally, each answer in each form.

mod rows;
mod script;
mod server;

use std::time::Duration;

use applyd_core::ids::QueueId;
use applyd_core::job_ref::JobKey;
use applyd_core::outcome::{Sighting, Trouble};
use applyd_core::terms::{Answer, Cents, Price, Terms};
use applyd_store::Store;
use applyd_store::grant::Grantee;
use applyd_upwork::{Assignment, Consent, Fill, Since, Upwork};
use serde_json::{Value, json};

use crate::fresh::Fresh;
use crate::world::{client, name, paced, store, usual};
use script::{Exchange, Form, exchanges, file};
use server::{Asked, Scripted};

const JOB: &str = "~022099064829143857470";
const QUEUE_ID_AT_MS: i64 = 1_700_000_000_000;
/// A moment before the transcript's proposal.
const INTENT: Since = Since::Intent(1_759_212_340_000);
const STATUSES: [&str; 8] =
    ["Accepted", "Activated", "Archived", "Declined", "Hired", "Offered", "Pending", "Withdrawn"];

/// The client before a transcript.
struct Stage {
    server: Scripted,
    upwork: Upwork,
    grantee: Grantee,
    store: Store,
    _fresh: Fresh,
}

impl Stage {
    /// With the whole application, of which `change` may change exchanges.
    async fn start(form: Form, change: impl FnOnce(&mut Vec<Exchange>)) -> Self {
        let mut all = [exchanges("login.json"), exchanges("application.json")].concat();
        change(&mut all);
        let server = Scripted::start(all, form).await;
        let fresh = Fresh::new();
        let (store, account) = store(&fresh).await;
        let upwork = client(&store, &server.url(), Consent::ByItself);
        Self { server, upwork, grantee: Grantee::of_account(account), store, _fresh: fresh }
    }

    fn assignment(&self) -> Assignment {
        Assignment {
            queue_id: Some(QueueId::new(QUEUE_ID_AT_MS, 7)),
            grantee: self.grantee.clone(),
            org_uid: None,
            job: JobKey::parse(JOB).unwrap(),
            terms: Terms {
                cover_letter: "Dear client,\nI can do this.".into(),
                profile_id: None,
                price: Price::Hourly(Cents::new(2500)),
                timeline: None,
                boost_connects: 0,
                max_connects: None,
                answers: vec![Answer { question: " How many  years?".into(), answer: "Nine.".into() }],
                auto_fill: false,
            },
            default_rate: Cents::new(6500),
            fill: Fill::Refuse,
            approved: None,
        }
    }

    fn names(&self) -> Vec<String> {
        self.server.asked().into_iter().map(|asked| asked.name).collect()
    }
}

fn named<'a>(all: &'a mut [Exchange], name: &str) -> &'a mut Exchange {
    all.iter_mut().find(|exchange| exchange.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// One more exchange, which comes before those of the same message: a copy of `of` for one status.
fn for_status(all: &mut Vec<Exchange>, status: &str, answers: &Value) {
    let mut exchange = named(all, "list").clone();
    exchange.name = format!("list {status}");
    exchange.expects("/params/arguments/params/status", status.into());
    exchange.replies(answers);
    all.insert(0, exchange);
}

fn nothing_listed() -> Value {
    file("application.json").as_array().unwrap().iter().find(|of| of["name"] == "list").unwrap()["answer"]
        .clone()
}

#[tokio::test]
async fn the_application_of_the_contract_goes_through_in_every_form() {
    for form in Form::all() {
        let stage = Stage::start(form, |all| {
            for_status(all, "Accepted", &json!([nothing_listed(), file("row.json")]));
        })
        .await;
        let mut title = None;
        let ready = stage.upwork.prepare(&stage.assignment(), &mut title).await.unwrap();
        assert_eq!(title.as_deref(), Some("Move a service to Rust"), "{form:?}");
        assert_eq!(
            (
                ready.preview_id.as_str(),
                ready.preview_expires_at,
                ready.cost_connects,
                ready.balance_connects
            ),
            ("pv_7", 1_791_289_800_000, 13, 167),
        );
        assert_eq!((ready.job.as_str(), ready.terms.answers[0].question.as_str()), (JOB, "How many years?"));
        assert_eq!(name(&ready.confirm(usual()).await), "submitted 990011", "{form:?}");
        let found = Sighting::Found {
            proposal: Some("990011".into()),
            created_at: Some(1_759_212_345_678),
            evidence: "the list of proposals".into(),
        };
        assert_eq!(stage.upwork.look(&stage.assignment(), INTENT).await, found, "{form:?}");
        stage.server.assert_literal();
        is_in_order(&stage.names());
        has_its_headers(&stage.server.asked());
    }
}

/// The order of §7; what does not depend on each other may come in any order.
fn is_in_order(names: &[String]) {
    let first =
        |name: &str| names.iter().position(|known| known == name).unwrap_or_else(|| panic!("no {name}"));
    let last = |name: &str| names.iter().rposition(|known| known == name).unwrap();
    let count = |name: &str| names.iter().filter(|known| *known == name).count();
    let line = [
        "protected_resource",
        "authorization_server",
        "sign_up_page",
        "register",
        "authorise",
        "token",
        "initialize",
        "initialized",
        "tools_list",
        "find_jobs",
        "invitations",
        "create",
        "get_preview",
        "confirm",
        "get_proposal",
    ];
    for pair in line.windows(2) {
        assert!(first(pair[0]) < first(pair[1]), "{pair:?} of {names:?}");
    }
    assert!(first("initialized") < first("list_accounts") && first("list_accounts") < first("find_jobs"));
    assert!(first("list") < first("create"));
    assert_eq!((count("create"), count("get_preview"), count("confirm")), (1, 1, 1));
    // The look begins a session of its own.
    assert!(count("initialize") == 2 && last("initialize") > first("confirm"));
}

fn has_its_headers(all: &[Asked]) {
    let label = QueueId::new(QUEUE_ID_AT_MS, 7);
    for asked in all.iter().filter(|asked| asked.message["jsonrpc"] == "2.0") {
        let header = |name: &str| asked.headers.get(name).map(String::as_str);
        let has_session = asked.name != "initialize";
        assert_eq!(header("authorization"), Some("Bearer access-1"), "{asked:?}");
        assert_eq!(header("content-type"), Some("application/json"), "{asked:?}");
        assert_eq!(header("accept"), Some("application/json, text/event-stream"), "{asked:?}");
        assert_eq!(header("mcp-session-id"), has_session.then_some("session-1"), "{asked:?}");
        assert_eq!(header("mcp-protocol-version"), has_session.then_some("2025-06-18"), "{asked:?}");
        assert_eq!(header("x-request-id"), Some(label.as_str()), "{asked:?}");
    }
    let confirm = all.iter().find(|asked| asked.name == "confirm").unwrap();
    let beside = all.iter().filter(|asked| asked.connection == confirm.connection).count();
    assert_eq!(beside, 1, "the confirm shared its connection");
}

#[tokio::test]
async fn every_status_is_asked_for_before_a_preview() {
    let stage = Stage::start(Form::PLAIN, |_| {}).await;
    stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
    let asked = stage.server.asked();
    let mut statuses: Vec<&str> = asked
        .iter()
        .filter(|asked| asked.name == "list")
        .map(|asked| asked.message["params"]["arguments"]["params"]["status"].as_str().unwrap())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, STATUSES);
}

#[tokio::test]
async fn a_refused_token_is_traded_once_and_the_read_goes_on() {
    let stage = Stage::start(Form::PLAIN, |all| {
        let find_jobs = named(all, "find_jobs");
        let found = find_jobs.next_answer();
        find_jobs.replies(&json!([unauthorized(), found]));
    })
    .await;
    let read = stage.upwork.read_job(&stage.grantee, &JobKey::parse(JOB).unwrap()).await.unwrap();
    assert_eq!((read.title(), read.is_open()), ("Move a service to Rust", true));
    let asked = stage.server.asked();
    let bearers: Vec<_> = asked
        .iter()
        .filter(|asked| asked.name == "find_jobs")
        .map(|asked| &asked.headers["authorization"])
        .collect();
    assert_eq!(bearers, ["Bearer access-1", "Bearer access-2"]);
    assert!(
        asked.iter().all(|asked| !asked.headers.contains_key("x-request-id")),
        "a data read has no label"
    );
    assert_eq!((stage.server.count("refresh"), stage.server.count("token")), (1, 1));
    stage.server.assert_literal();
}

fn unauthorized() -> Value {
    json!({
        "status": 401, "body": "",
        "headers": {"WWW-Authenticate": "Bearer error=\"invalid_token\", error_description=\"The access token is missing \
            or invalid\", resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\""},
    })
}

#[tokio::test]
async fn another_job_than_was_asked_for_is_told_to_nobody() {
    let stage = Stage::start(Form::PLAIN, |all| {
        let another = json!({"/document/data/marketplaceJobPosting/id": "2099064829143857471"});
        named(all, "find_jobs").changes(&another);
    })
    .await;
    let read = stage.upwork.read_job(&stage.grantee, &JobKey::parse(JOB).unwrap()).await;
    let told = stage.upwork.preflight(&stage.assignment()).await;
    for trouble in [read.map(|_| ()), told.map(|_| ())] {
        assert!(
            matches!(&trouble, Err(Trouble::Passing { reason, .. }) if reason.contains("another job")),
            "{trouble:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_session_is_begun_anew_for_reads_and_never_for_the_confirm() {
    for status in [400, 404] {
        let lost = json!({"status": status, "body": ""});
        let stage = Stage::start(Form::PLAIN, |all| {
            let find_jobs = named(all, "find_jobs");
            let found = find_jobs.next_answer();
            find_jobs.replies(&json!([lost, found]));
            named(all, "confirm").replies(&lost);
        })
        .await;
        let ready = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
        assert_eq!((stage.server.count("find_jobs"), stage.server.count("initialize")), (2, 2), "{status}");
        assert_eq!(name(&ready.confirm(usual()).await), "unknown", "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((stage.server.count("confirm"), stage.server.count("initialize")), (1, 2), "{status}");
        stage.server.assert_literal();
    }
}

#[tokio::test]
async fn a_create_whose_session_is_lost_is_left_to_another_try() {
    let stage = Stage::start(Form::PLAIN, |all| {
        named(all, "create").replies(&json!({"status": 404, "body": ""}));
    })
    .await;
    assert!(stage.upwork.prepare(&stage.assignment(), &mut None).await.is_err());
    assert_eq!(stage.server.count("create"), 1);
}

#[tokio::test]
async fn the_names_of_august_are_called_where_the_newer_ones_are_missing() {
    for form in Form::all() {
        let stage = Stage::start(form, |all| {
            for (name, change) in file("august.json").as_object().unwrap() {
                let exchange = named(all, name);
                for (pointer, value) in change["sends"].as_object().into_iter().flatten() {
                    exchange.expects(pointer, value.clone());
                }
                exchange.changes(&change["changes"]);
            }
        })
        .await;
        let ready = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
        assert_eq!(ready.preview_id, "dr_7");
        assert_eq!(name(&ready.confirm(usual()).await), "submitted 990011");
        stage.server.assert_literal();
    }
}

#[tokio::test]
async fn what_the_server_asks_is_declined_and_its_reply_read() {
    let form = Form { is_stream: true, ..Form::PLAIN };
    let stage = Stage::start(form, |all| {
        let asks = json!({"jsonrpc": "2.0", "id": "s1", "method": "elicitation/create", "params": {}});
        named(all, "find_jobs").changes(&json!({"/asks_first": asks}));
        all.push(Exchange::of(&json!({
            "name": "declined",
            "sends": {"jsonrpc": "2.0", "error": {"code": -32601, "message": "…"}},
            "answer": {"status": 202, "body": ""},
        })));
    })
    .await;
    stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
    let asked = stage.server.asked();
    let declined = asked.iter().find(|asked| asked.name == "declined").unwrap();
    assert_eq!(declined.message["id"], "s1");
    stage.server.assert_literal();
}

#[tokio::test]
async fn a_tool_on_the_second_page_of_the_list_is_there() {
    for form in Form::BOTH {
        let stage = Stage::start(form, |all| {
            let first = named(all, "tools_list");
            let mut second = first.clone();
            let mut tools = first.next_answer()["result"]["tools"].take();
            let rest = tools.as_array_mut().unwrap().split_off(1);
            first.replies(&json!({"result": {"tools": tools, "nextCursor": "page 2"}}));
            second.name = "second page".into();
            second.expects("/params", json!({"cursor": "page 2"}));
            second.replies(&json!({"result": {"tools": rest}}));
            all.push(second);
        })
        .await;
        let ready = stage.upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
        assert_eq!(name(&ready.confirm(usual()).await), "submitted 990011", "{form:?}");
        assert_eq!(stage.server.count("second page"), stage.server.count("tools_list"), "{form:?}");
        stage.server.assert_literal();
    }
}

/// The confirm may have been done, so nothing asks for it again, and no read goes before the site's own time.
#[tokio::test]
async fn a_site_that_wants_to_be_left_alone_after_the_confirm_is_read_later_and_only_read() {
    tokio::join!(is_only_read_later(429), is_only_read_later(503));
}

async fn is_only_read_later(status: u16) {
    let busy = json!({"status": status, "headers": {"Retry-After": "40"}, "body": ""});
    let stage = Stage::start(Form::PLAIN, |all| {
        named(all, "confirm").replies(&busy);
        for_status(all, "Accepted", &json!([nothing_listed(), file("row.json")]));
    })
    .await;
    let (url, patience) = (stage.server.url(), Duration::from_secs(10));
    let upwork = paced(&stage.store, &url, Consent::ByItself, Some("default"), patience);
    let ready = upwork.prepare(&stage.assignment(), &mut None).await.unwrap();
    assert_eq!(name(&ready.confirm(usual()).await), "unknown", "{status}");
    let asked = stage.names();
    let seen = upwork.look(&stage.assignment(), INTENT).await;
    assert!(
        matches!(&seen, Sighting::Unreadable { reason } if reason.contains("no turn")),
        "{status}: {seen:?}"
    );
    assert_eq!(stage.names(), asked, "{status}: nothing is asked before its time");
    // As after that time: a client that knows of no wait.
    let seen = stage.upwork.look(&stage.assignment(), INTENT).await;
    assert!(matches!(seen, Sighting::Found { .. }), "{status}: {seen:?}");
    assert_eq!((stage.server.count("create"), stage.server.count("confirm")), (1, 1), "{status}");
    stage.server.assert_literal();
}
