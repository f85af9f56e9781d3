//! Who may read the files of a place.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::database::FILES;
use crate::harness::{Place, is_postgres, job};

#[test]
fn what_holds_letters_is_its_owners() {
    let place = Place::fast();
    let account = place.account("agency", 1);
    let server = place.serve();
    let queue_id = server.apply(&account, &job(1)).queue_id();
    server.ended(&account, &queue_id, Duration::from_secs(9));
    let ours: &[_] = if is_postgres() { &[] } else { &FILES };
    for name in ours.iter().chain(&["sandbox.db", "sandbox.db-wal", "sandbox.db-shm"]) {
        let mode = std::fs::metadata(place.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    if is_postgres() {
        return;
    }
    assert_eq!(server.stop(), Some(0));
    // What the operator has made readable stays so.
    let database = place.path(FILES[0]);
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o640)).unwrap();
    place.json(&["account", "list"]);
    assert_eq!(std::fs::metadata(&database).unwrap().permissions().mode() & 0o777, 0o640);
}
