//! Linking freelancers to the site: a stand-in process plays the live server, and the test the person's browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::channels::account_on;
use crate::harness::{Account, Place, Process, Reply, connect, is_postgres, job, read_reply};

pub(crate) const OPEN: &str = "~022052895097657407455";
const OTHER: &str = "~022052895097657407456";
const APPLY: &str = "/api/auto-apply-v2/apply";
const WAIT: Duration = Duration::from_secs(10);

/// A place whose `upwork` is a stand-in process.
pub(crate) fn live(settings: &[(&str, &str)]) -> (Place, Process) {
    let mut place = Place::fast();
    for (name, value) in settings {
        place.set(name, value);
    }
    let upwork = place.sandbox();
    place.set("APPLYD_UPWORK__ENDPOINT", &upwork.url);
    (place, upwork)
}

/// A running `applyd upwork link`, and the address that it printed.
struct Linking {
    child: Child,
    address: String,
    err: BufReader<std::process::ChildStderr>,
}

impl Linking {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let all = [&["upwork", "link", "--no-browser", "--json"], arguments].concat();
        let mut command = place.command(&all);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        let mut linking = Self { child, address: String::new(), err };
        let mut said = String::new();
        while !linking.address.starts_with("http") {
            let mut line = String::new();
            assert!(linking.err.read_line(&mut line).unwrap() > 0, "no address: {said}");
            said += &line;
            linking.address = line.trim().to_owned();
        }
        linking
    }

    /// Where the consent page sends the browser; `person` is who sits before it.
    fn consent(&self, person: &str) -> String {
        let page = get(&format!("{}&login_hint={person}", self.address), None);
        assert_eq!(page.status, 302, "{page:?}");
        page.header("location").unwrap().to_owned()
    }

    fn end(mut self) -> (Output, String) {
        let (mut out, mut err) = (String::new(), String::new());
        drop(self.child.stdin.take());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.err.read_to_string(&mut err).unwrap();
        let status = self.child.wait().unwrap();
        (Output { status, stdout: out.into_bytes(), stderr: Vec::new() }, err)
    }

    /// What a success told.
    fn linked(self) -> Value {
        let (output, err) = self.end();
        assert!(output.status.success(), "{err}");
        for secret in ["access_", "refresh_", "code_"] {
            assert!(!err.contains(secret) && !String::from_utf8_lossy(&output.stdout).contains(secret));
        }
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(self, words: &str) {
        let (output, err) = self.end();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains(words) && err.contains("nothing was linked"), "{words}: {err}");
    }
}

impl Drop for Linking {
    fn drop(&mut self) {
        // Ended already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One plain GET, as a browser sends it.
fn get(url: &str, host: Option<&str>) -> Reply {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = connect(&format!("http://{authority}")).unwrap();
    let host = host.unwrap_or(authority);
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    read_reply(&mut stream).unwrap()
}

/// Links a new person as a browser does.
pub(crate) fn link(place: &Place, account: &Account, person: &str) -> Value {
    linked(place, account, person, &["--title", "Rust", "--hourly-rate", "65.50"])
}

pub(crate) fn linked(place: &Place, account: &Account, person: &str, more: &[&str]) -> Value {
    let who = ["--account", &account.name, "--freelancer", person];
    let linking = Linking::start(place, &[&who[..], more].concat());
    let came_back = linking.consent(person);
    let page = get(&came_back, None);
    assert!(page.status == 200 && page.body.contains("close this page"), "{page:?}");
    linking.linked()
}

/// Lets the account's key decide, as its operator may: nobody approves each application.
pub(crate) fn let_key_decide(place: &Place, account: &Account) {
    let keys = place.json(&["key", "list", &account.name]);
    let key = keys["keys"][0]["keyId"].as_str().unwrap();
    place.json(&["key", "by-request", key, "--connects", "100", "--acknowledge", "--by", "Ada"]);
}

/// A running server goes by what it has read of a key for half a second.
pub(crate) fn until_key_decides(server: &Process, account: &Account) {
    let begun = std::time::Instant::now();
    let body = json!({"jobId": OTHER}).to_string();
    let ask = || server.call("POST", "/api/auto-apply-v2/preflight", &account.key, Some(&body)).json();
    while ask()["approval"] != "by_request" {
        assert!(begun.elapsed() < WAIT, "the key does not decide");
        std::thread::sleep(crate::harness::POLL);
    }
}

fn approve(place: &Place, queue_id: &str) {
    let shown = place.json(&["approve", queue_id, "--show"]);
    let hash = shown["showingId"].as_str().unwrap_or_else(|| panic!("{shown}"));
    place.json(&["approve", queue_id, "--showing", hash, "--by", "Ada"]);
}

fn memory(place: &Place) -> Connection {
    Connection::open(place.path("sandbox.db")).unwrap()
}

/// The newest access token, as only the stand-in can tell it.
fn token(place: &Place) -> String {
    let sql = "SELECT access FROM tokens ORDER BY rowid DESC LIMIT 1";
    memory(place).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn mcp(upwork: &Process, token: &str) -> u16 {
    let root = upwork.url.trim_end_matches("/mcp");
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    let body = message.to_string();
    crate::harness::try_call(root, "POST", "/mcp", &headers, Some(body.as_bytes())).unwrap().status
}

pub(crate) fn apply(server: &Process, account: &Account, id: &str, more: &Value) -> Reply {
    let mut body = json!({"jobId": id, "coverLetter": "Hello from a test."});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.call("POST", APPLY, &account.key, Some(&body.to_string()))
}

fn states(place: &Place, more: &[&str]) -> Vec<(String, String)> {
    let told = place.json(&[&["upwork", "accounts"], more].concat());
    let rows = told["accounts"].as_array().unwrap().iter();
    rows.map(|row| {
        (row["name"].as_str().unwrap_or("-").to_owned(), row["state"].as_str().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn a_linked_freelancer_applies_and_an_unlinked_one_leaves_nothing_behind() {
    let (place, upwork) = live(&[]);
    let server = place.serve();
    let account = account_on(&place, "agency", "upwork");
    assert_eq!(states(&place, &[]), [("-".to_owned(), "needs linking".to_owned())]);
    let linked = link(&place, &account, "Ada");
    assert_eq!(states(&place, &["--check"]), [("Ada".to_owned(), "live".to_owned())]);

    let shown = server.call("GET", "/api/auto-apply-v2/freelancers", &account.key, None).json();
    let profile = &shown["freelancers"][0]["profiles"][0];
    assert_eq!((&profile["profileId"], &profile["hourlyRate"]), (&linked["profileId"], &json!(65.5)));
    let read = server.call("GET", &format!("/api/jobs/by-ciphertext?cipher={OPEN}"), &account.key, None);
    assert_eq!(read.status, 200, "{read:?}");

    let accepted = apply(&server, &account, OPEN, &json!({"profileId": linked["profileId"]}));
    approve(&place, &accepted.queue_id());
    let ended = server.ended(&account, &accepted.queue_id(), WAIT);
    assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    assert_eq!(place.counted(OPEN), (1, 1));
    assert_eq!(place.submissions()[0]["agency"], linked["orgUid"]);

    let old = token(&place);
    assert_eq!(mcp(&upwork, &old), 200);
    let stored = || {
        let sql = "SELECT count(*) FROM stored_job WHERE coalesce(title, document, company_id) IS NOT NULL";
        place.raw().int(sql)
    };
    assert!(stored() > 0);
    let gone = place.json(&["upwork", "unlink", "--account", "agency"]);
    assert_eq!((&gone["revoked"], &gone["freelancerId"]), (&json!(true), &linked["freelancerId"]));
    assert_eq!((mcp(&upwork, &old), stored()), (401, 0));
    let written = place.raw().int("SELECT count(*) FROM application WHERE request <> ''");
    assert_eq!(written, 0, "what was written for its ended tasks goes too");
    let audit = String::from_utf8(place.run(&["audit", "export", "--account", "agency"]).stdout).unwrap();
    let acts = ["linked", "unlinked"].map(|act| {
        let lines = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["act"] == act).map(|line| line["orgUid"].clone()).collect::<Vec<_>>()
    });
    assert_eq!(acts, [[linked["orgUid"].clone()], [linked["orgUid"].clone()]]);
    assert_eq!(states(&place, &[]), [("Ada".to_owned(), "needs linking".to_owned())]);

    let_key_decide(&place, &account);
    until_key_decides(&server, &account);
    let later = apply(&server, &account, OTHER, &json!({}));
    let ended = server.ended(&account, &later.queue_id(), WAIT);
    assert_eq!(ended["applicationStatus"], "logged_out", "{ended}");
    assert_eq!(place.counted(OTHER), (0, 0));
    assert_eq!(place.balance(&account), (4, 0, 1));
    place.assert_clean_ledger();
}

#[test]
fn only_the_answer_to_this_login_is_taken() {
    let (place, _upwork) = live(&[]);
    let _account = account_on(&place, "agency", "upwork");
    let linking = Linking::start(&place, &["--account", "agency", "--hourly-rate", "10"]);
    let came_back = linking.consent("ada");
    let forged = came_back.replace("state=", "state=x");
    let elsewhere = came_back.replace("/callback", "/favicon.ico");
    for (url, host) in [(&forged, None), (&elsewhere, None), (&came_back, Some("evil.example"))] {
        let page = get(url, host);
        assert_eq!(page.status, 400, "{url} {host:?}: {page:?}");
    }
    // A connection that says nothing holds up nobody.
    let authority = came_back.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let _silent = connect(&format!("http://{authority}")).unwrap();
    assert_eq!(get(&came_back, None).status, 200);
    let linked = linking.linked();
    assert!(linked["name"].as_str().is_some_and(|name| !name.is_empty()), "{linked}");
}

#[test]
fn a_no_a_silence_and_a_ctrl_c_link_nothing() {
    let (place, _upwork) = live(&[]);
    let _account = account_on(&place, "agency", "upwork");
    let flags = ["--account", "agency", "--hourly-rate", "10"];

    let linking = Linking::start(&place, &flags);
    let came_back = linking.consent("ada");
    let (address, state) = (came_back.split('?').next().unwrap(), came_back.split("state=").nth(1).unwrap());
    assert_eq!(get(&format!("{address}?error=access_denied&state={state}"), None).status, 200);
    linking.refused("access_denied");

    Linking::start(&place, &[&flags[..], &["--wait", "1s"]].concat()).refused("nobody consented");

    let linking = Linking::start(&place, &flags);
    let pid = linking.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-s", "INT", &pid]).status().unwrap().success());
    linking.refused("interrupted");

    // A code is good for one use.
    let linking = Linking::start(&place, &flags);
    let came_back = linking.consent("ada");
    memory(&place).execute("DELETE FROM codes", []).unwrap();
    assert_eq!(get(&came_back, None).status, 200);
    linking.refused("invalid_grant");

    assert_eq!(states(&place, &[]), [("-".to_owned(), "needs linking".to_owned())]);
}

#[test]
fn the_address_can_be_pasted() {
    let (place, _upwork) = live(&[]);
    let _account = account_on(&place, "agency", "upwork");
    let flags = ["--account", "agency", "--paste", "--hourly-rate", "10", "--freelancer", "Ada"];
    let mut linking = Linking::start(&place, &flags);
    let came_back = linking.consent("ada");
    assert!(came_back.starts_with("http://127.0.0.1/callback?"), "{came_back}");
    writeln!(linking.child.stdin.take().unwrap(), "  {came_back}").unwrap();
    assert_eq!(linking.linked()["name"], "Ada");

    let mut linking = Linking::start(&place, &["--account", "agency", "--paste", "--freelancer", "Ada"]);
    let came_back = linking.consent("ada").replace("state=", "state=x");
    writeln!(linking.child.stdin.take().unwrap(), "{came_back}").unwrap();
    linking.refused("not the answer");
}

#[test]
fn an_organisation_stays_with_its_account_and_a_login_is_renewed_for_whom_it_is() {
    let (place, _upwork) = live(&[]);
    let [a, b] = ["a", "b"].map(|name| account_on(&place, name, "upwork"));
    let first = link(&place, &a, "ada");
    let linking =
        Linking::start(&place, &["--account", &b.name, "--freelancer", "Ada", "--hourly-rate", "1"]);
    assert_eq!(get(&linking.consent("ada"), None).status, 200);
    linking.refused("belongs to the account `a`");
    assert_eq!(states(&place, &[])[1].1, "needs linking");
    assert_ne!(link(&place, &b, "ben")["orgUid"], first["orgUid"]);

    let linking = Linking::start(&place, &["--account", &a.id, "--freelancer", "ada"]);
    assert_eq!(get(&linking.consent("ada"), None).status, 200);
    let again = linking.linked();
    assert_eq!((&again["freelancerId"], &again["profileId"]), (&first["freelancerId"], &first["profileId"]));

    let sandbox = place.account("sandbox", 1);
    for (arguments, words) in [
        (&["upwork", "link", "--account", "nobody"][..], "no account"),
        (&["upwork", "link", "--account", &sandbox.name, "--hourly-rate", "1"], "channel sandbox"),
        (&["upwork", "link", "--account", "b", "--freelancer", "Cy"], "needs a rate"),
        (&["upwork", "link", "--account", "b", "--freelancer", "ben", "--title", "More"], "profiles already"),
        (&["upwork", "unlink", "--account", "b", "--freelancer", "Cy"], "no freelancer"),
        (&["upwork", "unlink", "--account", &sandbox.name], "nobody of this account"),
    ] {
        let output = place.run(arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && err.contains(words) && err.contains("hint:"), "{err}");
    }
}

#[test]
fn what_is_of_open_outcome_keeps_its_organisation() {
    let (place, _upwork) = live(&[]);
    let account = account_on(&place, "agency", "upwork");
    let first = link(&place, &account, "ada");
    let server = place.serve();
    let queue_id = apply(&server, &account, OPEN, &json!({})).queue_id();
    drop(server);
    let store = place.raw();
    store.execute(&format!(
        "INSERT INTO intent (application_id, worker, epoch, at, answer_by, terms_sha256, closed, account_id)
         VALUES ('{queue_id}', 'w', 1, 1, 1, '', 'open', '{}')",
        account.id
    ));
    let again = |person: &str| {
        let linking = Linking::start(&place, &["--account", "agency", "--freelancer", "ada"]);
        assert_eq!(get(&linking.consent(person), None).status, 200);
        linking
    };
    again("ben").refused("no known outcome yet");
    assert_eq!(again("ada").linked()["orgUid"], first["orgUid"]);
    store.execute("UPDATE intent SET closed = 'absent'");
    assert_ne!(again("ben").linked()["orgUid"], first["orgUid"]);
}

#[test]
fn a_lost_master_key_is_not_replaced_while_a_grant_needs_it() {
    let (place, _upwork) = live(&[]);
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "ada");
    let key = place.path("master.key");
    assert!(key.exists(), "made by the command, for the server to use");
    std::fs::rename(&key, place.path("kept")).unwrap();
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["upwork", "accounts", "--check"]] {
        let output = place.run(arguments);
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && err.contains("master key"), "{arguments:?}: {err}");
    }
    assert!(!key.exists());
}

#[test]
fn a_401_is_renewed_once_and_a_refused_renewal_logs_out_that_account_only() {
    let (place, _upwork) = live(&[]);
    let server = place.serve();
    let [a, b] = ["a", "b"].map(|name| account_on(&place, name, "upwork"));
    let grants = [&a, &b].map(|account| link(&place, account, &account.name));
    for account in [&a, &b] {
        let_key_decide(&place, account);
    }
    // The access tokens are revoked behind our back; the refresh tokens are good.
    memory(&place).execute("UPDATE tokens SET expires_ms = 0", []).unwrap();
    for account in [&a, &b] {
        let ended = server.ended(account, &apply(&server, account, OPEN, &json!({})).queue_id(), WAIT);
        assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    }
    // Now one person withdraws the access for good.
    let org = grants[0]["orgUid"].as_str().unwrap();
    assert!(memory(&place).execute("DELETE FROM tokens WHERE org_uid = ?1", [org]).unwrap() > 0);
    let [of_a, of_b] = [&a, &b].map(|account| apply(&server, account, OTHER, &json!({})).queue_id());
    let ended = server.ended(&a, &of_a, WAIT);
    assert_eq!(ended["applicationStatus"], "logged_out", "{ended}");
    assert_eq!(server.ended(&b, &of_b, WAIT)["applicationStatus"], "applied");
    assert_eq!(place.balance(&a), (4, 0, 1));
    assert_eq!(
        states(&place, &[]),
        [("a", "dead"), ("b", "live")].map(|(n, s)| (n.to_owned(), s.to_owned()))
    );
    let checked = place.run(&["upwork", "accounts", "--check"]);
    let err = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.code() == Some(1) && err.contains("a of a"), "{err}");
    // The same may be sent again, and goes through once the person is linked anew.
    let linking = Linking::start(&place, &["--account", "a", "--freelancer", "a"]);
    assert_eq!(get(&linking.consent("a"), None).status, 200);
    linking.linked();
    let again = server.ended(&a, &apply(&server, &a, OTHER, &json!({})).queue_id(), WAIT);
    assert_eq!(again["applicationStatus"], "applied", "{again}");
    place.assert_clean_ledger();
}

#[test]
fn a_check_without_an_answer_says_who_and_why() {
    let (mut place, upwork) = live(&[]);
    place.hush();
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "Ada");
    upwork.kill();
    let checked = place.run(&["upwork", "accounts", "--check"]);
    let [out, err] = [&checked.stdout, &checked.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert_eq!(checked.status.code(), Some(1), "{err}");
    assert!(out.contains("unreachable"), "{out}");
    assert!(err.contains("Ada of agency is unreachable: ") && err.contains("hint: "), "{err}");
    assert!(!err.contains("Passing") && !err.contains('{'), "{err}");
}

#[test]
fn an_old_ciphertext_is_the_job_of_its_number() {
    let (place, _upwork) = live(&[]);
    let server = place.serve();
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "ada");
    let_key_decide(&place, &account);
    let (old, key) = ("~01abc123def456", &account.key);
    let read = server.call("GET", &format!("/api/jobs/by-ciphertext?cipher={old}"), key, None).json();
    let number = read["ciphertext"].as_str().unwrap().to_owned();
    assert!(number.starts_with("~02"), "{read}");
    let accepted = apply(&server, &account, old, &json!({}));
    assert_eq!(accepted.json()["jobId"], number.as_str());
    let twice = apply(&server, &account, &number, &json!({}));
    assert_eq!((twice.status, twice.queue_id()), (409, accepted.queue_id()));
    assert_eq!(server.ended(&account, &accepted.queue_id(), WAIT)["applicationStatus"], "applied");
    let status = server.call("GET", &format!("/api/auto-apply-v2/status?jobId={old}"), key, None).json();
    assert_eq!(status["queueId"], accepted.queue_id().as_str());
    let published = apply(&server, &account, &job(1), &json!({}));
    assert_eq!(published.status, 404, "{published:?}");
}

#[test]
fn processes_that_share_a_grant_never_spend_a_refresh_token_twice() {
    // So short a life makes each use begin with a refresh.
    let (place, upwork) = live(&[("APPLYD_SANDBOX__TOKEN_LIFE", "100s")]);
    let server = place.serve();
    // Where a database can have two nodes, both work.
    let mut second = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    second.env("APPLYD_WITNESS_FILE", "second.witness");
    let second = is_postgres().then(|| Process::start(second));
    let account = account_on(&place, "agency", "upwork");
    link(&place, &account, "ada");
    let_key_decide(&place, &account);
    let queue_ids: Vec<_> = (0..4)
        .map(|n| apply(&server, &account, &format!("~0220528950976574100{n:02}"), &json!({})).queue_id())
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    assert_eq!(states(&place, &["--check"]), [("ada".to_owned(), "live".to_owned())]);
                }
            });
        }
        scope.spawn(|| {
            for n in 0..20 {
                let path = format!("/api/jobs/by-ciphertext?cipher=~0220528950976574200{n:02}");
                let node = second.as_ref().filter(|_| n % 2 == 0).unwrap_or(&server);
                let read = node.call("GET", &path, &account.key, None);
                assert!([200, 503].contains(&read.status), "{read:?}");
            }
        });
    });
    for queue_id in queue_ids {
        let ended = server.ended(&account, &queue_id, WAIT);
        assert_eq!(ended["applicationStatus"], "applied", "{ended}");
    }
    let judged = get(&upwork.url.replace("/mcp", "/sandbox/refreshes"), None).json();
    assert_eq!(judged["again"], 0, "{judged}");
    assert!(judged["sent"].as_i64().unwrap() > 20, "{judged}");
    // The judge sees it where it happens.
    let spent: (String, String) = memory(&place)
        .query_row("SELECT refresh, client_id FROM tokens WHERE refreshed = 1 LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={}&client_id={}", spent.0, spent.1);
    let root = upwork.url.trim_end_matches("/mcp");
    let refused = crate::harness::try_call(root, "POST", "/token", &[], Some(form.as_bytes())).unwrap();
    assert_eq!(refused.status, 400, "{refused:?}");
    let judged = get(&upwork.url.replace("/mcp", "/sandbox/refreshes"), None).json();
    assert_eq!(judged["again"], 1, "{judged}");
}
