//! A person who decides, at the command line, what waits for one: mostly yes, and as people are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caller::Wire;
use crate::harness::Place;

const POLL: Duration = Duration::from_millis(700);
/// From then on an approval counts no more: `preview_ms` of the run without the 30 s before its end.
const SHOWN_FOR: Duration = Duration::from_secs(12);

/// Decides for some of the accounts.
pub(super) struct Person {
    place: Arc<Place>,
    wire: Arc<Wire>,
    name: String,
    accounts: Vec<String>,
    rng: fastrand::Rng,
    /// Rules that a command broke.
    broken: Vec<String>,
}

#[derive(Clone, Copy)]
enum Mood {
    Approve,
    /// And once more, as oneself or as another.
    ApproveTwice,
    /// When what was shown counts no more.
    ApproveLate,
    /// And then approve what was shown before.
    Decline,
}

impl Person {
    pub(super) fn new(
        place: &Arc<Place>,
        wire: &Arc<Wire>,
        n: usize,
        accounts: Vec<String>,
        seed: u64,
    ) -> Self {
        let rng = fastrand::Rng::with_seed(seed.wrapping_mul(31).wrapping_add(n as u64));
        let name = format!("person {n}");
        Self { place: Arc::clone(place), wire: Arc::clone(wire), name, accounts, rng, broken: Vec::new() }
    }

    /// Decides until the run is over; when it comes to its end, only with no.
    pub(super) fn run(mut self) -> Vec<String> {
        while !self.wire.is_over() {
            let waiting = self.place.json(&["approvals"])["approvals"].as_array().unwrap().clone();
            for of in &waiting {
                if self.accounts.iter().any(|own| of["accountId"] == own.as_str()) {
                    self.take(of["queueId"].as_str().unwrap());
                }
            }
            std::thread::sleep(POLL);
        }
        self.broken
    }

    fn take(&mut self, id: &str) {
        if self.wire.is_closing() {
            return self.decline(id);
        }
        // It goes on waiting where nothing can be shown, for whatever reason.
        let Some(showing) = self.show(id) else { return };
        let shown = Instant::now();
        match self.mood() {
            Mood::Approve => drop(self.approve(id, &showing, &self.name)),
            Mood::ApproveTwice => {
                self.approve(id, &showing, &self.name);
                let other = if self.rng.bool() { &self.name } else { "somebody else" };
                let is_taken = self.approve(id, &showing, other);
                self.forbid(is_taken, "approved twice", id);
            }
            Mood::ApproveLate => {
                while shown.elapsed() < SHOWN_FOR && !self.wire.is_closing() {
                    std::thread::sleep(POLL);
                }
                if shown.elapsed() >= SHOWN_FOR {
                    let is_taken = self.approve(id, &showing, &self.name);
                    self.forbid(is_taken, "approved late", id);
                }
            }
            Mood::Decline => {
                self.decline(id);
                let is_taken = self.approve(id, &showing, &self.name);
                self.forbid(is_taken, "approved after it was declined", id);
            }
        }
    }

    fn mood(&mut self) -> Mood {
        match self.rng.u8(0..12) {
            0..=6 => Mood::Approve,
            7..=8 => Mood::ApproveTwice,
            9 => Mood::ApproveLate,
            _ => Mood::Decline,
        }
    }

    fn show(&self, id: &str) -> Option<String> {
        let output = self.place.run(&["approve", id, "--show", "--json"]);
        let sheet: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        sheet["showingId"].as_str().map(str::to_owned)
    }

    /// Whether it was taken.
    fn approve(&self, id: &str, showing: &str, by: &str) -> bool {
        self.place.run(&["approve", id, "--showing", showing, "--by", by, "--json"]).status.success()
    }

    /// Unless it has ended by itself.
    fn decline(&self, id: &str) {
        self.place.run(&["decline", id, "--by", &self.name, "--reason", "not our kind of work"]);
    }

    fn forbid(&mut self, is_taken: bool, what: &str, id: &str) {
        if is_taken {
            self.broken.push(format!("{id} was {what}"));
        }
    }
}
