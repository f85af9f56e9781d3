//! Backup and restore as an operator does them: beside a loaded server, after a kill, and gone wrong.

mod drill;
#[cfg(feature = "failpoints")]
mod killed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Account, POLL, Place, Process, job};
use crate::poll::{LONGEST, accepted, applied, settled};

/// Ends with this code, says all of `said` on stderr and nothing on stdout.
fn fails(output: &Output, code: i32, said: &[&str]) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(code), &b""[..]), "{err}");
    for said in said {
        assert!(err.contains(said), "`{said}` is not in\n{err}");
    }
}

/// What lies in a folder, but for what SQLite and the locks leave beside a database.
fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let passing = ["-shm", "-wal", ".serve", ".backup"];
    let mut names: Vec<_> = names.filter(|name| !passing.iter().any(|end| name.ends_with(end))).collect();
    names.sort();
    names
}

fn aside(place: &Place) -> Vec<PathBuf> {
    let all = files(&place.path("")).into_iter();
    all.filter(|name| name.starts_with("applyd.db.before-restore-")).map(|name| place.path(&name)).collect()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn applications(path: &Path) -> i64 {
    let raw = Connection::open(path).unwrap();
    raw.query_row("SELECT count(*) FROM application", [], |row| row.get(0)).unwrap()
}

fn verify_only_end(place: &Place, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = place.run(&[&["verify-only", "end", "--json"], arguments].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

/// Ends the mode when all is verified.
fn verified(place: &Place) {
    let begun = Instant::now();
    while verify_only_end(place, &[]).0 != Some(0) {
        assert!(begun.elapsed() < LONGEST, "never verified");
        std::thread::sleep(POLL);
    }
}

/// Two applied; a backup, `b.db`, was made after the first. Killed, so that its log still holds something.
fn lived_in() -> (Place, Account, Process) {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "100s");
    place.set("APPLYD_TIMING__DEADLINE", "120s");
    let sandbox = place.sandbox();
    let account = place.account("agency", 20);
    let server = place.serve();
    applied(&server, &account, 1);
    place.json(&["backup", "b.db"]);
    applied(&server, &account, 1000);
    server.kill();
    (place, account, sandbox)
}

#[test]
fn a_backup_is_made_beside_a_server_and_after_it() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let account = place.account("agency", 20);
    let server = place.serve();
    applied(&server, &account, 1);
    let made = place.json(&["backup", "b.db"]);
    let file = place.path("b.db");
    let facts = (&made["file"], &made["accounts"], &made["applications"], &made["ledgerOk"]);
    assert_eq!(facts, (&"b.db".into(), &1.into(), &1.into(), &true.into()), "{made}");
    assert_eq!(made["bytes"].as_u64(), Some(file.metadata().unwrap().len()), "{made}");
    assert!(made["lastEventSeq"].as_i64() >= Some(1) && made["schema"].as_i64() >= Some(14), "{made}");
    assert!(made["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{made}");
    assert_eq!(mode(&file), 0o600);
    applied(&server, &account, 1000);
    assert_eq!(server.stop(), Some(0));
    let output = place.run(&["backup", "c.db"]);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.starts_with("c.db: ") && out.contains("1 accounts, 2 applications"), "{out}");
    assert!(err.contains("the master key master.key") && err.contains("applyd.db.witness"), "{err}");
    assert_eq!((applications(&file), applications(&place.path("c.db"))), (1, 2));
    let left = ["applyd.db", "applyd.db.witness", "b.db", "c.db", "master.key", "sandbox.db"];
    assert_eq!(files(&place.path("")), left);
}

#[test]
fn a_backup_replaces_nothing_unless_told_to() {
    let (place, ..) = lived_in();
    let before = fs::read(place.path("b.db")).unwrap();
    fails(&place.run(&["backup", "b.db"]), 1, &["b.db is there already", "hint: ", "--force"]);
    assert_eq!(fs::read(place.path("b.db")).unwrap(), before);
    place.json(&["backup", "b.db", "--force"]);
    assert_eq!(applications(&place.path("b.db")), 2);
    std::os::unix::fs::symlink("applyd.db", place.path("link.db")).unwrap();
    for ours in ["applyd.db", "./applyd.db-wal", "link.db", "master.key", "applyd.db.witness", "sandbox.db"] {
        fails(&place.run(&["backup", ours, "--force"]), 1, &["belongs to the installation itself"]);
    }
    fails(&place.run(&["backup", "no/such/b.db"]), 1, &["no/such/b.db"]);
    fails(&Place::fast().run(&["backup", "b.db"]), 1, &["there is no database applyd.db", "hint: "]);
    assert_eq!(place.json(&["account", "list"])["accounts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn two_backups_at_once_are_two_backups_or_a_refusal() {
    let (place, ..) = lived_in();
    let both: Vec<_> = ["c.db", "d.db"].map(|file| Process::spawn(place.command(&["backup", file]))).into();
    let ended: Vec<_> = both.into_iter().map(|mut process| process.child.wait().unwrap().code()).collect();
    assert!(ended.contains(&Some(0)), "{ended:?}");
    for (code, file) in ended.into_iter().zip(["c.db", "d.db"]) {
        assert_eq!(place.path(file).exists(), code == Some(0), "{file}: {code:?}");
    }
}

#[test]
fn a_served_database_is_not_restored() {
    let (place, account, _sandbox) = lived_in();
    let server = place.serve();
    fails(&place.run(&["restore", "b.db"]), 1, &["another `applyd serve` has", "applyd.db open", "hint: "]);
    applied(&server, &account, 1001);
    assert_eq!((server.stop(), aside(&place)), (Some(0), vec![]));
    // Nor while anyone else looks into it.
    let other = Connection::open(place.path("applyd.db")).unwrap();
    other.query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0)).unwrap();
    fails(&place.run(&["restore", "b.db"]), 1, &["another process has", "applyd.db open", "hint: "]);
    drop(other);
    assert_eq!((applications(&place.path("applyd.db")), aside(&place)), (3, vec![]));
}

#[test]
fn the_former_database_is_put_aside_whole() {
    let (place, ..) = lived_in();
    assert!(place.path("applyd.db-wal").metadata().unwrap().len() > 0, "it was killed");
    let told = place.json(&["restore", "b.db"]);
    assert_eq!(
        (&told["verifyOnly"], &told["applications"], &told["logPutAside"]),
        (&true.into(), &1.into(), &Value::Null),
        "{told}"
    );
    let aside = aside(&place);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(
        told["putAside"]
            .as_str()
            .is_some_and(|path| Path::new(path).ends_with(aside[0].file_name().unwrap()))
    );
    assert!(!place.path("applyd.db-wal").exists());
    assert_eq!((applications(&aside[0]), applications(&place.path("applyd.db"))), (2, 1));
    assert_eq!((mode(&place.path("applyd.db")), mode(&aside[0])), (0o600, 0o600));
    assert!(place.path("b.db").exists(), "a backup can be restored once more");
    // And back: what was put aside is no less a backup, by whatever way it becomes the database again.
    let name = aside[0].file_name().unwrap().to_str().unwrap();
    let put_aside = format!("sqlite:{name}");
    assert_eq!(
        place.json(&["account", "list", "--database", &put_aside])["accounts"][0]["credits"]["spent"],
        2
    );
    let elsewhere = Connection::open(&aside[0]).unwrap();
    let reason =
        elsewhere.query_row("SELECT value FROM meta WHERE name = 'verify_only'", [], |row| row.get(0));
    assert!(reason.is_ok_and(|reason: String| reason.contains("backup of 20")));
    drop(elsewhere);
    let told = place.json(&["restore", name]);
    assert_eq!((&told["verifyOnly"], &told["applications"]), (&true.into(), &2.into()), "{told}");
    let (code, told) = verify_only_end(&place, &[]);
    assert!(told["reason"].as_str().is_some_and(|reason| reason.contains("backup")), "{code:?} {told}");
}

#[test]
fn what_is_no_usable_backup_changes_nothing() {
    let (place, account, _sandbox) = lived_in();
    let whole = fs::read(place.path("b.db")).unwrap();
    fs::write(place.path("text.db"), "no database, but a text of some length ".repeat(100)).unwrap();
    fs::write(place.path("empty.db"), "").unwrap();
    fs::write(place.path("short.db"), &whole[..whole.len() / 2]).unwrap();
    fs::write(place.path("newer.db"), &whole).unwrap();
    Connection::open(place.path("newer.db"))
        .unwrap()
        .execute("INSERT INTO schema_migration VALUES (999, 0)", [])
        .unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2 / 4096 * 4096;
    damaged[middle..].fill(0xa5);
    fs::write(place.path("damaged.db"), damaged).unwrap();
    for (file, said) in [
        ("text.db", "file is not a database"),
        ("empty.db", "it is no database of applyd"),
        ("short.db", "malformed"),
        ("damaged.db", "malformed"),
        ("newer.db", "use the newer program"),
        ("sandbox.db", "it is no database of applyd"),
        ("missing.db", "missing.db"),
        ("applyd.db", "is the database itself"),
    ] {
        fails(&place.run(&["restore", file]), 1, &["error: ", said]);
    }
    fs::write(place.path("poorer.db"), &whole).unwrap();
    let poorer = Connection::open(place.path("poorer.db")).unwrap();
    poorer.execute("UPDATE account SET available = 7", []).unwrap();
    drop(poorer);
    fails(
        &place.run(&["restore", "poorer.db"]),
        1,
        &["the ledger of poorer.db is not clean", "hint: ", "--force"],
    );
    assert_eq!(aside(&place), Vec::<PathBuf>::new());
    let server = place.serve();
    applied(&server, &account, 1001);
    place.assert_clean_ledger();
    assert_eq!(server.stop(), Some(0));
    assert_eq!(place.json(&["restore", "poorer.db", "--force"])["ledgerOk"], false);
}

#[test]
fn a_backup_of_a_ledger_that_is_not_clean_is_made_and_told() {
    let (place, ..) = lived_in();
    let raw = Connection::open(place.path("applyd.db")).unwrap();
    raw.execute("UPDATE account SET available = 7", []).unwrap();
    drop(raw);
    let output = place.run(&["backup", "c.db", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["ledgerOk"]), (Some(1), &false.into()), "{told}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the ledger is not clean"));
    assert_eq!(applications(&place.path("c.db")), 2);
}

/// Whoever knows of no `restore` is safe too.
#[test]
fn a_backup_copied_into_place_is_verify_only() {
    let (place, account, _sandbox) = lived_in();
    let before = place.submissions();
    fs::copy(place.path("b.db"), place.path("applyd.db")).unwrap();
    let output = place.run(&["account", "list"]);
    fails(&output, 1, &["applyd.db-wal is the log of another database", "applyd restore"]);
    fs::remove_file(place.path("applyd.db-wal")).unwrap();
    // As on another machine, where nothing else tells that it is set back.
    fs::remove_file(place.path("applyd.db.witness")).unwrap();
    let server = place.serve();
    let reply = server.apply(&account, &job(1001));
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(place.submissions(), before);
    let (code, told) = verify_only_end(&place, &[]);
    assert!(told["reason"].as_str().is_some_and(|reason| reason.contains("backup of 20")), "{told}");
    assert_eq!(code, Some(0), "{told}");
    applied(&server, &account, 1001);
}

/// Without the mark it would be taken for one of today, and what was sent since for another's proposal.
#[test]
fn what_was_sent_since_is_found_without_a_witness() {
    let mut place = Place::fast();
    place.set("APPLYD_TIMING__INTENT_CUTOFF", "100s");
    place.set("APPLYD_TIMING__DEADLINE", "120s");
    let _sandbox = place.sandbox();
    let account = place.account("agency", 20);
    place.set("APPLYD_WORKERS", "0");
    let server = place.serve();
    let [sent, waiting] = [1000, 12].map(|number| accepted(&server, &account, number));
    place.json(&["backup", "b.db"]);
    server.kill();
    place.set("APPLYD_WORKERS", "8");
    let server = place.serve();
    assert_eq!(settled(&server, &account, &sent)["applicationStatus"], "applied");
    server.kill();
    fs::remove_file(place.path("applyd.db.witness")).unwrap();
    place.json(&["restore", "b.db"]);
    let before = place.submissions();
    let server = place.serve();
    assert_eq!(settled(&server, &account, &sent)["applicationStatus"], "applied");
    assert_eq!(server.status(&account, &waiting)["applicationStatus"], "processing");
    assert_eq!((place.counted(&job(1000)), place.submissions()), ((1, 1), before));
    place.assert_clean_ledger();
}

#[test]
fn a_damaged_database_is_put_aside_with_its_log() {
    let (place, account, _sandbox) = lived_in();
    fs::write(place.path("applyd.db"), "this was a database once ".repeat(2000)).unwrap();
    let told = place.json(&["restore", "b.db"]);
    let log = told["logPutAside"].as_str().unwrap_or_else(|| panic!("{told}"));
    assert!(Path::new(log).metadata().unwrap().len() > 0 && !place.path("applyd.db-wal").exists());
    let server = place.serve();
    assert_eq!(server.apply(&account, &job(1001)).status, 503);
    verified(&place);
    applied(&server, &account, 1001);
    assert_eq!((place.counted(&job(1000)), place.balance(&account)), ((1, 1), (17, 0, 3)));
}

#[test]
fn a_backup_is_restored_where_nothing_was() {
    let (place, account, sandbox) = lived_in();
    let mut other = Place::fast();
    other.set("APPLYD_SANDBOX__ENDPOINT", &sandbox.url);
    fs::copy(place.path("b.db"), other.path("b.db")).unwrap();
    let output = other.run(&["restore", "b.db"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("there is no master key") && err.contains("there is no witness"), "{err}");
    assert_eq!(aside(&other), Vec::<PathBuf>::new());
    let server = other.serve();
    assert_eq!(server.apply(&account, &job(1001)).status, 503);
}

/// The mode by hand: for a database that was set back by its own tools.
#[test]
fn the_operator_can_begin_the_mode() {
    let (place, account, _sandbox) = lived_in();
    let server = place.serve();
    let begun = place.json(&["verify-only", "begin", "--reason", "restored from tape"]);
    assert_eq!((&begun["verifyOnly"], &begun["reason"]), (&true.into(), &"restored from tape".into()));
    assert_eq!(server.apply(&account, &job(1001)).status, 503, "at once");
    assert_eq!(verify_only_end(&place, &[]).1["reason"], "restored from tape");
    applied(&server, &account, 1001);
    fails(&place.run(&["verify-only", "begin"]), 1, &["--reason"]);
}

#[test]
fn a_full_or_read_only_place_harms_nothing() {
    let (place, account, _sandbox) = lived_in();
    let Some(small) = Small::mount(&place.path("small")) else {
        // Only the superuser may mount; the refusals of ordinary folders are tested above.
        return;
    };
    fails(&place.run(&["backup", "small/b.db"]), 2, &["error: ", "small/b.db", "full"]);
    assert_eq!(files(&small.0), Vec::<String>::new());
    small.remount_read_only();
    fails(&place.run(&["backup", "small/b.db"]), 1, &["error: ", "small/b.db", "Read-only"]);
    drop(small);
    let server = place.serve();
    let id = accepted(&server, &account, 1001);
    assert_eq!(settled(&server, &account, &id)["applicationStatus"], "applied");
}

/// A file system of a few pages, gone when it goes out of scope.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let arguments = ["-t", "tmpfs", "-o", "size=128k", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(arguments).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    fn remount_read_only(&self) {
        let remounted =
            std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(remounted.success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What stays mounted is a hundred kilobytes of memory.
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
