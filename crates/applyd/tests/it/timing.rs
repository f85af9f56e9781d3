//! The real limits, which take minutes: only with `APPLYD_TEST_LONG=1`.

use std::time::{Duration, Instant};

use crate::harness::{Place, job};
use crate::poller::{code, until};

/// uphunt-api.md §2: terminal no later than 280 s after acceptance.
const PROMISE: Duration = Duration::from_secs(280);

#[test]
fn the_real_slow_answer_and_the_real_deadline() {
    if std::env::var("APPLYD_TEST_LONG").as_deref() != Ok("1") {
        eprintln!("not run: it takes five minutes; set APPLYD_TEST_LONG=1");
        return;
    }
    let mut place = Place::with(&[]);
    let _sandbox = place.sandbox();
    let server = place.serve();
    std::thread::scope(|scope| {
        let ended = |number: u16, within: Duration| {
            let (place, server) = (&place, &server);
            scope.spawn(move || {
                let account = place.account(&format!("agency {number}"), 1);
                let begun = Instant::now();
                let accepted = server.apply(&account, &job(number));
                let ended = until(server, &account, &accepted, within, |status| {
                    status["applicationStatus"] != "processing"
                });
                (ended, begun.elapsed(), place.counted(&job(number)), place.balance(&account))
            })
        };
        let (slow, silent) = (ended(11, Duration::from_secs(60)), ended(12, PROMISE));

        let (ended, took, counted, balance) = slow.join().unwrap();
        assert_eq!(
            (ended["applicationStatus"].as_str(), counted, balance),
            (Some("applied"), (1, 1), (0, 0, 1))
        );
        assert!(took >= Duration::from_secs(30), "it took {took:?}: {ended}");

        let (ended, took, counted, balance) = silent.join().unwrap();
        assert_eq!((ended["applicationStatus"].as_str(), code(&ended)), (Some("failed"), Some("deadline")));
        assert_eq!((counted, balance), ((0, 0), (1, 0, 0)));
        assert!(took >= Duration::from_secs(270), "it took {took:?}: {ended}");
    });
}
