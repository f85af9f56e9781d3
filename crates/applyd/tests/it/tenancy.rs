//! What one account has is nothing to another: every route is walked with a stranger's ids.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::person;
use crate::harness::{Account, Place, Process, Reply};

/// A job whose UUID is the owner's own: published sandbox jobs have the same for everybody.
const JOB: &str = "~022052895097657407455";
/// Streams do not end by themselves, and their cursor is asked for by another test.
const STREAM: &str = "/api/auto-apply-v2/events";

/// People ask here, with tokens of their own.
const DESK: &str = "/api/desk/applications";

/// The owner's ids, by the parameter or member that takes them: path, query or body.
struct Owned {
    ids: BTreeMap<&'static str, String>,
}

fn own(server: &Process, owner: &Account) -> Owned {
    let accepted = server.apply(owner, JOB);
    let queue_id = accepted.queue_id();
    server.ended(owner, &queue_id, Duration::from_secs(20));
    let webhook = json!({"url": "https://example.com/hook"}).to_string();
    let webhook = server.call("POST", "/api/webhooks", &owner.key, Some(&webhook)).json();
    let events = server.call("GET", "/api/webhooks/events", &owner.key, None).json();
    let job = server.call("GET", &format!("/api/jobs/by-ciphertext?cipher={JOB}"), &owner.key, None).json();
    let company = &job["jobDetailsResponse"]["data"]["jobPubDetails"]["buyer"]["company"]["companyId"];
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned();
    Owned {
        ids: BTreeMap::from([
            ("queueId", queue_id),
            ("jobId", text(&accepted.json()["processedJobId"])),
            ("webhook", text(&webhook["id"])),
            ("event", text(&events["events"][0]["id"])),
            ("companyId", text(company)),
        ]),
    }
}

impl Owned {
    fn id(&self, name: &str) -> &str {
        self.ids.get(name).map(String::as_str).unwrap_or_else(|| panic!("teach this test `{name}`"))
    }

    /// The path with the owner's ids in it, and whether there are any.
    fn path(&self, path: &str) -> (String, bool) {
        let event = path.starts_with("/api/webhooks/events/");
        let filled = path
            .replace("{queueId}", self.id("queueId"))
            .replace("{companyId}", self.id("companyId"))
            .replace("{id}", self.id(if event { "event" } else { "webhook" }))
            // A ciphertext names a job of the site and belongs to nobody; the UUID is no ciphertext.
            .replace("{ciphertext}", self.id("jobId"));
        assert!(!filled.contains('{'), "teach this test {path}");
        (filled.clone(), filled != path)
    }

    fn assert_not_told(&self, reply: &Reply, what: &str) {
        for id in self.ids.values() {
            assert!(!reply.body.contains(id.as_str()), "{what} tells {id}: {reply:?}");
        }
    }
}

#[test]
fn every_route_answers_404_to_the_ids_of_another_account() {
    let mut place = Place::fast();
    place.set("APPLYD_WEBHOOKS__ALLOWED_NETWORKS", "");
    let (owner, stranger) = (place.account("owner", 9), place.account("stranger", 9));
    let token = person(&place, "Eve", &stranger);
    let server = place.serve();
    let owned = own(&server, &owner);
    let api = server.call_with("GET", "/openapi.json", &[], None).json();
    let mut walked = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let (filled, has_ids) = owned.path(path);
            let (method, what) = (method.to_uppercase(), format!("{method} {path}"));
            if path == STREAM || operation["security"] == json!([{}]) {
                continue;
            }
            let body = operation.get("requestBody").map(|_| {
                json!({"jobId": owned.id("jobId"), "coverLetter": "Hi", "url": "https://example.com/other",
                       "sha256": "0".repeat(64), "outcome": "not_sent"})
                .to_string()
            });
            let bearer = format!("Bearer {token}");
            let who = if path.starts_with(DESK) {
                ("authorization", &bearer)
            } else {
                ("x-api-key", &stranger.key)
            };
            let call = |filled: &str| {
                server.call_with(&method, filled, &[(who.0, who.1)], body.as_deref().map(str::as_bytes))
            };
            let reply = call(&filled);
            owned.assert_not_told(&reply, &what);
            assert!(!reply.body.contains("No such"), "{what} is described and not there: {reply:?}");
            let takes_job = body.is_some() && !path.starts_with("/api/webhooks") && !path.starts_with(DESK);
            if has_ids || takes_job {
                assert_eq!(reply.status, 404, "{what}: {reply:?}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] != "query" {
                    continue;
                }
                let name = parameter["name"].as_str().unwrap();
                let (id, expected) = match name {
                    "queueId" | "jobId" => (owned.id(name), 404),
                    // The stand-in's counts: a filter by an unknown job finds nothing.
                    "cipher" => (owned.id("jobId"), 404),
                    // A cursor of the desk is a place in an order, and need not exist.
                    "after" if path == DESK => (owned.id("queueId"), 200),
                    "after" => (owned.id("event"), 422),
                    "limit" | "offset" | "status" | "wait" => continue,
                    other => panic!("teach this test the parameter `{other}` of {what}"),
                };
                let reply = call(&format!("{filled}?{name}={id}"));
                owned.assert_not_told(&reply, &what);
                let nothing_found =
                    path == "/sandbox/submissions" && reply.json() == json!({"submissions": []});
                assert!(reply.status == expected || nothing_found, "{what} {name}: {reply:?}");
            }
            walked += 1;
        }
    }
    assert!(walked >= 25, "only {walked} operations were walked");
    // The owner's things are still there: nothing was deleted, rotated or cancelled.
    let webhooks = server.call("GET", "/api/webhooks", &owner.key, None);
    assert!(webhooks.body.contains(owned.id("webhook")), "{webhooks:?}");
}
