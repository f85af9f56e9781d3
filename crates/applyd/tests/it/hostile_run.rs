//! Thousands of applications on a hostile site, the server killed meanwhile; the stand-in, which judges, lives on.

mod approvals;
mod caller;
mod judge;
mod operator;
mod person;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Place, Process, is_postgres};
use caller::{Caller, Course, Wire};
use judge::{Counted, Evidence, code, judge};
use operator::{Stop, operate};
use person::Person;

/// Draws what the callers do and what goes wrong at the site; `APPLYD_TEST_SEED` sets another.
const SEED: u64 = 20_261_125;
const APPLICATIONS: usize = 2_000;
const ACCOUNTS: usize = 64;
/// There each step is a dozen messages to another process, on the same few cores: fewer, and fewer at a time.
const POSTGRES_APPLICATIONS: usize = 1_000;
const POSTGRES_ACCOUNTS: usize = 20;
/// With `APPLYD_TEST_LONG`.
const LONG_APPLICATIONS: usize = 20_000;
/// Jobs that hold their account until the deadline, each on accounts of its own.
const HOLDING: [u16; 3] = [12, 17, 18];
const CREDITS: u32 = 100_000;
/// The calls of every so-many-th account are decisions, up to so many Connects: a boost may cost too much.
const BY_REQUEST: usize = 4;
const BY_REQUEST_CONNECTS: &str = "16";
/// Of those who decide where the caller's own decision is not enough.
const PERSONS: usize = 4;
/// After the last is applied for: the deadline, the correction, slow persons, and a busy machine.
const REST_WITHIN: Duration = Duration::from_secs(90);
/// By then people have had their time.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

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
    /// Accounts where a person decides, one for each, and how often that person must.
    asked: usize,
    asked_each: usize,
    /// What the site does to calls: `applyd sandbox --hostile`.
    hostility: &'static str,
    /// The server is killed after so many more have come to rest.
    life: usize,
    drain: &'static str,
}

/// A run under way.
struct Run {
    place: Arc<Place>,
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
    /// How many acts of which kind the audit has.
    acts: BTreeMap<String, usize>,
    stops: Vec<Stop>,
    took: Duration,
    /// The end of the servers' log.
    log: String,
}

#[test]
fn a_hostile_site_never_gets_a_proposal_twice() {
    let seed = std::env::var("APPLYD_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let is_long = std::env::var_os("APPLYD_TEST_LONG").is_some();
    let applications = match (is_long, is_postgres()) {
        (true, _) => LONG_APPLICATIONS,
        (false, true) => POSTGRES_APPLICATIONS,
        (false, false) => APPLICATIONS,
    };
    println!("seed {seed}, {applications} applications");
    let verdict = Trial {
        seed,
        applications,
        accounts: if is_postgres() { POSTGRES_ACCOUNTS } else { ACCOUNTS },
        holding: 4,
        asked: 4,
        asked_each: 10,
        hostility: "calls=60,confirms=500,logins=250,tools=5,late_ms=2500,lag_ms=2000,preview_ms=42000",
        life: 200,
        // Above what the stand-in promises (`lag_ms`), however busy the machine is.
        drain: "3s",
    }
    .run();
    let Verdict { broken, kills, ends, acts, stops, took, log } = verdict;
    let stopped = stops.len();
    let compact = stops.iter().filter(|stop| stop.account.is_some()).count();
    let report = format!(
        "{kills} kills, {stopped} stops ({compact} of one account), {took:?}, ends {ends:?}, acts {acts:?}"
    );
    let some = broken[..broken.len().min(30)].join("\n");
    assert!(broken.is_empty(), "seed {seed}\n{report}\n{} broken:\n{some}\n{log}", broken.len());
    // Only worth something if it was as hostile as it says, and the work was done all the same.
    let of = |end: &str| ends.get(end).copied().unwrap_or(0);
    assert_eq!(ends.values().sum::<usize>(), applications, "{report}");
    assert!(kills >= 3 && of("applied") * 2 > applications, "{report}");
    for end in
        ["refused", "not_submitted", "terms_changed", "already_applied", "upstream_changed", "logged_out"]
            .into_iter()
            .chain(["approval_denied", "connects_cap"])
    {
        assert!(of(end) > 0, "nothing ended {end}: {report}");
    }
    // Persons were asked and gave their word, and the guard has stopped all, and agreed, it went on.
    for act in ["shown", "approved", "declined", "by_request", "approval_needed"] {
        assert!(acts.contains_key(act), "nothing was {act}: {report}");
    }
    assert!(compact > 0 && stopped > compact && log.contains("tools have changed"), "{report}");
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
        asked: 0,
        asked_each: 0,
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
        let mut run = Run { place: Arc::new(place), wire: Arc::default(), kills: 0 };
        let callers = run.callers(self);
        let persons = run.persons(&callers, self.seed);
        let (place, wire) = (Arc::clone(&run.place), Arc::clone(&run.wire));
        let operator = std::thread::spawn(move || operate(&place, &wire));
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
        rest(&mut callers, &run.wire);
        let took = begun.elapsed();
        let gone = server.child.try_wait().unwrap();
        assert!(gone.is_none(), "the server has ended by itself: {gone:?}\n{}", run.log());
        run.wire.end();
        let stops = operator.join().unwrap();
        let of_persons: Vec<String> = persons.into_iter().flat_map(|person| person.join().unwrap()).collect();
        let evidence = Evidence { stops: stops.clone(), ..run.evidence(&server, &callers) };
        let mut broken = judge(&evidence);
        broken.extend(callers.iter().flat_map(|caller| caller.broken.clone()).chain(of_persons));
        run.place.assert_clean_ledger();
        assert_eq!(server.stop(), Some(0));
        let (ends, acts) = (evidence.ends(), evidence.acts());
        Verdict { broken, kills: run.kills, ends, acts, stops, took, log: run.log() }
    }
}

impl Run {
    fn callers(&self, trial: &Trial) -> Vec<Caller> {
        let holding: Vec<Course> =
            HOLDING.iter().flat_map(|job| vec![Course::one(*job); trial.holding]).collect();
        let rest = trial.applications - holding.len() - trial.asked * trial.asked_each;
        let shares =
            (0..trial.accounts).map(|n| rest / trial.accounts + usize::from(n < rest % trial.accounts));
        let courses = holding.into_iter().chain(shares.map(Course::of));
        let mut callers: Vec<Caller> = courses.enumerate().map(|(n, of)| self.caller(n, of, trial)).collect();
        for caller in callers.iter_mut().step_by(BY_REQUEST).filter(|_| trial.asked > 0) {
            caller.is_governed = true;
            self.allow_by_request(&caller.account.id);
        }
        for n in callers.len()..callers.len() + trial.asked {
            let mut caller = self.caller(n, Course::of(trial.asked_each), trial);
            (caller.is_governed, caller.is_asked) = (true, true);
            self.place.json(&["account", "approval", &caller.account.id, "--policy", "required"]);
            callers.push(caller);
        }
        callers
    }

    fn caller(&self, n: usize, course: Course, trial: &Trial) -> Caller {
        let account = self.place.account(&format!("agency {n}"), CREDITS);
        Caller::new(account, n, course, &self.wire, trial.seed)
    }

    fn allow_by_request(&self, account: &str) {
        let keys = self.place.json(&["key", "list", account]);
        let key = keys["keys"][0]["keyId"].as_str().unwrap();
        let allow = ["key", "by-request", key, "--connects", BY_REQUEST_CONNECTS, "--acknowledge"];
        self.place.json(&[&allow[..], &["--by", "the operator"]].concat());
    }

    /// One for each account that always asks, and some for those whose calls may turn out to need one.
    fn persons(&self, callers: &[Caller], seed: u64) -> Vec<JoinHandle<Vec<String>>> {
        let governed = callers.iter().rev().filter(|caller| caller.is_governed);
        let (asked, others): (Vec<&Caller>, _) = governed.partition(|caller| caller.is_asked);
        let shares = asked.chunks(1).chain(others.chunks(others.len().div_ceil(PERSONS).max(1)));
        let persons = shares.enumerate().map(|(n, of)| {
            let accounts = of.iter().map(|caller| caller.account.id.clone()).collect();
            Person::new(&self.place, &self.wire, n, accounts, seed)
        });
        persons.map(|person| std::thread::spawn(move || person.run())).collect()
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
            if caller.is_governed {
                evidence.governed.insert(id.clone());
            }
            let row =
                listed["accounts"].as_array().unwrap().iter().find(|row| row["accountId"] == id.as_str());
            let credits = &row.unwrap()["credits"];
            let of = |name: &str| credits[name].as_i64().unwrap();
            evidence.credits.insert(id.clone(), (of("available"), of("held"), of("spent")));
        }
        for line in self.audit() {
            if let Some(id) = line["queueId"].as_str() {
                evidence.audit.entry(id.to_owned()).or_default().push(line);
            }
        }
        // Of all agencies, whoever they belong to.
        for row in self.place.submissions() {
            evidence.accepted_in_all += row["accepted"].as_u64().unwrap();
        }
        evidence
    }

    fn audit(&self) -> Vec<Value> {
        let output = self.place.run(&["audit", "export"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The end of the servers' log, and its alarms.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.place.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let alarms = lines.iter().filter(|line| line.contains("tools have changed")).take(1);
        alarms.chain(&lines[lines.len().saturating_sub(40)..]).copied().collect::<Vec<_>>().join("\n")
    }
}

fn log(place: &Place, name: &str) -> std::fs::File {
    OpenOptions::new().create(true).append(true).open(place.path(name)).unwrap()
}

/// Until nothing changes any more. What does not come to rest is found by the judge.
fn rest(callers: &mut [Caller], wire: &Wire) {
    let begun = Instant::now();
    while begun.elapsed() < REST_WITHIN {
        let waiting: usize = callers.iter_mut().map(Caller::read_open).sum();
        if waiting == 0 {
            return;
        }
        if begun.elapsed() > DECIDED_WITHIN {
            wire.close();
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

    fn acts(&self) -> BTreeMap<String, usize> {
        let mut acts = BTreeMap::new();
        for line in self.audit.values().flatten() {
            *acts.entry(line["act"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        acts
    }
}

fn counted_of(row: &Value) -> Counted {
    Counted {
        received: row["received"].as_u64().unwrap(),
        accepted: row["accepted"].as_u64().unwrap(),
        proposals: row["proposals"].as_array().unwrap().clone(),
    }
}
