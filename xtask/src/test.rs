//! `cargo xtask test`: every check and every test in one run. A step that fails does not stop the others.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::postgres::Postgres;
use crate::previous;
use crate::run::{cargo, quietly, root, run};
use crate::setup::{BROWSER, CLIENTS, SCHEMATHESIS, axe, setup};
use crate::source;
use crate::tool::{DENY, NEXTEST};

/// The real program, with the points at which a test may kill it.
const WITH_FAILPOINTS: [&str; 2] = ["--features", "applyd/failpoints"];
/// The tests of the program and of what it is made of, for which an engine is a database elsewhere. Backups are copies
/// of a file; the rows of the transcripts concern messages, and would make hundreds of databases.
const ON_POSTGRES: &[&str] = &[
    "--package",
    "applyd",
    "--package",
    "applyd-server",
    "--package",
    "applyd-upwork",
    "-E",
    "not test(/^(backup|transcript::rows)::/)",
];
/// Where nextest's profile `ci` leaves its report.
const REPORT: &str = "target/nextest/ci/junit.xml";

/// Runs all of it.
///
/// # Errors
/// Never for a failed step: that is counted.
pub(crate) fn test(long: bool) -> Result<ExitCode> {
    let mut tally = Tally::default();
    tally.check("setup", setup);
    tally.check("rustfmt", || run(&mut cargo(&["fmt", "--all", "--check"])));
    tally.check("file length", source::no_long_file);
    tally.check("stand-in codes", source::no_stand_in_code_outside);
    tally.check("clippy", || clippy(&[]));
    tally.check("clippy with failpoints", || clippy(&WITH_FAILPOINTS));
    dependencies(&mut tally);
    if previous::is_there() {
        tally.check("build of the previous commit", previous::build);
    } else {
        tally.not_run("the upgrade drill (there is no previous commit that has PostgreSQL)");
    }
    tally.check("build", || run(&mut cargo(&["build", "-p", "applyd", "--features", "failpoints"])));
    tests(&mut tally, long);
    tally.check("doc tests", || {
        run(cargo(&["test", "--quiet", "--doc", "--workspace"]).args(WITH_FAILPOINTS))
    });
    Ok(tally.told())
}

fn clippy(features: &[&str]) -> Result<()> {
    let everything = ["clippy", "--workspace", "--all-targets"];
    run(cargo(&everything).args(features).args(["--", "-D", "warnings"]))
}

/// Licences, bans and sources always; the advisories only where their database can be fetched.
fn dependencies(tally: &mut Tally) {
    tally.check("cargo deny: bans licenses sources", || deny(&["check", "bans", "licenses", "sources"]));
    if DENY.find().is_some_and(|mut deny| quietly(deny.args(["fetch", "db"])).is_some()) {
        tally.check("cargo deny: advisories", || deny(&["check", "advisories"]));
    } else {
        tally.not_run("cargo deny: advisories (the advisory database cannot be fetched)");
    }
}

fn deny(args: &[&str]) -> Result<()> {
    run(DENY.find().context("cargo-deny is missing")?.args(args))
}

/// All tests with the program on SQLite, then those of the program on PostgreSQL.
fn tests(tally: &mut Tally, long: bool) {
    let postgres = match Postgres::start().context("PostgreSQL") {
        Ok(postgres) => postgres,
        Err(error) => {
            tally.fail("PostgreSQL", &error);
            return tests_of(tally, "tests", || nextest(&["--workspace"], None, long));
        }
    };
    tests_of(tally, "tests", || nextest(&["--workspace"], Some(&postgres), long));
    tests_of(tally, "tests on PostgreSQL", || nextest(ON_POSTGRES, Some(&postgres), long));
}

/// Tests counted one by one from nextest's report.
fn tests_of(tally: &mut Tally, name: &str, run: impl FnOnce() -> Result<()>) {
    let report = root().join(REPORT);
    drop(fs::remove_file(&report));
    tally.heading(name);
    let outcome = run();
    match fs::read_to_string(&report).context("no test was run").and_then(|xml| count(&xml)) {
        Ok((passed, failed)) => {
            tally.passed += passed;
            tally.failed += failed;
            match outcome {
                Err(_) if failed > 0 => tally.names.push(format!("{failed} of the {name}")),
                Err(error) => tally.fail(name, &error),
                Ok(()) => {}
            }
        }
        Err(missing) => tally.fail(name, &outcome.err().unwrap_or(missing)),
    }
}

fn nextest(what: &[&str], postgres: Option<&Postgres>, long: bool) -> Result<()> {
    let mut nextest = NEXTEST.find().context("cargo-nextest is missing")?;
    nextest.arg("run").args(what).args(["--profile", "ci"]).args(WITH_FAILPOINTS);
    nextest.env("APPLYD_TEST_PYTHON", CLIENTS.program("python"));
    nextest.env("APPLYD_TEST_SCHEMATHESIS", SCHEMATHESIS.program("st"));
    nextest.env("APPLYD_TEST_BROWSER", BROWSER.program("python"));
    nextest.env("APPLYD_TEST_AXE", axe());
    if let Some(postgres) = postgres {
        postgres.tell(&mut nextest);
    }
    if what == ON_POSTGRES {
        nextest.env("APPLYD_TEST_ENGINE", "postgres");
        if previous::is_there() && previous::program().is_file() {
            nextest.env("APPLYD_TEST_PREVIOUS", previous::program());
        }
    }
    if long {
        nextest.env("APPLYD_TEST_LONG", "1");
    }
    run(&mut nextest)
}

/// Passed and failed tests of a JUnit report.
fn count(xml: &str) -> Result<(u64, u64)> {
    let start = xml.find("<testsuites ").context("the test report has no <testsuites>")?;
    let element = xml[start..].split('>').next().unwrap_or_default();
    let number = |name: &str| -> Result<u64> {
        let from = element.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        let from = from.with_context(|| format!("the test report has no `{name}`"))?;
        from.parse().with_context(|| format!("`{name}` of the test report is {from}"))
    };
    let (all, failed) = (number("tests")?, number("failures")? + number("errors")?);
    match all.checked_sub(failed) {
        Some(passed) if all > 0 => Ok((passed, failed)),
        _ => bail!("the test report counts {failed} failures of {all} tests"),
    }
}

/// What has come of the steps so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    names: Vec<String>,
    left_out: Vec<&'static str>,
}

impl Tally {
    fn heading(&self, name: &str) {
        println!("\n== {name}");
    }

    /// One step that counts as one test.
    fn check(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        self.heading(name);
        match step() {
            Ok(()) => self.passed += 1,
            Err(error) => self.fail(name, &error),
        }
    }

    fn fail(&mut self, name: &str, error: &anyhow::Error) {
        println!("{name}: {error:#}");
        self.failed += 1;
        self.names.push(name.to_owned());
    }

    fn not_run(&mut self, what: &'static str) {
        println!("\n== not run: {what}");
        self.left_out.push(what);
    }

    /// Prints the end, the count last.
    fn told(&self) -> ExitCode {
        println!();
        for what in &self.left_out {
            println!("not run: {what}");
        }
        for name in &self.names {
            println!("failed: {name}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_counted_and_an_empty_one_is_a_fault() {
        let report =
            |counts: &str| format!("<?xml version=\"1.0\"?>\n<testsuites name=\"n\" {counts} uuid=\"u\">");
        let counted = count(&report("tests=\"12\" failures=\"2\" errors=\"1\"")).map_err(|e| e.to_string());
        assert_eq!(counted, Ok((9, 3)));
        assert!(count(&report("tests=\"0\" failures=\"0\" errors=\"0\"")).is_err());
        assert!(count(&report("failures=\"0\" errors=\"0\"")).is_err());
        assert!(count("").is_err());
    }
}
