//! Two hosts that can be cut off without a word: network namespaces, where those may be made, which takes root.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use crate::cluster::is_root;

const PORT: u16 = 5432;
/// Not a byte more comes in or goes out, and nobody is told so.
const SILENCE: &str = "
add table inet silence
add chain inet silence in { type filter hook input priority 0; policy drop; }
add chain inet silence out { type filter hook output priority 0; policy drop; }
";

/// Two hosts and the wires between them and this one.
pub(crate) struct Network {
    hosts: [Host; 2],
    /// The switch between them, as another namespace: rules of this machine do not hold in it.
    hub: Option<String>,
}

/// Where one server runs.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) address: String,
    pub(crate) port: u16,
    namespace: Option<String>,
}

impl Network {
    /// With namespaces where they may be made; elsewhere both hosts are this one, and cannot be cut off.
    pub(crate) fn make() -> Self {
        if !may_make_namespaces() {
            println!("not root, or without ip and nft: no host can be cut off here");
            return Self::loopback();
        }
        let process = std::process::id();
        let name = |of: &str| format!("applyd-{process}-{of}");
        let net = format!("10.{}.{}", 128 + (process >> 8) % 64, process & 255);
        let host = |n: u8| Host {
            address: format!("{net}.{}", n + 1),
            port: PORT,
            namespace: Some(name(&n.to_string())),
        };
        let network = Self { hosts: [host(0), host(1)], hub: Some(name("hub")) };
        network.wire(&format!("applyd{process}"), &net);
        network
    }

    /// Both hosts are this one.
    pub(crate) fn loopback() -> Self {
        Self { hosts: [loopback(), loopback()], hub: None }
    }

    fn wire(&self, here: &str, net: &str) {
        let hub = self.hub.as_deref().unwrap();
        must(&["netns", "add", hub]);
        must(&["-n", hub, "link", "add", "switch", "type", "bridge"]);
        must(&["-n", hub, "link", "set", "switch", "up"]);
        must(&["link", "add", here, "type", "veth", "peer", "name", "here", "netns", hub]);
        must(&["address", "add", &format!("{net}.254/24"), "dev", here]);
        must(&["link", "set", here, "up"]);
        plug(hub, "here");
        for (n, host) in self.hosts.iter().enumerate() {
            let (namespace, end) = (host.namespace.as_deref().unwrap(), format!("host{n}"));
            must(&["netns", "add", namespace]);
            must(&[
                "-n", hub, "link", "add", &end, "type", "veth", "peer", "name", "wire", "netns", namespace,
            ]);
            must(&["-n", namespace, "address", "add", &format!("{}/24", host.address), "dev", "wire"]);
            must(&["-n", namespace, "link", "set", "wire", "up"]);
            must(&["-n", namespace, "link", "set", "lo", "up"]);
            plug(hub, &end);
        }
    }

    pub(crate) fn hosts(&self) -> [&Host; 2] {
        [&self.hosts[0], &self.hosts[1]]
    }

    /// Whether a host can be cut off.
    pub(crate) fn has_namespaces(&self) -> bool {
        self.hub.is_some()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let namespaces = self.hosts.iter().filter_map(|host| host.namespace.as_deref());
        for namespace in namespaces.chain(self.hub.as_deref()) {
            // One that was not made is not there; with the hub goes this machine's end of its wire.
            let _ = ip(&["netns", "delete", namespace]);
        }
    }
}

impl Host {
    /// A program that runs on it.
    pub(crate) fn command(&self, program: &[String]) -> Command {
        let Some(namespace) = &self.namespace else {
            let mut command = Command::new(&program[0]);
            command.args(&program[1..]);
            return command;
        };
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).args(program);
        command
    }

    /// From now on the network swallows whatever it sends and whatever is sent to it.
    pub(crate) fn cut_off(&self) {
        for line in SILENCE.trim().lines() {
            self.nft(line);
        }
    }

    pub(crate) fn connect(&self) {
        self.nft("delete table inet silence");
    }

    fn nft(&self, rule: &str) {
        let output = self.command(&["nft".to_owned(), rule.to_owned()]).output().unwrap();
        assert!(output.status.success(), "{rule}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A free port of an address from which no connection goes out.
fn loopback() -> Host {
    let listener = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = listener.local_addr().unwrap();
    Host { address: address.ip().to_string(), port: address.port(), namespace: None }
}

fn may_make_namespaces() -> bool {
    let has = |program, flag| Command::new(program).arg(flag).stdout(Stdio::null()).status().is_ok();
    if !is_root() || !has("nft", "--version") || !has("ip", "-Version") {
        return false;
    }
    // Root in a container may not.
    let trial = format!("applyd-{}-trial", std::process::id());
    let is_made = ip(&["netns", "add", &trial]).status.success();
    is_made && ip(&["netns", "delete", &trial]).status.success()
}

fn plug(hub: &str, end: &str) {
    must(&["-n", hub, "link", "set", end, "master", "switch"]);
    must(&["-n", hub, "link", "set", end, "up"]);
}

fn must(arguments: &[&str]) {
    let output = ip(arguments);
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn ip(arguments: &[&str]) -> Output {
    Command::new("ip").args(arguments).output().unwrap()
}
