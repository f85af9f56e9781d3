//! Many applications at the same moment: one job is taken once, one credit is held once.

use std::sync::Barrier;

use serde_json::json;

use crate::harness::{Account, Place, Process, Reply, job};
use crate::poller::{apply, end};

const AT_ONCE: u16 = 64;

/// Applies to all these jobs in the same moment.
fn burst(server: &Process, account: &Account, jobs: &[String]) -> Vec<Reply> {
    let start = Barrier::new(jobs.len());
    std::thread::scope(|scope| {
        let callers: Vec<_> = jobs
            .iter()
            .map(|job| {
                scope.spawn(|| {
                    start.wait();
                    apply(server, account, job, &json!({}))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

/// The one reply with 200, and the others.
fn only_one(replies: Vec<Reply>) -> (Reply, Vec<Reply>) {
    let (mut accepted, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    (accepted.remove(0), refused)
}

#[test]
fn one_job_in_its_four_spellings_is_taken_once() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 100);
    let spellings = [
        job(1001),
        "90000000-0000-4000-8000-000000001001".to_owned(),
        format!("https://www.upwork.com/jobs/{}", job(1001)),
        format!("https://www.upwork.com/freelance-jobs/apply/A-title_%7E{}/?source=rss", &job(1001)[1..]),
    ];
    let jobs: Vec<_> = spellings.iter().cycle().take(AT_ONCE.into()).cloned().collect();
    let (accepted, refused) = only_one(burst(&server, &account, &jobs));
    for reply in &refused {
        assert_eq!((reply.status, reply.queue_id()), (409, accepted.queue_id()), "{reply:?}");
        let words = (&reply.json()["error"], &reply.json()["applicationStatus"]);
        let in_progress = (&json!("An application for this job is in progress"), &json!("processing"));
        let applied = (&json!("Already applied to this job"), &json!("applied"));
        assert!(words == in_progress || words == applied, "{reply:?}");
    }
    let ended = end(&server, &account, &accepted);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_eq!((place.counted(&job(1001)), place.balance(&account)), ((1, 1), (99, 0, 1)));
    place.assert_clean_ledger();
}

#[test]
fn one_credit_pays_for_one_of_many_jobs() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let jobs: Vec<_> = (0..AT_ONCE).map(|index| job(1002 + index)).collect();
    let (accepted, refused) = only_one(burst(&server, &account, &jobs));
    for reply in &refused {
        let body = r#"{"error":"Insufficient auto-apply credits","creditsRemaining":0,"needsCredits":true}"#;
        assert_eq!((reply.status, reply.body.as_str()), (402, body), "{reply:?}");
    }
    let ended = end(&server, &account, &accepted);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    let submissions = place.submissions();
    assert_eq!(submissions.len(), 1, "{submissions:?}");
    assert_eq!((&submissions[0]["jobId"], &submissions[0]["accepted"]), (&ended["jobId"], &json!(1)));
    assert_eq!(place.balance(&account), (0, 0, 1));
    place.assert_clean_ledger();
}
