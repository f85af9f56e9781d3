//! Paths, methods, keys, ids: what every endpoint has in common, and who may see what.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::time::Duration;

use crate::harness::{Account, Place, Process, Reply, connect, job};

const STATUS: &str = "/api/auto-apply-v2/status";
const APPLY: &str = "/api/auto-apply-v2/apply";

type Headers<'a> = &'a [(&'a str, &'a str)];

fn stage() -> (Place, Process, Account) {
    let mut place = Place::with(&[]);
    place.set("APPLYD_WORKERS", "0");
    place.set("APPLYD_RATE_LIMITS", "off");
    let account = place.account("agency", 50);
    let server = place.serve();
    (place, server, account)
}

fn get(server: &Process, path: &str, account: &Account) -> Reply {
    server.call("GET", path, &account.key, None)
}

#[test]
fn unknown_paths_and_wrong_methods_are_told_in_json() {
    let (_place, server, account) = stage();
    for (method, path, status, allow) in [
        ("GET", "/api", 404, ""),
        ("GET", "/api/auto-apply-v2", 404, ""),
        ("GET", "/api/auto-apply-v2/status/", 404, ""),
        ("POST", "/api/auto-apply-v2/Apply", 404, ""),
        ("POST", "//api/auto-apply-v2/apply", 404, ""),
        ("DELETE", "/%00/..%2f", 404, ""),
        ("GET", APPLY, 405, "POST"),
        ("PUT", APPLY, 405, "POST"),
        ("BREW", APPLY, 405, "POST"),
        ("POST", STATUS, 405, "GET,HEAD"),
        ("DELETE", STATUS, 405, "GET,HEAD"),
        ("POST", "/healthz", 405, "GET,HEAD"),
    ] {
        for key in [account.key.as_str(), ""] {
            let reply = server.call(method, path, key, None);
            assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{method} {path}");
            assert!(reply.json()["error"].is_string(), "{method} {path}: {reply:?}");
            assert_eq!(reply.header("allow").unwrap_or_default(), allow, "{method} {path}");
            assert_eq!(reply.header("access-control-allow-origin"), None, "no CORS headers");
        }
    }
}

#[test]
fn head_is_get_without_its_body() {
    let (_place, server, account) = stage();
    let queue_id = server.apply(&account, "~0255").queue_id();
    for path in
        ["/healthz".to_owned(), format!("{STATUS}?queueId={queue_id}"), STATUS.to_owned(), "/no".to_owned()]
    {
        let (got, head) = (get(&server, &path, &account), server.call("HEAD", &path, &account.key, None));
        assert_eq!((head.status, head.body.as_str()), (got.status, ""), "{path}");
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), got.header(name), "{path} {name}");
        }
    }
    assert_eq!(server.call("HEAD", APPLY, &account.key, None).status, 405);
}

/// Many requests on one connection without waiting: the ids of their answers.
fn ids_of_a_burst(server: &Process, calls: usize) -> Vec<String> {
    let mut stream = connect(&server.url).unwrap();
    let mut sender = stream.try_clone().unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: test\r\n";
    let burst = format!("{request}\r\n").repeat(calls - 1) + request + "connection: close\r\n\r\n";
    let sending = std::thread::spawn(move || sender.write_all(burst.as_bytes()).unwrap());
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    sending.join().unwrap();
    let ids: Vec<_> =
        answers.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).map(str::to_owned).collect();
    assert_eq!(ids.len(), calls);
    ids
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    const CALLERS: usize = 8;
    const CALLS: usize = 2000;
    let (_place, server, account) = stage();
    let answers = [
        server.apply(&account, "~0256"),
        server.apply(&account, "~0256"),
        server.call("POST", APPLY, &account.key, Some("{")),
        get(&server, STATUS, &account),
        get(&server, "/no", &account),
        server.call("PUT", APPLY, "", None),
        server.call("GET", STATUS, "", None),
        server.call("HEAD", "/healthz", "", None),
        server.call("POST", APPLY, &account.key, Some(&"x".repeat(300_000))),
    ];
    let statuses: Vec<_> = answers.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 409, 400, 400, 404, 405, 401, 200, 413]);
    let id = |reply: &Reply| reply.header("x-request-id").unwrap_or_else(|| panic!("{reply:?}")).to_owned();
    let mut ids: Vec<_> = answers.iter().map(id).collect();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| ids_of_a_burst(&server, CALLS))).collect();
        callers.into_iter().for_each(|caller| ids.extend(caller.join().unwrap()));
    });
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), answers.len() + CALLERS * CALLS);
}

#[test]
fn only_one_valid_key_in_its_header_opens() {
    let (place, server, account) = stage();
    let key = account.key.as_str();
    let (short, long) = (&key[..key.len() - 1], format!("{key}0"));
    let swapped: String = key.chars().rev().collect();
    let other = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    let (bearer, upper, quoted) = (format!("Bearer {key}"), key.to_uppercase(), format!("\"{key}\""));
    let (missing, invalid) = ("Missing x-api-key", "Invalid x-api-key");
    let url = format!("{STATUS}?queueId=x&x-api-key={key}&api_key={key}&apiKey={key}");
    let cases: &[(&str, Headers<'_>, &str)] = &[
        (STATUS, &[], missing),
        (&url, &[], missing),
        (STATUS, &[("authorization", "Bearer up_123")], missing),
        (STATUS, &[("authorization", &bearer)], missing),
        (STATUS, &[("cookie", &format!("x-api-key={key}"))], missing),
        (STATUS, &[("x-api_key", key), ("api-key", key)], missing),
        (STATUS, &[("x-api-key", "")], invalid),
        (STATUS, &[("x-api-key", short)], invalid),
        (STATUS, &[("x-api-key", &long)], invalid),
        (STATUS, &[("x-api-key", &swapped)], invalid),
        (STATUS, &[("x-api-key", &other)], invalid),
        (STATUS, &[("x-api-key", &bearer)], invalid),
        (STATUS, &[("x-api-key", &upper)], invalid),
        (STATUS, &[("x-api-key", &quoted)], invalid),
        (STATUS, &[("x-api-key", "sk_uphunt_ключ")], invalid),
        (STATUS, &[("x-api-key", key), ("x-api-key", key)], invalid),
        (STATUS, &[("x-api-key", key), ("X-API-KEY", "other")], invalid),
        (STATUS, &[("x-api-key", &format!("{key}, {key}"))], invalid),
    ];
    for (path, headers, error) in cases {
        for (method, path, body) in
            [("GET", *path, None), ("POST", APPLY, Some(format!("{{\"x-api-key\":\"{key}\"}}")))]
        {
            let reply = server.call_with(method, path, headers, body.as_deref().map(str::as_bytes));
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (401, format!(r#"{{"error":"{error}"}}"#).as_str())
            );
            assert!(!format!("{reply:?}").contains(&key[10..]), "an answer holds the key");
        }
    }
    for name in ["x-api-key", "X-API-KEY", "X-Api-Key"] {
        let reply = server.call_with("GET", &format!("{STATUS}?queueId=x"), &[(name, key)], None);
        assert_eq!(reply.status, 404, "{name}: {reply:?}");
    }
    assert_eq!(place.balance(&account), (50, 0, 0));
}

#[test]
fn a_refusal_does_not_repeat_what_it_was_sent() {
    let (_place, server, account) = stage();
    let key = account.key.as_str();
    for body in [
        format!(r#"{{"jobId":"{key}","coverLetter":"x"}}"#),
        format!(r#"{{"jobId":"~021","coverLetter":"x","profileId":"{key}"}}"#),
        format!(r#"{{"jobId":"~021","coverLetter":"x","proposal":{{"timeline":"{key}"}}}}"#),
        format!(r#"{{"jobId":"~021","coverLetter":"x","proposal":"{key}"}}"#),
        format!(r#"{{"jobId":"~021","coverLetter":"x","autoFillOtherQuestions":"{key}"}}"#),
    ] {
        let reply = server.call("POST", APPLY, key, Some(&body));
        assert!(matches!(reply.status, 400 | 422), "{body}: {reply:?}");
        assert!(!format!("{reply:?}").contains(&key[10..]), "{body}: {reply:?}");
    }
}

#[test]
fn a_status_is_asked_by_one_id() {
    let (_place, server, account) = stage();
    let accepted = server.apply(&account, "~0277");
    let (queue_id, uuid) =
        (accepted.queue_id(), accepted.json()["processedJobId"].as_str().unwrap().to_owned());
    for query in [
        "".to_owned(),
        "?".to_owned(),
        "?wait=1".to_owned(),
        format!("?queueId={queue_id}&jobId=~0277"),
        "?queueid=x".to_owned(),
    ] {
        let reply = get(&server, &format!("{STATUS}{query}"), &account);
        assert_eq!(
            (reply.status, &reply.json()["error"]),
            (400, &"Provide either queueId or jobId, not both".into())
        );
    }
    let right = get(&server, &format!("{STATUS}?queueId={queue_id}"), &account);
    let keys: Vec<_> = right.json().as_object().unwrap().keys().cloned().collect();
    let eight = [
        "appliedAt",
        "applicationStatus",
        "applicationStatusMessage",
        "errorMessage",
        "jobId",
        "processedAt",
        "processedJobId",
        "queueId",
    ];
    assert_eq!(keys.iter().map(String::as_str).collect::<HashSet<_>>(), HashSet::from(eight));
    for spelling in [
        "~0277",
        "%7E0277",
        "~02000000077",
        "https://www.upwork.com/jobs/~0277",
        "https%3A%2F%2Fwww.upwork.com%2Fjobs%2FA-Title_~0277%2F%3Fx%3D1",
        "www.upwork.com/nx/proposals/job/~0277/apply/",
        &uuid,
        &uuid.to_uppercase(),
    ] {
        let reply = get(&server, &format!("{STATUS}?jobId={spelling}"), &account);
        assert_eq!((reply.status, &reply.body), (200, &right.body), "{spelling}");
    }
}

#[test]
fn what_is_not_yours_is_not_there() {
    let (place, server, account) = stage();
    let stranger = place.account("stranger", 5);
    let accepted = server.apply(&account, "~0288");
    let (queue_id, uuid) =
        (accepted.queue_id(), accepted.json()["processedJobId"].as_str().unwrap().to_owned());
    // Once by its owner, so that it is in every cache there is.
    assert_eq!(get(&server, &format!("{STATUS}?queueId={queue_id}"), &account).status, 200);
    let unknown = queue_id.replace(&queue_id[8..], "01JD8Z0R7N5Q3T9V2X4B6C8D");
    for query in [
        format!("queueId={queue_id}"),
        format!("queueId={unknown}"),
        "queueId=".to_owned(),
        "queueId=queue_abc123".to_owned(),
        format!("queueId={}", queue_id.to_lowercase()),
        format!("queueId={queue_id}%00"),
        "queueId='%20OR%201=1--".to_owned(),
        format!("queueId={}", "9".repeat(5000)),
        "jobId=~0288".to_owned(),
        format!("jobId={uuid}"),
        "jobId=".to_owned(),
        "jobId=nonsense".to_owned(),
        "jobId=%ff%fe".to_owned(),
        "jobId=~029000000000000000016".to_owned(),
    ] {
        let reply = get(&server, &format!("{STATUS}?{query}"), &stranger);
        let told = (reply.status, reply.body.as_str());
        assert_eq!(told, (404, r#"{"error":"Application not found"}"#), "{query}");
    }
}

#[test]
fn of_several_applications_for_a_job_the_newest_is_told() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 5);
    let mut queue_ids = Vec::new();
    for _ in 0..2 {
        let queue_id = server.apply(&account, &job(3)).queue_id();
        let ended = server.ended(&account, &queue_id, Duration::from_secs(9));
        assert_eq!(ended["applicationStatus"], "not_available", "{ended}");
        let told = get(&server, &format!("{STATUS}?jobId={}", job(3)), &account).json();
        assert_eq!(told["queueId"], queue_id.as_str());
        queue_ids.push(queue_id);
    }
    assert_ne!(queue_ids[0], queue_ids[1]);
    assert_eq!(server.status(&account, &queue_ids[0])["queueId"], queue_ids[0].as_str(), "the first stays");
    assert_eq!(place.balance(&account), (5, 0, 0));
}
