use std::path::Path;
use std::process::Command;

use applyd_sandbox::{Replies, Settings};
use serde_json::Value;

use crate::harness::{World, fast, job};

#[tokio::test]
async fn the_python_client_applies() {
    apply(fast()).await;
}

#[tokio::test]
async fn the_python_client_applies_over_event_streams() {
    let mut settings = fast();
    settings.behaviour.replies = Replies::EventStream;
    apply(settings).await;
}

/// Applies by the official Python client of MCP, which shares no line with ours.
async fn apply(settings: Settings) {
    let python = std::env::var("APPLYD_TEST_PYTHON").expect("run cargo xtask test");
    let world = World::start(settings).await;
    let mut client = Command::new(python);
    client.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/mcp_client.py"));
    client.args([format!("{}/mcp", world.server.own), job("0001")]);
    let output = tokio::task::spawn_blocking(move || client.output()).await.unwrap();
    let output = output.expect("run cargo xtask test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["confirm"]["data"]["createJobProposal"]["newProposalId"], "sbp_1", "{seen}");
    assert_eq!(seen["listed"][0], "sbp_1");
    assert_eq!(seen["tools"], 32);
    assert_eq!(world.counts(), [(1, 1)]);
    assert_eq!(seen["orgUid"], world.record()[0].agency);
}
