//! Admission by time: 503 rather than a place in the queue that must end `deadline`.

use serde_json::json;

use crate::harness::{Place, Reply, job};
use crate::poller::end;

/// One takes 1 s at the site and is assumed to take 2 s, so with a cutoff of 4 s two may be under way. The burst
/// is over long before the first of them ends, so nothing has been learned yet.
#[test]
fn a_burst_is_accepted_as_far_as_it_can_be_served() {
    const BURST: u16 = 6;
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "1s");
    place.set("APPLYD_TIMING__ASSUMED", "2s");
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 100);
    let replies: Vec<_> =
        (0..BURST).map(|index| job(1100 + index)).map(|job| (server.apply(&account, &job), job)).collect();
    let (accepted, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|(reply, _)| reply.status == 200);
    assert_eq!((accepted.len(), refused.len()), (2, 4), "{accepted:?} {refused:?}");
    refused.iter().for_each(|(reply, _)| assert_not_now(reply));
    assert_eq!(accepted[1].0.json()["creditsRemaining"], 98, "nothing is held for who was sent away");

    // Who was sent away comes back with the same key: nothing was decided about it.
    let late = &refused[3].1;
    let with_key = || {
        let body = json!({"jobId": late, "coverLetter": "Hello"}).to_string();
        let headers = [("x-api-key", account.key.as_str()), ("Idempotency-Key", "late")];
        server.call_with("POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()))
    };
    assert_not_now(&with_key());
    for (reply, job) in &accepted {
        let ended = end(&server, &account, reply);
        assert_eq!(ended["applicationStatus"], "applied", "{ended}");
        assert_eq!(place.counted(job), (1, 1), "{job}");
    }
    assert_eq!(place.balance(&account), (98, 0, 2));
    let back = with_key();
    assert_eq!(end(&server, &account, &back)["applicationStatus"], "applied", "{back:?}");
    assert_eq!((place.submissions().len(), place.balance(&account)), (3, (97, 0, 3)));
    place.assert_clean_ledger();
}

fn assert_not_now(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.json()["error"].is_string(), "{reply:?}");
    let wait_s: u32 = reply.header("Retry-After").and_then(|text| text.parse().ok()).unwrap_or_default();
    assert!((1..=60).contains(&wait_s), "{reply:?}");
}
