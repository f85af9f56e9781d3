//! Whatever changes between a person's yes and the confirm: it does not go out. Random edits, by a printed seed.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::database::quoted;
use crate::harness::{Account, POLL, Place, Process, job};

const LONG: Duration = Duration::from_secs(20);
const ACCOUNTS: u16 = 4;
const EDITS_EACH: u16 = 5;
const KINDS: u16 = 9;
const CHARS: [char; 8] = ['a', 'é', ' ', '\n', '.', '0', '字', '~'];

/// What is changed behind an approval; it says so if it fails.
#[derive(Debug)]
enum Edit {
    Nothing,
    /// A member of the request.
    Request(&'static str, Value),
    /// The profile's rate, which the request leaves to it.
    Rate(i64),
    /// What it was shown to cost.
    Cost(i64),
}

fn word(rng: &mut Rng) -> String {
    (0..rng.usize(1..40)).map(|_| CHARS[rng.usize(..CHARS.len())]).collect::<String>() + "!"
}

/// Each kind in its turn, with content of chance.
fn edit(kind: u16, rng: &mut Rng) -> Edit {
    match kind % KINDS {
        0 => Edit::Request("/proposal", json!({"maxConnects": rng.u32(11..999)})),
        1 => Edit::Request("/coverLetter", word(rng).into()),
        2 => Edit::Request("/coverLetter", format!("{LETTER} ").into()),
        3 => Edit::Request("/proposal", json!({"hourlyRate": rng.u32(1..9999)})),
        4 => Edit::Request("/proposal", json!({"boostConnects": rng.u32(4..40)})),
        5 => Edit::Request("/proposal", json!({"timeline": "1 to 3 months"})),
        6 => Edit::Request("/questionAnswers/0/answer", word(rng).into()),
        7 => Edit::Rate(rng.i64(1..6500)),
        _ => Edit::Cost(rng.i64(1..10)),
    }
}

const LETTER: &str = "Dear client, this is what Ada has read.";

/// 0013 asks two questions, and its rate is the profile's.
fn request() -> Value {
    json!({"jobId": job(13), "coverLetter": LETTER, "proposal": {}, "questionAnswers": [
        {"question": "How many years have you worked with Rust?", "answer": "Nine."},
        {"question": "When can you start?", "answer": "Now."}]})
}

fn change(place: &Place, account: &Account, id: &str, edit: &Edit) {
    let store = place.raw();
    let changed = match edit {
        Edit::Nothing => 1,
        Edit::Request(at, value) => {
            let mut request = request();
            *request.pointer_mut(at).unwrap() = value.clone();
            let request = quoted(&request.to_string());
            store.execute(&format!("UPDATE application SET request = {request} WHERE id = '{id}'"))
        }
        Edit::Rate(cents) => {
            let of = format!("account_id = '{}' AND id = 'pf_sandbox_1'", account.id);
            store.execute(&format!("UPDATE profile SET hourly_rate_cents = {cents} WHERE {of}"))
        }
        Edit::Cost(cost) => {
            let of = format!("id = (SELECT showing_id FROM application WHERE id = '{id}')");
            store.execute(&format!("UPDATE showing SET cost_connects = {cost} WHERE {of}"))
        }
    };
    assert_eq!(changed, 1, "{edit:?}");
}

fn one(place: &Place, server: &Process, account: &Account, edit: &Edit) {
    let body = request().to_string();
    let id = server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body)).queue_id();
    let shown = place.json(&["approve", &id, "--show"]);
    // Paused, so that the edit comes between the approval and the claim.
    place.json(&["pause", &account.name, "--reason", "an edit"]);
    place.json(&["approve", &id, "--showing", shown["showingId"].as_str().unwrap(), "--by", "Ada"]);
    change(place, account, &id, edit);
    place.json(&["resume", &account.name]);
    if matches!(edit, Edit::Nothing) {
        let ended = server.ended(account, &id, LONG);
        assert_eq!(ended["applicationStatus"], "applied", "{ended}");
        return;
    }
    let begun = std::time::Instant::now();
    while !is_void(server, account, &id) {
        let status = server.status(account, &id);
        assert_eq!(status["applicationStatus"], "processing", "{edit:?}: {status}");
        assert!(begun.elapsed() < LONG, "{edit:?}: {status}");
        std::thread::sleep(POLL);
    }
    let path = format!("/api/auto-apply-v2/applications/{id}");
    assert_eq!(server.call("DELETE", &path, &account.key, None).status, 200);
    change(place, account, &id, &Edit::Rate(6500));
}

/// The approval counts no more, and it waits for another.
fn is_void(server: &Process, account: &Account, id: &str) -> bool {
    let path = format!("/api/auto-apply-v2/applications/{id}/timeline");
    let told = server.call("GET", &path, &account.key, None).json();
    told["entries"].as_array().unwrap().iter().any(|entry| entry["event"] == "approval_void")
}

#[test]
fn no_edit_after_the_approval_reaches_the_confirm() {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "25s");
    place.set("APPLYD_TIMING__DEADLINE", "35s");
    let _sandbox = place.sandbox();
    let seed = std::env::var("TEST_EDITS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("TEST_EDITS_SEED={seed}");
    let accounts: Vec<Account> = (0..ACCOUNTS).map(|n| place.account(&format!("a{n}"), 50)).collect();
    for account in &accounts {
        place.json(&["account", "approval", &account.name, "--policy", "required"]);
    }
    let server = place.serve();
    std::thread::scope(|threads| {
        for (n, account) in (0..).zip(&accounts) {
            let (place, server) = (&place, &server);
            threads.spawn(move || {
                let mut rng = Rng::with_seed(seed.wrapping_add(u64::from(n)));
                for turn in 0..EDITS_EACH {
                    one(place, server, account, &edit(n * EDITS_EACH + turn, &mut rng));
                }
                // And without an edit it goes out.
                one(place, server, account, &Edit::Nothing);
            });
        }
    });
    assert_eq!(
        place.counted(&job(13)),
        (i64::from(ACCOUNTS), i64::from(ACCOUNTS)),
        "only what was untouched"
    );
    place.assert_clean_ledger();
}
