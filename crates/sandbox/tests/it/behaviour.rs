use std::time::Duration;

use applyd_sandbox::{
    Behaviour, ConfirmFault, Era, PriorProposal, Rate, Refresh, Replies, Settings, Standing, StatusFilter,
    StoredTerms,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Mcp, World, fast, job, read};

fn behaving(change: impl FnOnce(&mut Behaviour)) -> Settings {
    let mut settings = fast();
    change(&mut settings.behaviour);
    settings
}

#[tokio::test]
async fn event_streams_carry_the_reply_over_several_lines() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let world = world.restart(behaving(|b| b.replies = Replies::EventStream)).await;
    let url = format!("{}/mcp", world.server.own);
    let request = mcp.http.post(url).header("authorization", format!("Bearer {}", mcp.access));
    let message = json!({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": {}});
    let answer = request.body(message.to_string()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let stream = answer.text().await.unwrap();
    assert!(stream.starts_with(": keep-alive\r\n\r\n"), "{stream}");
    let events: Vec<Value> = stream
        .split("\r\n\r\n")
        .filter(|event| event.contains("data: "))
        .map(|event| {
            let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            serde_json::from_str(&data.join("\n")).unwrap()
        })
        .collect();
    assert_eq!((&events[0]["method"], &events[1]["id"]), (&json!("notifications/message"), &json!(7)));
}

#[tokio::test]
async fn a_preview_is_one_of_its_kind_and_dies() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let first = mcp.create(&job("1000")).await;
    let second = mcp.create(&job("1001")).await;
    assert_eq!(second["supersedes_previous_preview"], true);
    assert_eq!(mcp.confirm(&first).await["error_code"], "STANDIN_PREVIEW_SUPERSEDED");
    let params = json!({"type": "proposal", "preview_id": second["preview_id"], "cover_letter": "other"});
    let refused = mcp.act("confirm_preview", "confirm", params).await;
    assert_eq!(refused["error_code"], "STANDIN_EXTRA_PAYLOAD");

    let world = World::start(behaving(|b| b.preview_life = Duration::ZERO)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    assert_eq!(mcp.confirm(&mcp.create(&job("1000")).await).await["error_code"], "STANDIN_PREVIEW_EXPIRED");
    assert_eq!(world.counts(), [(1, 0)]);
}

#[tokio::test]
async fn stored_terms_can_differ() {
    for (how, member, value) in [
        (StoredTerms::AmountDiffers, "chargedAmount", json!(66.0)),
        (StoredTerms::BoostAdded, "boostConnects", json!(4)),
        (StoredTerms::TeamAdded, "teamOrgId", json!("700000000000009999")),
    ] {
        let world = World::start(behaving(|b| b.stored_terms = how)).await;
        let mcp = Mcp::connect(&world.server.own, "a").await;
        let preview = mcp.create(&job("1000")).await;
        let params = json!({"type": "proposal", "id": preview["preview_id"]});
        assert_eq!(mcp.act("get_preview", "get", params).await["params"][member], value, "{how:?}");
    }
}

#[tokio::test]
async fn confirm_faults_keep_their_word() {
    for (fault, status, accepted) in [
        (ConfirmFault::LostAfterCommit, None, 1),
        (ConfirmFault::LostBeforeCommit, None, 0),
        (ConfirmFault::ResetAfterCommit, None, 1),
        (ConfirmFault::BadGatewayAfterCommit, Some(StatusCode::BAD_GATEWAY), 1),
        (ConfirmFault::HtmlForbidden, Some(StatusCode::FORBIDDEN), 0),
        (ConfirmFault::PlainText, Some(StatusCode::OK), 0),
    ] {
        let world = World::start(behaving(|b| b.confirm = fault)).await;
        let mcp = Mcp::connect(&world.server.own, "a").await;
        let preview = mcp.create(&job("1000")).await;
        let answer = mcp.try_post(&mcp.confirm_message(&preview)).await;
        assert_eq!(answer.ok().map(|answer| answer.status()), status, "{fault:?}");
        assert_eq!(world.counts(), [(1, accepted)], "{fault:?}");
    }
}

#[tokio::test]
async fn a_stalled_confirm_is_stored_though_its_client_goes_away() {
    let world = World::start(behaving(|b| b.confirm = ConfirmFault::StallAfterCommit)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let message = mcp.confirm_message(&mcp.create(&job("1000")).await);
    assert!(tokio::time::timeout(Duration::from_millis(300), mcp.try_post(&message)).await.is_err());
    assert_eq!(world.counts(), [(1, 1)]);
}

#[tokio::test]
async fn standing_refuses_writes() {
    for (standing, code) in [
        (Standing::Suspended, "STANDIN_SUSPENDED"),
        (Standing::IdentityCheck, "STANDIN_IDENTITY"),
        (Standing::PolicyPrompt, "STANDIN_POLICY_PROMPT"),
        (Standing::SeveralTeams, "STANDIN_TEAM_REQUIRED"),
    ] {
        let world = World::start(behaving(|b| b.standing = standing)).await;
        let mcp = Mcp::connect(&world.server.own, "a").await;
        assert_eq!(mcp.create(&job("1000")).await["error_code"], code);
    }
    let world = World::start(behaving(|b| b.standing = Standing::Outbid)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let params = |boost: u32| json!({"job_reference": job("1000"), "cover_letter": "x", "charged_amount": 65, "boost_connects": boost});
    let preview = mcp.act("manage_proposals", "create", params(4)).await;
    assert_eq!(mcp.confirm(&preview).await["error_code"], "STANDIN_BOOST_OUTBID");
    for (boost, code) in [(3, "STANDIN_BOOST_TOO_LOW"), (491, "STANDIN_CONNECTS_SHORT")] {
        let refused = mcp.act("manage_proposals", "create", params(boost)).await;
        assert_eq!(refused["error_code"], code);
    }
}

#[tokio::test]
async fn a_prior_proposal_can_be_refused() {
    let world = World::start(behaving(|b| b.prior_proposal = PriorProposal::RefusedByCode)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    mcp.confirm(&mcp.create(&job("1000")).await).await;
    assert_eq!(mcp.create(&job("1000")).await["error_code"], "VJ-JA-10");
}

#[tokio::test]
async fn lists_can_lag_and_lie() {
    let mut settings = behaving(|b| b.status_filter = StatusFilter::Mixed);
    settings.list_lag = Duration::from_millis(300);
    let world = World::start(settings).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    mcp.confirm(&mcp.create(&job("1000")).await).await;
    assert_eq!(world.counts(), [(1, 1)], "the record does not lag");
    assert_eq!(mcp.list().await["totalCount"], 0);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let hired = json!({"status": "Hired"});
    assert_eq!(mcp.act("list_freelancer_proposals", "list", hired).await["totalCount"], 1);
}

#[tokio::test]
async fn rates_are_limited_by_document_or_by_status() {
    let rate = Rate::Buckets {
        burst_calls: 2,
        sensitive_refill: Duration::from_secs(60),
        plain_refill: Duration::from_millis(1),
    };
    let world = World::start(behaving(|b| b.rate = rate)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let params = json!({"id": job("1000")});
    for _ in 0..2 {
        assert_eq!(mcp.act("find_jobs", "get", params.clone()).await["status"], "ok");
    }
    let limited = mcp.act("find_jobs", "get", params.clone()).await;
    assert_eq!(limited["error_code"], "SENSITIVE_RATE_LIMIT_EXCEEDED");
    assert!(limited["retry_after_seconds"].as_u64().unwrap() > 0);

    let world = world.restart(behaving(|b| b.rate = Rate::TooManyRequests { retry_after_seconds: 3 })).await;
    let answer = {
        let mut mcp = mcp;
        mcp.url = format!("{}/mcp", world.server.own);
        mcp.session = String::new();
        let reply = mcp.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})).await;
        mcp.session = reply.headers()["mcp-session-id"].to_str().unwrap().into();
        mcp.post(&Mcp::message("list_accounts", &json!({}))).await
    };
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "3");
}

#[tokio::test]
async fn august_speaks_of_drafts() {
    let world = World::start(behaving(|b| b.era = Era::August)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let draft = mcp.create(&job("1000")).await;
    let params = json!({"type": "proposal", "draft_id": draft["draft_id"]});
    assert_eq!(mcp.act("confirm_draft", "confirm", params).await["status"], "ok");
    assert_eq!(world.counts(), [(1, 1)]);
}

#[tokio::test]
async fn the_answer_to_a_refresh_can_be_lost() {
    let world = World::start(behaving(|b| b.refresh = Refresh::AnswerLost)).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &mcp.refresh),
        ("client_id", &mcp.login.client_id),
    ];
    let url = format!("{}/token", world.server.own);
    assert!(mcp.http.post(&url).form(&form).send().await.is_err());
    let world = world.restart(fast()).await;
    let url = format!("{}/token", world.server.own);
    let again = mcp.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(read(again).await["error"], "invalid_grant");
}
