#![allow(clippy::unwrap_used, reason = "tests")]

mod receiver;

use std::net::IpAddr;
use std::process::Command;

use applyd_core::refusal::Refusal;
use tokio::io::AsyncWriteExt as _;

use super::*;
use receiver::Receiver;

const SHORT: Duration = Duration::from_millis(200);
const BODY: &str = r#"{"id":"evt_1"}"#;

fn rules(networks: &[&str]) -> Rules {
    let allowed_networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    Rules { allow_http: true, allowed_networks }
}

/// May reach receivers of these tests.
fn local(wait: Duration) -> Outbound {
    Outbound::new(rules(&["127.0.0.1/32"]), wait)
}

fn target(url: &str, outbound: &Outbound) -> Result<Target, Refusal> {
    Target::parse(url, &outbound.rules)
}

async fn post(outbound: &Outbound, url: &str) -> Result<u16, Failure> {
    let headers = HeaderMap::from_iter([("webhook-id".parse().unwrap(), HeaderValue::from_static("evt_1"))]);
    outbound.post(&target(url, outbound).unwrap(), headers, Bytes::from_static(BODY.as_bytes())).await
}

/// Posts to a name that leads to `addresses`, at the target's port where theirs is 0.
async fn post_found(outbound: &Outbound, url: &str, addresses: &[SocketAddr]) -> Result<u16, Failure> {
    let look_up = async |target: &Target| {
        let at = |found: &SocketAddr| match found.port() {
            0 => SocketAddr::new(found.ip(), target.port),
            _ => *found,
        };
        Ok(addresses.iter().map(at).collect())
    };
    outbound.post_by(look_up, &target(url, outbound).unwrap(), HeaderMap::new(), Bytes::new()).await
}

fn at(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0)
}

#[tokio::test]
async fn a_message_arrives_as_it_was_given() {
    let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = receiver.url("/hook/a%20b?x=1");
    // Deliveries run side by side, so the future must be able to move.
    let sent = tokio::spawn(async move { post(&local(LONGEST_EXCHANGE), &url).await });
    assert_eq!(sent.await.unwrap(), Ok(204));
    let request = receiver.request();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook/a%20b?x=1 HTTP/1.1\r\n"), "{head}");
    let mut lines: Vec<_> = head.lines().skip(1).collect();
    lines.sort_unstable();
    let host = format!("host: {}", receiver.address);
    let agent = format!("user-agent: applyd/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(lines, ["content-length: 14", &host, &agent, "webhook-id: evt_1"]);
    assert_eq!(body, BODY);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let elsewhere = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url("/");
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer).await;
        assert_eq!(post(&local(LONGEST_EXCHANGE), &receiver.url("/")).await, Err(Failure::Status(status)));
        assert_eq!(receiver.connections(), 1);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn only_2xx_is_success() {
    for (status, is_taken) in
        [(200, true), (202, true), (299, true), (300, false), (400, false), (500, false)]
    {
        let receiver =
            Receiver::answering(format!("HTTP/1.1 {status} X\r\ncontent-length: 6\r\n\r\nsecret")).await;
        let outcome = post(&local(LONGEST_EXCHANGE), &receiver.url("/")).await;
        assert_eq!(outcome.clone().ok(), is_taken.then_some(status));
        if let Err(failure) = outcome {
            assert_eq!(failure.to_string(), format!("HTTP {status}"));
        }
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_after_the_check_gains_nothing() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    // Any port may be written, but 127.0.0.1 stays guarded.
    let strict = Outbound::new(rules(&["127.9.0.0/16"]), SHORT);
    let url = format!("http://rebinding.example:{}/", receiver.address.port());
    let asked = std::sync::atomic::AtomicUsize::new(0);
    // An allowed address of nobody first, then this machine.
    let look_up = async |target: &Target| {
        let first = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        let address = if first { "127.9.255.254" } else { "127.0.0.1" };
        Ok(vec![SocketAddr::new(address.parse().unwrap(), target.port)])
    };
    let name = target(&url, &strict).unwrap();
    let outcome = strict.post_by(&look_up, &name, HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(outcome, Err(Failure::TimedOut | Failure::Unreachable(_))), "{outcome:?}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1, "one look-up for check and connection");
    let outcome = strict.post_by(&look_up, &name, HeaderMap::new(), Bytes::new()).await;
    assert_eq!(outcome, Err(Failure::RefusedAddress));
    assert_eq!(receiver.connections(), 0);
    // Without the guard the same name does lead here.
    assert_eq!(post_found(&local(LONGEST_EXCHANGE), &url, &[at("127.0.0.1")]).await, Ok(200));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn one_guarded_address_spoils_a_name() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let local = local(LONGEST_EXCHANGE);
    let url = format!("http://mixed.example:{}/", receiver.address.port());
    for other in
        ["127.0.0.2", "10.0.0.1", "::1", "::ffff:169.254.169.254", "64:ff9b::7f00:2", "fe80::1", "0.0.0.0"]
    {
        for found in [[at("127.0.0.1"), at(other)], [at(other), at("127.0.0.1")]] {
            assert_eq!(post_found(&local, &url, &found).await, Err(Failure::RefusedAddress), "{other}");
        }
    }
    // Public, but at a port that only an allowed network may use.
    assert_eq!(
        post_found(&local, &url, &[at("127.0.0.1"), at("2000::1")]).await,
        Err(Failure::RefusedAddress)
    );
    assert_eq!(receiver.connections(), 0);
    assert_eq!(Failure::RefusedAddress.to_string(), "refused address");
}

#[tokio::test]
async fn a_target_of_looser_days_is_judged_again() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let old = target(&receiver.url("/"), &local(LONGEST_EXCHANGE)).unwrap();
    let strict = Outbound::new(rules(&[]), LONGEST_EXCHANGE);
    let outcome = strict.post(&old, HeaderMap::new(), Bytes::new()).await;
    assert_eq!((outcome, receiver.connections()), (Err(Failure::RefusedAddress), 0));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless_head = Receiver::endless("HTTP/1.1 200 OK\r\nx: ").await;
    let outcome = post(&local(LONGEST_EXCHANGE), &endless_head.url("/")).await;
    assert!(matches!(outcome, Err(Failure::NoAnswer(_))), "{outcome:?}");
    let endless_body = Receiver::endless("HTTP/1.1 200 OK\r\n\r\n").await;
    let begun = Instant::now();
    assert_eq!(post(&local(LONGEST_EXCHANGE), &endless_body.url("/")).await, Ok(200));
    assert!(begun.elapsed() < LONGEST_EXCHANGE / 3, "{:?}", begun.elapsed());
    for receiver in [endless_head, endless_body] {
        receiver.is_left().await;
    }
}

/// The bound itself, which the buffers of the system hide from a receiver.
#[tokio::test]
async fn of_an_answer_64_kib_are_read() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let wanted = async {
        let request = Request::new(Full::new(Bytes::new()));
        ask(ours, request, Instant::now() + LONGEST_EXCHANGE).await
    };
    let written = async {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            theirs.read_buf(&mut request).await.unwrap();
        }
        let mut written = 0;
        while let Ok(bytes) = theirs.write(b"HTTP/1.1 200 OK\r\n\r\n").await {
            written += bytes;
        }
        written
    };
    let (status, written) = tokio::join!(wanted, written);
    assert_eq!(status, Ok(200));
    assert!((64 * 1024..=65 * 1024).contains(&written), "{written}");
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left() {
    for (said, outcome) in [
        ("", Err(Failure::TimedOut)),
        ("HTTP/1.1 200 OK\r\ncontent-le", Err(Failure::TimedOut)),
        ("HTTP/1.1 100 Continue\r\n\r\n", Err(Failure::TimedOut)),
        // It took the message, and only its answer has no end.
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Ok(200)),
        ("HTTP/1.1 503 Busy\r\ncontent-length: 9\r\n\r\nhalf", Err(Failure::Status(503))),
    ] {
        let receiver = Receiver::hanging_after(said).await;
        let begun = Instant::now();
        assert_eq!(post(&local(SHORT), &receiver.url("/")).await, outcome, "{said:?}");
        assert!((SHORT..SHORT * 10).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        receiver.is_left().await;
    }
    let endless_look_up = async |_: &Target| std::future::pending().await;
    let outbound = local(SHORT);
    let name = target("http://slow.example/", &outbound).unwrap();
    let outcome = outbound.post_by(endless_look_up, &name, HeaderMap::new(), Bytes::new()).await;
    assert_eq!(outcome.unwrap_err().to_string(), "timed out");
}

#[tokio::test]
async fn what_is_no_http_is_no_answer_and_is_not_repeated() {
    for said in ["", "\r\n", "secret words\r\n\r\n", "HTTP/1.1 2", "HTTP/0.9 200 OK\r\n\r\n", "SSH-2.0-x\r\n"]
    {
        let receiver = Receiver::answering(said).await;
        let failure = post(&local(LONGEST_EXCHANGE), &receiver.url("/")).await.unwrap_err();
        assert!(matches!(failure, Failure::NoAnswer(_)), "{said:?}: {failure:?}");
        assert!(!failure.to_string().contains("secret"), "{failure}");
        assert_eq!(receiver.connections(), 1, "{said:?}");
    }
}

#[tokio::test]
async fn the_next_address_is_tried_where_the_first_takes_no_connection() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let closed = Receiver::closed().await;
    let local = local(LONGEST_EXCHANGE);
    let url = "http://two.example:9/";
    let failure = post_found(&local, url, &[closed]).await.unwrap_err();
    assert_eq!(failure.to_string(), "cannot connect: connection refused");
    assert_eq!(post_found(&local, url, &[closed, receiver.address]).await, Ok(200));
    assert_eq!(
        post_found(&local, url, &[closed, closed, closed, closed, receiver.address]).await,
        Err(failure)
    );
    assert_eq!(post_found(&local, url, &[]).await, Err(Failure::NameNotFound));
}

/// Runs one of these tests in a process with this environment.
fn again(test: &str, variables: &[(&str, &str)]) {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("notify::post::tests::{test}"), "--include-ignored"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn an_ambient_proxy_is_not_used() {
    let trap = Receiver::answering("HTTP/1.1 502 Trap\r\n\r\n").await;
    let proxy = trap.url("/");
    let variables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"];
    again("a_message_arrives_as_it_was_given", &variables.map(|name| (name, proxy.as_str())));
    assert_eq!(trap.connections(), 0);
}

#[test]
fn over_https_a_receiver_must_be_who_it_says() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/post/tests/receiver.pem");
    again("a_trusted_certificate_is_believed", &[("SSL_CERT_FILE", certificate), ("SSL_CERT_DIR", "")]);
}

#[tokio::test]
#[ignore = "needs the environment that the test above makes"]
async fn a_trusted_certificate_is_believed() {
    let receiver = Receiver::secured("HTTP/1.1 200 OK\r\n\r\n").await;
    let local = local(LONGEST_EXCHANGE);
    let url = receiver.url("/hook").replace("http://", "https://");
    assert_eq!(post(&local, &url).await, Ok(200));
    assert!(receiver.request().starts_with("POST /hook HTTP/1.1\r\n"));
    let port = receiver.address.port();
    for (name, is_it) in [("hook.example", true), ("hook.example.", true), ("other.example", false)] {
        let outcome = post_found(&local, &format!("https://{name}:{port}/"), &[at("127.0.0.1")]).await;
        assert_eq!(outcome.is_ok(), is_it, "{name}: {outcome:?}");
        assert!(is_it || outcome.unwrap_err().to_string().starts_with("TLS failed: "), "{name}");
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_is_not_believed() {
    let receiver = Receiver::secured("HTTP/1.1 200 OK\r\n\r\n").await;
    let url = receiver.url("/hook").replace("http://", "https://");
    let outcome = post(&local(LONGEST_EXCHANGE), &url).await;
    assert!(matches!(outcome, Err(Failure::Tls(_))), "{outcome:?}");
    assert!(receiver.requests().is_empty());
}
