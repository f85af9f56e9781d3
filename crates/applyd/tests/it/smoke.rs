//! The shortest way through everything.

use std::time::Duration;

use crate::harness::{Place, job};

#[test]
fn a_proposal_is_applied_once_and_paid_once() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 3);
    let accepted = server.apply(&account, &job(1));
    assert_eq!(accepted.status, 200, "{accepted:?}");
    assert_eq!(accepted.json()["creditsRemaining"], 2);
    let ended = server.ended(&account, &accepted.queue_id(), Duration::from_secs(9));
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    let again = server.apply(&account, &job(1));
    assert_eq!((again.status, again.queue_id()), (409, accepted.queue_id()));
    assert_eq!(place.counted(&job(1)), (1, 1));
    assert_eq!(place.balance(&account), (2, 0, 1));
    place.assert_clean_ledger();
    assert_eq!(server.stop(), Some(0));
}
