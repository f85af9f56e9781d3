//! Older paths of the same endpoints.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Account, Place, Process, job};

const LEGACY: &str = "/api/auto-apply/external";

fn stage() -> (Place, Process, Account) {
    let place = Place::fast();
    let account = place.account("agency", 50);
    let server = place.serve();
    (place, server, account)
}

#[test]
fn the_legacy_path_applies_with_its_own_words() {
    let (_place, server, account) = stage();
    // Job 0014 is applied to only with a price, so the options were read if it is.
    let body = json!({"jobId": job(14), "coverLetter": "Hello.", "feedId": "feed_1",
        "applicationOptions": {"fixedPrice": 300}});
    let accepted = server.call("POST", LEGACY, &account.key, Some(&body.to_string()));
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let end = server.ended(&account, &accepted.queue_id(), Duration::from_secs(20));
    assert_eq!(end["applicationStatus"], "applied");
    // The new path ignores the old name.
    let body =
        json!({"jobId": job(1000), "coverLetter": "Hello.", "applicationOptions": {"fixedPrice": "x"}});
    assert_eq!(
        server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body.to_string())).status,
        200
    );
}

#[test]
fn the_legacy_path_refuses_in_its_own_words() {
    let (_place, server, account) = stage();
    for (options, status, field) in [
        (json!({"applicationOptions": {"hourlyRate": "x"}}), 400, "applicationOptions.hourlyRate"),
        (json!({"applicationOptions": {"timeline": "soon"}}), 422, "applicationOptions.timeline"),
        (json!({"applicationOptions": {}, "proposal": {}}), 422, "applicationOptions"),
        (json!({"proposal": {"timeline": "soon"}}), 422, "proposal.timeline"),
    ] {
        let mut body = json!({"jobId": job(1), "coverLetter": "Hello."});
        body.as_object_mut().unwrap().append(options.clone().as_object_mut().unwrap());
        let refused = server.call("POST", LEGACY, &account.key, Some(&body.to_string()));
        assert_eq!((refused.status, refused.json()["field"].as_str()), (status, Some(field)), "{refused:?}");
    }
    // What has no shape is told before what stands against each other.
    for (body, field) in [
        (json!({"jobId": 1, "applicationOptions": {}, "proposal": {}}), "jobId"),
        (json!({"jobId": job(1), "applicationOptions": {}, "proposal": {}}), "coverLetter"),
        (
            json!({"jobId": job(1), "coverLetter": "Hi", "applicationOptions": {}, "proposal": {"hourlyRate": "x"}}),
            "proposal.hourlyRate",
        ),
        (
            json!({"jobId": job(1), "coverLetter": "Hi", "applicationOptions": {"hourlyRate": "x"}, "proposal": {}}),
            "applicationOptions.hourlyRate",
        ),
    ] {
        let refused = server.call("POST", LEGACY, &account.key, Some(&body.to_string()));
        assert_eq!((refused.status, refused.json()["field"].as_str()), (400, Some(field)), "{refused:?}");
    }
    let wrong = server.call("GET", LEGACY, &account.key, None);
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
}

#[test]
fn an_idempotency_key_counts_all_paths_as_one() {
    let (_place, server, account) = stage();
    let body = json!({"jobId": job(1001), "coverLetter": "Hello.", "applicationOptions": {"hourlyRate": 65}})
        .to_string();
    let headers = [("x-api-key", account.key.as_str()), ("idempotency-key", "once")];
    let first = server.call_with("POST", LEGACY, &headers, Some(body.as_bytes()));
    let again = server.call_with("POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!((first.queue_id(), again.header("idempotent-replayed")), (again.queue_id(), Some("true")));
    // That both names are there is a matter of meaning, and the key is looked up before that.
    let both = body.replace("\"jobId\"", "\"proposal\":{},\"jobId\"");
    let other = server.call_with("POST", LEGACY, &headers, Some(both.as_bytes()));
    assert_eq!((other.status, other.json()["field"].as_str()), (422, Some("Idempotency-Key")), "{other:?}");
}
