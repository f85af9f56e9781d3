//! Settings, and starts that must not come about: refused in plain words with exit 1.

use std::fs;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::fresh::postgres;
use crate::harness::{POLL, Place, is_postgres};

const WAIT: Duration = Duration::from_secs(20);

/// Runs a command that must end by itself.
fn run(place: &Place, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = place.command(arguments);
    command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > WAIT {
            child.kill().unwrap();
            panic!("{arguments:?} has started: {:?}", child.wait_with_output());
        }
        std::thread::sleep(POLL);
    }
    child.wait_with_output().unwrap()
}

fn refused(output: &Output, said: &[&str]) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), out.as_ref()), (Some(1), ""), "{err}");
    assert!(err.lines().any(|line| line.starts_with("error: ")), "{err}");
    for said in said {
        assert!(err.contains(said), "`{said}` is not in\n{err}");
    }
    assert!(!err.contains("panicked") && !err.contains("RUST_BACKTRACE"), "{err}");
}

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    if is_postgres() {
        return;
    }
    let make = ["account", "create", "a", "--credits", "1"];
    let mut layers = Vec::new();
    for (layer, database) in
        [("", "applyd.db"), ("file", "file.db"), ("environment", "env.db"), ("flag", "flag.db")]
    {
        layers.push(layer);
        let place = Place::with(&[]);
        let mut arguments = make.to_vec();
        let mut environment = Vec::new();
        for layer in &layers {
            match *layer {
                "file" => fs::write(place.path("applyd.toml"), "database = \"sqlite:file.db\"\n").unwrap(),
                "environment" => environment.push(("APPLYD_DATABASE", "sqlite:env.db")),
                "flag" => arguments.extend(["--database", "sqlite:flag.db"]),
                _ => {}
            }
        }
        assert!(run(&place, &arguments, &environment).status.success(), "{layers:?}");
        let made: Vec<_> = ["applyd.db", "file.db", "env.db", "flag.db"]
            .into_iter()
            .filter(|name| place.path(name).exists())
            .collect();
        assert_eq!(made, [database], "{layers:?}");
    }
}

#[test]
fn another_settings_file_can_be_named() {
    if is_postgres() {
        return;
    }
    let place = Place::with(&[]);
    fs::write(place.path("applyd.toml"), "nonsense").unwrap();
    fs::write(place.path("other.toml"), "database = \"sqlite:other.db\"\n[timing]\nlease = \"40s\"\n")
        .unwrap();
    let output = run(&place, &["account", "create", "a", "--credits", "1", "--config", "other.toml"], &[]);
    assert!(output.status.success() && place.path("other.db").exists());
    refused(
        &run(&place, &["account", "list", "--config", "missing.toml"], &[]),
        &["--config", "missing.toml"],
    );
}

#[test]
fn a_wrong_setting_is_named_wherever_it_stands() {
    if is_postgres() {
        return;
    }
    for (file, key) in [
        ("datbase = \"sqlite:x.db\"", "datbase"),
        ("[timing]\ndeadlin = \"5s\"", "timing.deadlin"),
        ("[timing]\ndeadline = \"5\"", "timing.deadline"),
        ("[timing]\ndeadline = 5", "timing.deadline"),
        ("[timing]\ndeadline = \"271s\"", "timing.deadline"),
        ("[sandbox]\nsettle_latency = \"3s..1s\"", "sandbox.settle_latency"),
        ("sandbox = \"embedded\"", "sandbox"),
        ("workers = \"many\"", "workers"),
        ("listen = \"everywhere\"", "listen"),
        ("database = \"mysql:x\"", "database"),
        ("database = ", "applyd.toml"),
    ] {
        let place = Place::with(&[]);
        fs::write(place.path("applyd.toml"), file).unwrap();
        let arguments = if key == "listen" { &["serve"] } else { SERVE };
        refused(&run(&place, arguments, &[]), &[key, "hint: applyd.default.toml"]);
    }
    for (name, value, key) in [
        ("APPLYD_TIMING__DEADLINE", "5", "timing.deadline"),
        ("APPLYD_TIMING__LEASE", "five", "timing.lease"),
        ("APPLYD_SANDBOX__SLOW_ANSWER", "-1s", "sandbox.slow_answer"),
        ("APPLYD_WORKERS", "1025", "workers"),
        ("APPLYD_LISTEN", "8080", "listen"),
        ("APPLYD_DATABASE", "applyd.db", "database"),
        ("APPLYD_SANDBOX__ENDPOINT", "elsewhere", "sandbox.endpoint"),
    ] {
        let place = Place::with(&[]);
        let arguments: &[&str] = if name == "APPLYD_LISTEN" { &["serve"] } else { SERVE };
        refused(&run(&place, arguments, &[(name, value)]), &[&format!("`{key}`"), "hint: "]);
        assert!(!place.path("applyd.db").exists(), "{name}: something was made");
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named_by_every_command() {
    if is_postgres() {
        return;
    }
    let place = Place::with(&[]);
    fs::write(place.path("text.db"), "this is a text and no database. ".repeat(200)).unwrap();
    fs::create_dir(place.path("folder.db")).unwrap();
    place.account("agency", 1);
    // Of two connections that are closed at once each may leave the log to the other.
    place.raw().execute("PRAGMA wal_checkpoint(TRUNCATE)");
    // The first page is whole, the rest is not.
    let mut torn = fs::read(place.path("applyd.db")).unwrap();
    torn.truncate(6000);
    fs::write(place.path("torn.db"), torn).unwrap();
    for name in ["text.db", "folder.db", "no/such/folder.db", "torn.db"] {
        let database = format!("sqlite:{name}");
        for arguments in
            [SERVE, &["account", "create", "b", "--credits", "1"], &["ledger", "verify"], &["demo", "--once"]]
        {
            let made = place.path(name).exists();
            if arguments[0] == "ledger" && !made {
                continue;
            }
            refused(&run(&place, &[arguments, &["--database", &database]].concat(), &[]), &[name]);
        }
    }
    assert!(!place.path("no").exists());
}

#[test]
fn a_server_that_cannot_be_used_is_named_by_every_command_without_the_password() {
    if !is_postgres() {
        return;
    }
    let place = Place::with(&[]);
    let url = postgres::url("none");
    let (_, none) = url.split_once('@').unwrap();
    for (user, server, why) in [
        ("postgres", none, "does not exist"),
        ("nobody", none, "\"nobody\""),
        ("ada", "127.0.0.1:1/a", "refused"),
    ] {
        let (url, said) = (format!("postgres://{user}:s3cret@{server}"), [server, why]);
        for arguments in
            [SERVE, &["account", "list"], &["ledger", "verify"], &["migrate"], &["demo", "--once"]]
        {
            let output = run(&place, arguments, &[("APPLYD_DATABASE", &url)]);
            refused(&output, &said);
            assert!(!String::from_utf8_lossy(&output.stderr).contains("s3cret"), "{arguments:?}");
        }
    }
}

#[test]
fn a_server_is_copied_by_its_own_tools() {
    if !is_postgres() {
        return;
    }
    let place = Place::with(&[]);
    for command in ["backup", "restore"] {
        refused(&place.run(&[command, "b.db"]), &["PostgreSQL's own tools", "hint: docs/operations.md"]);
    }
    assert!(!place.path("b.db").exists());
}

/// On a server the schema is changed by nothing but the command: other nodes may run on it.
#[test]
fn an_empty_database_of_a_server_waits_for_migrate() {
    if !is_postgres() {
        return;
    }
    let place = Place::with(&[]);
    place.raw().execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    for arguments in [SERVE, &["account", "create", "a", "--credits", "1"], &["demo", "--once"]] {
        refused(&run(&place, arguments, &[]), &["schema 0", "hint: `applyd migrate`"]);
    }
    const LATEST: i64 = 2;
    for from in [0, LATEST] {
        let migrated = place.json(&["migrate"]);
        assert_eq!((&migrated["from"], &migrated["to"]), (&from.into(), &LATEST.into()), "{migrated}");
    }
    place.account("agency", 1);
    assert_eq!(place.serve().stop(), Some(0));
}

#[test]
fn a_database_of_a_newer_applyd_is_left_alone() {
    let place = Place::with(&[]);
    place.account("agency", 1);
    place.raw().execute("INSERT INTO schema_migration (version, at) VALUES (99, 0)");
    for arguments in [SERVE, &["account", "list"]] {
        refused(&run(&place, arguments, &[]), &["schema 99", "newer"]);
    }
}

#[test]
fn one_serves() {
    let place = Place::with(&[]);
    let server = place.serve();
    for arguments in [SERVE, &["demo", "--once"]] {
        let has = if is_postgres() { "applyd.witness" } else { "applyd.db" };
        refused(&run(&place, arguments, &[]), &["another `applyd serve`", has, "hint: "]);
    }
    assert_eq!(server.call("GET", "/healthz", "", None).status, 200, "the first goes on");
    server.kill();
    assert_eq!(place.serve().stop(), Some(0), "a killed one leaves no lock behind");
}

#[test]
fn an_address_that_is_taken_or_foreign_is_refused() {
    let place = Place::with(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["serve", "demo", "sandbox"] {
        for (listen, said) in
            [(address.as_str(), address.as_str()), ("203.0.113.7:1", "203.0.113.7"), ("nowhere", "listen")]
        {
            refused(&run(&place, &[command, "--listen", listen], &[]), &[said]);
        }
    }
}

#[test]
fn a_damaged_master_key_is_refused_and_kept() {
    for bytes in [0, 31, 33, 4096] {
        let place = Place::with(&[]);
        fs::write(place.path("master.key"), vec![7; bytes]).unwrap();
        refused(&run(&place, SERVE, &[]), &["master key", "master.key", "32 bytes"]);
        assert_eq!(fs::read(place.path("master.key")).unwrap(), vec![7; bytes], "not replaced");
    }
    let place = Place::with(&[("APPLYD_MASTER_KEY_FILE", "no/such/key")]);
    refused(&run(&place, SERVE, &[]), &["no/such/key"]);
}

#[test]
fn no_witness_no_start() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with(&[]);
    fs::create_dir(place.path("folder")).unwrap();
    fs::write(place.path("file"), "x").unwrap();
    let locked = place.path("locked.jsonl");
    fs::write(&locked, "").unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o400)).unwrap();
    // The superuser may write where it may not.
    let superuser = fs::OpenOptions::new().append(true).open(&locked).is_ok();
    let unwritable = ["folder", "no/such/witness.jsonl", "file/witness.jsonl", "locked.jsonl"];
    for witness in &unwritable[..if superuser { 3 } else { 4 }] {
        refused(&run(&place, SERVE, &[("APPLYD_WITNESS_FILE", witness)]), &["witness", witness]);
    }
    let server = place.serve();
    assert_eq!(server.stop(), Some(0), "and with a writable one it starts");
    for secret in [place.path("master.key"), place.witness()] {
        let mode = fs::metadata(&secret).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{secret:?}");
    }
}
