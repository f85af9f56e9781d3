use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Mcp, World, fast, job, read};

async fn look(mcp: &Mcp, number: &str) -> StatusCode {
    mcp.status("find_jobs", "get", json!({"id": job(number)})).await
}

async fn read_job(mcp: &Mcp, number: &str) -> Value {
    mcp.act("find_jobs", "get", json!({"id": job(number)})).await
}

#[tokio::test]
async fn contents_say_gone_ineligible_poor_and_unknown() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let gone = read_job(&mcp, "0003").await;
    assert_eq!(gone["data"]["marketplaceJobPosting"]["workFlowState"]["status"], "CLOSED");
    assert_eq!(gone["can_apply"], false);
    let elsewhere = read_job(&mcp, "0004").await;
    assert_eq!((&elsewhere["can_apply"], &elsewhere["connects_balance"]), (&json!(false), &json!(500)));
    assert_eq!(read_job(&mcp, "0005").await["connects_balance"], 4);
    for number in ["0000", "0016", "0019", "0999"] {
        assert_eq!(read_job(&mcp, number).await["error_code"], "STANDIN_JOB_NOT_VISIBLE", "{number}");
    }
    for (number, code) in
        [("0003", "STANDIN_JOB_CLOSED"), ("0004", "STANDIN_NOT_ELIGIBLE"), ("0005", "STANDIN_CONNECTS_SHORT")]
    {
        let refused = mcp.create(&job(number)).await;
        assert_eq!((&refused["error_code"], &refused["standin"]), (&json!(code), &json!(true)));
    }
}

#[tokio::test]
async fn refusals_come_at_the_confirm() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    for (number, code) in [("0002", "STANDIN_REFUSED"), ("0015", "STANDIN_JOB_CLOSED")] {
        let refused = mcp.confirm(&mcp.create(&job(number)).await).await;
        assert_eq!((&refused["status"], &refused["error_code"]), (&json!("rejected"), &json!(code)));
    }
    assert_eq!(world.counts(), [(1, 0), (1, 0)]);
}

#[tokio::test]
async fn login_trouble_stays_with_its_application() {
    let world = World::start(fast()).await;
    let mut mcp = Mcp::connect(&world.server.own, "a").await;
    assert_eq!(look(&mcp, "0008").await, StatusCode::UNAUTHORIZED);
    assert_eq!(look(&mcp, "0008").await, StatusCode::UNAUTHORIZED, "until the token was refreshed");
    assert_eq!(look(&mcp, "0006").await, StatusCode::UNAUTHORIZED);
    assert_eq!(look(&mcp, "1000").await, StatusCode::OK, "the grant is good");

    let pair = read(mcp.login.refresh(&mcp.refresh).await).await;
    let old = std::mem::replace(&mut mcp.access, pair["access_token"].as_str().unwrap().into());
    assert_eq!(look(&mcp, "0008").await, StatusCode::OK);
    assert_eq!(look(&mcp, "0006").await, StatusCode::UNAUTHORIZED, "refresh or not");
    mcp.queue_id = None;
    assert_eq!(look(&mcp, "0006").await, StatusCode::OK, "no application, no fault");
    mcp.access = old;
    mcp.queue_id = Some("queue_2".into());
    assert_eq!(look(&mcp, "0008").await, StatusCode::UNAUTHORIZED, "each application from the start");
}

#[tokio::test]
async fn three_reads_of_an_application_fail() {
    let world = World::start(fast()).await;
    let mut mcp = Mcp::connect(&world.server.own, "a").await;
    for _ in 0..2 {
        assert_eq!(look(&mcp, "0007").await, StatusCode::SERVICE_UNAVAILABLE);
    }
    mcp.queue_id = Some("queue_2".into());
    for _ in 0..3 {
        assert_eq!(look(&mcp, "0007").await, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(look(&mcp, "0007").await, StatusCode::OK);
    mcp.queue_id = Some("queue_1".into());
    assert_eq!(look(&mcp, "0007").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(look(&mcp, "0007").await, StatusCode::OK);
}

#[tokio::test]
async fn cut_connections_keep_or_lose_the_proposal() {
    let world = World::start(fast()).await;
    let mut mcp = Mcp::connect(&world.server.own, "a").await;
    for number in ["0009", "0010"] {
        let preview = mcp.create(&job(number)).await;
        let error = mcp.try_post(&mcp.confirm_message(&preview)).await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_status(), "{error:?}");
    }
    assert_eq!(world.counts(), [(1, 1), (1, 0)]);
    assert_eq!(mcp.list().await["totalCount"], 1);
    mcp.queue_id = None;
    assert_eq!(
        mcp.confirm(&mcp.create(&job("0010")).await).await["status"],
        "ok",
        "no application, no fault"
    );
}

#[tokio::test]
async fn a_slow_answer_comes_late_and_is_stored_at_once() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let preview = mcp.create(&job("0011")).await;
    let start = Instant::now();
    let (confirmed, listed) = tokio::join!(mcp.confirm(&preview), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        mcp.list().await
    });
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!((&confirmed["status"], &listed["totalCount"]), (&json!("ok"), &json!(1)));
}

#[tokio::test]
async fn a_silent_read_ends_when_the_client_goes_away() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let message = Mcp::message("find_jobs", &mcp.arguments("get", json!({"id": job("0012")})));
    let waited = tokio::time::timeout(Duration::from_millis(300), mcp.try_post(&message)).await;
    assert!(waited.is_err(), "no answer");
    let stopping = Instant::now();
    world.server.stop().await;
    assert!(stopping.elapsed() < Duration::from_millis(900), "its connection was released");
}

#[tokio::test]
async fn questions_want_answers() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let asked = read_job(&mcp, "0013").await["screening_questions"].clone();
    assert_eq!(
        asked[1],
        "<untrusted_participant_content>\nWhen can you start?\n</untrusted_participant_content>"
    );
    let refused = mcp.create(&job("0013")).await;
    assert_eq!(
        (&refused["status"], &refused["missing_fields"]),
        (&json!("needs_details"), &json!(["answers"]))
    );
    let answers = json!([
        {"question": " How many years have  you worked with Rust? ", "answer": "9"},
        {"question": "When can you start?", "answer": "Today"},
    ]);
    let params =
        json!({"job_reference": job("0013"), "cover_letter": "x", "charged_amount": 65, "answers": answers});
    let preview = mcp.act("manage_proposals", "create", params).await;
    mcp.confirm(&preview).await;
    assert_eq!(world.record()[0].proposals[0].answers, 2);
}

#[tokio::test]
async fn a_fixed_price_takes_milestones() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let milestones = json!([{"description": "a", "amount": 1000}, {"description": "b", "amount": 500.5}]);
    let params = |amount: f64| {
        json!({"job_reference": job("0014"), "cover_letter": "x",
        "charged_amount": amount, "milestones": milestones})
    };
    let refused = mcp.act("manage_proposals", "create", params(7.0)).await;
    assert_eq!(refused["error_code"], "STANDIN_BAD_INPUT");
    let preview = mcp.act("manage_proposals", "create", params(1500.5)).await;
    assert_eq!(mcp.confirm(&preview).await["status"], "ok");
    assert_eq!(world.record()[0].proposals[0].price.as_f64(), Some(1500.5));
    let without = json!({"job_reference": job("0014"), "cover_letter": "x"});
    assert_eq!(mcp.act("manage_proposals", "create", without).await["error_code"], "STANDIN_BAD_INPUT");
}

#[tokio::test]
async fn darkness_covers_the_agency_until_its_end() {
    for (number, accepted) in [("0017", 1), ("0018", 0)] {
        let world = World::start(fast()).await;
        let mut mcp = Mcp::connect(&world.server.own, "a").await;
        let other = Mcp::connect(&world.server.own, "b").await;
        let preview = mcp.create(&job(number)).await;
        assert!(mcp.try_post(&mcp.confirm_message(&preview)).await.is_err());
        let dark = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(look(&mcp, number).await, dark);
        assert_eq!(look(&mcp, "1000").await, StatusCode::OK, "other jobs can be read");
        assert_eq!(mcp.status("list_freelancer_proposals", "list", json!({})).await, dark);
        assert_eq!(mcp.status("get_profile", "connects_balance", json!({})).await, dark);
        assert_eq!(
            mcp.status("get_preview", "get", json!({"type": "proposal", "id": preview["preview_id"]})).await,
            dark
        );
        assert_eq!(other.list().await["status"], "ok", "other agencies can be read");
        mcp.queue_id = None;
        assert_eq!(mcp.list().await["totalCount"], accepted, "no application, no fault");
        mcp.queue_id = Some("queue_1".into());
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(mcp.list().await["totalCount"], accepted);
        assert_eq!(read_job(&mcp, number).await["applied"], accepted == 1);
        assert_eq!(world.counts(), [(1, accepted)]);
    }
}
