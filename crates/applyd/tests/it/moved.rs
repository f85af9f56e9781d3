//! An installation on one machine moves to a server, with all that it knows.

use std::time::Duration;

use crate::fresh::postgres;
use crate::harness::{Place, is_postgres, job};

const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn an_installation_moves_to_a_server_and_its_file_is_not_served_any_more() {
    if is_postgres() || std::env::var(postgres::SERVER).is_err() {
        return;
    }
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let account = place.account("agency", 5);
    let server = place.serve();
    let applied = server.apply(&account, &job(1)).queue_id();
    let before = server.ended(&account, &applied, WITHIN);
    assert_eq!(before["applicationStatus"], "applied", "{before}");

    let new = tempfile::tempdir().unwrap();
    postgres::make(new.path());
    let url = postgres::url(&postgres::named(new.path()));
    let arguments = ["migrate", "--from", "sqlite:applyd.db", "--to", &url];
    let refused = place.run(&arguments);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("another `applyd serve` has"), "{said}");

    assert_eq!(server.stop(), Some(0));
    let moved = place.json(&arguments);
    assert_eq!((&moved["accounts"], &moved["applications"]), (&1.into(), &1.into()), "{moved}");
    assert_eq!(moved["tables"]["application"], 1, "{moved}");

    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("was moved to postgres://"), "{said}");
    assert!(said.contains("hint: "), "{said}");

    // The first node goes on with the witness and the key of the old one.
    place.set("APPLYD_DATABASE", &url);
    place.set("APPLYD_WITNESS_FILE", "applyd.db.witness");
    let server = place.serve();
    assert_eq!(server.status(&account, &applied), before, "to the letter");
    assert_eq!(server.apply(&account, &job(1)).status, 409, "the guard came along");
    let next = server.apply(&account, &job(2)).queue_id();
    let ended = server.ended(&account, &next, WITHIN);
    assert!(ended["errorMessage"].as_str().unwrap().starts_with("refused: "), "{ended}");
    assert_eq!(place.counted(&job(1)), (1, 1));
    place.assert_clean_ledger();
    drop(server);
    postgres::remove(new.path());
}
