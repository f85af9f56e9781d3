//! PostgreSQL servers of a test's own, which may be killed: a primary and its synchronous standby.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::harness::POLL;
use crate::network::{Host, Network};

const WAIT: Duration = Duration::from_secs(60);
/// The name that a primary waits for at each commit.
const STANDBY: &str = "standby";
const SETTINGS: &str = "
listen_addresses = '*'
unix_socket_directories = ''
cluster_name = 'standby'
max_connections = 80
shared_buffers = 32MB
synchronous_commit = on
# Power cuts are not what is drilled.
fsync = off
";
const EVERYBODY: &str = "
host all all 0.0.0.0/0 trust
host replication all 0.0.0.0/0 trust
";

/// One server; it is killed and its files go when it goes out of scope.
pub(crate) struct Server {
    pub(crate) host: Host,
    folder: TempDir,
}

impl Server {
    /// A primary that waits for nobody.
    pub(crate) fn primary(host: Host) -> Self {
        let server = Self { host, folder: folder() };
        let options = ["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"];
        server.run("initdb", &[&["-D", &server.data()][..], &options].concat());
        server.append("postgresql.conf", SETTINGS);
        server.append("pg_hba.conf", EVERYBODY);
        server.start();
        server.client().batch_execute("CREATE DATABASE applyd").unwrap();
        server
    }

    /// A copy of this primary, which waits for it from now on at each commit.
    pub(crate) fn standby(&self, host: Host) -> Self {
        let standby = Self { host, folder: folder() };
        let primary = format!("host={} port={} user=postgres", self.host.address, self.host.port);
        let options = ["--no-sync", "--write-recovery-conf", "--checkpoint=fast"];
        standby.run("pg_basebackup", &[&["-D", &standby.data(), "-d", &primary][..], &options].concat());
        // Once promoted, it waits for nobody until it has a standby of its own.
        standby.append("postgresql.auto.conf", "synchronous_standby_names = ''\n");
        standby.start();
        self.wait_for_standby();
        standby
    }

    /// Waits at each commit for a standby, and until there is one.
    pub(crate) fn wait_for_standby(&self) {
        let mut client = self.client();
        client.batch_execute(&format!("ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")).unwrap();
        client.batch_execute("SELECT pg_reload_conf()").unwrap();
        until("a synchronous standby", || {
            let sync = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'";
            !client.query(sync, &[]).unwrap().is_empty()
        });
    }

    /// Starts it, also again.
    pub(crate) fn start(&self) {
        let log = self.folder.path().join("log");
        let port = format!("-p {}", self.host.port);
        self.run("pg_ctl", &["-D", &self.data(), "-l", log.to_str().unwrap(), "-o", &port, "-w", "start"]);
    }

    /// Makes a primary of it.
    pub(crate) fn promote(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-w", "promote"]);
    }

    /// SIGKILL for all its processes, and they are gone when this returns.
    pub(crate) fn kill(&self) {
        let Ok(told) = std::fs::read_to_string(self.folder.path().join("data/postmaster.pid")) else {
            return;
        };
        let postmaster = told.lines().next().unwrap().to_owned();
        // Stopped first, so that it makes no more of them.
        signal("STOP", &postmaster);
        for child in children(&postmaster) {
            signal("KILL", &child);
        }
        signal("KILL", &postmaster);
        until("the end of the server", || !is_alive(&postmaster));
        std::fs::remove_file(self.folder.path().join("data/postmaster.pid")).unwrap();
    }

    /// A connection past the program.
    pub(crate) fn client(&self) -> Client {
        let url = format!("postgres://postgres@{}:{}/postgres", self.host.address, self.host.port);
        Client::connect(&url, NoTls).unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// A connection to the program's database.
    pub(crate) fn database(&self) -> Client {
        Client::connect(&self.url(), NoTls).unwrap()
    }

    /// Of the program's database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@{}:{}/applyd", self.host.address, self.host.port)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    /// A file among its data that is its user's own and that nobody else reads.
    pub(crate) fn keep(&self, file: &str, bytes: &[u8]) {
        let path = self.folder.path().join("data").join(file);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        own(&path);
    }

    fn append(&self, file: &str, lines: &str) {
        let path = self.folder.path().join("data").join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, before + lines).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = self.host.command(&as_postgres(program));
        // What it starts would keep a pipe open.
        let heard = self.folder.path().join("heard");
        let file = std::fs::File::create(&heard).unwrap();
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.status().unwrap();
        let heard = std::fs::read_to_string(&heard).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {heard}\n{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The URL of the program's database on whichever of these is the primary.
pub(crate) fn url(network: &Network) -> String {
    let hosts = network.hosts().map(|host| format!("{}:{}", host.address, host.port));
    format!("postgres://postgres@{}/applyd", hosts.join(","))
}

/// A folder that the server's own user may write to.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    own(folder.path());
    folder
}

fn own(path: &Path) {
    if is_root() {
        let id = |flag| -> u32 {
            let told = Command::new("id").args([flag, "postgres"]).output().unwrap().stdout;
            String::from_utf8(told).unwrap().trim().parse().expect("no user postgres")
        };
        chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
    }
}

/// PostgreSQL does not run as root.
fn as_postgres(program: &str) -> Vec<String> {
    let path = program_path(program).to_str().unwrap().to_owned();
    if is_root() {
        let user = ["runuser", "-u", "postgres", "--"].map(str::to_owned);
        return user.into_iter().chain([path]).collect();
    }
    vec![path]
}

/// The newest that is installed; Debian keeps them beside the path.
fn program_path(program: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|version| version.path().join("bin").join(program)).collect();
    found.retain(|path| path.is_file());
    found.sort_by_key(|path| version_of(path));
    found.pop().unwrap_or_else(|| program.into())
}

fn version_of(program: &Path) -> u32 {
    let version = program.ancestors().nth(2).and_then(Path::file_name).and_then(|name| name.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn signal(name: &str, process: &str) {
    // It may have ended by itself.
    let _ = Command::new("kill").args(["-s", name, process]).stderr(Stdio::null()).status();
}

fn children(parent: &str) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().into_string().ok());
    all.filter(|process| stat(process).is_some_and(|(_, of)| of == parent)).collect()
}

/// A process without a father that waits for it stays as a zombie.
fn is_alive(process: &str) -> bool {
    stat(process).is_some_and(|(state, _)| state != "Z")
}

/// State and parent of a process.
fn stat(process: &str) -> Option<(String, String)> {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut words = told.rsplit_once(')')?.1.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()?))
}

pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < WAIT, "{what}: not within {WAIT:?}");
        std::thread::sleep(POLL);
    }
}
