//! Requests that are too long, half sent, or never end: answered or closed in time.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Account, Place, Process, Reply, connect, read_reply};

/// The contract's 5 s and what a busy machine needs to say so.
const BODY_WAIT: Duration = Duration::from_millis(5_500);
const HEADER_WAIT: Duration = Duration::from_secs(10);
const LONGEST_BODY: usize = 262_144;

fn stage() -> (Place, Process, Account) {
    let mut place = Place::with(&[]);
    place.set("APPLYD_WORKERS", "0");
    let account = place.account("agency", 50);
    let server = place.serve();
    (place, server, account)
}

fn head(account: &Account, more: &str) -> String {
    format!(
        "POST /api/auto-apply-v2/apply HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-api-key: {}\r\n{more}\r\n",
        account.key
    )
}

/// Writes all of it while reading the answer, as a client that hears a refusal in the middle of its sending.
fn exchange(server: &Process, bytes: Vec<u8>) -> Reply {
    let mut stream = connect(&server.url).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        // A server that has answered may close; what counts is whether its answer arrives.
        let _ = sender.write_all(&bytes);
    });
    let reply = read_reply(&mut stream).unwrap();
    // Frees a sender that still waits for room.
    let _ = stream.shutdown(Shutdown::Both);
    sending.join().unwrap();
    reply
}

/// A valid body of exactly this many bytes.
fn body(job: usize, bytes: usize) -> Vec<u8> {
    let frame = format!(r#"{{"jobId":"~02{job}","coverLetter":"x","pad":""}}"#);
    frame.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "p".repeat(bytes - frame.len()))).into_bytes()
}

fn chunked(body: &[u8], chunk: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    for part in body.chunks(chunk) {
        sent.extend(format!("{:x}\r\n", part.len()).bytes());
        sent.extend(part);
        sent.extend(b"\r\n");
    }
    sent.extend(b"0\r\n\r\n");
    sent
}

#[test]
fn the_longest_body_passes_and_one_byte_more_does_not() {
    let (place, server, account) = stage();
    let mut accepted = 0;
    for (job, bytes, status) in [
        (1, LONGEST_BODY, 200),
        (2, LONGEST_BODY + 1, 413),
        (3, 1024 * 1024, 413),
        (4, 10 * 1024 * 1024, 413),
    ] {
        let body = body(job, bytes);
        assert_eq!(body.len(), bytes);
        let whole =
            [head(&account, &format!("content-length: {bytes}\r\n")).into_bytes(), body.clone()].concat();
        let parts = head(&account, "transfer-encoding: chunked\r\n").into_bytes();
        let parts = [parts, chunked(&body, 60_000)].concat();
        for (kind, sent, status) in
            [("whole", whole, status), ("chunked", parts, status.max(if job == 1 { 409 } else { 0 }))]
        {
            let reply = exchange(&server, sent);
            assert_eq!(reply.status, status, "{kind}, {bytes} bytes: {reply:?}");
            accepted += i64::from(status == 200);
            if status == 413 {
                assert!(
                    reply.json()["error"].as_str().is_some_and(|error| error.contains("262144")),
                    "{reply:?}"
                );
            }
        }
    }
    assert_eq!(accepted, 1);
    assert_eq!(place.balance(&account), (49, 1, 0));
}

#[test]
fn a_length_that_is_only_claimed_is_answered_too() {
    let (place, server, account) = stage();
    let begun = Instant::now();
    let claimed = head(&account, &format!("content-length: {}\r\n", u32::MAX));
    let reply = exchange(&server, [claimed.as_bytes(), b"{\"jobId\":"].concat());
    assert!(matches!(reply.status, 408 | 413), "{reply:?}");
    assert!(reply.json()["error"].is_string() && begun.elapsed() < BODY_WAIT, "{:?}", begun.elapsed());
    assert_eq!(place.balance(&account), (50, 0, 0));
}

/// Sends a first part, then a byte a second until the server has had enough; answers what came and when.
fn drip(server: &Process, first: &str, then: &'static str) -> (std::io::Result<Reply>, Duration) {
    let mut stream = connect(&server.url).unwrap();
    stream.write_all(first.as_bytes()).unwrap();
    let begun = Instant::now();
    let mut sender = stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        let mut bytes = then.bytes();
        while let Some(byte) = bytes.next()
            && sender.write_all(&[byte]).is_ok()
            && !closed(&sender)
        {
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let reply = read_reply(&mut stream);
    let took = begun.elapsed();
    let _ = stream.shutdown(Shutdown::Both);
    dripping.join().unwrap();
    (reply, took)
}

fn closed(stream: &TcpStream) -> bool {
    stream.peer_addr().is_err()
}

#[test]
fn what_is_half_sent_is_answered_or_closed_in_time() {
    let (place, server, account) = stage();
    let half_body = head(&account, "content-length: 500\r\n") + r#"{"jobId":"~021","cover"#;
    let half_chunks = head(&account, "transfer-encoding: chunked\r\n") + "5\r\n{\"job\r\n";
    let no_body = head(&account, "content-length: 500\r\n");
    let half_head = "POST /api/auto-apply-v2/apply HTTP/1.1\r\nhost: te".to_owned();
    const LETTERS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let cases: [(&str, String, &'static str, bool); 8] = [
        ("half a body", half_body.clone(), "", true),
        ("half of the chunks", half_chunks, "", true),
        ("no body", no_body.clone(), "", true),
        ("a body of a byte a second", no_body, LETTERS, true),
        ("half a head", half_head.clone(), "", false),
        ("a head of a byte a second", half_head, LETTERS, false),
        ("nothing", String::new(), "", false),
        ("a request line of a byte a second", String::new(), "GET /healthz HTTP/1.1 and so on", false),
    ];
    std::thread::scope(|scope| {
        for (what, first, then, has_head) in &cases {
            let server = &server;
            scope.spawn(move || {
                let (reply, took) = drip(server, first, then);
                if *has_head {
                    let reply = reply.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert_eq!(reply.status, 408, "{what}: {reply:?}");
                    assert!(reply.json()["error"].is_string(), "{what}: {reply:?}");
                    assert!(took < BODY_WAIT, "{what}: {took:?}");
                } else {
                    assert!(took < HEADER_WAIT, "{what}: closed after {took:?}");
                }
            });
        }
    });
    // A body that ends before its time is no request either.
    let mut stream = connect(&server.url).unwrap();
    stream.write_all(half_body.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    if let Ok(reply) = read_reply(&mut stream) {
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    assert_eq!(place.balance(&account), (50, 0, 0));
    assert_eq!(place.json(&["ledger", "verify"])["applications"], 0);
    assert_eq!(server.call("GET", "/healthz", "", None).status, 200, "and others are served");
}
