//! Each account is served on its own channel.

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, Reply, job};

const OPEN: &str = "~022052895097657407455";
const OLD: &str = "~01abc123def456";
const APPLY: &str = "/api/auto-apply-v2/apply";
const PREFLIGHT: &str = "/api/auto-apply-v2/preflight";

/// An account of a channel.
pub(crate) fn account_on(place: &Place, name: &str, channel: &str) -> Account {
    let made = place.json(&["account", "create", name, "--credits", "5", "--channel", channel]);
    assert_eq!(made["channel"], channel, "{made}");
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    Account { id: text("accountId"), name: text("name"), key: text("apiKey") }
}

fn post(server: &Process, account: &Account, path: &str, body: &Value) -> Reply {
    server.call("POST", path, &account.key, Some(&body.to_string()))
}

#[test]
fn an_account_without_a_freelancer_is_told_so() {
    let mut place = Place::fast();
    place.set("APPLYD_UPWORK__ENDPOINT", "http://127.0.0.1:9/mcp");
    let server = place.serve();
    for channel in ["upwork", "desk"] {
        let account = account_on(&place, channel, channel);
        for (path, id) in [(APPLY, OPEN), (PREFLIGHT, OPEN), (APPLY, OLD), (PREFLIGHT, OLD)] {
            let reply = post(&server, &account, path, &json!({"jobId": id, "coverLetter": "Hello."}));
            assert_eq!((reply.status, &reply.json()["field"]), (422, &json!("profileId")), "{reply:?}");
            assert!(reply.body.contains("no profile yet"), "{reply:?}");
        }
        let shown = server.call("GET", "/api/auto-apply-v2/freelancers", &account.key, None).json();
        assert_eq!(shown, json!({"freelancers": []}));
        assert_eq!(place.balance(&account), (5, 0, 0));
        let record = server.call("GET", "/sandbox/submissions", &account.key, None);
        assert_eq!(record.status, 404, "{record:?}");
    }
}

#[test]
fn the_desk_reads_nothing_and_upwork_that_is_away_is_a_503() {
    let mut place = Place::fast();
    // Nobody listens there, which keeps no server from starting.
    place.set("APPLYD_UPWORK__ENDPOINT", "http://127.0.0.1:9/mcp");
    let server = place.serve();
    let (desk, upwork) = (account_on(&place, "desk", "desk"), account_on(&place, "upwork", "upwork"));
    let reads = |account: &Account| {
        let job = server.call("GET", &format!("/api/jobs/by-ciphertext?cipher={OPEN}"), &account.key, None);
        let letter = post(&server, account, "/api/auto-apply-v2/generate-proposal", &json!({"jobId": OPEN}));
        (job.status, letter.status)
    };
    assert_eq!(reads(&desk), (404, 404));
    assert_eq!(reads(&upwork), (503, 503));
    let client = server.call("GET", "/api/clients/1991212616395436888/jobs", &desk.key, None);
    assert_eq!(client.status, 404, "{client:?}");
    for account in [&desk, &upwork] {
        let published =
            server.call("GET", &format!("/api/jobs/by-ciphertext?cipher={}", job(1)), &account.key, None);
        assert_eq!(published.status, 404, "{published:?}");
    }
    let sandbox = place.account("sandbox", 1);
    assert_eq!(server.apply(&sandbox, &job(1)).status, 200);
}
