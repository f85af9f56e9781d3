//! Three nodes behind HAProxy on one database: two that serve and one that only works.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::haproxy::Proxy;
use crate::harness::{Place, Process};
use crate::history::caller::{Caller, Lag, Wire};
use crate::history::judge::{Evidence, judge};
use crate::history::{evidence, rest};

pub(crate) const CREDITS: u32 = 100_000;
/// An address from which no connection goes out: the port of a node that is gone stays free.
const ADDRESS: &str = "127.0.0.2:0";
const LAST_LINES: usize = 60;

pub(crate) const NODES: [&str; 3] = ["a", "b", "c"];
pub(crate) const SERVERS: usize = 2;

pub(crate) struct Fleet {
    pub(crate) place: Place,
    /// Each is there but while it is dead.
    nodes: [Option<Process>; 3],
    urls: Vec<String>,
    pub(crate) proxy: Proxy,
    _sandbox: Process,
}

/// The callers of some accounts, each on a thread of its own.
pub(crate) struct Load {
    pub(crate) wire: Arc<Wire>,
    threads: Vec<JoinHandle<Caller>>,
    /// Others, that were driven by hand.
    pub(crate) others: Vec<Caller>,
}

impl Fleet {
    /// With the fast settings and these ones more.
    pub(crate) fn start(database: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_in(Place::fast(), database, settings)
    }

    pub(crate) fn start_in(mut place: Place, database: &str, settings: &[(&str, &str)]) -> Self {
        place.set("APPLYD_DATABASE", database);
        place.set("APPLYD_MASTER_KEY_FILE", place.path("master.key").to_str().unwrap());
        place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "0ms..60ms");
        place.set("APPLYD_SANDBOX__DATABASE", place.path("sandbox.db").to_str().unwrap());
        settings.iter().for_each(|(name, value)| place.set(name, value));
        place.json(&["migrate"]);
        let sandbox = place.sandbox();
        NODES.iter().for_each(|name| std::fs::create_dir(place.path(name)).unwrap());
        let mut nodes = [0, 1, 2].map(|n| Some(ready(node(&place, n, ADDRESS))));
        let urls: Vec<_> = nodes.iter_mut().flatten().map(|node| node.url.clone()).collect();
        let proxy = Proxy::start(&place, [&urls[0], &urls[1]]);
        (0..SERVERS).for_each(|n| proxy.sees(NODES[n], "UP"));
        Self { place, nodes, urls, proxy, _sandbox: sandbox }
    }

    /// So many accounts, and a caller for each.
    pub(crate) fn load(&self, accounts: u64, seed: u64, lag: Lag) -> Load {
        let wire = Arc::new(Wire::default());
        wire.is_at(&self.proxy.process.url);
        let callers: Vec<_> = (0..accounts)
            .map(|n| self.place.account(&format!("agency {n}"), CREDITS))
            .zip(0..)
            .map(|(account, n)| Caller::new(account, &wire, seed + n, lag))
            .collect();
        let threads = callers.into_iter().map(|caller| std::thread::spawn(move || caller.run())).collect();
        Load { wire, threads, others: Vec::new() }
    }

    pub(crate) fn node(&self, n: usize) -> &Process {
        self.nodes[n].as_ref().unwrap()
    }

    pub(crate) fn kill(&mut self, n: usize) {
        self.nodes[n].take().unwrap().kill();
    }

    /// By SIGTERM, which it must obey.
    pub(crate) fn stop(&mut self, n: usize) {
        let code = self.nodes[n].take().unwrap().stop();
        assert_eq!(code, Some(0), "{}\n{}", NODES[n], self.logs());
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self, n: usize) {
        self.nodes[n] = Some(ready(node(&self.place, n, self.urls[n].trim_start_matches("http://"))));
    }

    /// After all is over: everything comes to rest, and nothing about it is wrong.
    pub(crate) fn conclude(&self, load: Load, within: Duration) -> Evidence {
        let (evidence, broken) = self.judged(load, within);
        assert!(broken.is_empty(), "{}\n{}", broken.join("\n"), self.logs());
        self.place.assert_clean_ledger();
        evidence
    }

    /// What is known when everything rests, and each rule that it breaks.
    pub(crate) fn judged(&self, load: Load, within: Duration) -> (Evidence, Vec<String>) {
        load.wire.stop();
        let mut callers: Vec<_> = load.threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        callers.extend(load.others);
        rest(&mut callers, within);
        let evidence = evidence(&self.place, self.node(0), &callers, CREDITS, &self.witnesses());
        let mut broken = judge(&evidence);
        broken.extend(callers.iter().flat_map(|caller| caller.broken.clone()));
        let found_again: u32 = callers.iter().map(|caller| caller.found_again).sum();
        println!("{found_again} found again after a lost answer; {}", evidence.ends());
        (evidence, broken)
    }

    pub(crate) fn witnesses(&self) -> [PathBuf; 3] {
        NODES.map(|name| self.place.path(name).join("witness"))
    }

    /// The end of each node's log.
    pub(crate) fn logs(&self) -> String {
        let end = |name: &&str| {
            let log = std::fs::read_to_string(log(&self.place, name)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            format!("{name}:\n{}", lines[lines.len().saturating_sub(LAST_LINES)..].join("\n"))
        };
        NODES.iter().map(end).collect::<Vec<_>>().join("\n")
    }
}

fn node(place: &Place, n: usize, listen: &str) -> Process {
    let serve = ["serve", "--listen", listen];
    let mut command = place.command(if n < SERVERS { &serve } else { &["worker"] });
    let log = OpenOptions::new().create(true).append(true).open(log(place, NODES[n])).unwrap();
    command.current_dir(place.path(NODES[n])).env("APPLYD_WITNESS_FILE", "witness").stderr(log);
    Process::spawn(command)
}

/// A worker has no address to tell.
fn ready(mut node: Process) -> Process {
    let is_ready = node.is_ready() || node.url == "ready";
    assert!(is_ready, "no ready line: {:?}", node.url);
    node
}

fn log(place: &Place, name: &str) -> PathBuf {
    place.path(&format!("{name}.log"))
}
