//! Hostile days: each misfortune by itself, and what may never be untrue meanwhile.

use std::time::Duration;

use applyd_sandbox::{Hostility, Misfortune, Settings};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Mcp, World, fast, job, read};

const LAG: Duration = Duration::from_millis(200);

fn hostile(hostility: Hostility) -> Settings {
    let mut settings = fast();
    settings.behaviour.hostility =
        Some(Hostility { late: Duration::from_millis(300), lag: LAG, ..hostility });
    settings
}

fn confirms(only: Misfortune, seed: u64) -> Settings {
    hostile(Hostility { seed, confirms: 1000, only: vec![only], ..Hostility::default() })
}

fn calls(only: Misfortune) -> Settings {
    hostile(Hostility { calls: 1000, only: vec![only], ..Hostility::default() })
}

/// A session that was begun, and a preview that was made, before the day turned hostile.
async fn prepared(settings: Settings) -> (World, Mcp, Value) {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let preview = mcp.create(&job("1000")).await;
    let world = world.restart(settings).await;
    let mcp = resumed(mcp, &world).await;
    (world, mcp, preview)
}

/// The same login at the new address, with a session of its own that no misfortune strikes.
async fn resumed(mut mcp: Mcp, world: &World) -> Mcp {
    mcp.url = format!("{}/mcp", world.server.own);
    let label = mcp.queue_id.take();
    mcp.session.clear();
    mcp.initialize().await;
    mcp.queue_id = label;
    mcp
}

/// The status and the body, as far as they came.
async fn told(answer: reqwest::Result<reqwest::Response>) -> Option<(StatusCode, Option<String>)> {
    let answer = answer.ok()?;
    Some((answer.status(), answer.text().await.ok()))
}

#[tokio::test]
async fn a_confirm_is_counted_and_kept_or_not_as_its_misfortune_says() {
    for (misfortune, kept) in [
        (Misfortune::Dropped, Some(0)),
        (Misfortune::Refused, Some(0)),
        (Misfortune::Lost, Some(1)),
        (Misfortune::Cut, Some(1)),
        (Misfortune::Late, Some(1)),
        (Misfortune::Slow, Some(1)),
        (Misfortune::Twice, Some(1)),
        (Misfortune::StoredLate, Some(1)),
        (Misfortune::Status, None),
        (Misfortune::Page, None),
        (Misfortune::Vague, None),
    ] {
        for seed in 1..=3 {
            let (world, mcp, preview) = prepared(confirms(misfortune, seed)).await;
            let told = told(mcp.try_post(&mcp.confirm_message(&preview)).await).await;
            // Long enough for what is stored late.
            tokio::time::sleep(LAG).await;
            let [(received, accepted)] = world.counts()[..] else { panic!("{misfortune:?}") };
            assert_eq!(received, 1, "{misfortune:?} {seed}");
            assert!(kept.is_none_or(|kept| kept == accepted), "{misfortune:?} {seed}: {accepted}");
            let is_whole = told.as_ref().is_some_and(|(status, body)| status.is_success() && body.is_some());
            match misfortune {
                Misfortune::Dropped | Misfortune::Lost | Misfortune::StoredLate | Misfortune::Cut => {
                    assert!(!is_whole, "{misfortune:?} {seed}: {told:?}");
                }
                Misfortune::Refused => assert!(told.unwrap().1.unwrap().contains("rejected")),
                Misfortune::Slow | Misfortune::Late | Misfortune::Twice => {
                    assert!(told.unwrap().1.unwrap().contains("newProposalId"), "{misfortune:?}");
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn what_was_accepted_shows_after_the_lag_however_the_lists_lie() {
    let (mut world, mut mcp, preview) = prepared(fast()).await;
    mcp.confirm(&preview).await;
    tokio::time::sleep(LAG).await;
    for misfortune in [
        Misfortune::Lagging,
        Misfortune::Mixed,
        Misfortune::Miscounted,
        Misfortune::Disordered,
        Misfortune::Empty,
        Misfortune::RowMissing,
    ] {
        world = world.restart(calls(misfortune)).await;
        mcp = resumed(mcp, &world).await;
        let listed = mcp.list().await;
        let edges = listed["data"]["vendorProposals"]["edges"].as_array().unwrap();
        assert_eq!(edges.is_empty(), misfortune == Misfortune::Empty, "{misfortune:?}: {listed}");
        let balance = mcp.act("get_profile", "connects_balance", json!({"limit": 10})).await;
        let rows = balance["history"].as_array().unwrap().len();
        assert_eq!(rows, usize::from(misfortune != Misfortune::RowMissing), "{misfortune:?}");
        let read = mcp.act("find_jobs", "get", json!({"id": job("1000")})).await;
        assert_eq!(read["applied"], true, "{misfortune:?}: the one source that never lies");
    }
}

#[tokio::test]
async fn a_list_can_come_oldest_first_over_all_its_pages() {
    let (world, mcp, _) = prepared(fast()).await;
    for number in ["1000", "1001", "1002"] {
        mcp.confirm(&mcp.create(&job(number)).await).await;
    }
    let hostility = Hostility { calls: 1000, only: vec![Misfortune::Disordered], ..Hostility::default() };
    let world = world.restart(hostile(hostility)).await;
    let mcp = resumed(mcp, &world).await;
    let mut ids = Vec::new();
    let mut params = json!({"status": "Pending", "sort_order": "DESC", "limit": 1});
    loop {
        let page = mcp.act("list_freelancer_proposals", "list", params.clone()).await;
        let list = &page["data"]["vendorProposals"];
        ids.push(list["edges"][0]["node"]["id"].as_str().unwrap().to_owned());
        if list["pageInfo"]["hasNextPage"] == false {
            break;
        }
        params["cursor"] = list["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(ids, ["sbp_1", "sbp_2", "sbp_3"]);
}

#[tokio::test]
async fn what_is_new_can_lag() {
    let (world, mcp, preview) = prepared(calls(Misfortune::Lagging)).await;
    let applied = async || mcp.act("find_jobs", "get", json!({"id": job("1000")})).await["applied"].clone();
    mcp.confirm(&preview).await;
    assert_eq!(applied().await, false);
    assert_eq!(mcp.list().await["data"]["vendorProposals"]["edges"], json!([]));
    assert_eq!(world.counts(), [(1, 1)]);
    tokio::time::sleep(LAG).await;
    assert_eq!(applied().await, true);
}

#[tokio::test]
async fn a_preview_can_differ_give_way_or_grow_old() {
    for (misfortune, code) in [
        (Misfortune::Superseded, "STANDIN_PREVIEW_SUPERSEDED"),
        (Misfortune::Expired, "STANDIN_PREVIEW_EXPIRED"),
    ] {
        let (world, mcp, preview) = prepared(calls(misfortune)).await;
        let params = json!({"type": "proposal", "id": preview["preview_id"]});
        assert_eq!(
            mcp.act("get_preview", "get", params.clone()).await["status"],
            "ok",
            "read, and then gone"
        );
        assert_eq!(mcp.act("get_preview", "get", params).await["error_code"], code);
        assert_eq!(mcp.confirm(&preview).await["error_code"], code);
        assert_eq!(world.counts(), [(1, 0)]);
    }
    let (world, mcp, _) = prepared(calls(Misfortune::TermsDiffer)).await;
    let made = mcp.create(&job("1001")).await;
    let params = json!({"type": "proposal", "id": made["preview_id"]});
    let world = world.restart(fast()).await;
    let mcp = resumed(mcp, &world).await;
    let stored = &mcp.act("get_preview", "get", params).await["params"];
    let is_as_sent = stored["chargedAmount"] == 65
        && stored.get("boostConnects").is_none()
        && stored["coverLetter"].as_str().unwrap().contains("\nA letter.\n");
    assert!(!is_as_sent, "{stored}");
}

#[tokio::test]
async fn the_tools_can_change_under_a_client() {
    for (misfortune, is_listed, many) in [
        (Misfortune::Renamed, false, true),
        (Misfortune::Demanding, true, true),
        (Misfortune::Compact, false, false),
    ] {
        let hostility = Hostility { tools: 1000, only: vec![misfortune], ..Hostility::default() };
        let (_world, mcp, _) = prepared(hostile(hostility)).await;
        let listed = read(mcp.post(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})).await).await;
        let tools = listed["result"]["tools"].as_array().unwrap();
        let create = tools.iter().find(|tool| tool["name"] == "upwork__manage_proposals");
        assert_eq!((create.is_some(), tools.len() > 4), (is_listed, many));
        let demands = |tool: &Value| tool.to_string().contains("engagement_token");
        assert_eq!(create.is_some_and(demands), is_listed);
    }
}

#[tokio::test]
async fn an_answer_is_cut_anywhere_from_its_first_byte_to_its_last() {
    let (_world, mcp, _) = prepared(calls(Misfortune::Cut)).await;
    let body = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}).to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nmcp-session-id: {}\r\nx-request-id: q\r\n\
         content-length: {}\r\n\r\n{body}",
        mcp.access,
        mcp.session,
        body.len()
    );
    let mut lengths = Vec::new();
    for _ in 0..400 {
        let mut stream =
            TcpStream::connect(mcp.url.trim_start_matches("http://").trim_end_matches("/mcp")).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.ends_with(b"\"result\":{}}"), "a whole answer");
        lengths.push(answer.len());
    }
    lengths.sort_unstable();
    lengths.dedup();
    // Plain answers have some 160 bytes, streams some 360.
    assert!(lengths[0] < 10 && lengths.len() > 100 && lengths[lengths.len() - 1] > 300, "{lengths:?}");
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_calls() {
    let strikes = async |seed: u64, order: [&str; 3]| {
        let hostility =
            Hostility { seed, calls: 400, only: vec![Misfortune::Status], ..Hostility::default() };
        let (_world, mcp, _) = prepared(hostile(hostility)).await;
        let mut told = Vec::new();
        for number in order {
            for turn in 0..8 {
                let params = json!({"id": job(number)});
                told.push((number.to_owned(), turn, mcp.status("find_jobs", "get", params).await));
            }
        }
        told.sort();
        told
    };
    let first = strikes(3, ["1000", "1001", "1002"]).await;
    assert_eq!(first, strikes(3, ["1002", "1000", "1001"]).await);
    assert_ne!(first, strikes(4, ["1000", "1001", "1002"]).await);
    let struck = first.iter().filter(|(.., status)| *status != StatusCode::OK).count();
    assert!((3..20).contains(&struck), "{first:?}");
}

#[tokio::test]
async fn calls_for_no_application_are_spared() {
    let (_world, mut mcp, _) = prepared(calls(Misfortune::Dropped)).await;
    assert!(mcp.try_post(&Mcp::message("list_accounts", &json!({}))).await.is_err());
    mcp.queue_id = None;
    assert_eq!(mcp.tool("list_accounts", json!({})).await["accounts"][0]["role"], "TALENT");
}

#[tokio::test]
async fn tokens_die_early_and_the_answer_to_a_refresh_is_lost() {
    let hostility = Hostility { logins: 1000, ..Hostility::default() };
    let world = World::start(hostile(hostility)).await;
    let login = crate::harness::Login::register(&world.server.own).await;
    let pair = read(login.redeem(&login.code("a").await).await).await;
    assert_eq!(pair["expires_in"], 24 * 60 * 60);
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", pair["refresh_token"].as_str().unwrap()),
        ("client_id", &login.client_id),
    ];
    let url = format!("{}/token", world.server.own);
    assert!(login.http.post(&url).form(&form).send().await.is_err(), "the answer is lost");
    let world = world.restart(fast()).await;
    let url = format!("{}/token", world.server.own);
    let again = login.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::BAD_REQUEST, "and the token is used up");
    // The longest short life is three seconds.
    let mut mcp = Mcp::connect(&world.server.own, "b").await;
    mcp.queue_id = None;
    mcp.access = pair["access_token"].as_str().unwrap().into();
    let begun = std::time::Instant::now();
    while mcp.try_post(&Mcp::message("list_accounts", &json!({}))).await.unwrap().status()
        != StatusCode::UNAUTHORIZED
    {
        assert!(begun.elapsed() < Duration::from_secs(4));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn hostility_is_read_from_a_flag() {
    let text = "seed=7,calls=30,confirms=250,logins=100,tools=2,late_ms=2000,lag_ms=100,preview_ms=45000";
    let read: Hostility = text.parse().unwrap();
    let expected = Hostility {
        seed: 7,
        calls: 30,
        confirms: 250,
        logins: 100,
        tools: 2,
        late: Duration::from_secs(2),
        lag: Duration::from_millis(100),
        preview: Some(Duration::from_secs(45)),
        only: Vec::new(),
    };
    assert_eq!(read, expected);
    for wrong in ["calls", "calls=x", "calls=1001", "other=1"] {
        assert!(wrong.parse::<Hostility>().is_err(), "{wrong}");
    }
}
