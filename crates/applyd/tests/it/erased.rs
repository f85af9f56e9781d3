//! Words that are erased while the server runs: it tells them no more, whoever has erased them.

use std::time::{Duration, Instant};

use applyd_core::ids::AccountId;
use applyd_core::outcome::{Code, Ending};
use applyd_store::Error;
use applyd_store::grant::Grantee;
use applyd_store::retention::Wipe;

use crate::harness::{POLL, Place, job};

#[test]
fn what_another_process_has_erased_is_not_told_any_more() {
    let place = Place::fast();
    let account = place.account("a", 9);
    let server = place.serve();
    let id = server.apply(&account, &job(2)).queue_id();
    let ended = server.ended(&account, &id, Duration::from_secs(20));
    let (told, plain) = (ended["errorMessage"].as_str().unwrap(), Ending::of(Code::Refused).message);
    assert!(told.starts_with("refused: ") && told != plain, "the site's own words: {told}");
    assert_eq!(server.status(&account, &id), ended, "ready-made by now");

    let store = place.store();
    let mut wipe = Wipe::new(&Grantee::of_account(AccountId::parse(&account.id).unwrap()), true);
    loop {
        let next = wipe.clone();
        let (rest, some) = store
            .write_blocking(move |tx| {
                let mut rest = next.clone();
                let some = rest.next(tx)?;
                Ok::<_, Error>((rest, some))
            })
            .unwrap();
        if some.is_none() {
            break;
        }
        wipe = rest;
    }
    let begun = Instant::now();
    while server.status(&account, &id)["errorMessage"] != plain.as_str() {
        assert!(begun.elapsed() < Duration::from_secs(5), "{}", server.status(&account, &id));
        std::thread::sleep(POLL);
    }
}
