//! The stand-in's record through the server: an account sees its own agency's part of it.

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, job};
use crate::poller::end;

#[test]
fn an_account_sees_what_it_has_on_the_site_and_nothing_else() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let [ada, ben] = ["ada", "ben"].map(|name| place.account(name, 5));
    let apply = |account: &Account, job: &str| {
        let accepted = server.apply(account, job);
        end(&server, account, &accepted);
        accepted.queue_id()
    };
    let of_ada = [apply(&ada, &job(1)), apply(&ada, &job(2)), apply(&ada, "~01abc123def456")];
    let of_ben = apply(&ben, &job(1));

    let all = seen(&server, &ada, "");
    let agency = all[0]["agency"].as_str().unwrap();
    assert!(all.iter().all(|row| row["agency"] == agency), "{all:?}");
    let row = |id: &str| all.iter().find(|row| row["jobId"] == id).unwrap_or_else(|| panic!("{id}: {all:?}"));
    for (id, received, accepted, queue_id) in [
        (job(1), 1, 1, Some(&of_ada[0])),
        (job(2), 1, 0, None),
        ("~01abc123def456".into(), 1, 1, Some(&of_ada[2])),
    ] {
        let row = row(&id);
        assert_eq!((&row["received"], &row["accepted"]), (&json!(received), &json!(accepted)), "{row}");
        let queue_ids: Vec<_> =
            row["proposals"].as_array().unwrap().iter().filter_map(|made| made["queueId"].as_str()).collect();
        assert_eq!(queue_ids, queue_id.into_iter().collect::<Vec<_>>(), "{row}");
    }
    assert_eq!(all.len(), 3, "{all:?}");

    let of_the_other = seen(&server, &ben, "");
    assert_eq!((of_the_other.len(), &of_the_other[0]["jobId"]), (1, &json!(job(1))));
    assert_eq!(of_the_other[0]["proposals"][0]["queueId"], of_ben.as_str());
    assert_ne!(of_the_other[0]["agency"], agency);

    for spelling in spellings(&job(1), "90000000-0000-4000-8000-000000000001") {
        let found = seen(&server, &ada, &format!("?jobId={spelling}"));
        assert_eq!(found, [row(&job(1)).clone()], "{spelling}");
    }
    let of_old = seen(&server, &ada, "?jobId=~01ABC123DEF456");
    assert_eq!(of_old, [row("~01abc123def456").clone()]);
    for nowhere in [job(1000), job(16), "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e".into()] {
        assert_eq!(seen(&server, &ada, &format!("?jobId={nowhere}")), [Value::Null; 0], "{nowhere}");
    }
}

#[test]
fn the_record_asks_for_a_key_and_a_job_that_is_one() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    assert_eq!(seen(&server, &account, ""), [Value::Null; 0], "an account that never applied");
    let bad = server.call("GET", "/sandbox/submissions?jobId=9000000000000000001", &account.key, None);
    assert_eq!((bad.status, bad.json()["field"].as_str()), (400, Some("jobId")), "{bad:?}");
    let foreign = server.call_with("GET", "/sandbox/submissions", &[], None);
    assert_eq!((foreign.status, foreign.json()), (401, json!({"error": "Missing x-api-key"})));
}

fn seen(server: &Process, account: &Account, query: &str) -> Vec<Value> {
    let reply = server.call("GET", &format!("/sandbox/submissions{query}"), &account.key, None);
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["submissions"].as_array().unwrap().clone()
}

/// The spellings of one job, as they stand in a query.
fn spellings(ciphertext: &str, uuid: &str) -> [String; 5] {
    [
        ciphertext.to_owned(),
        ciphertext.replace('~', "%7E"),
        uuid.to_owned(),
        format!("https://www.upwork.com/jobs/{ciphertext}"),
        format!("https%3A%2F%2Fwww.upwork.com%2Fnx%2Fproposals%2Fjob%2F{ciphertext}%2Fapply%2F%3Fx%3D1"),
    ]
}
