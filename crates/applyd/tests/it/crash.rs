//! The server is killed again and again under load; the stand-in, which judges, lives on.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::harness::{Place, Process, is_postgres, job};
use crate::history::caller::{Caller, Lag, Wire};
use crate::history::judge::{Evidence, judge};
use crate::history::{evidence, rest};

/// Printed when the test fails; decides all that the test itself draws.
const SEED: u64 = 20_261_124;
const ACCOUNTS: u64 = 10;
const CREDITS: u32 = 100_000;
/// Lives of each kind: with twelve kinds, this many dozens of kills.
const ROUNDS: usize = 10;
/// There each step takes longer, and with it each life.
const POSTGRES_ROUNDS: usize = 5;
/// Beside a failpoint that is not reached.
const LONGEST_LIFE: Duration = Duration::from_millis(2_500);
/// Until the last application rests after the last start: the deadline and the correction.
const REST_WITHIN: Duration = Duration::from_secs(30);
/// Job 0011 is answered a second after it arrived.
const SLOW_JOB: u16 = 11;

/// Every failpoint on the way of an application.
const WINDOWS: [&str; 8] =
    ["accepted", "claimed", "armed", "intent_durable", "witnessed", "confirmed", "submitted", "looked"];
const ANYWHERE: &str = "intent_durable=0.05,witnessed=0.05,confirmed=0.05,submitted=0.05,\
                        claimed=0.02,armed=0.02,accepted=0.02,looked=0.02";

/// How a life ends.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// At one failpoint.
    Window(&'static str),
    /// At whichever failpoint comes first.
    AnyWindow,
    /// At a random moment.
    Anytime,
    /// While it starts and recovers.
    Starting,
    /// When a confirm has arrived at the site and its answer is still to come.
    Unanswered,
}

struct Trial {
    place: Place,
    wire: Arc<Wire>,
    rng: fastrand::Rng,
    /// Kills, by window or by the name of the death.
    kills: BTreeMap<String, u32>,
    /// Accounts of which each applied once, to the slow job.
    slow: Vec<Caller>,
}

#[test]
fn crashes_lose_nothing_and_repeat_nothing() {
    let rounds = if is_postgres() { POSTGRES_ROUNDS } else { ROUNDS };
    let rounds = if std::env::var_os("APPLYD_TEST_LONG").is_some() { rounds * 10 } else { rounds };
    let mut place = Place::fast();
    place.set("APPLYD_SANDBOX__SETTLE_LATENCY", "0ms..60ms");
    let _sandbox = place.sandbox();
    let wire = Arc::new(Wire::default());
    let callers: Vec<Caller> = (0..ACCOUNTS)
        .map(|n| Caller::new(place.account(&format!("agency {n}"), CREDITS), &wire, SEED + n, Lag::ALONE))
        .collect();
    let mut trial =
        Trial { place, wire, rng: fastrand::Rng::with_seed(SEED), kills: BTreeMap::new(), slow: Vec::new() };
    let threads: Vec<_> =
        callers.into_iter().map(|caller| std::thread::spawn(move || caller.run())).collect();
    let others = [Death::AnyWindow, Death::Anytime, Death::Starting, Death::Unanswered];
    let deaths: Vec<Death> = WINDOWS.into_iter().map(Death::Window).chain(others).collect();
    for _ in 0..rounds {
        deaths.iter().for_each(|death| trial.live(*death));
    }
    trial.wire.stop();
    let mut callers: Vec<Caller> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    callers.append(&mut trial.slow);
    println!("{}", trial.conclude(callers, rounds * deaths.len()));
}

impl Trial {
    /// One life of the server.
    fn live(&mut self, death: Death) {
        let mut process = Process::spawn(self.serve(death));
        if matches!(death, Death::Starting) {
            std::thread::sleep(self.draw(0, 120));
        } else if process.is_ready() {
            self.wire.is_at(&process.url);
            self.wait(death, &mut process);
        }
        // At a failpoint it has killed itself; then this one comes too late and does nothing.
        let is_alive = process.child.try_wait().unwrap().is_none();
        process.child.kill().unwrap();
        let status = process.child.wait().unwrap();
        self.wire.is_at("");
        assert_eq!(status.signal(), Some(9), "{death:?}: ended by itself ({status}); {}", self.log());
        if is_alive {
            *self.kills.entry(format!("{death:?}")).or_default() += 1;
        }
    }

    fn serve(&self, death: Death) -> std::process::Command {
        let mut command = self.place.command(&["serve", "--listen", "127.0.0.1:0"]);
        match death {
            Death::Window(name) => command.env("APPLYD_CRASH_AT", format!("{name}=0.1")),
            Death::AnyWindow => command.env("APPLYD_CRASH_AT", ANYWHERE),
            Death::Anytime | Death::Starting | Death::Unanswered => &mut command,
        };
        command.env("APPLYD_CRASH_LOG", self.place.path("crashes"));
        let log = OpenOptions::new().create(true).append(true).open(self.place.path("log")).unwrap();
        command.stderr(log);
        command
    }

    /// Until it has died or shall die.
    fn wait(&mut self, death: Death, process: &mut Process) {
        let end = Instant::now()
            + match death {
                Death::Anytime => self.draw(100, 1500),
                _ => LONGEST_LIFE,
            };
        if matches!(death, Death::Unanswered) {
            return self.leave_unanswered(process, end);
        }
        while Instant::now() < end && process.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns when the slow job's confirm has arrived, a second before its answer.
    fn leave_unanswered(&mut self, process: &Process, end: Instant) {
        let account = self.place.account(&format!("slow {}", self.slow.len()), CREDITS);
        let mut caller = Caller::new(account, &self.wire, SEED, Lag::ALONE);
        caller.apply(SLOW_JOB);
        let path = format!("/sandbox/submissions?jobId={}", job(SLOW_JOB));
        while process.call("GET", &path, &caller.account.key, None).json()["submissions"][0]["received"] != 1
        {
            assert!(Instant::now() < end + REST_WITHIN, "the slow job was never submitted");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.slow.push(caller);
    }

    fn draw(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.rng.u64(from_ms..to_ms))
    }

    /// After the last crash: everything comes to rest, and nothing about it is wrong.
    fn conclude(mut self, mut callers: Vec<Caller>, lives: usize) -> String {
        for name in std::fs::read_to_string(self.place.path("crashes")).unwrap_or_default().lines() {
            *self.kills.entry(name.to_owned()).or_default() += 1;
        }
        let server = Process::start(self.serve(Death::Anytime));
        self.wire.is_at(&server.url);
        rest(&mut callers, REST_WITHIN);
        let witnesses = [self.place.witness()];
        let evidence = evidence(&self.place, &server, &callers, CREDITS, &witnesses);
        let mut broken = judge(&evidence);
        broken.extend(callers.iter().flat_map(|caller| caller.broken.clone()));
        let report = self.report(&evidence, lives, callers.iter().map(|caller| caller.found_again).sum());
        assert!(broken.is_empty(), "seed {SEED}\n{report}\n{}\n{}", broken.join("\n"), self.log());
        self.place.assert_clean_ledger();
        assert_eq!(server.stop(), Some(0));
        // The test is worth something only if it killed where it meant to, under load.
        let others = ["Anytime", "Starting", "Unanswered"];
        for window in WINDOWS.into_iter().chain(others) {
            assert!(
                self.kills.get(window).is_some_and(|kills| *kills > 0),
                "never killed at {window}\n{report}"
            );
        }
        let applied: u64 = evidence.counted.values().map(|counted| counted.accepted).sum();
        assert!(applied >= lives as u64, "hardly any load\n{report}");
        report
    }

    fn report(&self, evidence: &Evidence, lives: usize, found_again: u32) -> String {
        format!(
            "{lives} kills {:?}\n{}\n{found_again} found again after a lost answer",
            self.kills,
            evidence.ends()
        )
    }

    /// The end of the servers' log.
    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.place.path("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
