//! What is true after any history on a hostile site, by the stand-in's own count. S1 to S5: sandbox-jobs.md §4.

use std::collections::{BTreeMap, BTreeSet};

use applyd_core::terms::sha256_hex;
use serde_json::{Value, json};

use super::operator::Stop;

/// One account and one job.
pub(super) type Pair = (String, String);

/// The rate of the default profile, in dollars.
const DEFAULT_RATE: u64 = 65;

/// All that is known once everything has come to rest.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// By `queueId`.
    pub(super) told: BTreeMap<String, Told>,
    /// The status of the newest application of each job.
    pub(super) newest: BTreeMap<Pair, Value>,
    /// By the stand-in.
    pub(super) counted: BTreeMap<Pair, Counted>,
    /// By the stand-in, of all agencies that it knows.
    pub(super) accepted_in_all: u64,
    /// Credits of each account: available, held, spent.
    pub(super) credits: BTreeMap<String, (i64, i64, i64)>,
    /// Accounts for which nothing may be sent that nobody has approved.
    pub(super) governed: BTreeSet<String>,
    /// The audit of each application, oldest first.
    pub(super) audit: BTreeMap<String, Vec<Value>>,
    /// When nothing might be sent.
    pub(super) stops: Vec<Stop>,
}

/// One application as its caller was told of it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) pair: Pair,
    pub(super) body: Value,
    pub(super) status: Value,
    pub(super) timeline: Vec<Value>,
}

/// What the stand-in has of one account and job.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) received: u64,
    pub(super) accepted: u64,
    pub(super) proposals: Vec<Value>,
}

/// The code before the colon of `errorMessage`.
pub(super) fn code(status: &Value) -> Option<&str> {
    status["errorMessage"].as_str()?.split_once(": ").map(|(code, _)| code)
}

/// Nothing more will change.
pub(super) fn is_final(status: &Value) -> bool {
    status["applicationStatus"] != "processing" && code(status) != Some("outcome_unknown")
}

/// Every rule that is broken, as a sentence; none is what a test wants.
pub(super) fn judge(evidence: &Evidence) -> Vec<String> {
    let mut broken = Vec::new();
    for (pair, counted) in &evidence.counted {
        evidence.site(pair, counted, &mut broken);
    }
    for (id, told) in &evidence.told {
        evidence.end(id, told, &mut broken);
        told.explained(id, &mut broken);
    }
    for (pair, status) in &evidence.newest {
        let accepted = evidence.counted.get(pair).map_or(0, |counted| counted.accepted);
        if is_final(status) && (status["applicationStatus"] == "applied") != (accepted == 1) {
            broken.push(format!("S3 {pair:?}: {accepted} accepted, newest is {status}"));
        }
    }
    evidence.money(&mut broken);
    evidence.approved(&mut broken);
    broken
}

impl Evidence {
    /// S1, S2, S4: once at most, never without an intent, and as it was asked for.
    fn site(&self, pair: &Pair, counted: &Counted, broken: &mut Vec<String>) {
        if counted.accepted > 1 {
            broken.push(format!("S1 {pair:?}: submitted {} times", counted.accepted));
        }
        let of_pair = self.told.values().filter(|told| told.pair == *pair);
        let intents = of_pair.filter(|told| told.has_intent()).count() as u64;
        if counted.received > intents {
            broken.push(format!("S2 {pair:?}: {} received, {intents} intents", counted.received));
        }
        for proposal in &counted.proposals {
            match proposal["queueId"].as_str().and_then(|id| self.told.get(id)) {
                Some(told) if told.pair == *pair => {
                    broken.extend(told.differs(proposal).map(|what| format!("S4 {pair:?}: {what}")));
                }
                _ => broken.push(format!("{pair:?}: nobody asked for {proposal}")),
            }
        }
    }

    /// Nothing lost, everything at rest, and `applied` exactly where the site has it.
    fn end(&self, id: &str, told: &Told, broken: &mut Vec<String>) {
        let status = &told.status;
        let counted = self.counted.get(&told.pair);
        let sent = counted.map_or(0, |counted| {
            counted.proposals.iter().filter(|proposal| proposal["queueId"] == id).count()
        });
        if status["queueId"] != id || status["jobId"] != told.pair.1.as_str() {
            broken.push(format!("{id} of {:?} is lost: {status}", told.pair));
        } else if status["applicationStatus"] == "processing" {
            broken.push(format!("{id} has not ended: {status}"));
        } else if is_final(status) && (status["applicationStatus"] == "applied") != (sent == 1) {
            broken.push(format!("{id} has {sent} proposals on the site and is told as {status}"));
        }
        let is_received = counted.is_some_and(|counted| counted.received > 0);
        let may_be_unsent = matches!(code(status), Some("not_submitted" | "outcome_unknown"));
        if told.has_intent() && !is_received && !may_be_unsent {
            broken.push(format!("{id} has an intent, nothing was received, and it is told as {status}"));
        }
    }

    /// S5: paid for what was accepted; held for what is still unknown and for nothing else.
    fn money(&self, broken: &mut Vec<String>) {
        let mut in_all = 0;
        for (account, (_, held, spent)) in &self.credits {
            let of_account = self.counted.iter().filter(|((owner, _), _)| owner == account);
            let accepted: u64 = of_account.map(|(_, counted)| counted.accepted).sum();
            in_all += accepted;
            let unknown =
                self.told.values().filter(|told| told.pair.0 == *account && !is_final(&told.status));
            let unknown = unknown.count() as i64;
            let resolved = spent.unsigned_abs() + unknown.unsigned_abs() >= accepted;
            if *held != unknown || spent.unsigned_abs() > accepted || !resolved {
                broken.push(format!(
                    "S5 {account}: {accepted} accepted, {unknown} unknown, {held} held, {spent} spent"
                ));
            }
        }
        if in_all != self.accepted_in_all {
            broken
                .push(format!("the site has {} proposals, {in_all} of known accounts", self.accepted_in_all));
        }
    }
}

impl Told {
    fn has_intent(&self) -> bool {
        self.timeline.iter().any(|entry| matches!(entry["event"].as_str(), Some("intent" | "recovered")))
    }

    /// What the site has otherwise than it was asked for.
    fn differs(&self, proposal: &Value) -> Option<String> {
        let letter = self.body["coverLetter"].as_str().unwrap_or_default();
        let wanted = json!({
            "coverLetterSha256": sha256_hex(letter.as_bytes()),
            "price": self.body["proposal"]["hourlyRate"].as_u64().unwrap_or(DEFAULT_RATE) as f64,
            "boostConnects": self.body["proposal"]["boostConnects"].as_u64().unwrap_or(0),
        });
        let stored = json!({
            "coverLetterSha256": proposal["coverLetterSha256"],
            "price": proposal["price"].as_f64(),
            "boostConnects": proposal["boostConnects"],
        });
        (wanted != stored).then(|| format!("{wanted} was asked for, the site has {stored}"))
    }

    /// The timeline names the end and its reason, and tells of an intent where a proposal was sent.
    fn explained(&self, id: &str, broken: &mut Vec<String>) {
        let events: Vec<&str> = self.timeline.iter().filter_map(|entry| entry["event"].as_str()).collect();
        let end = code(&self.status).unwrap_or("applied");
        let last =
            self.timeline.iter().rev().find(|entry| entry["event"] == end || entry["event"] == "corrected");
        let reason = last.and_then(|entry| entry["detail"].as_str()).unwrap_or_default();
        // A success that no read has confirmed is explained by its answer.
        let is_told =
            !reason.trim().is_empty() || (end == "applied" && last.is_some() && events.contains(&"answer"));
        if !is_told {
            broken.push(format!("{id} ended {end} and nothing says why: {:?}", self.timeline));
        }
        // What a read has shown, or why none could: a person who resolves it has nothing else to go by.
        let is_read = |entry: &Value| {
            entry["event"] == "read" && entry["detail"].as_str().is_some_and(|detail| !detail.is_empty())
        };
        let unknown = self.timeline.iter().position(|entry| entry["event"] == "outcome_unknown");
        if unknown.is_some_and(|at| !self.timeline[..at].iter().any(is_read)) {
            broken.push(format!("{id} is unknown and no line tells of a read: {:?}", self.timeline));
        }
        let is_after_intent = matches!(end, "applied" | "not_submitted" | "outcome_unknown");
        if is_after_intent && !self.has_intent() {
            broken.push(format!("{id} ended {end} without an intent: {events:?}"));
        }
        if end == "logged_out" && self.has_intent() {
            broken.push(format!("{id} was sent and is told as logged out: {events:?}"));
        }
    }
}

/// One account that applied to one job, which the site has.
fn honest() -> Evidence {
    let pair = ("acc".to_owned(), "~02".to_owned());
    let status =
        json!({"jobId": "~02", "queueId": "q1", "applicationStatus": "applied", "errorMessage": null});
    let proposal =
        json!({"queueId": "q1", "price": 65.0, "boostConnects": 0, "coverLetterSha256": sha256_hex(b"Hi")});
    let timeline = vec![
        json!({"event": "intent", "detail": null}),
        json!({"event": "applied", "detail": "the site shows the proposal"}),
    ];
    let line = |act: &str, hash: Option<&str>| json!({"act": act, "at": "T3", "sha256": hash});
    let audit = vec![
        line("approved", Some("old")),
        line("void", None),
        line("approved", Some("abc")),
        line("intent", Some("abc")),
    ];
    let told =
        Told { pair: pair.clone(), body: json!({"coverLetter": "Hi"}), status: status.clone(), timeline };
    Evidence {
        told: [("q1".into(), told)].into(),
        newest: [(pair.clone(), status)].into(),
        counted: [(pair, Counted { received: 1, accepted: 1, proposals: vec![proposal] })].into(),
        accepted_in_all: 1,
        credits: [("acc".into(), (4, 0, 1))].into(),
        governed: ["acc".to_owned()].into(),
        audit: [("q1".into(), audit)].into(),
        stops: vec![
            Stop { account: None, since: "T1".into(), until: "T2".into() },
            Stop { account: Some("another".into()), since: "T0".into(), until: "T9".into() },
        ],
    }
}

#[test]
fn the_judge_of_hostile_runs_finds_nothing_in_an_honest_history() {
    assert_eq!(judge(&honest()), Vec::<String>::new());
}

#[test]
fn the_judge_of_hostile_runs_finds_each_kind_of_lie() {
    type Doctor = fn(&mut Evidence);
    fn counted(evidence: &mut Evidence) -> &mut Counted {
        evidence.counted.values_mut().next().unwrap()
    }
    fn told(evidence: &mut Evidence) -> &mut Told {
        evidence.told.get_mut("q1").unwrap()
    }
    fn audit(evidence: &mut Evidence) -> &mut Vec<Value> {
        evidence.audit.get_mut("q1").unwrap()
    }
    fn ends(evidence: &mut Evidence, status: &str, message: &str) {
        told(evidence).status["applicationStatus"] = status.into();
        told(evidence).status["errorMessage"] = message.into();
    }
    let lies: [(&str, Doctor); 21] = [
        ("S1", |e| counted(e).accepted = 2),
        ("S2", |e| counted(e).received = 2),
        ("S2", |e| drop(told(e).timeline.remove(0))),
        ("S3", |e| e.newest.values_mut().for_each(|newest| newest["applicationStatus"] = "failed".into())),
        ("S4", |e| counted(e).proposals[0]["price"] = 66.into()),
        ("S4", |e| told(e).body["coverLetter"] = "Ho".into()),
        ("S4", |e| told(e).body["proposal"] = json!({"boostConnects": 4})),
        ("S5", |e| e.credits.values_mut().for_each(|credits| *credits = (5, 0, 0))),
        ("S5", |e| e.credits.values_mut().for_each(|credits| *credits = (4, 1, 1))),
        ("1 of known accounts", |e| e.accepted_in_all = 2),
        ("nobody asked for", |e| counted(e).proposals[0]["queueId"] = "q2".into()),
        ("is lost", |e| told(e).status["queueId"] = "q2".into()),
        ("has not ended", |e| ends(e, "processing", "")),
        ("1 proposals on the site", |e| ends(e, "failed", "not_submitted: No.")),
        ("nothing says why", |e| told(e).timeline[1]["detail"] = Value::Null),
        ("no line tells of a read", |e| told(e).timeline[0]["event"] = "outcome_unknown".into()),
        ("I2", |e| drop(audit(e).remove(2))),
        ("I2", |e| audit(e)[2]["sha256"] = "abd".into()),
        ("I2", |e| audit(e).swap(1, 2)),
        ("I2", |e| audit(e).swap(2, 3)),
        ("although Stop", |e| audit(e)[3]["at"] = "T15".into()),
    ];
    for (sentence, doctor) in lies {
        let mut evidence = honest();
        doctor(&mut evidence);
        let broken = judge(&evidence);
        assert!(broken.iter().any(|line| line.contains(sentence)), "{sentence}: {broken:?}");
    }
    let mut logged_out = honest();
    ends(&mut logged_out, "logged_out", "logged_out: No.");
    assert!(judge(&logged_out).iter().any(|line| line.contains("is told as logged out")));
}
