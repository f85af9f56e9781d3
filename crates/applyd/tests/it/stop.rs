//! Signals, and the demo from its start to its end.

use std::io::{BufRead, BufReader, Lines, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{POLL, Place, job};

/// The contract's time for a stop.
const STOP_WAIT: Duration = Duration::from_secs(30);

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The first line that begins so.
    fn line(&mut self, begin: &str) -> String {
        let found = self.lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("no line `{begin}`: {}", self.errors()))
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Its exit code, what it still said on stdout, and its stderr.
    fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            assert!(begun.elapsed() < STOP_WAIT, "still there after {STOP_WAIT:?}");
            std::thread::sleep(POLL);
        };
        let errors = self.errors();
        let rest = self.lines.by_ref().map(Result::unwrap).collect();
        (code, rest, errors)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_right_after_the_ready_line_is_an_orderly_end() {
    let place = Place::fast();
    for (command, ready) in [
        ("serve", "applyd listening on http://127.0.0.1:"),
        ("sandbox", "applyd sandbox listening on http://127.0.0.1:"),
    ] {
        for round in 0..6 {
            let mut program = Program::start(&place, &[command, "--listen", "127.0.0.1:0"]);
            let line = program.line("");
            assert!(line.starts_with(ready) && line.ends_with("/mcp") == (command == "sandbox"), "{line}");
            program.signal(if round % 2 == 0 { "TERM" } else { "INT" });
            let (code, rest, errors) = program.end();
            assert_eq!((code, rest.as_slice()), (Some(0), &[][..]), "{command} {round}: {errors}");
            for line in errors.lines() {
                assert!(serde_json::from_str::<Value>(line).is_ok(), "no JSON line on stderr: {line}");
            }
        }
    }
}

#[test]
fn what_was_under_way_is_finished_or_found_after_the_stop() {
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "1s");
    let _sandbox = place.sandbox();
    let account = place.account("agency", 9);
    let mut queue_ids = Vec::new();
    for (number, signal) in [(1000, "TERM"), (1001, "INT")] {
        let server = place.serve();
        let queue_id = server.apply(&account, &job(number)).queue_id();
        let begun = Instant::now();
        while server.status(&account, &queue_id)["processedAt"].is_null() {
            assert!(begun.elapsed() < STOP_WAIT, "never taken up");
            std::thread::sleep(POLL);
        }
        server.signal(signal);
        assert_eq!(server.stop(), Some(0), "{signal}");
        queue_ids.push(queue_id);
    }
    let server = place.serve();
    for (number, queue_id) in (1000..).zip(queue_ids) {
        let ended = server.ended(&account, &queue_id, Duration::from_secs(9));
        assert_ne!(ended["applicationStatus"], "processing", "{ended}");
        let (received, accepted) = place.counted(&job(number));
        let applied = ended["applicationStatus"] == "applied";
        assert!(received <= 1 && accepted == i64::from(applied), "{ended}: {received}, {accepted}");
    }
    place.assert_clean_ledger();
}

/// In a place of its own the usual port may be taken by others: any free one will do.
fn demo_place() -> (Place, TcpListener) {
    let mut place = Place::fast();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    place.set("APPLYD_LISTEN", &taken.local_addr().unwrap().to_string());
    place.hush();
    (place, taken)
}

#[test]
fn the_demo_ends_applied_and_can_be_repeated_beside_a_taken_port() {
    let (place, taken) = demo_place();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let output = place.run(&["demo", "--once"]);
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((output.status.code(), err.as_str()), (Some(0), ""), "{out}");
        for shown in [
            "status   applied: Successfully applied via auto-apply",
            "queueId  queue_",
            "curl -s http://127.0.0.1:",
        ] {
            assert!(out.contains(shown), "`{shown}` is not in\n{out}");
        }
        assert!(!out.contains(&taken.local_addr().unwrap().to_string()), "the port is taken\n{out}");
        assert!(!out.contains('\u{1b}'), "no terminal, no colours: {out}");
        let key = out.lines().find_map(|line| line.strip_prefix("API key  ")).unwrap().to_owned();
        assert!(!keys.contains(&key));
        keys.push(key);
    }
    let accounts = place.json(&["account", "list"]);
    let accounts = accounts["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    for account in accounts {
        assert_eq!(account["credits"], serde_json::json!({"available": 99, "held": 0, "spent": 1}));
    }
    assert_eq!(place.counted(&job(1)), (2, 2), "two agencies, one each");
    place.assert_clean_ledger();
}

#[test]
fn the_demo_stays_up_and_its_curl_lines_are_true() {
    let (place, _taken) = demo_place();
    let mut demo = Program::start(&place, &["demo"]);
    let base = demo.line("server   ").replace("server   ", "");
    let key = demo.line("API key  ").replace("API key  ", "");
    demo.line("status   applied");
    let apply = demo.line("  curl ");
    assert!(apply.contains(&format!("{base}/api/auto-apply-v2/apply")) && apply.contains(&key), "{apply}");
    demo.line("Ctrl-C stops");
    let reply = crate::harness::try_call(&base, "GET", "/healthz", &[], None).unwrap();
    assert_eq!(reply.status, 200);
    demo.signal("INT");
    let (code, _, errors) = demo.end();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
}

#[test]
fn one_ctrl_c_ends_the_demo_while_it_submits() {
    for arguments in [&["demo"][..], &["demo", "--once"]] {
        let (mut place, _taken) = demo_place();
        place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "2s");
        let mut demo = Program::start(&place, arguments);
        demo.line("status   processing: Application is being submitted");
        demo.signal("INT");
        let (code, rest, errors) = demo.end();
        assert_eq!(code, Some(0), "{arguments:?}: {rest:?} {errors}");
        assert!(!rest.iter().any(|line| line.contains("Ctrl-C")), "{rest:?}");
        let (received, _) = place.counted(&job(1));
        assert!(received <= 1);
        place.assert_clean_ledger();
    }
}
