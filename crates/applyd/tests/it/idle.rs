//! Ten thousand idle streams: what they cost the server.

use std::io::{Read, Write};
use std::net::TcpStream;

use applyd_core::ids::{AccountId, KeyId, api_key};
use applyd_store::Error;
use applyd_store::account::{self, Channel};
use sha2::{Digest, Sha256};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Place, Process, connect};

const KEYS: usize = 2_000;
/// As many as a key may have.
const STREAMS_OF_KEY: usize = 5;
const MOST_PSS_KIB: u64 = 200 * 1024;

#[test]
fn ten_thousand_idle_streams_take_less_than_200_mib() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let place = Place::fast();
    let server = place.serve();
    let keys = keys(&place);
    let before = pss_kib(&server);
    let mut streams = Vec::with_capacity(KEYS * STREAMS_OF_KEY);
    for key in &keys {
        for _ in 0..STREAMS_OF_KEY {
            streams.push(stream(&server, key));
        }
    }
    // Each has had its sign of life, so that what is written now and then is counted too.
    streams.iter_mut().for_each(|stream| read_until(stream, b"\n:"));
    let after = pss_kib(&server);
    println!("{} streams: {before} KiB before, {after} KiB after", streams.len());
    assert!(after < MOST_PSS_KIB, "{before} KiB before, {after} KiB after");
    // They are alive, and the server is too.
    assert_eq!(server.call("GET", "/readyz", "", None).status, 200);
    assert_eq!(server.stop(), Some(0));
    for stream in &mut streams {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"0\r\n\r\n"), "ended in order");
    }
}

/// Accounts with a key each, straight into the database: a running server knows them at once.
fn keys(place: &Place) -> Vec<String> {
    let store = place.store();
    let mut made = Vec::new();
    for n in 0..KEYS {
        let mut random = [0; 32];
        fastrand::fill(&mut random);
        made.push((n, api_key(random)));
    }
    let keys = made.iter().map(|(_, key)| key.clone()).collect();
    store
        .write_blocking(move |tx| {
            for (n, key) in &made {
                let (account, id) = (AccountId::new(1, *n as u128), KeyId::new(1, *n as u128));
                account::create(tx, &account, &format!("agency {n}"), Channel::Sandbox)?;
                let sha256 = Sha256::digest(key.as_bytes()).into();
                applyd_store::api_key::replace(tx, &account, "default", &id, &sha256, 0)?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    keys
}

/// Opens a stream and waits for its first block.
fn stream(server: &Process, key: &str) -> TcpStream {
    let mut stream = connect(&server.url).unwrap();
    write!(stream, "GET /api/auto-apply-v2/events HTTP/1.1\r\nhost: test\r\nx-api-key: {key}\r\n\r\n")
        .unwrap();
    read_until(&mut stream, b"start");
    stream
}

/// Reads until this has come.
fn read_until(stream: &mut TcpStream, text: &[u8]) {
    let (mut read, mut bytes) = (Vec::new(), [0; 1024]);
    while !read.windows(text.len()).any(|window| window == text) {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
        read.extend(&bytes[..count]);
    }
}

/// What the process has in memory that is not shared with others, and its share of the rest.
fn pss_kib(server: &Process) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", server.child.id())).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
