//! How long after the settling transaction each way of being told says it.
//!
//! Both ends share one clock: an answer carries `appliedAt`, the time of the transaction, and whoever hears it looks
//! at the clock at its first byte. So the commit itself is in each figure.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::median;
use super::server::Server;

const APPLICATIONS: usize = 200;
const HEARD_WITHIN: Duration = Duration::from_secs(10);
const INSTANT: [(&str, &str); 4] = [
    ("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"),
    ("APPLYD_SANDBOX__READ_LATENCY", "0s"),
    ("APPLYD_WEBHOOKS__ALLOW_HTTP", "true"),
    ("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", "127.0.0.1/32"),
];

/// Applies one at a time, and prints the medians.
pub(super) fn told(place: &Path) -> Result<()> {
    let server = Server::start(&place.join("told"), &INSTANT)?;
    let key = server.keys(1)?.remove(0);
    let receiver = TcpListener::bind("127.0.0.1:0")?;
    server.webhook("bench-0", &format!("http://{}/", receiver.local_addr()?))?;
    let webhooks = listen(move |heard| receive(&receiver, &heard));
    let stream = server
        .ask(&format!("GET /api/auto-apply-v2/events HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\n\r\n"))?;
    let streamed = listen(move |heard| follow(stream, &heard));
    let (mut by_poll, mut by_webhook, mut by_stream) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..APPLICATIONS {
        by_poll.push(held(&server, &key, number)?);
        by_webhook.push(webhooks.recv_timeout(HEARD_WITHIN).context("no webhook came")?);
        by_stream.push(streamed.recv_timeout(HEARD_WITHIN).context("no event came")?);
    }
    let told = |name: &str, waits: Vec<f64>| println!("{name:<46} {:>7} {:>7.1}", "<= 10", median(waits));
    told("settled to webhook's first byte, median ms", by_webhook);
    told("settled to event's first byte, median ms", by_stream);
    told("settled to held poll's first byte, median ms", by_poll);
    Ok(())
}

/// One application, its status held until the end.
fn held(server: &Server, key: &str, number: usize) -> Result<f64> {
    let id = server.apply_to(key, number)?;
    let path = format!("/api/auto-apply-v2/status?queueId={id}&wait=30");
    let mut stream = server.ask(&format!(
        "GET {path} HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\nconnection: close\r\n\r\n"
    ))?;
    stream.fill_buf()?;
    let at = now_ms()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    since_applied(&answer, at)
}

/// A thread that hears for the rest of the bench.
fn listen(hear: impl FnOnce(Sender<f64>) -> Result<()> + Send + 'static) -> Receiver<f64> {
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        if let Err(error) = hear(sender) {
            eprintln!("a listener of the bench has ended: {error:#}");
        }
    });
    heard
}

fn receive(listener: &TcpListener, heard: &Sender<f64>) -> Result<()> {
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream?);
        stream.fill_buf()?;
        let at = now_ms()?;
        let body = read_message(&mut stream)?;
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
        // The bench may have ended.
        let _ = heard.send(since_applied(&body, at)?);
    }
    Ok(())
}

fn read_message(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let header = line.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}

fn follow(stream: BufReader<TcpStream>, heard: &Sender<f64>) -> Result<()> {
    let mut at = 0.0;
    for line in stream.lines() {
        let line = line?;
        if line.starts_with("event:") {
            at = now_ms()?;
        }
        if let Some(data) = line.strip_prefix("data:") {
            // The bench may have ended.
            let _ = heard.send(since_applied(data, at)?);
        }
    }
    Ok(())
}

fn now_ms() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() * 1e3)
}

fn since_applied(text: &str, at_ms: f64) -> Result<f64> {
    let applied = text.split("\"appliedAt\":").nth(1).and_then(|rest| rest.split(',').next());
    let applied: f64 =
        applied.and_then(|ms| ms.parse().ok()).with_context(|| format!("not applied: {text}"))?;
    Ok(at_ms - applied)
}
