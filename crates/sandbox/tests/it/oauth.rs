use reqwest::StatusCode;
use serde_json::json;

use crate::harness::{Login, Mcp, World, fast, http, post_json, read};

#[tokio::test]
async fn metadata_names_the_own_address() {
    let world = World::start(fast()).await;
    let own = &world.server.own;
    for path in ["oauth-protected-resource/mcp", "oauth-protected-resource"] {
        let document = read(http().get(format!("{own}/.well-known/{path}")).send().await.unwrap()).await;
        assert_eq!(document["resource"], format!("{own}/mcp"));
        assert_eq!(document["authorization_servers"], json!([own]));
    }
    let url = format!("{own}/.well-known/oauth-authorization-server");
    let document = read(http().get(url).send().await.unwrap()).await;
    assert_eq!(document["issuer"], *own);
    assert_eq!(document["token_endpoint"], format!("{own}/token"));
}

#[tokio::test]
async fn registration_knows_an_allowlist() {
    let world = World::start(fast()).await;
    let url = format!("{}/register", world.server.own);
    for (redirect, status) in [
        ("http://localhost:1234/cb", 201),
        ("https://127.0.0.1:1/x", 201),
        ("https://claude.ai/api/cb", 201),
        ("http://claude.ai/api/cb", 400),
        ("https://evil.example/cb", 400),
        ("custom:/cb", 400),
    ] {
        let answer = post_json(&http(), &url, &json!({"redirect_uris": [redirect]})).await;
        assert_eq!(answer.status(), status, "{redirect}");
    }
    assert_eq!(http().get(&url).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(http().delete(&url).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_code_is_bound_and_used_once() {
    let world = World::start(fast()).await;
    let login = Login::register(&world.server.own).await;
    for (name, value) in [
        ("resource", "https://mcp.upwork.com/mcp"),
        ("code_challenge_method", "plain"),
        ("response_type", "token"),
    ] {
        let mut query = login.query("a");
        query.iter_mut().filter(|(asked, _)| *asked == name).for_each(|(_, asked)| *asked = value.into());
        let answer = login.authorize(&query).await;
        assert!(answer.headers()["location"].to_str().unwrap().contains("error="), "{name}");
    }
    let mut query = login.query("a");
    query[2].1 = "http://127.0.0.1:9/elsewhere".into();
    assert_eq!(login.authorize(&query).await.status(), StatusCode::BAD_REQUEST);

    let code = login.code("a").await;
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", crate::harness::REDIRECT),
        ("client_id", login.client_id.as_str()),
        ("code_verifier", "wrong"),
        ("resource", &format!("{}/mcp", login.own)),
    ];
    assert_eq!(read(login.token(&wrong).await).await["error"], "invalid_grant");
    assert_eq!(read(login.redeem(&code).await).await["error"], "invalid_grant", "a code lives once");
    assert_eq!(login.redeem(&login.code("a").await).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_is_used_once_and_rotates() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let next = read(mcp.login.refresh(&mcp.refresh).await).await;
    assert_eq!(next["token_type"], "Bearer");
    assert_eq!(next["expires_in"], 24 * 60 * 60);
    let again = mcp.login.refresh(&mcp.refresh).await;
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
    assert_eq!(read(again).await["error"], "invalid_grant");
    assert_eq!(mcp.login.refresh(next["refresh_token"].as_str().unwrap()).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_hint_finds_or_makes_the_organisation() {
    let world = World::start(fast()).await;
    let own = &world.server.own;
    let first = Mcp::connect(own, "acct_1").await;
    assert_eq!(first.org_uid, "700000000000000001");
    assert_eq!(Mcp::connect(own, "acct_2").await.org_uid, "700000000000000002");
    assert_eq!(Mcp::connect(own, "acct_1").await.org_uid, first.org_uid);
}

#[tokio::test]
async fn a_revoked_grant_is_refused_at_the_next_call() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let form = [("client_id", &mcp.login.client_id), ("token", &mcp.refresh)];
    mcp.http.post(format!("{}/revoke", world.server.own)).form(&form).send().await.unwrap();
    assert_eq!(mcp.status("find_jobs", "get", json!({"id": "1"})).await, StatusCode::UNAUTHORIZED);
    assert_eq!(mcp.login.refresh(&mcp.refresh).await.status(), StatusCode::BAD_REQUEST);
}
