//! Killed at each of its steps: the old database stands there or the new one, and the next try succeeds.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use super::{applications, aside, files, lived_in, verified};
use crate::harness::{Place, job};
use crate::poll::applied;

fn killed_at(place: &Place, step: &str, arguments: &[&str]) {
    let mut command = place.command(arguments);
    let output: Output = command.env("APPLYD_CRASH_AT", format!("{step}=1")).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(9), "{step} was never reached: {err}");
}

fn parts(place: &Place) -> Vec<String> {
    files(&place.path("")).into_iter().filter(|name| name.ends_with(".part")).collect()
}

#[test]
fn a_backup_in_a_crash_leaves_the_older_one_and_room_for_the_next() {
    let (place, ..) = lived_in();
    let older = fs::read(place.path("b.db")).unwrap();
    for (step, has_new) in [("backup_copied", false), ("backup_checked", false), ("backup_named", true)] {
        killed_at(&place, step, &["backup", "b.db", "--force"]);
        killed_at(&place, step, &["backup", "c.db"]);
        assert_eq!(fs::read(place.path("b.db")).unwrap() != older, has_new, "{step}");
        assert_eq!(place.path("c.db").exists(), has_new, "{step}");
        assert_eq!(parts(&place).len(), if has_new { 0 } else { 2 }, "{step}");
        let output = place.run(&["backup", "b.db", "--force"]);
        let is_told = String::from_utf8_lossy(&output.stderr).contains("left behind");
        assert_eq!((output.status.code(), is_told), (Some(0), !has_new), "{step}");
        place.json(&["backup", "c.db", "--force"]);
        assert_eq!((applications(&place.path("b.db")), parts(&place)), (2, vec![]), "{step}");
        fs::write(place.path("b.db"), &older).unwrap();
        fs::remove_file(place.path("c.db")).unwrap();
    }
}

/// A log that is the killed server's lies beside it at first, so that each step also has that to deal with.
#[test]
fn a_restore_in_a_crash_leaves_the_old_database_or_the_new_one() {
    for (step, is_new) in [
        ("restore_copied", false),
        ("restore_alone", false),
        ("restore_aside", false),
        ("restore_named", true),
    ] {
        let (place, account, _sandbox) = lived_in();
        killed_at(&place, step, &["restore", "b.db"]);
        assert_eq!(applications(&place.path("applyd.db")), if is_new { 1 } else { 2 }, "{step}");
        let server = place.serve();
        // What is on its place works: the old one as ever, the new one verify-only.
        let reply = server.apply(&account, &job(1001));
        assert_eq!(reply.status, if is_new { 503 } else { 200 }, "{step}: {reply:?}");
        server.kill();
        let told = place.json(&["restore", "b.db"]);
        assert_eq!((&told["verifyOnly"], parts(&place)), (&true.into(), vec![]), "{step}: {told}");
        for aside in aside(&place) {
            let holds = applications(&aside);
            assert!(holds > 1 || is_new, "{step}: {} holds {holds}", aside.display());
        }
        assert_eq!(aside(&place).len(), if is_new { 2 } else { 1 }, "{step}");
        let server = place.serve();
        assert_eq!(server.apply(&account, &job(1002)).status, 503, "{step}");
        verified(&place);
        applied(&server, &account, 1002);
        assert!([1, 1000, 1001, 1002].iter().all(|number| place.counted(&job(*number)).1 <= 1), "{step}");
        place.assert_clean_ledger();
    }
}

/// The one case with two files to move: what is half done is refused by every start, and done by the next restore.
#[test]
fn a_crash_beside_a_damaged_database_is_no_mixture() {
    let (place, account, _sandbox) = lived_in();
    fs::write(place.path("applyd.db"), "this was a database once ".repeat(2000)).unwrap();
    killed_at(&place, "restore_named", &["restore", "b.db"]);
    let output = place.run(&["ledger", "verify"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && err.contains("is the log of another database"), "{err}");
    place.json(&["restore", "b.db"]);
    let server = place.serve();
    assert_eq!(server.apply(&account, &job(1001)).status, 503);
}
