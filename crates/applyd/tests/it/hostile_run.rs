//! Thousands of applications on a hostile site, the server killed meanwhile; the stand-in, which judges, lives on.

mod caller;
mod judge;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Account, Place, Process};
use caller::{Caller, Course, Wire};
use judge::{Counted, Evidence, code, judge};

/// Draws what the callers do and what goes wrong at the site; `APPLYD_TEST_SEED` sets another.
const SEED: u64 = 20_261_125;
const APPLICATIONS: usize = 2_000;
/// With `APPLYD_TEST_LONG`.
const LONG_APPLICATIONS: usize = 20_000;
/// Jobs that hold their account until the deadline, each on accounts of its own.
const HOLDING: [u16; 3] = [12, 17, 18];
const CREDITS: u32 = 100_000;
/// After the last is applied for: the deadline, the correction, and a busy machine.
const REST_WITHIN: Duration = Duration::from_secs(60);

/// Short, but for what a hostile site needs time for.
const TIMING: &[(&str, &str)] = &[
    ("APPLYD_SANDBOX__SETTLE_LATENCY", "0ms..20ms"),
    ("APPLYD_TIMING__INTENT_CUTOFF", "15s"),
    ("APPLYD_TIMING__DEADLINE", "20s"),
    ("APPLYD_TIMING__ANSWER_BY", "2s"),
    ("APPLYD_TIMING__READ_TIMEOUT", "2s"),
];

/// One run, as it is set up.
struct Trial {
    seed: u64,
    applications: usize,
    accounts: usize,
    /// Accounts for each of the jobs that hold theirs.
    holding: usize,
    /// What the site does to calls: `applyd sandbox --hostile`.
    hostility: &'static str,
    /// The server is killed after so many more have come to rest.
    life: usize,
    drain: &'static str,
}

/// A run under way.
struct Run {
    place: Place,
    wire: Arc<Wire>,
    kills: usize,
}

/// What became of it.
struct Verdict {
    /// Every rule that was broken.
    broken: Vec<String>,
    kills: usize,
    /// How many ended how.
    ends: BTreeMap<String, usize>,
    took: Duration,
    /// The end of the servers' log.
    log: String,
}

#[test]
fn a_hostile_site_never_gets_a_proposal_twice() {
    let seed = std::env::var("APPLYD_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let is_long = std::env::var_os("APPLYD_TEST_LONG").is_some();
    let applications = if is_long { LONG_APPLICATIONS } else { APPLICATIONS };
    println!("seed {seed}, {applications} applications");
    let verdict = Trial {
        seed,
        applications,
        accounts: 64,
        holding: 4,
        hostility: "calls=60,confirms=500,logins=250,tools=3,late_ms=2500,lag_ms=2000",
        life: 300,
        // Above what the stand-in promises (`lag_ms`), however busy the machine is.
        drain: "3s",
    }
    .run();
    let Verdict { broken, kills, ends, took, log } = verdict;
    let report = format!("{kills} kills, {took:?}, ends {ends:?}");
    let some = broken[..broken.len().min(30)].join("\n");
    assert!(broken.is_empty(), "seed {seed}\n{report}\n{} broken:\n{some}\n{log}", broken.len());
    // Only worth something if it was as hostile as it says, and the work was done all the same.
    let of = |end: &str| ends.get(end).copied().unwrap_or(0);
    assert_eq!(ends.values().sum::<usize>(), applications, "{report}");
    assert!(kills >= 3 && of("applied") * 2 > applications, "{report}");
    for end in
        ["refused", "not_submitted", "terms_changed", "already_applied", "upstream_changed", "logged_out"]
    {
        assert!(of(end) > 0, "nothing ended {end}: {report}");
    }
    println!("{report}");
}

/// The control: what is read at once after a doubt is read too early, as some proposals are stored late.
#[test]
fn without_the_drain_a_hostile_site_shows_the_fault() {
    let trial = Trial {
        seed: SEED,
        applications: 160,
        accounts: 8,
        holding: 0,
        hostility: "confirms=1000,lag_ms=8000",
        life: usize::MAX,
        drain: "0s",
    };
    let broken = trial.run().broken;
    assert!(broken.iter().any(|line| line.contains("1 proposals on the site and is told as")), "{broken:#?}");
}

impl Trial {
    fn run(&self) -> Verdict {
        let mut place = Place::fast();
        TIMING.iter().for_each(|(name, value)| place.set(name, value));
        place.set("APPLYD_TIMING__DRAIN", self.drain);
        let mut sandbox = place.command(&["sandbox", "--listen", "127.0.0.1:0", "--hostile"]);
        sandbox.arg(format!("seed={},{}", self.seed, self.hostility)).stderr(log(&place, "sandbox.log"));
        let sandbox = Process::start(sandbox);
        place.set("APPLYD_SANDBOX__ENDPOINT", &sandbox.url);
        let mut run = Run { place, wire: Arc::default(), kills: 0 };
        let callers = run.callers(self);
        let mut server = run.serve();
        let begun = Instant::now();
        let threads: Vec<_> =
            callers.into_iter().map(|caller| std::thread::spawn(move || caller.run())).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            if run.wire.rested() >= (run.kills + 1).saturating_mul(self.life) {
                server.kill();
                run.kills += 1;
                server = run.serve();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut callers: Vec<Caller> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        rest(&mut callers);
        let took = begun.elapsed();
        let evidence = run.evidence(&server, &callers);
        let mut broken = judge(&evidence);
        broken.extend(callers.iter().flat_map(|caller| caller.broken.clone()));
        run.place.assert_clean_ledger();
        assert_eq!(server.stop(), Some(0));
        Verdict { broken, kills: run.kills, ends: evidence.ends(), took, log: run.log() }
    }
}

impl Run {
    fn callers(&self, trial: &Trial) -> Vec<Caller> {
        let holding: Vec<Course> =
            HOLDING.iter().flat_map(|job| vec![Course::one(*job); trial.holding]).collect();
        let rest = trial.applications - holding.len();
        let shares =
            (0..trial.accounts).map(|n| rest / trial.accounts + usize::from(n < rest % trial.accounts));
        holding
            .into_iter()
            .chain(shares.map(Course::of))
            .enumerate()
            .map(|(n, course)| Caller::new(self.account(n), n, course, &self.wire, trial.seed))
            .collect()
    }

    /// Every account is made here: one with another approval policy would be, too.
    fn account(&self, n: usize) -> Account {
        self.place.account(&format!("agency {n}"), CREDITS)
    }

    fn serve(&self) -> Process {
        let mut command = self.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stderr(log(&self.place, "log"));
        let process = Process::start(command);
        self.wire.is_at(&process.url);
        process
    }

    fn evidence(&self, server: &Process, callers: &[Caller]) -> Evidence {
        let mut evidence = Evidence::default();
        let listed = self.place.json(&["account", "list"]);
        for caller in callers {
            caller.testify(server, &mut evidence);
            let id = &caller.account.id;
            let row =
                listed["accounts"].as_array().unwrap().iter().find(|row| row["accountId"] == id.as_str());
            let credits = &row.unwrap()["credits"];
            let of = |name: &str| credits[name].as_i64().unwrap();
            evidence.credits.insert(id.clone(), (of("available"), of("held"), of("spent")));
        }
        // Of all agencies, whoever they belong to.
        for row in self.place.submissions() {
            evidence.accepted_in_all += row["accepted"].as_u64().unwrap();
        }
        evidence
    }

    /// The end of the servers' log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.place.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

fn log(place: &Place, name: &str) -> std::fs::File {
    OpenOptions::new().create(true).append(true).open(place.path(name)).unwrap()
}

/// Until nothing changes any more. What does not come to rest is found by the judge.
fn rest(callers: &mut [Caller]) {
    let begun = Instant::now();
    while begun.elapsed() < REST_WITHIN {
        let waiting: usize = callers.iter_mut().map(Caller::read_open).sum();
        if waiting == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

impl Evidence {
    /// How many ended how.
    fn ends(&self) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for told in self.told.values() {
            let end = code(&told.status).unwrap_or("applied");
            *ends.entry(end.to_owned()).or_default() += 1;
        }
        ends
    }
}

fn counted_of(row: &Value) -> Counted {
    Counted {
        received: row["received"].as_u64().unwrap(),
        accepted: row["accepted"].as_u64().unwrap(),
        proposals: row["proposals"].as_array().unwrap().clone(),
    }
}
