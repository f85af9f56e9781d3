//! A PostgreSQL of the tests' own with a PgBouncer in front of it; both end with it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::run::{answer, command, quietly};

/// Where Debian has the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Neither runs as root.
const USER: &str = "postgres";
const START_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=256MB",
];
/// Nothing outlives the tests, so nothing waits for a disk.
const OF_TESTS: &[&str] = &["fsync=off", "full_page_writes=off"];

/// The servers, in a folder that goes with them.
pub(crate) struct Postgres {
    folder: PathBuf,
    server: Child,
    bouncer: Option<Child>,
    port: u16,
    bouncer_port: u16,
}

impl Postgres {
    /// Makes a cluster for the tests and starts it, with a PgBouncer in front.
    ///
    /// # Errors
    /// A program is missing, or does not start.
    pub(crate) fn start() -> Result<Self> {
        let mut started = Self::start_with(OF_TESTS)?;
        started.bounce(owner()?)?;
        Ok(started)
    }

    /// Makes one that is as durable as an operator's.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn durable() -> Result<Self> {
        Self::start_with(&[])
    }

    fn start_with(settings: &[&str]) -> Result<Self> {
        let (port, bouncer_port) = (free_port()?, free_port()?);
        let folder = std::env::temp_dir().join(format!("applyd-postgres-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let owner = owner()?;
        if let Some((user, group)) = owner {
            chown(&folder, Some(user), Some(group))?;
        }
        let data = folder.join("data");
        let mut init = as_owner(&program("initdb"), owner);
        init.args([
            "--auth=trust",
            "--username=postgres",
            "--locale=C",
            "--encoding=UTF8",
            "--no-sync",
            "-D",
        ]);
        answer(init.arg(&data)).context("initdb cannot make a cluster")?;
        let mut server = as_owner(&program("postgres"), owner);
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in SETTINGS.iter().chain(settings) {
            server.args(["-c", setting]);
        }
        let server = spawn(&mut server, &folder.join("postgres.log"))?;
        let mut started = Self { folder, server, bouncer: None, port, bouncer_port };
        started.answers(port)?;
        Ok(started)
    }

    /// Transactions in turn on few connections.
    fn bounce(&mut self, owner: Option<(u32, u32)>) -> Result<()> {
        let settings = self.folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 500\n",
            self.port, self.bouncer_port
        );
        fs::write(&settings, text)?;
        let mut bouncer = as_owner(&pgbouncer(), owner);
        self.bouncer = Some(spawn(bouncer.arg(settings), &self.folder.join("pgbouncer.log"))?);
        self.answers(self.bouncer_port)
    }

    fn answers(&mut self, port: u16) -> Result<()> {
        let begun = Instant::now();
        let port = port.to_string();
        let mut asked = command(program("pg_isready"));
        asked.args(["-q", "-h", "127.0.0.1", "-d", "postgres", "-p", &port]);
        while quietly(&mut asked).is_none() {
            for (child, log) in std::iter::once((&mut self.server, "postgres.log"))
                .chain(self.bouncer.as_mut().map(|bouncer| (bouncer, "pgbouncer.log")))
            {
                if child.try_wait()?.is_some() || begun.elapsed() > START_WAIT {
                    bail!("it does not start:\n{}", fs::read_to_string(self.folder.join(log))?);
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Its process, whose children do the work.
    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// The address of a database of the cluster.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// One of the programs that come with it, as a client of the cluster.
    pub(crate) fn client(&self, name: &str) -> Command {
        let mut client = command(program(name));
        client.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        client
    }

    /// Tells the tests where the servers are.
    pub(crate) fn tell(&self, tests: &mut Command) {
        let url = |port| format!("postgres://postgres@127.0.0.1:{port}/postgres");
        tests.env("APPLYD_TEST_POSTGRES", url(self.port));
        tests.env("APPLYD_TEST_PGBOUNCER", url(self.bouncer_port));
    }
}

/// SIGQUIT: at once, and children too. A Ctrl-C reaches them by itself.
impl Drop for Postgres {
    fn drop(&mut self) {
        for child in self.bouncer.iter_mut().chain([&mut self.server]) {
            drop(quietly(command("kill").args(["-s", "QUIT", &child.id().to_string()])));
            drop(child.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// Whether both are installed.
pub(crate) fn is_installed() -> [bool; 2] {
    [program("initdb"), pgbouncer()].map(|program| quietly(command(program).arg("--version")).is_some())
}

/// Of the newest version that Debian has here, else by the search path.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists());
    found.max().unwrap_or_else(|| name.into())
}

/// Not everybody has Debian's folder in the search path.
fn pgbouncer() -> PathBuf {
    let debian = Path::new("/usr/sbin/pgbouncer");
    if debian.exists() { debian.to_owned() } else { "pgbouncer".into() }
}

/// User and group to become, where we are root.
fn owner() -> Result<Option<(u32, u32)>> {
    let id = |args: &[&str]| quietly(command("id").args(args))?.trim().parse::<u32>().ok();
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    let ids = id(&["-u", USER]).zip(id(&["-g", USER]));
    Ok(Some(ids.with_context(|| format!("there is no user {USER}"))?))
}

fn as_owner(program: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = command(program);
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command.current_dir(std::env::temp_dir());
    command
}

fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    let log = fs::File::create(log)?;
    let program = command.get_program().display().to_string();
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {program}"))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answer_and_leave_nothing_behind() {
        let postgres = Postgres::start().unwrap_or_else(|error| panic!("{error:#}"));
        let (folder, ports) = (postgres.folder.clone(), [postgres.port, postgres.bouncer_port]);
        let asked = |port: u16| {
            let address = format!("host=127.0.0.1 user=postgres dbname=postgres port={port}");
            quietly(command(program("psql")).args(["-Atc", "SHOW server_encoding", "-d", &address]))
        };
        assert_eq!(
            ports.map(asked).map(|told| told.map(|told| told.trim().to_owned())),
            ["UTF8", "UTF8"].map(|told| Some(told.to_owned()))
        );
        drop(postgres);
        assert_eq!(ports.map(asked), [None, None]);
        assert!(!folder.exists());
    }
}
