//! The client of one account: applies to its jobs one after the other, through kills of the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::counted_of;
use super::judge::{Evidence, Told, code, is_final};
use crate::harness::{Account, Process, Reply, job, try_call};

/// What one account lets wait.
const MOST_OPEN: usize = 2;
const POLL: Duration = Duration::from_millis(150);
/// From then on each read must show an end: the deadline, and what two clocks may differ.
const ENDED_AFTER: Duration = Duration::from_millis(20_500);
/// Scripted jobs that do not hold their account to the deadline.
const WITH_QUESTIONS: u16 = 13;
const SCRIPTED: [u16; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15];
/// Of all jobs that are no published ones, from here on.
const FIRST_ORDINARY: u64 = 1_800_000_000_000_000_000;
const MOST_OF_ONE_ACCOUNT: u64 = 1_000_000;

/// Where the server is now, how many applications have come to rest, and how far the run is.
#[derive(Default)]
pub(super) struct Wire {
    url: Mutex<String>,
    rested: AtomicUsize,
    is_closing: AtomicBool,
    is_over: AtomicBool,
}

/// What an account applies to.
#[derive(Clone)]
pub(super) struct Course {
    applications: usize,
    /// Nothing but this job.
    only: Option<u16>,
}

/// An application that was answered for.
pub(super) struct Known {
    job: String,
    /// What was asked for, to be held against what the site has.
    body: Value,
    /// It was accepted before this.
    answered: Instant,
    status: Value,
}

/// The client of one account.
pub(super) struct Caller {
    pub(super) account: Account,
    /// Nothing of it may be sent that nobody has approved.
    pub(super) is_governed: bool,
    /// A person decides on each of its applications.
    pub(super) is_asked: bool,
    course: Course,
    wire: Arc<Wire>,
    rng: fastrand::Rng,
    next_job: u64,
    known: BTreeMap<String, Known>,
    /// Scripted jobs not yet applied to.
    scripted: Vec<u16>,
    /// Rules that an answer broke.
    pub(super) broken: Vec<String>,
}

impl Course {
    pub(super) fn of(applications: usize) -> Self {
        Self { applications, only: None }
    }

    pub(super) fn one(job: u16) -> Self {
        Self { applications: 1, only: Some(job) }
    }
}

impl Wire {
    pub(super) fn is_at(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap());
    }

    pub(super) fn rested(&self) -> usize {
        self.rested.load(Ordering::SeqCst)
    }

    /// What still waits for a person is declined from now on.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst)
    }

    /// Nothing more will happen.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

impl Caller {
    pub(super) fn new(account: Account, n: usize, course: Course, wire: &Arc<Wire>, seed: u64) -> Self {
        Self {
            account,
            is_governed: false,
            is_asked: false,
            course,
            wire: Arc::clone(wire),
            rng: fastrand::Rng::with_seed(seed.wrapping_add(n as u64)),
            next_job: FIRST_ORDINARY + n as u64 * MOST_OF_ONE_ACCOUNT,
            known: BTreeMap::new(),
            scripted: SCRIPTED.to_vec(),
            broken: Vec::new(),
        }
    }

    /// Applies until all are accepted.
    pub(super) fn run(mut self) -> Self {
        while self.known.len() < self.course.applications {
            if self.read_open() < MOST_OPEN {
                let job = self.pick();
                if self.rng.bool() {
                    self.look_at(&job);
                }
                self.apply(job);
            }
            std::thread::sleep(POLL);
        }
        self
    }

    /// Mostly a new job, now and then a scripted one, or one that has failed cleanly once more.
    fn pick(&mut self) -> String {
        if let Some(only) = self.course.only {
            return job(only);
        }
        if self.is_first_asked() {
            self.scripted.retain(|number| *number != WITH_QUESTIONS);
            return job(WITH_QUESTIONS);
        }
        match self.rng.u8(0..20) {
            0..=2 if !self.scripted.is_empty() => {
                let at = self.rng.usize(..self.scripted.len());
                job(self.scripted.swap_remove(at))
            }
            3..=4 => self.failed().unwrap_or_else(|| self.next()),
            _ => self.next(),
        }
    }

    /// Its answers are left to the server, and so a person must approve them whoever has approved the rest.
    fn is_first_asked(&self) -> bool {
        self.is_governed && self.known.is_empty()
    }

    fn next(&mut self) -> String {
        self.next_job += 1;
        format!("~02{}", self.next_job)
    }

    /// A job whose applications have all failed cleanly.
    fn failed(&mut self) -> Option<String> {
        let is_failed = |job: &str| {
            let mut of_job = self.known.values().filter(|known| known.job == job);
            of_job.all(|known| is_final(&known.status) && known.status["applicationStatus"] == "failed")
        };
        let jobs: Vec<String> = self
            .known
            .values()
            .filter(|known| code(&known.status) != Some("unresolved") && is_failed(&known.job))
            .map(|known| known.job.clone())
            .collect();
        self.rng.choice(jobs)
    }

    /// Reads a job beside the applications under way: both may find the login dead and renew it.
    fn look_at(&mut self, job: &str) {
        let read = self.get(&format!("/api/jobs/by-ciphertext?cipher={job}"));
        if let Some(reply) = read.filter(|reply| !matches!(reply.status, 200 | 503)) {
            self.broken.push(format!("read of {job}: {reply:?}"));
        }
    }

    /// Repeats under one key until there is an answer that says what became of it.
    fn apply(&mut self, job: String) {
        let letter = format!("Letter {} of {}.", self.known.len(), self.account.name);
        let fill = self.rng.bool() || self.is_first_asked();
        let mut body = json!({"jobId": job, "coverLetter": letter, "autoFillOtherQuestions": fill});
        if self.rng.u8(0..4) == 0 {
            body["proposal"] = json!({"hourlyRate": self.rng.u8(20..90), "boostConnects": self.rng.u8(4..9)});
        }
        let key = format!("request-{}-{}", self.known.len(), self.rng.u32(..));
        loop {
            let headers = [("x-api-key", self.account.key.as_str()), ("idempotency-key", key.as_str())];
            let sent = body.to_string();
            match self.call("POST", "/api/auto-apply-v2/apply", &headers, Some(sent.as_bytes())) {
                // Too many ahead, or the server is gone for the moment.
                None => {}
                Some(reply) if reply.status == 503 => {}
                Some(reply) if reply.status == 200 => {
                    let known = Known {
                        job,
                        body,
                        answered: Instant::now(),
                        status: json!({"applicationStatus": "processing"}),
                    };
                    self.known.insert(reply.queue_id(), known);
                    return;
                }
                Some(reply) => return self.broken.push(format!("apply to {job}: {reply:?}")),
            }
            std::thread::sleep(POLL);
        }
    }

    /// Reads all that may still change; how many may then.
    pub(super) fn read_open(&mut self) -> usize {
        let open = self.known.iter().filter(|(_, known)| !is_final(&known.status));
        let ids: Vec<String> = open.map(|(id, _)| id.clone()).collect();
        let rested = ids.iter().filter(|id| self.read(id)).count();
        self.wire.rested.fetch_add(rested, Ordering::SeqCst);
        ids.len() - rested
    }

    /// Reads one; whether it rests.
    fn read(&mut self, id: &str) -> bool {
        let begun = Instant::now();
        let Some(reply) = self.get(&format!("/api/auto-apply-v2/status?queueId={id}")) else { return false };
        if reply.status == 503 {
            return false;
        }
        let status: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let Some(known) = self.known.get(id) else { return false };
        let is_late = begun.duration_since(known.answered) > ENDED_AFTER
            && status["applicationStatus"] == "processing"
            && !self.waited(id);
        if reply.status != 200 {
            self.broken.push(format!("status of {id}: {reply:?}"));
        } else if is_late {
            self.broken.push(format!("not ended in time: {status}"));
        }
        let Some(known) = self.known.get_mut(id) else { return false };
        known.status = status;
        is_final(&known.status)
    }

    /// Whether it waits for a person, or did: its time is another then.
    fn waited(&self, id: &str) -> bool {
        let path = format!("/api/auto-apply-v2/applications/{id}/timeline");
        self.is_asked
            || self.get(&path).is_none_or(|told| told.status == 503 || told.body.contains("approval_needed"))
    }

    /// Everything this account knows, and what the site counted for it.
    pub(super) fn testify(&self, server: &Process, evidence: &mut Evidence) {
        let account = &self.account.id;
        let read = |path: &str| server.call("GET", path, &self.account.key, None).json();
        for (id, known) in &self.known {
            let timeline = read(&format!("/api/auto-apply-v2/applications/{id}/timeline"));
            let pair = (account.clone(), known.job.clone());
            let told = Told {
                pair: pair.clone(),
                body: known.body.clone(),
                status: known.status.clone(),
                timeline: timeline["entries"].as_array().cloned().unwrap_or_default(),
            };
            evidence.told.insert(id.clone(), told);
            let newest = || read(&format!("/api/auto-apply-v2/status?jobId={}", known.job));
            evidence.newest.entry(pair).or_insert_with(newest);
        }
        for row in read("/sandbox/submissions")["submissions"].as_array().unwrap() {
            let job = row["jobId"].as_str().unwrap().to_owned();
            evidence.counted.insert((account.clone(), job), counted_of(row));
        }
    }

    fn get(&self, path: &str) -> Option<Reply> {
        self.call("GET", path, &[("x-api-key", &self.account.key)], None)
    }

    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Option<Reply> {
        let url = self.wire.url.lock().unwrap().clone();
        try_call(&url, method, path, headers, body).ok()
    }
}
