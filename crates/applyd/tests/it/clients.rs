//! Programs of other origin, with nothing changed but the address: each applies and polls to the end.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Account, Place, Process, job};
use crate::poller::{check, end};
use crate::receiver::{Answer, Got, Receiver};
use crate::webhooks;

/// Names of test cases hold `clients` by this module's name.
fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name)
}

fn python() -> Command {
    Command::new(std::env::var_os("APPLYD_TEST_PYTHON").expect("no APPLYD_TEST_PYTHON: run cargo xtask test"))
}

/// Runs it against the server; answers its one line of JSON.
fn run(mut client: Command, name: &str, server: &Process, account: &Account, job: &str) -> Value {
    client.arg(program(name)).arg(job);
    client.envs([
        ("APPLYD_URL", server.url.as_str()),
        ("APPLYD_KEY", &account.key),
        ("APPLYD_POLL_MS", "100"),
    ]);
    let output = client.output().unwrap_or_else(|error| panic!("{client:?}: {error}: run cargo xtask setup"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {:?}\n{out}\n{err}", output.status);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{name}: {error}\n{out}"))
}

/// Each on an account of its own; the site must have exactly its proposal.
fn assert_applied(client: Command, name: &str, spelling: &str, canonical: &str) {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 2);
    let answer = run(client, name, &server, &account, spelling);
    check(&answer);
    assert_eq!((&answer["applicationStatus"], &answer["jobId"]), (&"applied".into(), &canonical.into()));
    assert_eq!((place.counted(canonical), place.balance(&account)), ((1, 1), (1, 0, 1)), "{name}");
}

#[test]
fn the_python_sdk_applies_and_polls() {
    assert_applied(python(), "sdk_apply.py", &job(1000), &job(1000));
}

#[test]
fn the_python_sdk_tours_all_seven_methods_and_the_older_paths() {
    assert_applied(python(), "sdk_tour.py", &job(1000), &job(1000));
}

#[test]
fn the_python_sdk_takes_a_url_with_an_old_ciphertext() {
    let url = "https://www.upwork.com/jobs/Rust-developer_~01ABC123def456/?source=rss";
    assert_applied(python(), "sdk_apply.py", url, "~01abc123def456");
}

#[test]
fn the_python_sdks_quick_start_runs_as_it_stands() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 2);
    let printed =
        run(python(), "quick_start.py", &server, &account, "https://www.upwork.com/jobs/~01abc123def456");
    // It asks once, right away; whatever it saw was a true status.
    check(&printed);
    let ended = server.ended(&account, printed["queueId"].as_str().unwrap(), crate::poller::LONG);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_eq!(place.counted("~01abc123def456"), (1, 1));
}

#[test]
fn curl_applies_and_polls() {
    assert_applied(Command::new("bash"), "curl.sh", &job(1), &job(1));
}

#[test]
fn a_fetch_poller_applies_and_polls() {
    let url = "https://www.upwork.com/jobs/~022053140178050136031";
    assert_applied(Command::new("node"), "poll.mjs", url, "~022053140178050136031");
}

#[test]
fn a_fetch_poller_sees_a_failure_as_it_is() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 2);
    let answer = run(Command::new("node"), "poll.mjs", &server, &account, &job(2));
    check(&answer);
    assert_eq!(answer["applicationStatus"], "failed", "{answer}");
    let accepted = server.apply(&account, &job(1));
    assert_eq!(end(&server, &account, &accepted)["applicationStatus"], "applied");
}

/// What the library for Python says of a message; it gets headers as any server hands them over.
fn judged(secret: &str, got: &Got, body: &str) -> Output {
    let headers: serde_json::Map<String, Value> =
        got.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    let message = serde_json::json!({"secret": secret, "headers": headers, "body": body}).to_string();
    let mut client = python();
    client.arg(program("verify_webhook.py")).stdin(Stdio::piped());
    let mut client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    client.wait_with_output().unwrap()
}

#[test]
fn the_python_library_of_standard_webhooks_believes_a_webhook() {
    let place = webhooks::place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let account = place.account("agency", 2);
    let (_, secret) = webhooks::create(&server, &account, &receiver.url);
    let accepted = server.apply(&account, &job(1));
    end(&server, &account, &accepted);
    let got = receiver.wait_for(1, Duration::from_secs(10)).remove(0);
    let judgement = judged(&secret, &got, &got.body);
    let (out, err) = (String::from_utf8_lossy(&judgement.stdout), String::from_utf8_lossy(&judgement.stderr));
    assert!(judgement.status.success(), "{err}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), got.json());
    let forged = judged(&secret, &got, &got.body.replace("applied", "failed"));
    assert!(!forged.status.success(), "believed: {forged:?}");
    assert!(String::from_utf8_lossy(&forged.stderr).contains("WebhookVerificationError"));
}
