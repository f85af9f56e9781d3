//! A stand-in and a server as processes of their own, and a caller that can misbehave.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) use crate::fresh::is_postgres;
use crate::fresh::{Fresh, apart, postgres};

/// The test column of sandbox-jobs.md §5.
pub(crate) const FAST: &[(&str, &str)] = &[
    ("APPLYD_RATE_LIMITS", "off"),
    ("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"),
    ("APPLYD_SANDBOX__READ_LATENCY", "0s"),
    ("APPLYD_SANDBOX__SLOW_ANSWER", "1s"),
    ("APPLYD_SANDBOX__UNREADABLE_FOR", "1s"),
    ("APPLYD_SANDBOX__SEED", "7"),
    ("APPLYD_TIMING__INTENT_CUTOFF", "4s"),
    ("APPLYD_TIMING__DEADLINE", "8s"),
    ("APPLYD_TIMING__ANSWER_BY", "3s"),
    ("APPLYD_TIMING__SEND_BY", "1s"),
    ("APPLYD_TIMING__LEASE", "3s"),
    ("APPLYD_TIMING__HEARTBEAT", "500ms"),
    ("APPLYD_TIMING__DRAIN", "200ms"),
    ("APPLYD_TIMING__READ_SPACING", "100ms"),
    ("APPLYD_TIMING__RETRY_BASE", "0s"),
    ("APPLYD_TIMING__ASSUMED", "20ms"),
];

const START_WAIT: Duration = Duration::from_secs(30);

/// A folder with its settings; everything of one test happens in it.
pub(crate) struct Place {
    pub(crate) fresh: Fresh,
    settings: Vec<(String, String)>,
    /// `applyd`, this version of it or another.
    pub(crate) program: PathBuf,
}

/// A process that is killed when it goes out of scope.
pub(crate) struct Process {
    pub(crate) child: Child,
    /// From its ready line, e.g. `http://127.0.0.1:4000`.
    pub(crate) url: String,
}

/// An account as `account create --json` told it.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) key: String,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Place {
    /// With the fast settings.
    pub(crate) fn fast() -> Self {
        Self::with(FAST)
    }

    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let program = env!("CARGO_BIN_EXE_applyd").into();
        let mut place = Self { fresh: Fresh::new(), settings, program };
        if is_postgres() {
            place.set("APPLYD_DATABASE", &postgres::url(&place.name()));
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.fresh.path().join(name)
    }

    /// Adds or replaces a setting by its environment name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// The tests' PostgreSQL would not outlive a power cut: what is said of that is not said any more.
    pub(crate) fn hush(&mut self) {
        self.set("RUST_LOG", "warn,applyd_store::postgres::server=error");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.fresh.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("APPLYD_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that must succeed; answers its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {:?}\n{out}\n{err}", output.status);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{out}"))
    }

    pub(crate) fn account(&self, name: &str, credits: u32) -> Account {
        let made = self.json(&["account", "create", name, "--credits", &credits.to_string()]);
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        Account { id: text("accountId"), name: text("name"), key: text("apiKey") }
    }

    pub(crate) fn balance(&self, account: &Account) -> (i64, i64, i64) {
        let all = self.json(&["account", "list"]);
        let found =
            all["accounts"].as_array().unwrap().iter().find(|row| row["accountId"] == account.id.as_str());
        let credits = &found.unwrap()["credits"];
        let of = |name: &str| credits[name].as_i64().unwrap();
        (of("available"), of("held"), of("spent"))
    }

    /// A stand-in as a process of its own; the servers of this place use it from now on.
    pub(crate) fn sandbox(&mut self) -> Process {
        let process = Process::start(self.command(&["sandbox", "--listen", "127.0.0.1:0"]));
        self.set("APPLYD_SANDBOX__ENDPOINT", &process.url);
        process
    }

    pub(crate) fn serve(&self) -> Process {
        Process::start(self.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// What the stand-in counted, for all agencies.
    pub(crate) fn submissions(&self) -> Vec<Value> {
        self.json(&["sandbox", "submissions"])["submissions"].as_array().unwrap().clone()
    }

    /// Received and accepted for a job, over all agencies of this place.
    pub(crate) fn counted(&self, job: &str) -> (i64, i64) {
        let all = self.submissions();
        let rows = all.iter().filter(|row| row["jobId"] == job);
        rows.fold((0, 0), |(received, accepted), row| {
            (received + row["received"].as_i64().unwrap(), accepted + row["accepted"].as_i64().unwrap())
        })
    }

    pub(crate) fn assert_clean_ledger(&self) {
        let report = self.json(&["ledger", "verify"]);
        assert_eq!(report["ok"], true, "{report}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if is_postgres() {
            apart(|| self.forget_copy());
        }
    }
}

impl Process {
    /// Starts it and waits for its ready line. Its log goes to the test's own stderr.
    pub(crate) fn start(command: Command) -> Self {
        let mut process = Self::spawn(command);
        let begun = Instant::now();
        assert!(process.is_ready() && begun.elapsed() < START_WAIT, "no ready line: {:?}", process.url);
        process
    }

    /// Starts it; it is not ready yet.
    pub(crate) fn spawn(mut command: Command) -> Self {
        Self::spawn_with(&mut command)
    }

    pub(crate) fn spawn_with(command: &mut Command) -> Self {
        Self { child: command.stdout(Stdio::piped()).spawn().unwrap(), url: String::new() }
    }

    /// Waits for its ready line; false if it ended without one.
    pub(crate) fn is_ready(&mut self) -> bool {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.url = line.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        self.url.starts_with("http://")
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; answers the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }

    pub(crate) fn call(&self, method: &str, path: &str, key: &str, body: Option<&str>) -> Reply {
        self.call_with(method, path, &[("x-api-key", key)], body.map(str::as_bytes))
    }

    pub(crate) fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Reply {
        try_call(&self.url, method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(crate) fn apply(&self, account: &Account, job: &str) -> Reply {
        let body = serde_json::json!({"jobId": job, "coverLetter": "Hello from a test."}).to_string();
        self.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body))
    }

    pub(crate) fn status(&self, account: &Account, queue_id: &str) -> Value {
        self.call("GET", &format!("/api/auto-apply-v2/status?queueId={queue_id}"), &account.key, None).json()
    }

    /// Polls until terminal, as any client does.
    pub(crate) fn ended(&self, account: &Account, queue_id: &str, within: Duration) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status(account, queue_id);
            if status["applicationStatus"] != "processing" {
                return status;
            }
            assert!(begun.elapsed() < within, "not terminal within {within:?}: {status}");
            std::thread::sleep(POLL);
        }
    }
}

/// Between two polls; the poller's own rhythm, not a wait for luck.
pub(crate) const POLL: Duration = Duration::from_millis(50);

impl Drop for Process {
    fn drop(&mut self) {
        // Stopped already, most often.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    }

    pub(crate) fn queue_id(&self) -> String {
        self.json()["queueId"].as_str().unwrap_or_else(|| panic!("no queueId: {self:?}")).to_owned()
    }
}

/// One request on a connection of its own; an error when the server goes away.
pub(crate) fn try_call(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> std::io::Result<Reply> {
    let mut stream = connect(base)?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(body) = body {
        head += &format!("content-length: {}\r\n", body.len());
    }
    stream.write_all(&[head.as_bytes(), b"\r\n", body.unwrap_or_default()].concat())?;
    let reply = read_reply(&mut stream)?;
    // A server that is killed may break off in the middle; HEAD has no body whatever its length says.
    let length = reply.header("content-length").and_then(|length| length.parse().ok());
    if method != "HEAD" && length.is_some_and(|length: usize| reply.body.len() < length) {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, format!("broken off: {reply:?}")));
    }
    Ok(reply)
}

pub(crate) fn connect(base: &str) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(base.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(Duration::from_secs(70)))?;
    Ok(stream)
}

/// Reads until the server closes.
pub(crate) fn read_reply(stream: &mut TcpStream) -> std::io::Result<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let broken =
        || std::io::Error::new(std::io::ErrorKind::UnexpectedEof, format!("no whole answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
    Ok(Reply { status, head: head.to_owned(), body: body.to_owned() })
}

/// The ciphertext of a published job.
pub(crate) fn job(number: u16) -> String {
    format!("~02900000000000000{number:04}")
}
