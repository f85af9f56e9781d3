//! `Idempotency-Key`: uphunt-api.md §7.

use std::sync::Barrier;

use crate::harness::{Account, Place, Process, Reply, job};
use crate::poller::end;

const REPLAYED: &str = "Idempotent-Replayed";

fn body(job: &str) -> String {
    format!(r#"{{"jobId":"{job}","coverLetter":"Hello"}}"#)
}

fn apply(server: &Process, account: &Account, keys: &[&str], body: &str) -> Reply {
    let mut headers = vec![("x-api-key", account.key.as_str())];
    headers.extend(keys.iter().map(|key| ("Idempotency-Key", *key)));
    server.call_with("POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()))
}

/// The same answer again, and marked as such.
fn assert_replay(first: &Reply, replay: &Reply) {
    assert_eq!((first.status, &first.body), (replay.status, &replay.body), "{replay:?}");
    assert_eq!(
        (first.header(REPLAYED), replay.header(REPLAYED)),
        (None, Some("true")),
        "{first:?} {replay:?}"
    );
}

#[test]
fn a_repeat_gets_the_first_answer_and_another_body_is_refused() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let [account, other] = ["agency", "other"].map(|name| place.account(name, 5));
    let plain = format!(
        r#"{{"jobId":"{}","coverLetter":"Hello","proposal":{{"hourlyRate":65,"boostConnects":4}}}}"#,
        job(1)
    );
    let turned = format!(
        "\n{{ \"proposal\" : {{\"boostConnects\":4,\t\"hourlyRate\":65}}, \"coverLetter\":\"H\\u0065llo\", \"jobId\":\"{}\"}} ",
        job(1)
    );
    let first = apply(&server, &account, &["k 1"], &plain);
    assert_eq!(first.status, 200, "{first:?}");
    assert_replay(&first, &apply(&server, &account, &["k 1"], &plain));
    assert_replay(&first, &apply(&server, &account, &["k 1"], &turned));
    let ended = end(&server, &account, &first);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_replay(&first, &apply(&server, &account, &["k 1"], &plain));

    for changed in [
        body(&job(1)),
        plain.replace("65", "66"),
        plain.replace("\"Hello\"", "\"Hello\",\"note\":1"),
        // Senseless in itself, but the key is looked up first.
        plain.replace("\"Hello\"", "\" \""),
    ] {
        let refused = apply(&server, &account, &["k 1"], &changed);
        assert_eq!((refused.status, refused.header(REPLAYED)), (422, None), "{refused:?}");
        assert_eq!(refused.json()["error"], "Idempotency-Key was used with another body");
    }
    // What has no shape is no other body: it is refused before the key is looked up.
    for (shapeless, field) in [
        (format!(r#"{{"jobId":"{}"}}"#, job(1)), "coverLetter"),
        (r#"{"coverLetter":"Hello"}"#.to_owned(), "jobId"),
        (body("9000000000000000001"), "jobId"),
        (plain.replace("65", "\"65\""), "proposal.hourlyRate"),
    ] {
        let refused = apply(&server, &account, &["k 1"], &shapeless);
        assert_eq!((refused.status, refused.json()["field"].as_str()), (400, Some(field)), "{refused:?}");
    }
    let keyless = apply(&server, &account, &[], &plain);
    assert_eq!((keyless.status, keyless.queue_id(), keyless.header(REPLAYED)), (409, first.queue_id(), None));
    let of_other = apply(&server, &other, &["k 1"], &plain);
    assert_eq!(
        (of_other.status, of_other.header(REPLAYED)),
        (200, None),
        "a key is one account's: {of_other:?}"
    );
    assert_ne!(of_other.queue_id(), first.queue_id());
    assert_eq!(place.balance(&account), (4, 0, 1));
}

#[test]
fn repeats_at_the_same_moment_make_one_application() {
    const AT_ONCE: usize = 16;
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 5);
    let start = Barrier::new(AT_ONCE);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    apply(&server, &account, &["one"], &body(&job(1)))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let (replays, firsts): (Vec<_>, Vec<_>) =
        replies.iter().partition(|reply| reply.header(REPLAYED).is_some());
    assert_eq!((firsts.len(), firsts[0].status), (1, 200), "{replies:?}");
    replays.iter().for_each(|replay| assert_replay(firsts[0], replay));
    end(&server, &account, firsts[0]);
    assert_eq!((place.counted(&job(1)), place.balance(&account)), ((1, 1), (4, 0, 1)));
}

#[test]
fn a_decided_refusal_is_replayed_and_an_undecided_one_is_not() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 0);
    let broke = apply(&server, &account, &["broke"], &body(&job(1)));
    let unknown = apply(&server, &account, &["unknown"], &body(&job(16)));
    assert_eq!((broke.status, unknown.status), (402, 404), "{broke:?} {unknown:?}");
    place.json(&["credits", "grant", &account.id, "3"]);
    let running = apply(&server, &account, &["slow"], &body(&job(11)));
    let barred = apply(&server, &account, &["barred"], &body(&job(11)));
    assert_eq!((running.status, barred.status), (200, 409), "{running:?} {barred:?}");
    end(&server, &account, &running);
    for (key, number, first) in [("broke", 1, &broke), ("unknown", 16, &unknown), ("barred", 11, &barred)] {
        assert_replay(first, &apply(&server, &account, &[key], &body(&job(number))));
    }
    assert_eq!(place.balance(&account), (2, 0, 1), "no replay took a credit");

    for (body_before, status) in
        [("{", 400), (r#"{"jobId":"~021"}"#, 400), (r#"{"jobId":"~021","coverLetter":""}"#, 422)]
    {
        let refused = apply(&server, &account, &["free"], body_before);
        assert_eq!(refused.status, status, "{refused:?}");
    }
    let accepted = apply(&server, &account, &["free"], &body(&job(1)));
    assert_eq!((accepted.status, accepted.header(REPLAYED)), (200, None), "{accepted:?}");
}

#[test]
fn a_key_is_1_to_255_printable_characters() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let (long, longest) = ("k".repeat(256), "k".repeat(255));
    for bad in [&[""][..], &[&long], &["schlüssel"], &["a\tb"], &["one", "two"], &["one", "one"]] {
        let refused = apply(&server, &account, bad, &body(&job(1)));
        let field = refused.json()["field"].clone();
        assert_eq!((refused.status, field.as_str()), (400, Some("Idempotency-Key")), "{bad:?}: {refused:?}");
    }
    assert_eq!(place.balance(&account), (1, 0, 0));
    assert_eq!(apply(&server, &account, &[&longest], &body(&job(1))).status, 200);
}
