use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Mcp, World, fast, http, post_json, read};

#[tokio::test]
async fn without_a_bearer_the_header_says_where_to_log_in() {
    let world = World::start(fast()).await;
    let own = &world.server.own;
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for answer in [
        post_json(&http(), &format!("{own}/mcp"), &message).await,
        http().get(format!("{own}/mcp")).send().await.unwrap(),
    ] {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.headers()["www-authenticate"],
            format!(
                "Bearer error=\"invalid_token\", \
                 error_description=\"The access token is missing or invalid\", \
                 resource_metadata=\"{own}/.well-known/oauth-protected-resource/mcp\""
            )
            .as_str()
        );
    }
}

#[tokio::test]
async fn a_session_is_needed_and_ends() {
    let world = World::start(fast()).await;
    let mut mcp = Mcp::connect(&world.server.own, "a").await;
    let call = Mcp::message("list_accounts", &json!({}));
    let live = mcp.session.clone();

    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = mcp.post(&notification).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert!(answer.bytes().await.unwrap().is_empty());

    mcp.session = String::new();
    assert_eq!(mcp.post(&call).await.status(), StatusCode::BAD_REQUEST, "a cold call");
    mcp.session = "session_unknown".into();
    assert_eq!(mcp.post(&call).await.status(), StatusCode::NOT_FOUND);

    let mut other = Mcp::connect(&world.server.own, "b").await;
    other.session.clone_from(&live);
    assert_eq!(other.post(&call).await.status(), StatusCode::NOT_FOUND, "another's session");

    mcp.session = live;
    let end = mcp.http.delete(&mcp.url).header("authorization", format!("Bearer {}", mcp.access));
    assert!(end.header("mcp-session-id", &mcp.session).send().await.unwrap().status().is_success());
    assert_eq!(mcp.post(&call).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn versions_tools_and_names_are_october_s() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    for (asked, given) in [("2025-03-26", "2025-03-26"), ("2025-11-25", "2025-11-25"), ("2099", "2025-11-25")]
    {
        let params = json!({"protocolVersion": asked});
        let message = json!({"jsonrpc": "2.0", "id": 9, "method": "initialize", "params": params});
        assert_eq!(read(mcp.post(&message).await).await["result"]["protocolVersion"], given);
    }
    let reply = read(mcp.post(&json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list"})).await).await;
    let tools = reply["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 32);
    let create = tools.iter().find(|tool| tool["name"] == "upwork__manage_proposals").unwrap();
    assert!(create["inputSchema"]["properties"]["params"]["properties"]["milestones"].is_object());

    let bare = json!({"jsonrpc": "2.0", "id": 4, "method": "tools/call",
        "params": {"name": "list_accounts", "arguments": {}}});
    let answer = mcp.post(&bare).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let text = read(answer).await["error"]["message"].as_str().unwrap().to_owned();
    assert!(text.contains("invalid tool name") && text.contains("invalid resource name"), "{text}");

    assert_eq!(mcp.tool("find_jobs", json!({"action": "get"})).await["error_code"], "ORG_UID_REQUIRED");
    assert_eq!(mcp.tool("send_message", mcp.arguments("send", json!({}))).await["status"], "error");
    let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
    assert_eq!(read(mcp.post(&ping).await).await, json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
}
