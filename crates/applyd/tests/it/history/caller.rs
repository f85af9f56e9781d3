//! A client that goes on through crashes: it repeats what was not answered and remembers what was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::judge::{code, is_final, malformed};
use crate::harness::{Account, POLL, Reply, job, try_call};

/// The last ordinary job.
const LAST_JOB: u16 = 9999;
const SCRIPTED: [u16; 7] = [1, 7, 8, 9, 10, 11, 13];
/// What one account lets wait; more would only end `deadline`.
const MOST_OPEN: usize = 2;
/// How far what is read may lag behind.
#[derive(Clone, Copy)]
pub(crate) struct Lag {
    /// From then on, after its acceptance, each read must show an application's end.
    pub(crate) ended_after: Duration,
    /// For so long after an end was read, another node may still have it in memory as `processing`.
    pub(crate) stale: Duration,
}

impl Lag {
    /// Of one server with the fast settings: its deadline, and what two clocks may differ.
    #[cfg(feature = "failpoints")]
    pub(crate) const ALONE: Self = Self { ended_after: Duration::from_millis(8_500), stale: Duration::ZERO };
    /// Of several: a second more, which an answer may be old.
    pub(crate) const NODES: Self =
        Self { ended_after: Duration::from_millis(9_500), stale: Duration::from_secs(1) };
}

/// Where the server is now, and whether to stop.
#[derive(Default)]
pub(crate) struct Wire {
    url: Mutex<String>,
    stop: AtomicBool,
}

/// An application that was answered for.
pub(crate) struct Known {
    pub(crate) job: String,
    /// It was accepted before this.
    answered: Instant,
    /// Since its end was read.
    ended: Option<Instant>,
    pub(crate) status: Value,
}

/// The client of one account.
pub(crate) struct Caller {
    pub(crate) account: Account,
    wire: Arc<Wire>,
    rng: fastrand::Rng,
    next_job: u16,
    requests: u32,
    lag: Lag,
    pub(crate) known: BTreeMap<String, Known>,
    /// Rules that an answer broke.
    pub(crate) broken: Vec<String>,
    /// Applications whose acceptance was not answered and that a repeat was told of.
    pub(crate) found_again: u32,
    /// Jobs whose request was still unanswered when it was told to stop.
    unanswered: BTreeSet<String>,
}

impl Wire {
    pub(crate) fn is_at(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap());
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Caller {
    pub(crate) fn new(account: Account, wire: &Arc<Wire>, seed: u64, lag: Lag) -> Self {
        Self {
            account,
            wire: Arc::clone(wire),
            rng: fastrand::Rng::with_seed(seed),
            next_job: 1000,
            requests: 0,
            lag,
            known: BTreeMap::new(),
            broken: Vec::new(),
            found_again: 0,
            unanswered: BTreeSet::new(),
        }
    }

    /// Applies, polls and cancels until it is told to stop.
    pub(crate) fn run(mut self) -> Self {
        while !self.wire.is_stopped() {
            let open = self.known.values().filter(|known| !is_final(&known.status)).count();
            if open < MOST_OPEN {
                let number = self.pick();
                self.apply(number);
            }
            self.read_one();
            self.cancel_one();
            std::thread::sleep(POLL);
        }
        self
    }

    fn pick(&mut self) -> u16 {
        match self.rng.u8(0..10) {
            0..=2 => SCRIPTED[self.rng.usize(..SCRIPTED.len())],
            3 if self.next_job > 1000 => self.rng.u16(1000..self.next_job),
            _ => {
                self.next_job = (self.next_job + 1).min(LAST_JOB);
                self.next_job - 1
            }
        }
    }

    /// Repeats until there is an answer that says what became of it.
    pub(crate) fn apply(&mut self, number: u16) {
        let job = job(number);
        self.requests += 1;
        // Every other request has a key: its repeat must be answered as the first was. Without one, a caller looks
        // before it repeats.
        let key = self.requests.is_multiple_of(2).then(|| format!("request-{}", self.requests));
        let mut is_lost = false;
        while !self.wire.is_stopped() {
            if is_lost && key.is_none() && self.finds(&job) {
                return;
            }
            match self.send(&job, key.as_deref()) {
                // It may be that only the answer of the store was lost.
                Some(reply) if reply.status == 503 => is_lost = true,
                Some(reply) => return self.answered(&job, &reply, is_lost && key.is_none()),
                None => is_lost = true,
            }
            std::thread::sleep(POLL);
        }
        self.unanswered.insert(job);
    }

    /// What became of the requests that were never answered.
    pub(crate) fn look_back(&mut self) {
        for job in std::mem::take(&mut self.unanswered) {
            self.finds(&job);
        }
    }

    /// Whether a request whose answer was lost was accepted.
    fn finds(&mut self, job: &str) -> bool {
        let Some(status) = self.get(&format!("jobId={job}")).filter(|reply| reply.status == 200) else {
            return false;
        };
        let status = status.json();
        match status["queueId"].as_str() {
            Some(id) if !self.known.contains_key(id) => {
                self.found_again += 1;
                self.accepted(id, job);
                true
            }
            _ => false,
        }
    }

    fn send(&self, job: &str, key: Option<&str>) -> Option<Reply> {
        let body = json!({
            "jobId": job,
            "coverLetter": "Hello from a test.",
            "autoFillOtherQuestions": true,
        })
        .to_string();
        let mut headers = vec![("x-api-key", self.account.key.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        self.call("POST", "/api/auto-apply-v2/apply", &headers, Some(body.as_bytes()))
    }

    fn answered(&mut self, job: &str, reply: &Reply, may_be_new: bool) {
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let is_told = match (reply.status, body["queueId"].as_str()) {
            (200, Some(id)) => Some(id),
            (409, Some(id)) if may_be_new || self.known.contains_key(id) => Some(id),
            _ => None,
        };
        let Some(id) = is_told else {
            return self.broken.push(format!("apply to {job}: {reply:?}"));
        };
        self.found_again += u32::from(reply.status == 409 && !self.known.contains_key(id));
        self.accepted(id, job);
    }

    fn accepted(&mut self, id: &str, job: &str) {
        self.known.entry(id.to_owned()).or_insert_with(|| Known {
            job: job.to_owned(),
            answered: Instant::now(),
            ended: None,
            status: json!({"applicationStatus": "processing"}),
        });
    }

    /// Reads one that is open, or now and then one that has ended.
    fn read_one(&mut self) {
        let wants_open = self.rng.u8(0..4) > 0;
        let ids: Vec<&String> = self
            .known
            .iter()
            .filter(|(_, known)| is_final(&known.status) != wants_open)
            .map(|(id, _)| id)
            .collect();
        if !ids.is_empty() {
            let id = ids[self.rng.usize(..ids.len())].clone();
            self.read(&id);
        }
    }

    /// Now and then takes back one that is open. That it was answered as cancelled must stay true.
    fn cancel_one(&mut self) {
        let open = self.known.iter().filter(|(_, known)| !is_final(&known.status));
        let ids: Vec<&String> = open.map(|(id, _)| id).collect();
        if ids.is_empty() || self.rng.u8(0..8) > 0 {
            return;
        }
        let (begun, id) = (Instant::now(), ids[self.rng.usize(..ids.len())].clone());
        let path = format!("/api/auto-apply-v2/applications/{id}");
        match self.call("DELETE", &path, &[("x-api-key", &self.account.key)], None) {
            // It has an intent, or an end that was not read yet.
            Some(reply) if reply.status == 409 => {}
            Some(reply) => self.hold(&id, begun, &reply),
            None => {}
        }
    }

    /// Reads one.
    pub(crate) fn read(&mut self, id: &str) {
        let begun = Instant::now();
        if let Some(reply) = self.get(&format!("queueId={id}")) {
            self.hold(id, begun, &reply);
        }
    }

    /// Holds an answer against all that was read before.
    fn hold(&mut self, id: &str, begun: Instant, reply: &Reply) {
        let status: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        if reply.status == 503 {
            return;
        }
        let Some(known) = self.known.get_mut(id) else { return };
        if reply.status != 200 || malformed(&status).is_some() {
            self.broken.push(format!("status of {id}: {reply:?}"));
        } else if status["applicationStatus"] == "processing"
            && known.ended.is_some_and(|ended| begun < ended + self.lag.stale)
        {
            return;
        } else if status["applicationStatus"] == "processing"
            && begun.duration_since(known.answered) > self.lag.ended_after
        {
            self.broken.push(format!("not ended in time: {status}"));
        } else if changed_after_its_end(&known.status, &status) {
            self.broken.push(format!("an end has changed from {} to {status}", known.status));
        }
        if status["applicationStatus"] != "processing" {
            known.ended.get_or_insert_with(Instant::now);
        }
        known.status = status;
    }

    /// The newest application of each job that was ever applied to.
    pub(crate) fn newest(&self) -> BTreeMap<String, Value> {
        let jobs: BTreeSet<&String> = self.known.values().map(|known| &known.job).collect();
        let read = |job: &String| self.get(&format!("jobId={job}")).map(|reply| reply.json());
        jobs.into_iter().map(|job| (job.clone(), read(job).unwrap())).collect()
    }

    fn get(&self, query: &str) -> Option<Reply> {
        let path = format!("/api/auto-apply-v2/status?{query}");
        self.call("GET", &path, &[("x-api-key", &self.account.key)], None)
    }

    fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Option<Reply> {
        let url = self.wire.url.lock().unwrap().clone();
        // 502 and 504 are a proxy's, whose node is gone.
        try_call(&url, method, path, headers, body).ok().filter(|reply| ![502, 504].contains(&reply.status))
    }
}

/// An end is final, but for an unknown outcome, which is corrected once.
fn changed_after_its_end(before: &Value, now: &Value) -> bool {
    before["applicationStatus"] != "processing"
        && before["applicationStatus"] != now["applicationStatus"]
        && (code(before) != Some("outcome_unknown") || now["applicationStatus"] == "processing")
}
