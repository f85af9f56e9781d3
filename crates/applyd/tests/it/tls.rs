//! The way to a PostgreSQL that lets in only who has TLS and the password. PostgreSQL only.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::cluster::{Server, until};
use crate::harness::{Place, Process, is_postgres, job};
use crate::network::Network;

/// As it stands in a URL, and as the server knows it.
const PASSWORD: [&str; 2] = ["gl%C3%BCck%2F7-auf", "glück/7-auf"];
const WRONG: &str = "pech-gehabt";
const ADMITTED: &str = "hostssl applyd applyd 0.0.0.0/0 scram-sha-256\n";
const DAYS: &str = "2";

/// An authority of the test's own, and what it has signed.
struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new(folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let authority = Self { folder };
        let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let name = format!("/CN={}", authority.folder.file_name().unwrap().display());
        let named = ["-subj", &name, "-days", DAYS, "-keyout", "ca.key", "-out", "ca.pem"];
        authority.openssl(&[&new[..], &named].concat());
        authority
    }

    /// Key and certificate of the server at this address.
    fn sign(&self, address: &str) -> [Vec<u8>; 2] {
        std::fs::write(self.folder.join("names"), format!("subjectAltName=IP:{address}\n")).unwrap();
        let new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let named = ["-subj", "/CN=database", "-keyout", "server.key", "-out", "server.csr"];
        self.openssl(&[&new[..], &named].concat());
        let by =
            ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        self.openssl(&[&by[..], &["-days", DAYS, "-extfile", "names", "-out", "server.crt"]].concat());
        ["server.key", "server.crt"].map(|name| std::fs::read(self.folder.join(name)).unwrap())
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).current_dir(&self.folder).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Lets in only this user, by TLS and a password.
fn close(server: &Server, authority: &Authority) {
    let mut client = server.client();
    let made = format!("CREATE ROLE applyd LOGIN PASSWORD '{}'", PASSWORD[1]);
    client.batch_execute(&made).unwrap();
    client.batch_execute("ALTER DATABASE applyd OWNER TO applyd").unwrap();
    let [key, certificate] = authority.sign(&server.host.address);
    server.keep("server.key", &key);
    server.keep("server.crt", &certificate);
    server.keep("pg_hba.conf", ADMITTED.as_bytes());
    client.batch_execute("ALTER SYSTEM SET ssl = on").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    until("TLS", || client.query_one("SHOW ssl", &[]).unwrap().get::<_, String>(0) == "on");
}

/// Whom the program trusts, and what it says it is.
fn command(place: &Place, trusted: &Path, url: &str, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("APPLYD_DATABASE", url).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    command.env("RUST_LOG", "debug");
    command
}

fn heard(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|told| String::from_utf8_lossy(told).into_owned());
    let all = format!("{out}{err}");
    for secret in [PASSWORD[0], PASSWORD[1], WRONG] {
        assert!(!all.contains(secret), "the password was told: {all}");
    }
    all
}

#[test]
fn a_server_is_reached_by_tls_and_a_password_and_refused_where_either_is_wrong() {
    if !is_postgres() {
        return;
    }
    let network = Network::loopback();
    let server = Server::primary(network.hosts()[0].clone());
    let mut place = Place::fast();
    let (ours, other) = (Authority::new(place.path("ours")), Authority::new(place.path("other")));
    close(&server, &ours);
    let url = |password: &str, host: &str, mode: &str| {
        format!("postgres://applyd:{password}@{host}:{}/applyd?sslmode={mode}", server.host.port)
    };
    let address = server.host.address.as_str();
    let right = url(PASSWORD[0], address, "require");
    let [trusted, untrusted] = [&ours, &other].map(Authority::certificate);
    let refused = |trusted: &Path, url: &str, said: &str| {
        let output = command(&place, trusted, url, &["migrate"]).output().unwrap();
        let told = heard(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
        let line = told.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains(said) && line.contains(&server.host.port.to_string()), "{said}: {line}");
    };
    refused(&untrusted, &right, "invalid peer certificate: UnknownIssuer");
    refused(&trusted, &url(PASSWORD[0], "localhost", "require"), "not valid for name");
    refused(&trusted, &url(WRONG, address, "require"), "password authentication failed");
    refused(&trusted, &url(PASSWORD[0], address, "disable"), "no pg_hba.conf entry");
    // Nothing says `require`: what is offered is taken, and proven as well.
    refused(&untrusted, &url(PASSWORD[0], address, "prefer"), "invalid peer certificate: UnknownIssuer");
    let migrated = command(&place, &trusted, &right, &["migrate", "--json"]).output().unwrap();
    let told = heard(&migrated);
    assert!(migrated.status.success(), "{told}");

    place.set("APPLYD_DATABASE", &right);
    place.set("SSL_CERT_FILE", trusted.to_str().unwrap());
    let _sandbox = place.sandbox();
    let log = place.path("log");
    let mut serve = command(&place, &trusted, &right, &["serve", "--listen", "127.0.0.1:0"]);
    serve.stderr(std::fs::File::create(&log).unwrap());
    let node = Process::start(serve);
    let account = place.account("agency", 9);
    let id = node.apply(&account, &job(1)).queue_id();
    let ended = node.ended(&account, &id, std::time::Duration::from_secs(20));
    assert_eq!((ended["applicationStatus"].as_str(), place.counted(&job(1))), (Some("applied"), (1, 1)));
    assert_eq!(node.stop(), Some(0));
    let log = std::fs::read(log).unwrap();
    assert!(log.len() > 100, "its log is looked at");
    heard(&Output { stderr: log, ..migrated });
}
