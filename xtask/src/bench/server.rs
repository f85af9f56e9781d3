//! A server to be measured, in a folder of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::run::{answer, command, root};

const CREDITS: &str = "1000000";
/// Admission by time must not end a load: nothing is worked on while it runs.
const ADMITS_ALL: (&str, &str) = ("APPLYD_TIMING__ASSUMED", "1ms");

/// Limits are what keeps a load away.
const UNLIMITED: (&str, &str) = ("APPLYD_RATE_LIMITS", "off");

/// Killed when it goes out of scope.
pub(super) struct Server {
    child: Child,
    /// From its ready line.
    pub(super) url: String,
    place: PathBuf,
    settings: Vec<(String, String)>,
}

impl Server {
    /// `applyd serve` on a fresh store.
    pub(super) fn start(place: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        std::fs::create_dir_all(place)?;
        let mut serve = applyd(place);
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(settings.iter().copied())
            .envs([ADMITS_ALL, UNLIMITED]);
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut server = Self::spawn(serve, place)?;
        server.settings = settings.iter().map(owned).collect();
        Ok(server)
    }

    /// The stand-in marketplace as a process of its own, which answers at once.
    pub(super) fn sandbox(place: &Path) -> Result<Self> {
        std::fs::create_dir_all(place)?;
        let mut sandbox = applyd(place);
        sandbox.args(["sandbox", "--listen", "127.0.0.1:0"]);
        sandbox.envs([("APPLYD_SANDBOX__SETTLE_LATENCY", "0s"), ("APPLYD_SANDBOX__READ_LATENCY", "0s")]);
        Self::spawn(sandbox, place)
    }

    /// One of the examples of the crate `applyd`.
    pub(super) fn example(name: &str, place: &Path, arguments: &[&str]) -> Result<Self> {
        let mut example = command(root().join("target/release/examples").join(name));
        example.args(arguments);
        Self::spawn(example, place)
    }

    fn spawn(mut command: Command, place: &Path) -> Result<Self> {
        let log = std::fs::File::create(place.join("server.log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let stdout = child.stdout.take().context("a server's stdout")?;
        let mut server = Self { child, url: String::new(), place: place.to_owned(), settings: Vec::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().rsplit(' ').next().filter(|url| url.starts_with("http://"));
        server.url = url.with_context(|| format!("no ready line, see {}", place.display()))?.to_owned();
        Ok(server)
    }

    /// Brings up the schema of a database on a server.
    pub(super) fn migrate(database: &str) -> Result<()> {
        let mut migrate = applyd(&root());
        answer(migrate.args(["migrate", "--database", database])).context("migrate").map(drop)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// API keys of new accounts.
    pub(super) fn keys(&self, accounts: usize) -> Result<Vec<String>> {
        (0..accounts)
            .map(|number| {
                let name = format!("bench-{number}");
                let mut create = applyd(&self.place);
                create.args(["account", "create", &name, "--credits", CREDITS, "--json"]);
                create.envs(self.settings.iter().cloned());
                let made = answer(&mut create).context("account create")?;
                Ok(member(&made, "apiKey")?.to_owned())
            })
            .collect()
    }

    /// Writes the keys for the load generator.
    pub(super) fn keys_file(&self, keys: &[String], name: &str) -> Result<String> {
        self.file(name, &keys.join("\n"))
    }

    /// Applies so often, keys in turn; answers a file of lines "key queueId".
    pub(super) fn apply_some(&self, keys: &[String], times: usize) -> Result<String> {
        let lines = self.apply_one_by_one(keys, times, Duration::ZERO)?;
        self.file("ids.txt", &lines.join("\n"))
    }

    /// The same with a pause after each, answering the lines.
    pub(super) fn apply_one_by_one(
        &self,
        keys: &[String],
        times: usize,
        pause: Duration,
    ) -> Result<Vec<String>> {
        self.apply_from(keys, 0, times, pause)
    }

    /// The same for the jobs from this number on.
    pub(super) fn apply_from(
        &self,
        keys: &[String],
        first: usize,
        times: usize,
        pause: Duration,
    ) -> Result<Vec<String>> {
        let mut stream = self.connect()?;
        (first..first + times)
            .map(|number| {
                let key = &keys[number % keys.len()];
                let id = apply(&mut stream, key, number)?;
                std::thread::sleep(pause);
                Ok(format!("{key} {id}"))
            })
            .collect()
    }

    /// One application on a connection of its own; answers its id.
    pub(super) fn apply_to(&self, key: &str, number: usize) -> Result<String> {
        apply(&mut self.connect()?, key, number)
    }

    /// Makes a webhook for an account.
    pub(super) fn webhook(&self, account: &str, url: &str) -> Result<()> {
        let mut create = applyd(&self.place);
        create.args(["webhook", "create", account, url, "--json"]).envs(self.settings.iter().cloned());
        answer(&mut create).context("webhook create").map(drop)
    }

    /// Sends a request on a connection of its own, whose answer is the caller's to read.
    pub(super) fn ask(&self, request: &str) -> Result<BufReader<TcpStream>> {
        let mut stream = self.connect()?;
        stream.get_mut().write_all(request.as_bytes())?;
        Ok(stream)
    }

    /// The body of one status answer.
    pub(super) fn status_body(&self, ids: &str) -> Result<String> {
        let lines = std::fs::read_to_string(ids)?;
        let (key, id) = lines.lines().next().and_then(|line| line.split_once(' ')).context("no ids")?;
        call(&mut self.connect()?, "GET", &format!("/api/auto-apply-v2/status?queueId={id}"), key, "")
    }

    /// Any answer at all.
    pub(super) fn first_answer(&self) -> Result<()> {
        call(&mut self.connect()?, "GET", "/healthz", "none", "").map(drop)
    }

    fn file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.place.join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    fn connect(&self) -> Result<BufReader<TcpStream>> {
        Ok(BufReader::new(TcpStream::connect(self.url.trim_start_matches("http://"))?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already: then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Proportional set size of a process.
pub(super) fn pss_mib(pid: u32) -> Result<f64> {
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = smaps.lines().find(|line| line.starts_with("Pss:")).context("no Pss")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no Pss")?.parse()?;
    Ok(kib / 1024.0)
}

/// Processor time of a process and of its children, those that have ended too.
pub(super) fn processor_ms(pid: u32) -> Result<f64> {
    const TICK_MS: f64 = 10.0;
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(of) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name, which may have anything in it: state, parent, and from the twelfth on the times.
        let fields: Vec<&str> = stat.rsplit_once(") ").context("stat")?.1.split(' ').collect();
        let number =
            |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        if of == pid {
            ticks += number(11) + number(12) + number(13) + number(14);
        } else if number(1) == u64::from(pid) {
            ticks += number(11) + number(12);
        }
    }
    Ok(ticks as f64 * TICK_MS)
}

fn applyd(place: &Path) -> Command {
    let mut applyd = command(root().join("target/release/applyd"));
    applyd.current_dir(place);
    applyd
}

/// A string member of a flat JSON object of our own making.
fn member<'a>(json: &'a str, name: &str) -> Result<&'a str> {
    let found = json.split(&format!("\"{name}\":\"")).nth(1).and_then(|rest| rest.split('"').next());
    found.with_context(|| format!("no `{name}` in {json}"))
}

/// An application for the job of this number; answers its id.
fn apply(stream: &mut BufReader<TcpStream>, key: &str, number: usize) -> Result<String> {
    let body = format!(r#"{{"jobId":"~0221{number:017}","coverLetter":"Hello"}}"#);
    let answer = call(stream, "POST", "/api/auto-apply-v2/apply", key, &body)?;
    Ok(member(&answer, "queueId")?.to_owned())
}

/// One request on a connection that stays open.
fn call(
    stream: &mut BufReader<TcpStream>,
    method: &str,
    path: &str,
    key: &str,
    body: &str,
) -> Result<String> {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nx-api-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.get_mut().write_all(request.as_bytes())?;
    let (mut length, mut line, mut first) = (0, String::new(), true);
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let text = line.trim().to_lowercase();
        if std::mem::take(&mut first) && !text.contains(" 200 ") {
            bail!("{method} {path}: {text}");
        }
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body)?)
}
