use std::time::Duration;

use applyd_sandbox::submissions;
use reqwest::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Mcp, World, fast, job, read};

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_proposal_is_previewed_confirmed_listed_and_recorded() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let id = job("0001");
    let before = mcp.act("find_jobs", "get", json!({"id": format!("~02{id}")})).await;
    assert_eq!(before["status"], "ok");
    assert_eq!(
        (&before["applied"], &before["can_apply"], &before["connects_cost"], &before["connects_balance"]),
        (&json!(false), &json!(true), &json!(10), &json!(500))
    );
    assert_eq!(before["data"]["marketplaceJobPosting"]["id"], id);
    assert_eq!(before["data"]["marketplaceJobPosting"]["content"]["title"], "Sandbox job 0001");

    let preview = mcp.create(&id).await;
    assert_eq!((&preview["status"], &preview["type"]), (&json!("ok"), &json!("proposal")));
    assert_eq!(mcp.list().await["totalCount"], 0, "a preview submits nothing");
    let stored =
        mcp.act("get_preview", "get", json!({"type": "proposal", "id": preview["preview_id"]})).await;
    assert_eq!(
        stored["params"],
        json!({
            "jobReference": id, "chargedAmount": 65, "connects_cost": 10,
            "coverLetter": "<untrusted_participant_content>\nA letter.\n</untrusted_participant_content>",
        })
    );

    let confirmed = mcp.confirm(&preview).await;
    assert_eq!(confirmed["data"]["createJobProposal"]["newProposalId"], "sbp_1");
    let node = mcp.list().await["data"]["vendorProposals"]["edges"][0]["node"].clone();
    assert_eq!((&node["id"], &node["marketplaceJobPosting"]["id"]), (&json!("sbp_1"), &json!(id)));
    let read_back = mcp.act("list_freelancer_proposals", "get", json!({"id": "sbp_1"})).await;
    assert_eq!(read_back["data"]["vendorProposal"]["terms"]["connectsBid"], 10);
    let balance = mcp.act("get_profile", "connects_balance", json!({})).await;
    assert_eq!(
        (&balance["balance"]["connectsBalance"], &balance["history"][0]["job_reference"]),
        (&json!(500), &json!(id))
    );
    assert_eq!(mcp.act("find_jobs", "get", json!({"id": id})).await["applied"], true);

    let record = serde_json::to_value(world.record()).unwrap();
    let created_at = record[0]["proposals"][0]["createdAt"].clone();
    let expected = json!([{
        "agency": mcp.org_uid, "jobId": format!("~02{id}"), "received": 1, "accepted": 1,
        "proposals": [{
            "id": "sbp_1", "queueId": "queue_1", "createdAt": created_at,
            "coverLetterSha256": sha256("A letter."), "price": 65, "answers": 0,
            "boostConnects": 0,
        }],
    }]);
    assert_eq!(record, expected);

    let url = format!("{}/sandbox/submissions?agency={}&jobId=~02{id}", world.server.own, mcp.org_uid);
    let answer = read(mcp.http.get(url).send().await.unwrap()).await;
    assert_eq!(answer["submissions"], record);
    let url = format!("{}/sandbox/submissions?agency=700000000000000099", world.server.own);
    assert_eq!(read(mcp.http.get(url).send().await.unwrap()).await["submissions"], json!([]));
}

#[tokio::test]
async fn counts_previews_and_grants_outlive_the_process() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    mcp.confirm(&mcp.create(&job("1000")).await).await;
    let preview = mcp.create(&job("1001")).await;
    let before = world.record();

    let world = world.restart(fast()).await;
    assert_eq!(world.record(), before);
    let mut moved = Mcp::connect(&world.server.own, "a").await;
    assert_eq!(moved.org_uid, mcp.org_uid);
    moved.access.clone_from(&mcp.access);
    assert_eq!(moved.confirm(&preview).await["status"], "ok");
    assert_eq!(moved.list().await["totalCount"], 2);
    assert_eq!(world.counts(), [(1, 1), (1, 1)]);
    assert_eq!(submissions(&world.database(), None, Some(&job("1001"))).unwrap().len(), 1);
}

#[tokio::test]
async fn a_second_submission_is_stored_and_counted_too() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let first = mcp.create(&job("1000")).await;
    mcp.confirm(&first).await;
    assert_eq!(mcp.confirm(&mcp.create(&job("1000")).await).await["status"], "ok");
    assert_eq!(world.counts(), [(2, 2)]);
    assert_eq!(mcp.confirm(&first).await["error_code"], "STANDIN_PREVIEW_USED");
    assert_eq!(world.counts(), [(3, 2)], "a dead preview counts as received");

    let mut cold = mcp;
    cold.session = String::new();
    assert_eq!(cold.post(&cold.confirm_message(&first)).await.status(), StatusCode::BAD_REQUEST);
    cold.access = "none".into();
    assert_eq!(cold.post(&cold.confirm_message(&first)).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.counts(), [(5, 2)], "and so does what no session or token came with");
}

#[tokio::test]
async fn a_missing_file_is_an_empty_record() {
    let directory = tempfile::tempdir().unwrap();
    assert!(submissions(&directory.path().join("none.db"), None, None).unwrap().is_empty());
}

#[tokio::test]
async fn an_old_ciphertext_is_reported_as_it_was_named() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let document = mcp.act("find_jobs", "get", json!({"id": "~01abc123def456"})).await;
    let id = document["data"]["marketplaceJobPosting"]["id"].as_str().unwrap().to_owned();
    mcp.confirm(&mcp.create(&id).await).await;
    for asked in ["~01abc123def456", id.as_str(), &format!("~02{id}")] {
        let record = submissions(&world.database(), Some(&mcp.org_uid), Some(asked)).unwrap();
        assert_eq!(record[0].job_id, "~01abc123def456", "{asked}");
    }
}

#[tokio::test]
async fn pages_follow_the_cursor_newest_first() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    for number in 1000..1005 {
        mcp.confirm(&mcp.create(&job(&number.to_string())).await).await;
    }
    let mut seen = Vec::new();
    let mut cursor = json!(null);
    loop {
        let params = json!({"status": "Pending", "limit": 2, "cursor": cursor});
        let page = mcp.act("list_freelancer_proposals", "list", params).await;
        let proposals = &page["data"]["vendorProposals"];
        for edge in proposals["edges"].as_array().unwrap() {
            seen.push(edge["node"]["id"].as_str().unwrap().to_owned());
        }
        if page["hasMore"] == false {
            break;
        }
        cursor = proposals["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["sbp_5", "sbp_4", "sbp_3", "sbp_2", "sbp_1"]);
    let params = json!({"limit": 11});
    assert_eq!(mcp.act("list_freelancer_proposals", "list", params).await["error_code"], "STANDIN_BAD_INPUT");
}

#[tokio::test]
async fn a_confirm_whose_client_is_gone_at_once_is_received_and_stored() {
    const ROUNDS: usize = 30;
    let mut settings = fast();
    settings.settle_latency = Duration::from_millis(50)..=Duration::from_millis(50);
    let world = World::start(settings).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    for round in 0..ROUNDS {
        let message = mcp.confirm_message(&mcp.create(&job(&(1000 + round).to_string())).await).to_string();
        let address = world.server.own.strip_prefix("http://").unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nMcp-Session-Id: {}\r\n\
             X-Request-Id: queue_1\r\nContent-Length: {}\r\n\r\n",
            mcp.access,
            mcp.session,
            message.len()
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}{message}").as_bytes()).await.unwrap();
        drop(stream);
        // The next create would take the slot of a preview that is not confirmed yet.
        for _ in 0..100 {
            if world.counts().len() > round && world.counts()[round] == (1, 1) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert_eq!(world.counts(), [(1, 1); ROUNDS]);
}
