//! The reads: jobs, clients, freelancers and the list of applications, as their callers see them.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, Reply, job};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const WAIT: Duration = Duration::from_secs(20);

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn stage() -> (Place, Process, Account) {
    let place = Place::fast();
    let account = place.account("agency", 100);
    let server = place.serve();
    (place, server, account)
}

fn get(server: &Process, account: &Account, path: &str) -> Reply {
    server.call("GET", path, &account.key, None)
}

fn read(server: &Process, account: &Account, cipher: &str) -> Reply {
    get(server, account, &format!("/api/jobs/by-ciphertext?cipher={cipher}"))
}

fn client(server: &Process, account: &Account, company: &str) -> Reply {
    get(server, account, &format!("/api/clients/{company}/jobs"))
}

fn found(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

fn opening(answer: &Value) -> &Value {
    &answer["jobDetailsResponse"]["data"]["jobPubDetails"]["opening"]
}

fn company(answer: &Value) -> String {
    let buyer = &answer["jobDetailsResponse"]["data"]["jobPubDetails"]["buyer"];
    buyer["company"]["companyId"].as_str().unwrap().to_owned()
}

#[test]
fn every_published_job_is_shown_and_its_client_has_that_one_job() {
    let (place, server, account) = stage();
    let today = now_ms() - now_ms().rem_euclid(DAY_MS);
    for number in (1..=15).chain([17, 18, 1000, 9999]) {
        let answer = found(&read(&server, &account, &job(number)));
        assert_eq!(answer["ciphertext"], job(number));
        assert_eq!(answer["processedJobId"], format!("90000000-0000-4000-8000-00000000{number:04}"));
        assert!([today, today + DAY_MS].contains(&answer["lastSyncedAt"].as_i64().unwrap()), "{answer}");
        let opening = opening(&answer);
        assert_eq!(opening["info"]["title"], format!("Sandbox job {number:04}"));
        assert_eq!(opening["status"], if number == 3 { "CLOSED" } else { "ACTIVE" });
        assert_eq!(opening["publishTime"], "2026-01-01T00:00:00.000Z");
        assert_eq!(opening["postedOn"], "2026-01-01T00:00:00.000Z");
        let range = &opening["extendedBudgetInfo"];
        if number == 14 {
            assert_eq!((&opening["budget"], range), (&json!({"amount": 3000}), &Value::Null));
        } else {
            assert_eq!((&range["hourlyBudgetMin"], &range["hourlyBudgetMax"]), (&json!(30), &json!(90)));
        }
        let questions = &answer["authJobDetailsResponse"]["data"]["jobAuthDetails"]["opening"]["questions"];
        assert_eq!(questions.as_array().unwrap().len(), if number == 13 { 2 } else { 0 });

        let company_id = company(&answer);
        assert_eq!(company_id, format!("800000000000000{number:04}"));
        let client = found(&client(&server, &account, &company_id));
        assert_eq!(client["buyer"]["company"]["name"], format!("Sandbox Client {number:04}"));
        assert_eq!(client["buyer"]["location"]["country"], "USA");
        assert_eq!(client["buyer"]["phoneVerificationStatus"]["status"], "VERIFIED");
        assert_eq!((&client["workHistory"], &client["lastSyncedAt"]), (&json!([]), &answer["lastSyncedAt"]));
        let open = client["openJobs"].as_array().unwrap();
        assert_eq!(open.len(), usize::from(number != 3), "{client}");
        if number != 3 {
            assert_eq!(open[0]["ciphertext"], job(number));
            assert_eq!(client["archivedCiphers"], json!([job(number)]));
            assert_eq!(client["archivedJobIds"], json!([answer["processedJobId"]]));
        }
    }
    assert!(place.submissions().is_empty(), "a read submits nothing");
    assert_eq!(place.balance(&account), (100, 0, 0), "and costs nothing");
}

#[test]
fn a_catalogue_job_has_contents_and_a_client_with_history() {
    let (place, server, account) = stage();
    let listed = place.json(&["sandbox", "jobs"]);
    let jobs = listed["jobs"].as_array().unwrap();
    assert!(jobs.len() >= 200, "{}", jobs.len());
    let clients: HashSet<_> = jobs.iter().map(|job| job["companyId"].as_str().unwrap()).collect();
    assert!(clients.len() >= 40);
    let of_first: Vec<_> = jobs.iter().filter(|job| job["companyId"] == jobs[0]["companyId"]).collect();
    for listed in &of_first {
        let before = now_ms();
        let answer = found(&read(&server, &account, listed["jobId"].as_str().unwrap()));
        assert_eq!(opening(&answer)["info"]["title"], listed["title"]);
        assert_eq!(opening(&answer)["info"]["type"], listed["type"]);
        assert!((before..=now_ms()).contains(&answer["lastSyncedAt"].as_i64().unwrap()));
        assert!(!answer.to_string().contains("participant_content"), "{answer}");
    }
    let client = found(&client(&server, &account, of_first[0]["companyId"].as_str().unwrap()));
    assert_eq!(client["buyer"]["company"]["name"], of_first[0]["client"]);
    assert_eq!(client["openJobs"].as_array().unwrap().len(), of_first.len(), "those that were read");
    assert_eq!(client["archivedCiphers"].as_array().unwrap().len(), of_first.len());
    let keys: Vec<_> = client.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "companyId",
        "lastSyncedAt",
        "buyer",
        "openJobs",
        "workHistory",
        "archivedCiphers",
        "archivedJobIds",
    ];
    assert_eq!(keys.iter().collect::<HashSet<_>>(), expected.iter().collect::<HashSet<_>>());
    let history = client["workHistory"].as_array().unwrap();
    assert!(history.len() >= 3 && history.iter().any(|row| row["endDate"].is_null()), "{client}");
    assert!(history.iter().any(|row| row.get("feedback").is_none()), "suppressed feedback is absent");
    let closed = history.iter().find(|row| row["status"] == "CLOSED").unwrap();
    for member in ["jobInfo", "contractorInfo", "startDate", "endDate", "totalCharge"] {
        assert!(!closed[member].is_null(), "{member}: {closed}");
    }
}

#[test]
fn every_spelling_of_a_job_gives_the_same_answer() {
    let (_place, server, account) = stage();
    let first = found(&read(&server, &account, "~022052895097657407455"));
    let uuid = first["processedJobId"].as_str().unwrap();
    for spelling in [
        "%7E022052895097657407455",
        "https://www.upwork.com/jobs/Some-Title_~022052895097657407455/?x=1",
        "https%3A%2F%2Fwww.upwork.com%2Fnx%2Fproposals%2Fjob%2F~022052895097657407455%2Fapply%2F",
        uuid,
    ] {
        assert_eq!(found(&read(&server, &account, spelling)), first, "{spelling}");
    }
    for path in [
        "/api/v1/jobs/~022052895097657407455",
        "/api/v2/jobs/~022052895097657407455",
        "/api/v1/jobs/by-ciphertext?cipher=~022052895097657407455",
        "/api/v2/jobs/by-ciphertext?cipher=~022052895097657407455",
    ] {
        assert_eq!(found(&get(&server, &account, path)), first, "{path}");
    }
    let old = found(&read(&server, &account, "~01ABC123def456"));
    assert_eq!(old["ciphertext"], "~01abc123def456");
    assert_eq!(found(&get(&server, &account, "/api/v1/jobs/~01abc123def456")), old);
    for version in ["", "/v1", "/v2"] {
        let client = get(&server, &account, &format!("/api{version}/clients/{}/jobs", company(&first)));
        assert_eq!(found(&client)["openJobs"][0]["ciphertext"], "~022052895097657407455");
    }
}

#[test]
fn what_is_missing_or_unknown_is_told_by_a_code() {
    let (_place, server, account) = stage();
    for (path, status, code) in [
        ("/api/jobs/by-ciphertext", 400, "invalid_request"),
        ("/api/jobs/by-ciphertext?cipher=", 400, "invalid_request"),
        ("/api/jobs/by-ciphertext?cipher=nonsense", 404, "not_found"),
        ("/api/jobs/by-ciphertext?cipher=9000000000000000001", 404, "not_found"),
        ("/api/jobs/by-ciphertext?cipher=5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e", 404, "not_found"),
        ("/api/clients/8000000000000000001/jobs", 404, "not_found"),
        ("/api/clients/nobody/jobs", 404, "not_found"),
        ("/api/clients/1/jobs", 404, "not_found"),
    ] {
        let reply = get(&server, &account, path);
        let body = reply.json();
        assert_eq!((reply.status, &body["error"]), (status, &json!(code)), "{path}");
        assert!(body["message"].as_str().is_some_and(|words| words.contains(' ')), "{path}: {body}");
    }
    for number in [0, 16, 19, 999] {
        assert_eq!(read(&server, &account, &job(number)).status, 404, "{number}");
    }
    let keyless = server.call_with("GET", "/api/jobs/by-ciphertext?cipher=~021", &[], None);
    assert_eq!((keyless.status, &keyless.json()["error"]), (401, &json!("unauthorized")));
}

#[test]
fn nothing_of_another_account_is_visible() {
    let (place, server, account) = stage();
    let other = place.account("other", 10);
    let own = found(&read(&server, &account, "~022052895097657407455"));
    let company_id = company(&own);
    assert_eq!(client(&server, &account, &company_id).status, 200);
    assert_eq!(client(&server, &other, &company_id).status, 404);
    let uuid = own["processedJobId"].as_str().unwrap();
    assert_eq!(read(&server, &other, uuid).status, 404);
    let theirs = found(&read(&server, &other, "~022052895097657407455"));
    assert_ne!(theirs["processedJobId"], own["processedJobId"]);
    let id = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &id, WAIT);
    let list = found(&get(&server, &other, "/api/auto-apply-v2/applied-jobs"));
    assert_eq!((&list["jobs"], &list["total"]), (&json!([]), &json!(0)));
}

#[test]
fn a_job_keeps_its_uuid_from_the_read_to_the_application() {
    let (_place, server, account) = stage();
    let read_first = found(&read(&server, &account, "~022052895097657407455"));
    let applied = server.apply(&account, read_first["processedJobId"].as_str().unwrap());
    assert_eq!(applied.json()["jobId"], "~022052895097657407455");
    assert_eq!(applied.json()["processedJobId"], read_first["processedJobId"]);
    let applied_first = server.apply(&account, "~022052895097657407456").json();
    let read_later = found(&read(&server, &account, "~022052895097657407456"));
    assert_eq!(read_later["processedJobId"], applied_first["processedJobId"]);
}

#[test]
fn the_answer_of_a_read_stands_while_it_is_fresh() {
    let mut place = Place::fast();
    let sandbox = place.sandbox();
    let account = place.account("agency", 1);
    let server = place.serve();
    let first = found(&read(&server, &account, "~022052895097657407455"));
    sandbox.kill();
    assert_eq!(found(&read(&server, &account, "~022052895097657407455")), first, "from the store");
    let other = read(&server, &account, "~022052895097657407456");
    assert_eq!((other.status, &other.json()["error"]), (503, &json!("unavailable")), "{other:?}");
    assert_eq!(other.header("retry-after"), Some("60"));
}

#[test]
fn a_client_is_known_from_the_newest_of_its_jobs_that_can_still_be_read() {
    let (place, server, account) = stage();
    let jobs = place.json(&["sandbox", "jobs"])["jobs"].as_array().unwrap().clone();
    let of_first: Vec<_> = jobs.iter().filter(|job| job["companyId"] == jobs[0]["companyId"]).collect();
    let ciphers: Vec<_> = of_first.iter().take(4).map(|job| job["jobId"].as_str().unwrap()).collect();
    let company_id = jobs[0]["companyId"].as_str().unwrap();
    ciphers.iter().for_each(|cipher| drop(found(&read(&server, &account, cipher))));
    let store = place.raw();
    let set = |what: &str, cipher: &str| {
        let sql = format!("UPDATE stored_job SET {what} WHERE job_key = '{cipher}'");
        assert_eq!(store.execute(&sql), 1, "{cipher}");
    };
    // A day later; the first was read last.
    let begun = now_ms();
    for (age, cipher) in ciphers.iter().enumerate() {
        set("expires_at = 0", cipher);
        set(&format!("synced_at = {}", begun - 1_000 * age as i64), cipher);
    }
    // Under the name of a job that is not there, it cannot be read any more.
    set(&format!("job_key = '{}'", job(16)), ciphers[0]);
    let shown = found(&client(&server, &account, company_id));
    assert_eq!(shown["openJobs"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["openJobs"][0]["ciphertext"], ciphers[1]);
    // Not all of a hundred are tried.
    set("expires_at = 0", ciphers[1]);
    set(&format!("job_key = '{}'", job(19)), ciphers[1]);
    set(&format!("job_key = '{}'", job(999)), ciphers[2]);
    assert_eq!(client(&server, &account, company_id).status, 404);
    set(&format!("expires_at = {}", i64::MAX), ciphers[3]);
    assert_eq!(found(&client(&server, &account, company_id))["openJobs"][0]["ciphertext"], ciphers[3]);
}

#[test]
fn freelancers_are_those_of_the_sandbox() {
    let (_place, server, account) = stage();
    let expected = json!({"freelancers": [
        {"id": "fl_sandbox_1", "name": "Ada Sandbox", "profiles": [
            {"profileId": "pf_sandbox_1", "title": "Rust engineer", "hourlyRate": 65, "isDefault": true},
            {"profileId": "pf_sandbox_2", "title": "Data engineer", "hourlyRate": 70, "isDefault": false}]},
        {"id": "fl_sandbox_2", "name": "Ben Sandbox", "profiles": [
            {"profileId": "pf_sandbox_3", "title": "Technical writer", "hourlyRate": 40, "isDefault": true}]},
    ]});
    for path in ["/api/auto-apply-v2/freelancers", "/api/auto-apply/external/freelancers"] {
        assert_eq!(found(&get(&server, &account, path)), expected, "{path}");
    }
}

#[test]
fn applications_are_listed_newest_first_with_their_titles() {
    let (place, server, account) = stage();
    let catalogue = place.json(&["sandbox", "jobs"])["jobs"][7].clone();
    let jobs = [job(1), job(2), job(3), job(4), catalogue["jobId"].as_str().unwrap().to_owned()];
    let ids: Vec<_> = jobs.iter().map(|job| server.apply(&account, job).queue_id()).collect();
    ids.iter().for_each(|id| drop(server.ended(&account, id, WAIT)));

    let list = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs"));
    assert_eq!(
        (&list["total"], &list["limit"], &list["offset"], &list["hasMore"]),
        (&json!(5), &json!(50), &json!(0), &json!(false))
    );
    let rows = list["jobs"].as_array().unwrap();
    for (row, (id, job)) in rows.iter().zip(ids.iter().zip(&jobs).rev()) {
        let mut status = server.status(&account, id);
        assert_eq!(row["jobId"], **job);
        let title = row["title"].as_str().unwrap_or_else(|| panic!("no title: {row}"));
        assert_eq!(title.starts_with("Sandbox job "), *job != jobs[4], "{row}");
        status["title"] = title.into();
        assert_eq!(*row, status, "the eight keys and the title");
    }
    assert_eq!(rows[0]["title"], catalogue["title"]);

    let page = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs?limit=2&offset=2"));
    assert_eq!((page["jobs"].as_array().unwrap(), &page["hasMore"]), (&rows[2..4].to_vec(), &json!(true)));
    let gone = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs?status=not_available"));
    assert_eq!((&gone["total"], &gone["jobs"][0]["jobId"]), (&json!(1), &json!(job(3))));
    let applied = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs?status=applied&limit=1"));
    assert_eq!((&applied["total"], &applied["hasMore"]), (&json!(2), &json!(true)));
    let beyond = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs?offset=99"));
    assert_eq!(
        (&beyond["jobs"], &beyond["total"], &beyond["hasMore"]),
        (&json!([]), &json!(5), &json!(false))
    );
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=%2B5", "limit"),
        ("offset=%2B1", "offset"),
        ("offset=-1", "offset"),
        ("status=done", "status"),
    ] {
        let reply = get(&server, &account, &format!("/api/auto-apply-v2/applied-jobs?{query}"));
        assert_eq!((reply.status, &reply.json()["field"]), (422, &json!(field)), "{query}");
    }
}

#[test]
fn a_list_shows_nothing_as_processing_past_its_deadline() {
    let mut place = Place::fast();
    place.set("APPLYD_WORKERS", "0");
    place.set("APPLYD_TIMING__DEADLINE", "5s");
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "1s");
    let account = place.account("agency", 3);
    let server = place.serve();
    let id = server.apply(&account, &job(1)).queue_id();
    let deadline = now_ms() + 5_000;
    loop {
        let list = found(&get(&server, &account, "/api/auto-apply-v2/applied-jobs"));
        let row = &list["jobs"][0];
        assert_eq!(row["queueId"], id.as_str());
        if row["applicationStatus"] != "processing" {
            assert_eq!(row["applicationStatus"], "failed");
            break;
        }
        assert!(now_ms() < deadline + 200, "{list}");
        std::thread::sleep(crate::harness::POLL);
    }
}
