//! People at the desk, over HTTP: one has it, says so before submitting, and tells what came of it.

mod witness;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

use applyd_core::ids::AccountId;
use applyd_core::terms::Cents;
use applyd_store::freelancer::{self, NewFreelancer, NewProfile};
use serde_json::{Value, json};

use crate::channels::account_on;
use crate::harness::{Account, POLL, Place, Process, Reply, job};

const OPEN: &str = "~022052895097657407455";
const OLD: &str = "~01ABC123def456";
const LETTER: &str = "Dear client,\nשלום 🦀";
const WAITING: &str = "Waiting for a person to submit";

const FREELANCERS: &[NewFreelancer<'_>] = &[NewFreelancer {
    id: "fl_1",
    name: "Ada Example",
    profiles: &[NewProfile {
        id: "pf_1",
        title: "Rust engineer",
        hourly_rate: Cents::new(6500),
        is_default: true,
    }],
}];

/// An account on the channel desk, with a freelancer.
pub(crate) fn desk_account(place: &Place, name: &str) -> Account {
    let account = account_on(place, name, "desk");
    let store = place.store();
    let id = AccountId::parse(&account.id).unwrap();
    store.write_blocking(move |tx| freelancer::add(tx, &id, FREELANCERS)).unwrap();
    account
}

struct Desk {
    place: Place,
    server: Process,
    account: Account,
    ada: String,
    ben: String,
}

/// A new person's token.
pub(crate) fn person(place: &Place, name: &str, account: &Account) -> String {
    let added = place.json(&["person", "add", name, "--account", &account.name]);
    assert_eq!((&added["name"], &added["role"]), (&json!(name), &json!("desk")));
    added["token"].as_str().unwrap().to_owned()
}

impl Desk {
    fn new() -> Self {
        let place = Place::fast();
        let account = desk_account(&place, "desk");
        let (ada, ben) = (person(&place, "Ada", &account), person(&place, "Ben", &account));
        let server = place.serve();
        Self { place, server, account, ada, ben }
    }

    /// Ends the server and starts it again.
    fn again(self, end: impl FnOnce(Process, &Place)) -> Self {
        end(self.server, &self.place);
        Self { server: self.place.serve(), ..self }
    }

    fn apply(&self, job: &str) -> String {
        let body = json!({
            "jobId": job, "coverLetter": LETTER, "proposal": {"hourlyRate": 70.5, "timeline": "1 to 3 months"},
            "questionAnswers": [{"question": "When?", "answer": "On Monday."}],
        });
        let path = "/api/auto-apply-v2/apply";
        self.server.call("POST", path, &self.account.key, Some(&body.to_string())).queue_id()
    }

    fn post(&self, token: &str, id: &str, act: &str, body: Option<&Value>) -> Reply {
        post(&self.server, token, id, act, body)
    }

    fn read(&self, token: &str, id: &str) -> Value {
        call(&self.server, "GET", token, &format!("/api/desk/applications/{id}"), None).json()
    }

    fn claim(&self, token: &str, id: &str) -> Reply {
        self.post(token, id, "claim", None)
    }

    fn declare(&self, token: &str, id: &str) -> Reply {
        let sha256 = self.read(token, id)["sha256"].clone();
        self.post(token, id, "declare", Some(&json!({"sha256": sha256})))
    }

    fn record(&self, token: &str, id: &str, outcome: &Value) -> Reply {
        self.post(token, id, "outcome", Some(outcome))
    }

    fn status(&self, id: &str) -> Value {
        self.server.status(&self.account, id)
    }

    fn cancel(&self, id: &str) -> u16 {
        let path = format!("/api/auto-apply-v2/applications/{id}");
        self.server.call("DELETE", &path, &self.account.key, None).status
    }

    fn events(&self, id: &str) -> Vec<String> {
        let told = self.server.call("GET", "/api/webhooks/events?limit=100", &self.account.key, None).json();
        let all = told["events"].as_array().unwrap().iter();
        all.filter(|event| event["data"]["queueId"] == id)
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Sets the clock of one application back, as if so much time had passed.
    fn age(&self, id: &str, ms: i64) {
        let aged = format!(
            "UPDATE application SET lease_until = lease_until - {ms}, deadline = deadline - {ms},
                cutoff = cutoff - {ms}, due_at = due_at - {ms} WHERE id = '{id}'"
        );
        assert_eq!(self.place.raw().execute(&aged), 1);
    }
}

fn call(server: &Process, method: &str, token: &str, path: &str, body: Option<&Value>) -> Reply {
    let body = body.map(Value::to_string);
    let bearer = format!("Bearer {token}");
    server.call_with(method, path, &[("authorization", &bearer)], body.as_deref().map(str::as_bytes))
}

fn post(server: &Process, token: &str, id: &str, act: &str, body: Option<&Value>) -> Reply {
    call(server, "POST", token, &format!("/api/desk/applications/{id}/{act}"), body)
}

fn submitted() -> Value {
    json!({"outcome": "submitted", "proposalUrl": "https://www.upwork.com/nx/proposals/1899"})
}

const HALF_HOUR_MS: i64 = 30 * 60 * 1000;

#[test]
fn a_person_claims_reads_declares_and_records() {
    let desk = Desk::new();
    let (id, other) = (desk.apply(OPEN), desk.apply(OLD));
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
    assert_eq!(desk.status(&id)["processedAt"], Value::Null);
    let list = |query: &str| {
        call(&desk.server, "GET", &desk.ada, &format!("/api/desk/applications{query}"), None).json()
    };
    let first = list("?limit=1");
    assert_eq!((&first["applications"][0]["queueId"], &first["hasMore"]), (&json!(id), &json!(true)));
    let second = list(&format!("?after={}", first["next"].as_str().unwrap()));
    assert_eq!((&second["applications"][0]["queueId"], &second["hasMore"]), (&json!(other), &json!(false)));
    let job_url = second["applications"][0]["jobUrl"].as_str().unwrap();
    assert_eq!(job_url, "https://www.upwork.com/jobs/~01abc123def456", "an old id is its own key here");

    let sheet = desk.claim(&desk.ada, &id);
    assert_eq!(sheet.status, 200, "{sheet:?}");
    let sheet = sheet.json();
    assert_eq!(sheet["coverLetter"], LETTER);
    assert_eq!(sheet["questionAnswers"], json!([{"question": "When?", "answer": "On Monday."}]));
    assert_eq!(sheet["proposal"], json!({"hourlyRate": 70.5, "timeline": "1 to 3 months"}));
    assert_eq!(sheet["profile"]["title"], "Rust engineer");
    assert_eq!(sheet["jobUrl"], format!("https://www.upwork.com/jobs/{OPEN}"));
    assert_eq!(
        (&sheet["stage"], &sheet["heldBy"], &sheet["isMine"]),
        (&json!("claimed"), &json!("Ada"), &json!(true))
    );
    assert!(desk.status(&id)["processedAt"].is_i64());
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);

    let held = desk.claim(&desk.ben, &id);
    assert_eq!((held.status, &held.json()["heldBy"]), (409, &json!("Ada")), "{held:?}");
    let early = desk.record(&desk.ada, &id, &submitted());
    assert_eq!(early.status, 409, "{early:?}");
    let wrong = desk.post(&desk.ada, &id, "declare", Some(&json!({"sha256": "0".repeat(64)})));
    assert_eq!(wrong.status, 409, "{wrong:?}");
    let none = desk.post(&desk.ada, &id, "declare", Some(&json!({})));
    assert_eq!((none.status, &none.json()["field"]), (400, &json!("sha256")));
    for _ in 0..2 {
        let declared = desk.declare(&desk.ada, &id);
        assert_eq!((declared.status, &declared.json()["stage"]), (200, &json!("declared")), "{declared:?}");
    }
    assert_eq!(desk.status(&id)["applicationStatusMessage"], WAITING);
    assert_eq!(desk.cancel(&id), 409);
    assert_eq!(desk.record(&desk.ben, &id, &submitted()).status, 409);
    for _ in 0..2 {
        let recorded = desk.record(&desk.ada, &id, &submitted());
        assert_eq!((recorded.status, &recorded.json()["applicationStatus"]), (200, &json!("applied")));
    }
    assert_eq!(desk.status(&id)["applicationStatus"], "applied");
    assert_eq!(desk.events(&id), ["application.applied"]);
    assert_eq!(desk.place.balance(&desk.account), (3, 1, 1));
    assert_eq!(desk.cancel(&other), 200, "nothing was declared there");
    assert_eq!(desk.place.submissions(), Vec::<Value>::new(), "no machine sent anything");
    let path = format!("/api/auto-apply-v2/applications/{id}/timeline");
    let told = desk.server.call("GET", &path, &desk.account.key, None).json();
    let entries: Vec<(&str, &str, &str)> = told["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| {
            (of["event"].as_str().unwrap(), of["by"].as_str().unwrap(), of["detail"].as_str().unwrap_or(""))
        })
        .collect();
    let link = "by Ada: https://www.upwork.com/nx/proposals/1899";
    assert_eq!(
        entries,
        [
            ("accepted", "caller", ""),
            ("claimed", "person", "by Ada"),
            ("armed", "person", "by Ada"),
            ("intent", "person", "by Ada"),
            ("answer", "person", link),
            ("applied", "person", link),
        ]
    );
    desk.place.assert_clean_ledger();
}

#[test]
fn each_outcome_is_told_as_any_other_end() {
    let desk = Desk::new();
    for (n, outcome, status, code) in [
        (1, json!({"outcome": "refused", "reason": "one proposal a month"}), "failed", "refused: "),
        (2, json!({"outcome": "not_sent"}), "failed", "not_submitted: "),
        (
            3,
            json!({"outcome": "refused", "code": "not_eligible", "reason": "US only"}),
            "not_eligible",
            "not_eligible: ",
        ),
    ] {
        let id = desk.apply(&format!("~02{}", 2_000_000_000_000_000_000_u64 + n));
        desk.claim(&desk.ada, &id);
        assert_eq!(desk.declare(&desk.ada, &id).status, 200);
        assert_eq!(desk.record(&desk.ada, &id, &outcome).status, 200);
        let told = desk.status(&id);
        assert_eq!(told["applicationStatus"], status);
        assert!(told["errorMessage"].as_str().unwrap().starts_with(code), "{told}");
        assert_eq!(desk.events(&id), [format!("application.{status}")]);
    }
    assert_eq!(desk.place.balance(&desk.account), (5, 0, 0));
    let senseless = desk.record(&desk.ada, &desk.apply(OPEN), &json!({"outcome": "perhaps"}));
    assert_eq!((senseless.status, &senseless.json()["field"]), (422, &json!("outcome")));
    desk.place.assert_clean_ledger();
}

#[test]
fn of_two_people_one_gets_it() {
    let desk = Desk::new();
    for n in 0..4_u64 {
        let id = desk.apply(&format!("~02{}", 2_000_000_000_000_000_100 + n));
        let replies: Vec<Reply> = std::thread::scope(|scope| {
            let racers: Vec<_> = [&desk.ada, &desk.ben]
                .map(|token| scope.spawn(|| desk.claim(token, &id)))
                .into_iter()
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{replies:?}");
        let (winner, loser) =
            if replies[0].status == 200 { (&desk.ada, &desk.ben) } else { (&desk.ben, &desk.ada) };
        assert_eq!(desk.post(winner, &id, "release", None).status, 200);
        assert_eq!(desk.claim(loser, &id).status, 200);
    }
}

#[test]
fn what_was_declared_outlives_a_kill_and_stays_its_persons() {
    let desk = Desk::new();
    let (declared, claimed) = (desk.apply(OPEN), desk.apply(OLD));
    desk.claim(&desk.ada, &declared);
    desk.claim(&desk.ada, &claimed);
    assert_eq!(desk.declare(&desk.ada, &declared).status, 200);
    let witness = std::fs::read_to_string(desk.place.witness()).unwrap();
    assert!(witness.contains(&declared) && !witness.contains(&claimed), "written before the answer");
    let desk = desk.again(|server, _| server.kill());
    for id in [&declared, &claimed] {
        let held = desk.claim(&desk.ben, id);
        assert_eq!((held.status, &held.json()["heldBy"]), (409, &json!("Ada")), "{held:?}");
    }
    assert_eq!(desk.status(&declared)["applicationStatusMessage"], WAITING);
    assert_eq!(desk.place.submissions(), Vec::<Value>::new());
    assert_eq!(desk.record(&desk.ada, &declared, &submitted()).status, 200);
    assert_eq!(desk.events(&declared), ["application.applied"]);
    desk.place.assert_clean_ledger();
}

#[test]
fn a_forgotten_outcome_is_unknown_and_a_person_resolves_it() {
    let desk = Desk::new();
    for (n, finding, status, balance) in
        [(1, "--submitted", "applied", (4, 0, 1)), (2, "--not-submitted", "failed", (4, 0, 1))]
    {
        let id = desk.apply(&format!("~02{}", 2_000_000_000_000_000_200_u64 + n));
        desk.claim(&desk.ada, &id);
        desk.declare(&desk.ada, &id);
        let resolve =
            || desk.place.run(&["resolve", &id, finding, "--by", "Eva", "--note", "looked at the list"]);
        let early = resolve();
        assert_eq!(early.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&early.stderr).contains("with the person who submits it"),
            "{early:?}"
        );
        desk.age(&id, HALF_HOUR_MS);
        // The cached answer is not older than a second; the sweeper or this read ends it.
        let unknown = desk.server.ended(&desk.account, &id, Duration::from_secs(10));
        assert!(unknown["errorMessage"].as_str().unwrap().starts_with("outcome_unknown: "), "{unknown}");
        let listed = desk.place.json(&["unresolved", "desk"])["unresolved"].clone();
        assert_eq!((&listed[0]["queueId"], &listed[0]["state"]), (&json!(id), &json!("unknown")));
        assert!(listed[0]["evidence"].to_string().contains("by Ada"), "{listed}");
        let done = resolve();
        assert!(done.status.success(), "{done:?}");
        // Another process did it: the server hears of it.
        let begun = Instant::now();
        while desk.events(&id).len() < 2
            || desk.status(&id)["applicationStatus"] != status
            || desk.status(&id)["errorMessage"]
                .as_str()
                .is_some_and(|text| text.starts_with("outcome_unknown"))
        {
            assert!(begun.elapsed() < Duration::from_secs(10), "{}", desk.status(&id));
            std::thread::sleep(POLL);
        }
        assert_eq!(desk.events(&id), ["application.failed", "application.corrected"]);
        assert_eq!(desk.place.balance(&desk.account), balance);
        assert_eq!(resolve().status.code(), Some(1), "once");
    }
    desk.place.assert_clean_ledger();
}

#[test]
fn the_operator_is_alerted_of_an_unknown_outcome_once() {
    let place = Place::fast();
    let account = desk_account(&place, "desk");
    let ada = person(&place, "Ada", &account);
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(std::fs::File::create(place.path("log")).unwrap());
    let desk = Desk { server: Process::start(command), ben: ada.clone(), place, account, ada };
    let id = desk.apply(OPEN);
    desk.claim(&desk.ada, &id);
    desk.declare(&desk.ada, &id);
    desk.age(&id, HALF_HOUR_MS);
    let alerts = || {
        let log = std::fs::read_to_string(desk.place.path("log")).unwrap();
        log.lines().filter(|line| line.contains("ERROR") && line.contains(&id)).count()
    };
    let begun = Instant::now();
    while alerts() == 0 {
        assert!(begun.elapsed() < Duration::from_secs(15), "no alert");
        std::thread::sleep(POLL);
    }
    assert_eq!(desk.record(&desk.ada, &id, &submitted()).status, 200, "the person still may");
    assert_eq!(desk.events(&id), ["application.failed", "application.corrected"]);
    assert_eq!(alerts(), 1);
}

#[test]
fn a_token_is_no_key_and_a_key_is_no_token() {
    let desk = Desk::new();
    let path = "/api/desk/applications";
    let key = &desk.account.key;
    for headers in [
        vec![],
        vec![("x-api-key", key.as_str())],
        vec![("x-api-key", desk.ada.as_str())],
        vec![("authorization", desk.ada.as_str())],
    ] {
        let reply = desk.server.call_with("GET", path, &headers, None);
        assert_eq!(reply.status, 401, "{headers:?}: {reply:?}");
    }
    assert_eq!(call(&desk.server, "GET", key, path, None).status, 401);
    assert_eq!(call(&desk.server, "GET", &desk.ada, path, None).status, 200);
    for headers in [("x-api-key", desk.ada.clone()), ("authorization", format!("Bearer {}", desk.ada))] {
        let reply =
            desk.server.call_with("GET", "/api/auto-apply-v2/freelancers", &[(headers.0, &headers.1)], None);
        assert_eq!(reply.status, 401, "{reply:?}");
    }
    desk.place.json(&["person", "revoke", "Ada"]);
    assert_eq!(call(&desk.server, "GET", &desk.ada, path, None).status, 401, "at once");
    let people = desk.place.json(&["person", "list"]);
    let shown = people.to_string();
    assert!(!shown.contains(&desk.ada) && !shown.contains(&desk.ben), "{shown}");
    assert_eq!(people["people"].as_array().unwrap().len(), 2);
    let again = desk.place.run(&["person", "add", "Ben", "--account", "desk"]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
}

#[test]
fn another_accounts_applications_are_not_there() {
    let desk = Desk::new();
    let other = desk_account(&desk.place, "other");
    let eve = person(&desk.place, "Eve", &other);
    let id = desk.apply(OPEN);
    for (method, act, body) in [
        ("GET", "", None),
        ("POST", "/claim", None),
        ("POST", "/release", None),
        ("POST", "/declare", Some(json!({"sha256": "0".repeat(64)}))),
        ("POST", "/outcome", Some(submitted())),
    ] {
        let path = format!("/api/desk/applications/{id}{act}");
        let reply = call(&desk.server, method, &eve, &path, body.as_ref());
        assert_eq!((reply.status, reply.json()), (404, json!({"error": "Application not found"})), "{act}");
    }
    let list = call(&desk.server, "GET", &eve, "/api/desk/applications", None).json();
    assert_eq!(list, json!({"applications": [], "next": null, "hasMore": false}));
    let published = json!({"jobId": job(1), "coverLetter": "Hi"}).to_string();
    let reply = desk.server.call("POST", "/api/auto-apply-v2/apply", &desk.account.key, Some(&published));
    assert_eq!(reply.status, 404, "the sandbox's jobs are the sandbox's: {reply:?}");
}

#[test]
fn a_pause_stops_what_begins() {
    let desk = Desk::new();
    let (claimed, waiting) = (desk.apply(OPEN), desk.apply(OLD));
    desk.claim(&desk.ada, &claimed);
    desk.place.json(&["pause", "--channel", "desk", "--reason", "the client called"]);
    for reply in [desk.claim(&desk.ben, &waiting), desk.declare(&desk.ada, &claimed)] {
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(
            reply.body.contains("the client called") && reply.header("retry-after").is_some(),
            "{reply:?}"
        );
    }
    desk.place.json(&["resume", "--channel", "desk"]);
    assert_eq!(desk.declare(&desk.ada, &claimed).status, 200);
}

#[test]
fn verify_only_lets_nobody_declare() {
    let desk = Desk::new();
    let id = desk.apply(OPEN);
    desk.claim(&desk.ada, &id);
    let desk = desk.again(|server, place| {
        assert_eq!(server.stop(), Some(0));
        let mut witness = OpenOptions::new().append(true).open(place.witness()).unwrap();
        witness.write_all(b"what no start can read\n").unwrap();
    });
    let refused = desk.declare(&desk.ada, &id);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("submit nothing"), "{refused:?}");
    let ended = desk.place.run(&["verify-only", "end", "--force"]);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(desk.declare(&desk.ada, &id).status, 200);
}
