//! Nodes behind HAProxy, by the configuration that operators get. Each has a database of its own, with the same
//! accounts: which of them took a request shows afterwards.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::database::FILES;
use crate::harness::{Account, POLL, Place, Process, Reply, is_postgres, job, try_call};

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/haproxy.cfg");
const WAIT: Duration = Duration::from_secs(30);
const CALLERS: usize = 4;
/// Between two requests of a caller: seldom enough that no account's queue grows.
const RHYTHM: Duration = Duration::from_millis(200);
/// Requests that show how things stand.
const ENOUGH: usize = 24;

pub(crate) struct Proxy {
    pub(crate) process: Process,
    operator: String,
}

impl Proxy {
    /// In front of these two addresses.
    pub(crate) fn start(place: &Place, nodes: [&str; 2]) -> Self {
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f", CONFIGURATION]).current_dir(place.path(""));
        command.env("APPLYD_HAPROXY_UNPRIVILEGED", "1");
        for (name, node) in ["APPLYD_NODE_A", "APPLYD_NODE_B"].into_iter().zip(nodes) {
            command.env(name, node.trim_start_matches("http://"));
        }
        // It gets our sockets, so that no port has to be guessed.
        let [(api, url), (metrics, operator)] = [(); 2].map(|()| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            fcntl_setfd(&listener, FdFlags::empty()).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            (listener, url)
        });
        command.env("APPLYD_BIND", format!("fd@{}", api.as_raw_fd()));
        command.env("APPLYD_HAPROXY_METRICS", format!("fd@{}", metrics.as_raw_fd()));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("haproxy is missing: cargo xtask setup");
        Self { process: Process { child, url }, operator }
    }

    /// Waits until it sees the node so.
    pub(crate) fn sees(&self, node: &str, state: &str) {
        let line = format!(r#"haproxy_server_status{{proxy="writes",server="{node}",state="{state}"}} 1"#);
        until(|| {
            let told = try_call(&self.operator, "GET", "/metrics", &[], None).unwrap().body;
            told.lines().any(|told| told == line)
        });
    }
}

fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < WAIT, "not within {WAIT:?}");
        std::thread::sleep(POLL);
    }
}

/// With a database of its own where that is a file; on PostgreSQL the nodes share one.
fn node(place: &Place, name: &str, listen: &str) -> Process {
    let listen = listen.trim_start_matches("http://");
    let mut command = place.command(&["serve", "--listen", listen]);
    command.env("APPLYD_WITNESS_FILE", format!("{name}.witness"));
    if !is_postgres() {
        command.env("APPLYD_DATABASE", format!("sqlite:{name}.db"));
    }
    Process::start(command)
}

fn known(node: &Process, account: &Account, queue_id: &str) -> bool {
    let path = format!("/api/auto-apply-v2/status?queueId={queue_id}");
    let status = node.call("GET", &path, &account.key, None).status;
    assert!([200, 404].contains(&status));
    status == 200
}

/// Applies to one job after the other until told to stop.
#[derive(Default)]
struct Load {
    next: AtomicU16,
    is_over: AtomicBool,
    asked: AtomicUsize,
    accepted: Mutex<Vec<(Account, u16, String)>>,
    lost: Mutex<Vec<(u16, String)>>,
}

impl Load {
    fn run(&self, url: &str, account: &Account) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = 1000 + self.next.fetch_add(1, Ordering::Relaxed);
            match apply(url, account, number) {
                Ok(reply) if reply.status == 200 => {
                    self.accepted.lock().unwrap().push((account.clone(), number, reply.queue_id()));
                }
                other => self.lost.lock().unwrap().push((number, format!("{other:?}"))),
            }
            self.asked.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(RHYTHM);
        }
    }

    fn wait_for_more(&self) {
        let enough = self.asked.load(Ordering::Relaxed) + ENOUGH;
        until(|| self.asked.load(Ordering::Relaxed) >= enough);
    }

    fn lost(&self) -> Vec<(u16, String)> {
        self.lost.lock().unwrap().clone()
    }
}

fn apply(url: &str, account: &Account, number: u16) -> std::io::Result<Reply> {
    let body = serde_json::json!({"jobId": job(number), "coverLetter": "Hello from a test."}).to_string();
    let headers = [("x-api-key", account.key.as_str())];
    try_call(url, "POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()))
}

#[test]
fn a_node_that_is_told_to_stop_costs_no_request_and_one_that_dies_is_left() {
    let mut place = Place::fast();
    place.set("APPLYD_STOP_DELAY", "5s");
    // What is accepted while a node stops waits for its return.
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "200s");
    place.set("APPLYD_TIMING__DEADLINE", "270s");
    let _sandbox = place.sandbox();
    let accounts: Vec<_> = (0..CALLERS).map(|n| place.account(&format!("agency-{n}"), 2000)).collect();
    if !is_postgres() {
        // Of two connections that are closed at once each may leave the log to the other.
        place.raw().execute("PRAGMA wal_checkpoint(TRUNCATE)");
        for name in ["a.db", "b.db"] {
            std::fs::copy(place.path(FILES[0]), place.path(name)).unwrap();
        }
    }
    let [mut a, b] = ["a", "b"].map(|name| node(&place, name, "127.0.0.1:0"));
    let (a_url, b_url) = (a.url.clone(), b.url.clone());
    let proxy = Proxy::start(&place, [&a_url, &b_url]);
    let load = Load::default();
    std::thread::scope(|scope| {
        for account in &accounts {
            let (load, url) = (&load, &proxy.process.url);
            scope.spawn(move || load.run(url, account));
        }
        // However this ends, the callers end.
        let over = Over(&load);
        load.wait_for_more();
        for node in [&a, &b] {
            let accepted = load.accepted.lock().unwrap().clone();
            assert!(accepted.iter().any(|(of, _, id)| known(node, of, id)), "spread over both");
        }
        a.signal("TERM");
        proxy.sees("a", "DOWN");
        assert_eq!(a.call("GET", "/readyz", "", None).json()["error"], "The server is about to stop");
        assert_eq!(a.child.wait().unwrap().code(), Some(0));
        load.wait_for_more();
        assert_eq!(load.lost(), [], "drained");

        let a = node(&place, "a", &a_url);
        proxy.sees("a", "UP");
        b.kill();
        proxy.sees("b", "DOWN");
        let lost = load.lost();
        // What was on its way to it is lost, and told so.
        assert!(
            lost.len() <= CALLERS && lost.iter().all(|(_, told)| told.contains("status: 502")),
            "{lost:?}"
        );
        load.wait_for_more();
        assert_eq!(load.lost(), lost, "left");
        drop(over);
        let b = node(&place, "b", &b_url);
        for (account, number, queue_id) in &*load.accepted.lock().unwrap() {
            let holders: Vec<_> =
                [&a, &b].into_iter().filter(|node| known(node, account, queue_id)).collect();
            assert_eq!(
                holders.len(),
                if is_postgres() { 2 } else { 1 },
                "{number} is at {} nodes",
                holders.len()
            );
            holders[0].ended(account, queue_id, WAIT);
        }
    });
    let submissions = place.submissions();
    assert!(submissions.len() > ENOUGH, "{} reached the stand-in", submissions.len());
    for row in submissions {
        assert_eq!(row["received"], 1, "{row}");
    }
}

struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// A node that is ready, takes every other request and dies of it; answers what it took.
fn deadly_node() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&taken);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            if let Some(line) = take(stream) {
                log.lock().unwrap().push(line);
            }
        }
    });
    (url, taken)
}

fn take(mut stream: TcpStream) -> Option<String> {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let line = head.first()?.clone();
    if line.starts_with("GET /readyz ") {
        // A caller that is gone is no matter.
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return None;
    }
    Some(line)
}

#[test]
fn an_apply_whose_answer_is_lost_is_not_sent_to_another_node_and_a_read_is() {
    const CALLS: u16 = 8;
    let place = Place::fast();
    let account = place.account("agency", 100);
    let real = place.serve();
    let (deadly, taken) = deadly_node();
    let proxy = Proxy::start(&place, [&deadly, &real.url]);
    let replies: Vec<_> =
        (0..CALLS).map(|n| apply(&proxy.process.url, &account, 1000 + n).unwrap()).collect();
    let lost = replies.iter().filter(|reply| reply.status == 502).count();
    assert!((1..usize::from(CALLS)).contains(&lost), "{replies:?}");
    assert_eq!(taken.lock().unwrap().len(), lost, "each came there once");
    for (number, reply) in (1000..).zip(&replies) {
        if reply.status == 502 {
            assert_eq!(reply.json()["error"], "The answer was lost; the request may have been carried out");
        } else {
            real.ended(&account, &reply.queue_id(), WAIT);
        }
        assert_eq!(place.counted(&job(number)).0, i64::from(reply.status == 200), "{reply:?}");
    }
    for _ in 0..CALLS {
        let path = "/api/auto-apply-v2/freelancers";
        assert_eq!(proxy.process.call("GET", path, &account.key, None).status, 200);
    }
    let taken = taken.lock().unwrap();
    assert!(taken.iter().any(|line| line.starts_with("GET /api/")), "{taken:?}");
}

#[test]
fn the_configuration_is_one_as_it_is_delivered() {
    assert!(Path::new(CONFIGURATION).is_file());
    let checked = Command::new("haproxy").args(["-c", "-f", CONFIGURATION]).output().unwrap();
    let told = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !told.contains("WARNING"), "{told}");
}
