//! Applying and polling until the end, as a patient caller does.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Account, POLL, Process, job};

/// A look, its drain, and the pause of the verify-only mode, several times over.
pub(crate) const LONGEST: Duration = Duration::from_secs(40);

/// Applies; answers the `queueId`.
pub(crate) fn accepted(server: &Process, account: &Account, number: u16) -> String {
    let reply = server.apply(account, &job(number));
    assert_eq!(reply.status, 200, "{}, {number}: {reply:?}", account.name);
    reply.queue_id()
}

/// Applies, and waits until it is so.
pub(crate) fn applied(server: &Process, account: &Account, number: u16) -> String {
    let id = accepted(server, account, number);
    assert_eq!(settled(server, account, &id)["applicationStatus"], "applied", "{}, {number}", account.name);
    id
}

/// Polls until `found`.
pub(crate) fn until(server: &Process, account: &Account, id: &str, found: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let status = server.status(account, id);
        if found(&status) {
            return status;
        }
        assert!(begun.elapsed() < LONGEST, "{}: {status}", account.name);
        std::thread::sleep(POLL);
    }
}

/// Polls until the end that no correction follows.
pub(crate) fn settled(server: &Process, account: &Account, id: &str) -> Value {
    until(server, account, id, |status| {
        status["applicationStatus"] != "processing" && !has_failed_with(status, "outcome_unknown")
    })
}

/// Whether `errorMessage` begins with this code.
pub(crate) fn has_failed_with(status: &Value, code: &str) -> bool {
    status["errorMessage"].as_str().is_some_and(|text| text.starts_with(&format!("{code}: ")))
}
