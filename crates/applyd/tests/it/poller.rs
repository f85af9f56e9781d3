//! A client that applies and polls, and holds every answer it sees against the rules of a status answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Account, POLL, Process, Reply};

/// Longer than the shortened deadline, the sweep and a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

const KEYS: [&str; 8] = [
    "applicationStatus",
    "applicationStatusMessage",
    "appliedAt",
    "errorMessage",
    "jobId",
    "processedAt",
    "processedJobId",
    "queueId",
];

/// uphunt-api.md §2: each status with its sentence.
const MESSAGES: [(&str, &str); 7] = [
    ("processing", "Application is being submitted"),
    ("applied", "Successfully applied via auto-apply"),
    ("failed", "Application failed"),
    ("not_available", "Job is no longer available"),
    ("not_eligible", "Agency profile does not meet the job requirements"),
    ("not_enough_connects", "Not enough Connects for this job"),
    ("logged_out", "Account connection was lost, nothing was submitted"),
];

/// Sends an application with these members laid over a plain letter.
pub(crate) fn apply(server: &Process, account: &Account, job: &str, members: &Value) -> Reply {
    let mut body = json!({"jobId": job, "coverLetter": "Hello from a test."});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body.to_string()))
}

/// Polls until the end; every answer on the way is checked too.
pub(crate) fn end(server: &Process, account: &Account, accepted: &Reply) -> Value {
    until(server, account, accepted, LONG, |status| status["applicationStatus"] != "processing")
}

/// Polls until `done`, which must come `within`.
pub(crate) fn until(
    server: &Process,
    account: &Account,
    accepted: &Reply,
    within: Duration,
    done: impl Fn(&Value) -> bool,
) -> Value {
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let (accepted, begun) = (accepted.json(), Instant::now());
    let mut taken_up = Value::Null;
    loop {
        let status = server.status(account, accepted["queueId"].as_str().unwrap());
        check(&status);
        for same in ["jobId", "processedJobId", "queueId"] {
            assert_eq!(status[same], accepted[same], "{status}");
        }
        let never_changed = taken_up.is_null() || taken_up == status["processedAt"];
        assert!(never_changed, "processedAt was {taken_up}: {status}");
        taken_up = status["processedAt"].clone();
        if done(&status) {
            return status;
        }
        assert!(begun.elapsed() < within, "not within {within:?}: {status}");
        std::thread::sleep(POLL);
    }
}

/// The rules that hold for any status answer at any moment.
pub(crate) fn check(status: &Value) {
    let mut keys: Vec<_> = status.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, KEYS, "{status}");
    let name = status["applicationStatus"].as_str().unwrap();
    let message = MESSAGES.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{status}")).1;
    assert_eq!(status["applicationStatusMessage"], message, "{status}");
    assert_eq!(status["appliedAt"].is_i64(), name == "applied", "{status}");
    assert_eq!(status["appliedAt"].is_null(), name != "applied", "{status}");
    assert!(status["processedAt"].is_i64() || status["processedAt"].is_null(), "{status}");
    if let (Some(applied), Some(taken_up)) = (status["appliedAt"].as_i64(), status["processedAt"].as_i64()) {
        assert!(taken_up <= applied, "{status}");
    }
    match code(status) {
        None => assert!(["processing", "applied"].contains(&name), "{status}"),
        Some(code) => {
            assert!(!["processing", "applied"].contains(&name), "{status}");
            let plain = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(plain && !code.is_empty(), "{status}");
        }
    }
}

/// The code that `errorMessage` begins with; `None` where it is null.
pub(crate) fn code(status: &Value) -> Option<&str> {
    let message = &status["errorMessage"];
    if message.is_null() {
        return None;
    }
    let (code, sentence) = message.as_str().and_then(|text| text.split_once(": ")).expect("`code: sentence`");
    assert!(sentence.contains("e-apply"), "it says whether re-applying is safe: {message}");
    Some(code)
}
