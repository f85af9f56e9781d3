//! The event stream: in order, without loss or repeat, and ended when the server ends.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use applyd_client::Client;
use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process, connect, job};

const PATH: &str = "/api/auto-apply-v2/events";
/// Until the server has noticed that a reader is gone.
const PLACE_WITHIN: Duration = Duration::from_secs(5);

/// A reader of a stream, as simple as can be: HTTP/1.0, so that nothing is chunked.
pub(crate) struct Reader(BufReader<TcpStream>);

/// One block of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    event: String,
    pub(crate) id: String,
    data: String,
    retry: String,
}

impl Reader {
    /// Opens a stream; answers its status and head too.
    pub(crate) fn open(server: &Process, key: &str, query: &str, headers: &str) -> (u16, String, Self) {
        let mut stream = connect(&server.url).unwrap();
        write!(stream, "GET {PATH}{query} HTTP/1.0\r\nx-api-key: {key}\r\n{headers}\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), Self(reader))
    }

    /// One that must open.
    pub(crate) fn of(server: &Process, account: &Account, query: &str) -> Self {
        let (status, head, reader) = Self::open(server, &account.key, query, "");
        assert_eq!(status, 200, "{head}");
        reader
    }

    /// One that opens as soon as the key has a place for it.
    fn within(limit: Duration, server: &Process, account: &Account, query: &str) -> Self {
        let begun = Instant::now();
        loop {
            match Self::open(server, &account.key, query, "") {
                (200, _, reader) => return reader,
                (status, head, _) => assert_eq!(status, 429, "{head}"),
            }
            assert!(begun.elapsed() < limit, "no place within {limit:?}");
            std::thread::sleep(POLL);
        }
    }

    /// The next block that is no mere sign of life; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Block> {
        let mut block = Block::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            match line.trim_end().split_once(':') {
                Some(("event", value)) => block.event = value.trim_start().to_owned(),
                Some(("id", value)) => block.id = value.trim_start().to_owned(),
                Some(("data", value)) => block.data = value.trim_start().to_owned(),
                Some(("retry", value)) => block.retry = value.trim_start().to_owned(),
                None if block != Block::default() => return Some(block),
                _ => {}
            }
        }
    }

    /// The next so many events.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Value> {
        std::iter::repeat_with(|| self.next().unwrap())
            .filter(|block| !block.data.is_empty())
            .map(|block| {
                let body: Value = serde_json::from_str(&block.data).unwrap();
                assert_eq!(
                    (&body["id"], &body["type"]),
                    (&block.id.as_str().into(), &block.event.as_str().into())
                );
                body
            })
            .take(most)
            .collect()
    }
}

/// Applies to a job and waits for its end.
fn settle(server: &Process, account: &Account, number: u16) -> Value {
    let id = server.apply(account, &job(number)).queue_id();
    server.ended(account, &id, Duration::from_secs(10))
}

#[test]
fn events_are_told_as_they_are_committed() {
    let place = Place::fast();
    let (account, other) = (place.account("agency", 9), place.account("other", 9));
    let server = place.serve();
    let (status, head, mut reader) = Reader::open(&server, &account.key, "", "");
    assert_eq!(status, 200);
    for line in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(head.contains(line), "{head}");
    }
    let first = reader.next().unwrap();
    assert_eq!((first.retry.as_str(), first.id.as_str(), first.data.as_str()), ("3000", "start", ""));
    settle(&server, &other, 1);
    let ended: Vec<Value> = [1, 2, 3].map(|number| settle(&server, &account, number)).into();
    let told = reader.take(3);
    assert_eq!(told.iter().map(|body| body["data"].clone()).collect::<Vec<_>>(), ended);
    let keys: Vec<&String> = told[0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 4);
    assert_eq!(told[0]["type"], "application.applied");
    assert!(told[0]["timestamp"].as_str().unwrap().ends_with('Z'));
    // A later reader is told its place, and nothing of before.
    let last = told[2]["id"].as_str().unwrap();
    assert_eq!(Reader::of(&server, &account, "").next().unwrap().id, last);
    // From the beginning, and from the middle.
    assert_eq!(Reader::of(&server, &account, "?after=start").take(3), told);
    let middle = told[0]["id"].as_str().unwrap();
    assert_eq!(Reader::of(&server, &account, &format!("?after={middle}")).take(2), told[1..]);
    // The header stands above the address.
    let again = format!("Last-Event-ID: {}\r\n", told[1]["id"].as_str().unwrap());
    let (_, _, mut reader) = Reader::open(&server, &account.key, &format!("?after={middle}"), &again);
    assert_eq!(reader.take(1), told[2..]);
}

#[test]
fn a_commit_of_another_process_is_told_too() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    settle(&server, &account, 1);
    let mut reader = Reader::of(&server, &account, "");
    reader.next().unwrap();
    let begun = Instant::now();
    multiply(&place, 2);
    reader.take(2);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_kill_loses_no_event_and_repeats_none() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let account = place.account("agency", 99);
    let (mut told, mut cursor) = (Vec::new(), "start".to_owned());
    let mut queued = Vec::new();
    for round in 0..4_u64 {
        let server = place.serve();
        let mut reader = Reader::of(&server, &account, &format!("?after={cursor}"));
        for n in 0..6 {
            let job = format!("~02{}", 4_000_000_000_000_000_000 + round * 10 + n);
            queued.push(server.apply(&account, &job).queue_id());
        }
        // Killed in the middle: some have settled and were told, some were not told, some have not settled.
        let some = reader.take(3);
        cursor = some[2]["id"].as_str().unwrap().to_owned();
        told.extend(some);
        server.kill();
    }
    let server = place.serve();
    let left = queued.len() - told.len();
    told.extend(Reader::of(&server, &account, &format!("?after={cursor}")).take(left));
    let mut of: Vec<&str> = told.iter().map(|body| body["data"]["queueId"].as_str().unwrap()).collect();
    of.sort_unstable();
    queued.sort_unstable();
    assert_eq!(of, queued, "each application once");
}

#[test]
fn a_cursor_of_nobody_or_of_another_account_is_refused() {
    let place = Place::fast();
    let (account, other) = (place.account("agency", 9), place.account("other", 9));
    let server = place.serve();
    settle(&server, &other, 1);
    let foreign = Reader::of(&server, &other, "?after=start").take(1)[0]["id"].as_str().unwrap().to_owned();
    for cursor in [foreign.as_str(), "evt_00000000000000000000000000", "7", "START"] {
        for (query, header) in [
            (format!("?after={cursor}"), String::new()),
            (String::new(), format!("Last-Event-ID: {cursor}\r\n")),
        ] {
            let (status, ..) = Reader::open(&server, &account.key, &query, &header);
            assert_eq!(status, 422, "{query}{header}");
        }
    }
    assert_eq!(Reader::open(&server, "", "", "").0, 401);
    let head = server.call("HEAD", PATH, &account.key, None);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn a_key_has_five_streams_and_a_closed_one_makes_room() {
    let place = Place::fast();
    let (account, other) = (place.account("agency", 9), place.account("other", 9));
    let server = place.serve();
    let mut open: Vec<Reader> = (0..5).map(|_| Reader::of(&server, &account, "")).collect();
    let (status, head, _) = Reader::open(&server, &account.key, "", "");
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: "), "{head}");
    let _other = Reader::of(&server, &other, "");
    open.pop();
    Reader::within(PLACE_WITHIN, &server, &account, "");
}

#[test]
fn a_revoked_key_is_told_nothing_more() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    let mut reader = Reader::of(&server, &account, "");
    assert_eq!(reader.next().unwrap().id, "start");
    let renewed = place.json(&["key", "create", &account.name]);
    let key = renewed["apiKey"].as_str().unwrap().to_owned();
    settle(&server, &Account { key, ..account }, 1);
    assert_eq!(reader.next(), None);
}

/// More than the buffers of both ends can hold.
const MANY_EVENTS: u32 = 30_000;
/// The server's 15 s, and what a busy machine needs.
const CUT_WITHIN: Duration = Duration::from_secs(40);

#[test]
fn a_reader_that_takes_nothing_is_cut_off_and_goes_on_later() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    settle(&server, &account, 1);
    multiply(&place, MANY_EVENTS);
    let mut readers: Vec<Reader> = (0..5).map(|_| Reader::of(&server, &account, "?after=start")).collect();
    // They hold all places until they are cut, each of them.
    let others: Vec<Reader> =
        readers.iter().map(|_| Reader::within(CUT_WITHIN, &server, &account, "")).collect();
    drop(others);
    let mut last = String::new();
    while let Some(block) = readers[0].next() {
        last = if block.data.is_empty() || !block.data.ends_with('}') { last } else { block.id };
    }
    let mut again = Reader::within(PLACE_WITHIN, &server, &account, &format!("?after={last}"));
    assert_eq!(again.take(100).len(), 100);
}

/// Writes the one event down many times over, under ids of their own.
fn multiply(place: &Place, times: u32) {
    let many = format!(
        "WITH RECURSIVE n(i) AS (VALUES (100000001) UNION ALL SELECT i + 1 FROM n WHERE i < 100000000 + {times})
         INSERT INTO event (id, account_id, application_id, type, at, data)
         SELECT 'evt_01' || substr(CAST(i AS TEXT), 2) || substr(id, 15), account_id, application_id, type, at, data
         FROM n, event WHERE seq = (SELECT min(seq) FROM event)"
    );
    assert_eq!(place.raw().execute(&many), u64::from(times));
}

#[test]
fn a_stop_ends_the_streams() {
    let place = Place::fast();
    let account = place.account("agency", 9);
    let server = place.serve();
    let mut readers: Vec<Reader> = (0..5).map(|_| Reader::of(&server, &account, "")).collect();
    let begun = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    for reader in &mut readers {
        assert_eq!(reader.next().map(|block| block.id), Some("start".into()));
        assert_eq!(reader.next(), None);
    }
}

#[tokio::test]
async fn the_client_reads_on_after_a_kill() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let account = place.account("agency", 9);
    let server = place.serve();
    let address = server.url.trim_start_matches("http://").to_owned();
    let client = Client::new(&server.url, &account.key).unwrap();
    let mut events = client.events(Some("start"));
    let first = settle(&server, &account, 1);
    assert_eq!(events.next().await.unwrap().data.queue_id, first["queueId"].as_str().unwrap());
    server.kill();
    let server = Process::start(place.command(&["serve", "--listen", &address]));
    let second = server.apply(&account, "~024000000000000000077").queue_id();
    let ended = client.status_wait(&second, Duration::from_secs(20)).await.unwrap();
    let told = events.next().await.unwrap();
    assert_eq!(told.data, ended);
    assert_eq!(events.cursor(), Some(told.id.as_str()));
    let steps = client.timeline(&second).await.unwrap().entries;
    assert_eq!(steps.last().map(|step| step.event.as_str()), Some("applied"));
    assert!(client.cancel(&second).await.unwrap_err().to_string().contains("has ended"));
}
