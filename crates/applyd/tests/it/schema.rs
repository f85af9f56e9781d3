//! schemathesis, a program of other origin, tries the API by nothing but its own description.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::desk::person;
use crate::harness::{Place, Process};

/// Cases of each operation in one round; the fixed ones of the phase `coverage` come on top.
const EXAMPLES: &str = "40";
const LONG_EXAMPLES: &str = "1000";
/// What a run must have sent, so that "no failure" means something.
const LEAST_CASES: u64 = 1_000;
const LONG_LEAST_CASES: u64 = 100_000;
/// Rounds at the same time. One, so that its seed alone decides what is sent, and when.
const AT_ONCE: u64 = 1;
const LONG_AT_ONCE: u64 = 2;
const FIRST_SEED: u64 = 1;

fn schemathesis() -> Command {
    let program = std::env::var_os("APPLYD_TEST_SCHEMATHESIS");
    Command::new(program.expect("no APPLYD_TEST_SCHEMATHESIS: run cargo xtask test"))
}

/// One round over all operations in all phases, on a fresh account to which no job is applied yet; answers its
/// report. Several workers in one schemathesis make it fail now and then by its own fault.
fn round(place: &Place, server: &Process, seed: u64, examples: &str) -> Value {
    let account = place.account(&format!("agency {seed}"), 1_000_000);
    let config = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/schemathesis.toml");
    let report = place.path(&format!("round{seed}.json"));
    let mut command = schemathesis();
    command.current_dir(place.path(""));
    command.arg("--config-file").arg(config).arg("run").arg(format!("{}/openapi.json", server.url));
    let token = person(place, &format!("Ada {seed}"), &account);
    command.arg("--header").arg(format!("x-api-key: {}", account.key));
    command.arg("--header").arg(format!("Authorization: Bearer {token}"));
    command.args(["--seed", &seed.to_string(), "--max-examples", examples, "--generation-database", "none"]);
    command.args(["--no-color", "--continue-on-failure", "--report", "json", "--report-json-path"]);
    let output = command.arg(&report).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "seed {seed}: {:?}\n{out}\n{err}", output.status);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["complete"], true, "{report}");
    assert_eq!(report["operations"]["tested"], report["operations"]["total"], "{report}");
    report
}

/// How often an operation took what it was sent, in all phases of a round.
fn accepted(report: &Value, operation: &str) -> u64 {
    let phases = report["valid_rates"][operation].as_object().unwrap();
    phases.values().map(|rates| rates["accepted"].as_u64().unwrap()).sum()
}

#[test]
fn what_clients_read_in_the_description_is_true() {
    let is_long = std::env::var("APPLYD_TEST_LONG").as_deref() == Ok("1");
    let (examples, least, at_once) = if is_long {
        (LONG_EXAMPLES, LONG_LEAST_CASES, LONG_AT_ONCE)
    } else {
        (EXAMPLES, LEAST_CASES, AT_ONCE)
    };
    let mut place = Place::fast();
    // A full queue answers 503 as the contract says; here it would hide a 503 that is a fault.
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "200s");
    place.set("APPLYD_TIMING__DEADLINE", "270s");
    place.set("APPLYD_TIMING__ASSUMED", "1ms");
    let _sandbox = place.sandbox();
    let server = place.serve();
    let (mut cases, mut applied, mut seed) = (0, 0, FIRST_SEED);
    while cases < least {
        let reports: Vec<_> = std::thread::scope(|scope| {
            let round = |seed| {
                let (place, server) = (&place, &server);
                scope.spawn(move || round(place, server, seed, examples))
            };
            let rounds: Vec<_> = (seed..seed + at_once).map(round).collect();
            rounds.into_iter().map(|round| round.join().unwrap()).collect()
        });
        for report in reports {
            cases += report["test_cases"]["generated"].as_u64().unwrap();
            applied += accepted(&report, "POST /api/auto-apply-v2/apply");
            eprintln!("seed {seed}: {cases} cases, {applied} applications accepted");
            seed += 1;
        }
    }
    assert!(applied > 0, "more than refusals must have been seen");
    place.assert_clean_ledger();
}
