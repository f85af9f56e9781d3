//! Webhooks as a receiver and an operator meet them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Account, POLL, Place, Process, Reply, job};
use crate::poller::{LONG, end};
use crate::receiver::{Answer, Receiver, allow};

/// Longer than the poll in which a command is noticed, on a busy machine.
const SOON: Duration = Duration::from_secs(10);

pub(crate) fn place() -> Place {
    let mut place = Place::fast();
    allow(&mut place);
    place
}

pub(crate) fn create(server: &Process, account: &Account, url: &str) -> (String, String) {
    let body = json!({ "url": url }).to_string();
    let made = server.call("POST", "/api/webhooks", &account.key, Some(&body));
    assert_eq!(made.status, 201, "{made:?}");
    (text(&made.json()["id"]), text(&made.json()["secret"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Applies and answers the terminal status.
fn apply(server: &Process, account: &Account, number: u16) -> Value {
    let accepted = server.apply(account, &job(number));
    end(server, account, &accepted)
}

fn webhook(server: &Process, account: &Account, method: &str, id: &str, body: Option<&str>) -> Reply {
    server.call(method, &format!("/api/webhooks/{id}"), &account.key, body)
}

/// The deliveries of a webhook once the newest is no longer pending.
fn deliveries(server: &Process, account: &Account, id: &str) -> Vec<Value> {
    let begun = std::time::Instant::now();
    loop {
        let listed = webhook(server, account, "GET", &format!("{id}/deliveries"), None).json();
        let rows = listed["deliveries"].as_array().unwrap().clone();
        if rows.first().is_some_and(|row| row["state"] != "pending") {
            return rows;
        }
        assert!(begun.elapsed() < SOON, "still pending: {listed}");
        std::thread::sleep(POLL);
    }
}

pub(crate) fn listed(server: &Process, account: &Account, query: &str) -> Value {
    let reply = server.call("GET", &format!("/api/webhooks/events{query}"), &account.key, None);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

#[test]
fn an_event_arrives_signed_with_the_status_as_its_data() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let account = place.account("agency", 9);
    let (id, secret) = create(&server, &account, &receiver.url);
    let status = apply(&server, &account, 1);
    let got = receiver.wait_for(1, SOON).remove(0);
    assert!(got.is_proven_by(&secret));
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(
        (got.header("x-uphunt-delivery"), got.header("x-uphunt-event")),
        (got.id(), "application.applied")
    );
    let event = got.json();
    let told = json!({"id": got.id(), "type": "application.applied", "timestamp": event["timestamp"], "data": status});
    assert_eq!(event, told);
    assert!(
        got.body.starts_with(&format!(r#"{{"id":"{}","type":"application.applied","timestamp":""#, got.id()))
    );
    assert_eq!(listed(&server, &account, ""), json!({"events": [event], "next": got.id(), "hasMore": false}));
    let delivered = deliveries(&server, &account, &id).remove(0);
    assert_eq!(
        (&delivered["state"], &delivered["attempts"], &delivered["lastStatus"]),
        (&json!("delivered"), &json!(1), &json!(200))
    );
    let shown = webhook(&server, &account, "GET", &id, None);
    assert!(!shown.body.contains("whsec_") && !shown.body.contains(&secret[6..]));
    assert_eq!(shown.json()["url"], receiver.url);
}

#[test]
fn a_failed_attempt_is_repeated_with_the_same_bytes() {
    let mut place = place();
    place.set("APPLYD_WEBHOOKS__RETRIES", "0s,50ms,100ms");
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(503)));
    let account = place.account("agency", 9);
    let (id, secret) = create(&server, &account, &receiver.url);
    apply(&server, &account, 2);
    let got = receiver.wait_for(4, SOON);
    let row = deliveries(&server, &account, &id).remove(0);
    assert_eq!((&row["state"], &row["attempts"]), (&json!("exhausted"), &json!(4)));
    assert_eq!((&row["lastStatus"], &row["lastFailure"]), (&json!(503), &json!("HTTP 503")));
    for attempt in &got {
        assert_eq!((attempt.id(), &attempt.body), (got[0].id(), &got[0].body));
        assert!(attempt.is_proven_by(&secret));
    }
    assert!(webhook(&server, &account, "GET", &id, None).json()["failingSince"].is_i64());
}

#[test]
fn commands_are_noticed_by_a_running_server() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(204)));
    let account = place.account("agency", 9);
    let made = place.json(&["webhook", "create", "agency", &receiver.url, "--types", "application.failed"]);
    let (id, secret) = (text(&made["id"]), text(&made["secret"]));
    assert_eq!(made["types"], json!(["application.failed"]));
    let tested = place.json(&["webhook", "test", &id]);
    let got = receiver.wait_for(1, SOON).remove(0);
    assert!(got.is_proven_by(&secret));
    assert_eq!((got.id(), got.header("x-uphunt-event")), (tested["id"].as_str().unwrap(), "webhook.test"));
    assert_eq!(listed(&server, &account, "")["events"], json!([]), "a test is not listed");
    apply(&server, &account, 1);
    let failed = apply(&server, &account, 2);
    let got = receiver.wait_for(2, SOON).remove(1);
    assert_eq!(got.json()["data"], failed, "only what it wants");
    let listed = place.json(&["webhook", "list", "agency"]);
    assert_eq!(listed["webhooks"][0]["id"], id.as_str());
    assert!(!listed.to_string().contains("whsec_"));
    let again = place.json(&["webhook", "redeliver", got.id()]);
    assert_eq!(again, json!({"id": got.id(), "queued": 1}));
    assert_eq!(receiver.wait_for(3, SOON)[2].body, got.body);
    deliveries(&server, &account, &id);
    let deliveries = place.json(&["webhook", "deliveries", &id]);
    assert_eq!(deliveries["total"], 3, "{deliveries}");
    let changed = place.json(&["webhook", "update", &id, "--types", "*", "--disable"]);
    assert_eq!((&changed["types"], &changed["disabledReason"]), (&json!(["*"]), &json!("by you")));
    assert_eq!(place.run(&["webhook", "test", &id]).status.code(), Some(1));
    assert_eq!(place.json(&["webhook", "delete", &id]), json!({"id": id, "deleted": true}));
    assert_eq!(place.run(&["webhook", "deliveries", &id]).status.code(), Some(1));
    let guarded = place.run(&["webhook", "create", "agency", "http://127.0.0.2/"]);
    let told = String::from_utf8_lossy(&guarded.stderr).into_owned();
    assert!(guarded.status.code() == Some(1) && told.contains("hint:"), "{told}");
}

#[test]
fn after_a_rotation_both_secrets_prove_a_message() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let account = place.account("agency", 9);
    let (id, old) = create(&server, &account, &receiver.url);
    let rotated = webhook(&server, &account, "POST", &format!("{id}/rotate-secret"), None).json();
    let new = text(&rotated["secret"]);
    assert!(new != old && rotated["previousSecretUntil"].is_i64(), "{rotated}");
    let newest = text(&place.json(&["webhook", "rotate", &id])["secret"]);
    let tested = webhook(&server, &account, "POST", &format!("{id}/test"), None);
    assert_eq!((tested.status, &tested.json()["queued"]), (202, &json!(1)));
    let got = receiver.wait_for(1, SOON).remove(0);
    assert_eq!(got.header("webhook-signature").split(' ').count(), 2);
    assert!(got.is_proven_by(&newest) && got.is_proven_by(&new) && !got.is_proven_by(&old));
}

#[test]
fn a_redelivery_has_the_same_id_and_a_fresh_time() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let account = place.account("agency", 9);
    let (_, secret) = create(&server, &account, &receiver.url);
    apply(&server, &account, 1);
    let first = receiver.wait_for(1, SOON).remove(0);
    let time = |got: &crate::receiver::Got| got.header("webhook-timestamp").parse::<i64>().unwrap();
    let now_s = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    while now_s() <= time(&first) {
        std::thread::sleep(POLL);
    }
    let path = format!("/api/webhooks/events/{}/redeliver", first.id());
    let queued = server.call("POST", &path, &account.key, None);
    assert_eq!((queued.status, queued.json()), (202, json!({"id": first.id(), "queued": 1})));
    let second = receiver.wait_for(2, SOON).remove(1);
    assert_eq!((second.id(), &second.body), (first.id(), &first.body));
    assert!(time(&second) > time(&first) && second.is_proven_by(&secret));
}

#[test]
fn what_is_off_gets_nothing_and_catches_up_by_cursor() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let account = place.account("agency", 9);
    let (id, _) = create(&server, &account, &receiver.url);
    apply(&server, &account, 1);
    let first = receiver.wait_for(1, SOON).remove(0);
    let off = webhook(&server, &account, "PATCH", &id, Some(r#"{"enabled":false}"#)).json();
    assert_eq!((&off["enabled"], &off["disabledReason"]), (&json!(false), &json!("by you")));
    apply(&server, &account, 2);
    let refused = webhook(&server, &account, "POST", &format!("{id}/test"), None);
    assert_eq!(refused.status, 409, "{refused:?}");
    let on = webhook(&server, &account, "PATCH", &id, Some(r#"{"enabled":true}"#)).json();
    assert_eq!((&on["enabled"], &on["disabledAt"]), (&json!(true), &Value::Null));
    let tested = webhook(&server, &account, "POST", &format!("{id}/test"), None).json();
    assert_eq!(receiver.wait_for(2, SOON)[1].id(), tested["id"].as_str().unwrap(), "and nothing before it");
    let missed = listed(&server, &account, &format!("?after={}&limit=1", first.id()));
    assert_eq!(
        (&missed["hasMore"], &missed["events"][0]["type"]),
        (&json!(false), &json!("application.failed"))
    );
    let after = text(&missed["next"]);
    let rest = listed(&server, &account, &format!("?after={after}"));
    assert_eq!(rest, json!({"events": [], "next": after, "hasMore": false}));
}

#[test]
fn a_webhook_at_which_nothing_works_is_switched_off_by_itself() {
    let mut place = place();
    place.set("APPLYD_WEBHOOKS__RETRIES", "0s,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms,100ms");
    place.set("APPLYD_WEBHOOKS__DISABLE_AFTER", "300ms");
    let (server, receiver) = (place.serve(), Receiver::start(Answer::BreakOff));
    let account = place.account("agency", 9);
    let (id, _) = create(&server, &account, &receiver.url);
    apply(&server, &account, 1);
    let begun = std::time::Instant::now();
    let off = loop {
        let shown = webhook(&server, &account, "GET", &id, None).json();
        if shown["enabled"] == false {
            break shown;
        }
        assert!(begun.elapsed() < LONG, "{shown}");
        std::thread::sleep(POLL);
    };
    assert_eq!(off["disabledReason"], "failing");
    assert!(off["disabledAt"].as_i64() >= off["failingSince"].as_i64().map(|since| since + 300));
    receiver.answer(Answer::Status(200));
    let before = receiver.got();
    webhook(&server, &account, "PATCH", &id, Some(r#"{"enabled":true}"#));
    let after = receiver.wait_for(before.len() + 1, SOON);
    assert_eq!(after.last().unwrap().body, before[0].body, "what waited goes on");
    deliveries(&server, &account, &id);
    assert_eq!(webhook(&server, &account, "GET", &id, None).json()["failingSince"], Value::Null);
}

#[test]
fn nobody_reaches_the_webhooks_of_another_account() {
    let place = place();
    let (server, receiver) = (place.serve(), Receiver::start(Answer::Status(200)));
    let (account, stranger) = (place.account("agency", 9), place.account("stranger", 9));
    let (id, _) = create(&server, &account, &receiver.url);
    apply(&server, &account, 1);
    let event = receiver.wait_for(1, SOON)[0].id().to_owned();
    let nobodys = "wh_01JD8Z0R7N5Q3T9V2X4B6C8D0F";
    let try_all = |account: &Account, id: &str, event: &str| -> Vec<(u16, String)> {
        let webhook = format!("/api/webhooks/{id}");
        let calls = [
            ("GET", webhook.clone(), None),
            ("PATCH", webhook.clone(), Some(r#"{"enabled":false}"#)),
            ("DELETE", webhook.clone(), None),
            ("POST", format!("{webhook}/test"), None),
            ("POST", format!("{webhook}/rotate-secret"), None),
            ("GET", format!("{webhook}/deliveries"), None),
            ("POST", format!("/api/webhooks/events/{event}/redeliver"), None),
        ];
        let replies = calls.iter().map(|(method, path, body)| server.call(method, path, &account.key, *body));
        replies.map(|reply| (reply.status, reply.body)).collect()
    };
    let foreign = try_all(&stranger, &id, &event);
    assert!(foreign.iter().all(|(status, _)| *status == 404), "{foreign:?}");
    assert_eq!(
        foreign,
        try_all(&stranger, nobodys, "evt_01JD8Z0R7N5Q3T9V2X4B6C8D0F"),
        "told like an unknown one"
    );
    assert_eq!(foreign, try_all(&stranger, "%ff", "x"), "told like no id at all");
    assert_eq!(listed(&server, &stranger, "")["events"], json!([]));
    let cursor = server.call("GET", &format!("/api/webhooks/events?after={event}"), &stranger.key, None);
    assert_eq!((cursor.status, &cursor.json()["field"]), (422, &json!("after")));
    let own = server.call("GET", "/api/webhooks", &stranger.key, None);
    assert_eq!(own.json(), json!({"webhooks": []}));
    let kept = webhook(&server, &account, "GET", &id, None).json();
    assert_eq!((&kept["enabled"], &kept["previousSecretUntil"]), (&json!(true), &Value::Null));
    assert_eq!(receiver.got().len(), 1);
}

#[test]
fn a_senseless_webhook_is_refused_by_naming_the_field() {
    let place = place();
    let server = place.serve();
    let account = place.account("agency", 9);
    let good = "https://example.com/hook";
    for (body, status, field) in [
        (json!({}), 400, "url"),
        (json!({"url": null}), 400, "url"),
        (json!({"url": 5}), 400, "url"),
        (json!({"url": "no url"}), 400, "url"),
        (json!({"url": "ftp://example.com/"}), 422, "url"),
        (json!({"url": "https://127.0.0.2/"}), 422, "url"),
        (json!({"url": "https://[::ffff:10.0.0.1]/"}), 422, "url"),
        (json!({"url": "https://me:secret@example.com/"}), 422, "url"),
        (json!({"url": good, "types": []}), 422, "types"),
        (json!({"url": good, "types": ["applied"]}), 422, "types"),
        (json!({"url": good, "types": "application.applied"}), 400, "types"),
        (json!({"url": good, "types": [5]}), 400, "types[0]"),
    ] {
        let refused = server.call("POST", "/api/webhooks", &account.key, Some(&body.to_string()));
        assert_eq!(
            (refused.status, &refused.json()["field"]),
            (status, &json!(field)),
            "{body}: {refused:?}"
        );
    }
    for (query, field) in
        [("?limit=0", "limit"), ("?limit=101", "limit"), ("?limit=x", "limit"), ("?after=evt_1", "after")]
    {
        let refused = server.call("GET", &format!("/api/webhooks/events{query}"), &account.key, None);
        assert_eq!((refused.status, &refused.json()["field"]), (422, &json!(field)), "{query}");
    }
    let (id, _) = create(&server, &account, good);
    let off = webhook(&server, &account, "PATCH", &id, Some(r#"{"url":"http://10.0.0.1/"}"#));
    assert_eq!((off.status, &off.json()["field"]), (422, &json!("url")));
    let paged = webhook(&server, &account, "GET", &format!("{id}/deliveries?limit=7&offset=3"), None);
    assert_eq!(
        paged.json(),
        json!({"deliveries": [], "total": 0, "limit": 7, "offset": 3, "hasMore": false})
    );
    (1..20).for_each(|_| drop(create(&server, &account, good)));
    let one_more =
        server.call("POST", "/api/webhooks", &account.key, Some(&json!({"url": good}).to_string()));
    assert_eq!(one_more.status, 422, "{one_more:?}");
    let gone = webhook(&server, &account, "DELETE", &id, None);
    assert_eq!((gone.status, gone.json()), (200, json!({"id": id, "deleted": true})));
    assert_eq!(webhook(&server, &account, "GET", &id, None).status, 404);
}

#[test]
fn a_lost_master_key_is_not_replaced_while_secrets_need_it() {
    let place = Place::fast();
    let account = place.account("agency", 1);
    let server = place.serve();
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_file(place.path("master.key")).unwrap();
    place.json(&["webhook", "create", &account.name, "https://example.com/hook"]);
    std::fs::rename(place.path("master.key"), place.path("elsewhere.key")).unwrap();
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("master.key") && told.contains("the secrets of webhooks need"), "{told}");
    assert!(!place.path("master.key").exists());
    std::fs::rename(place.path("elsewhere.key"), place.path("master.key")).unwrap();
    place.serve();
}

#[test]
fn the_word_start_is_a_cursor_for_who_has_no_event_yet() {
    let place = Place::fast();
    let account = place.account("agency", 1);
    let server = place.serve();
    let none = json!({"events": [], "next": "start", "hasMore": false});
    assert_eq!(listed(&server, &account, ""), none);
    assert_eq!(listed(&server, &account, "?after=start"), none);
}
