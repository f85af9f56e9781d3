//! What is true after any history of crashes, judged by what callers were told and by the stand-in's own count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::job;

/// One account and one job.
pub(crate) type Pair = (String, String);

/// All that is known once everything has come to rest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// The last status of every `queueId` that was ever answered.
    pub(crate) told: BTreeMap<String, Told>,
    /// The status of the newest application of each job.
    pub(crate) newest: BTreeMap<Pair, Value>,
    /// By the stand-in.
    pub(crate) counted: BTreeMap<Pair, Counted>,
    /// The application of each intent, by the witness files of all nodes.
    pub(crate) intents: BTreeMap<Pair, Vec<String>>,
    /// Credits of each account: granted, available, held, spent.
    pub(crate) credits: BTreeMap<String, (i64, i64, i64, i64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) pair: Pair,
    pub(crate) status: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Counted {
    pub(crate) received: u64,
    pub(crate) accepted: u64,
    /// The `queueId` of each stored proposal.
    pub(crate) proposals: Vec<String>,
}

/// Ends that these histories may have beside `applied`, all of them clean.
const CLEAN: [&str; 4] = ["attempts_exhausted", "cancelled", "deadline", "not_submitted"];

/// Every rule that is broken, as a sentence; none is what a test wants.
pub(crate) fn judge(evidence: &Evidence) -> Vec<String> {
    let mut broken = Vec::new();
    evidence.counts(&mut broken);
    evidence.intents(&mut broken);
    evidence.answers(&mut broken);
    evidence.newest(&mut broken);
    evidence.money(&mut broken);
    broken
}

/// What is wrong with one status answer by itself, at whatever time it was read.
pub(crate) fn malformed(status: &Value) -> Option<String> {
    let (word, error) = (&status["applicationStatus"], &status["errorMessage"]);
    let is_clean = match word.as_str() {
        Some("processing") => error.is_null() && status["appliedAt"].is_null(),
        Some("applied") => error.is_null() && status["appliedAt"].is_i64() && status["processedAt"].is_i64(),
        Some("failed") => {
            let is_known = |code| CLEAN.contains(&code) || code == "outcome_unknown" || is_displaced(status);
            code(status).is_some_and(is_known) && status["appliedAt"].is_null()
        }
        // A kill between a refresh and its storing costs the login, and only this job asks for a refresh.
        Some("logged_out") => {
            code(status) == Some("logged_out")
                && status["appliedAt"].is_null()
                && status["jobId"] == job(8).as_str()
        }
        _ => false,
    };
    (!is_clean).then(|| format!("a status that cannot be: {status}"))
}

/// A node that wakes long after its lease has ended may still make the preview that it was at, which takes the place of
/// its successor's: the site then refuses that one, and nothing is sent.
fn is_displaced(status: &Value) -> bool {
    let says = status["errorMessage"].as_str().unwrap_or_default();
    code(status) == Some("refused") && (says.contains("newer preview") || says.contains("superseded"))
}

/// The code before the colon of `errorMessage`.
pub(crate) fn code(status: &Value) -> Option<&str> {
    status["errorMessage"].as_str()?.split_once(": ").map(|(code, _)| code)
}

/// Nothing more will change.
pub(crate) fn is_final(status: &Value) -> bool {
    status["applicationStatus"] != "processing" && code(status) != Some("outcome_unknown")
}

impl Evidence {
    /// How many have which end.
    pub(crate) fn ends(&self) -> String {
        let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
        for told in self.told.values() {
            *ends.entry(code(&told.status).unwrap_or("applied")).or_default() += 1;
        }
        format!("ends {ends:?}")
    }

    /// S1, S2, I2: once at most, and never without an intent.
    fn counts(&self, broken: &mut Vec<String>) {
        for (pair, counted) in &self.counted {
            let ids = self.intents.get(pair).map_or(&[][..], Vec::as_slice);
            let intents = ids.len() as u64;
            if counted.accepted > 1 {
                broken.push(format!("{pair:?}: submitted {} times", counted.accepted));
            }
            if counted.received > intents {
                broken.push(format!("{pair:?}: {} received, {intents} intents", counted.received));
            }
            for id in &counted.proposals {
                if !ids.contains(id) {
                    broken.push(format!("{pair:?}: {id} was sent without an intent"));
                }
            }
        }
    }

    /// I10: no two nodes, nor two lives of one, took the same for theirs.
    fn intents(&self, broken: &mut Vec<String>) {
        for (pair, ids) in &self.intents {
            let different: BTreeSet<_> = ids.iter().collect();
            if different.len() < ids.len() {
                broken.push(format!("{pair:?}: an application has two intents: {ids:?}"));
            }
        }
    }

    /// Nothing lost, everything at rest, and each answer what the site has.
    fn answers(&self, broken: &mut Vec<String>) {
        for (id, Told { pair, status }) in &self.told {
            if status["queueId"] != id.as_str() || status["jobId"] != pair.1.as_str() {
                broken.push(format!("{id} of {pair:?} is lost: {status}"));
                continue;
            }
            broken.extend(malformed(status));
            if !is_final(status) {
                broken.push(format!("{id} has not come to rest: {status}"));
            }
            let sent = self
                .counted
                .get(pair)
                .map_or(0, |counted| counted.proposals.iter().filter(|proposal| *proposal == id).count());
            if (status["applicationStatus"] == "applied") != (sent == 1) {
                broken.push(format!("{id} has {sent} proposals on the site and is told as {status}"));
            }
        }
    }

    /// S3: the newest is `applied` exactly where the site has one.
    fn newest(&self, broken: &mut Vec<String>) {
        for (pair, status) in &self.newest {
            let accepted = self.counted.get(pair).map_or(0, |counted| counted.accepted);
            if (status["applicationStatus"] == "applied") != (accepted == 1) {
                broken.push(format!("{pair:?}: {accepted} accepted, newest is {status}"));
            }
        }
        for pair in self.counted.keys().filter(|pair| !self.newest.contains_key(pair)) {
            broken.push(format!("{pair:?}: submitted, and no caller knows of it"));
        }
    }

    /// S5: paid for what was accepted, and nothing is held any more.
    fn money(&self, broken: &mut Vec<String>) {
        for (account, (granted, available, held, spent)) in &self.credits {
            let of_account = self.counted.iter().filter(|((owner, _), _)| owner == account);
            let accepted: u64 = of_account.map(|(_, counted)| counted.accepted).sum();
            if *held != 0 || spent.unsigned_abs() != accepted || available + spent != *granted {
                broken.push(format!(
                    "{account}: {accepted} accepted, of {granted} are {available} available, {held} held, {spent} spent"
                ));
            }
        }
    }
}

/// One account that applied to one job, which the site has.
fn honest() -> Evidence {
    let pair = ("acc".to_owned(), "~02".to_owned());
    let status = json!({"jobId": "~02", "queueId": "q1", "applicationStatus": "applied",
        "processedAt": 1, "appliedAt": 2, "errorMessage": null});
    let counted = Counted { received: 1, accepted: 1, proposals: vec!["q1".into()] };
    Evidence {
        told: [("q1".into(), Told { pair: pair.clone(), status: status.clone() })].into(),
        newest: [(pair.clone(), status)].into(),
        counted: [(pair.clone(), counted)].into(),
        intents: [(pair, vec!["q1".to_owned()])].into(),
        credits: [("acc".into(), (5, 4, 0, 1))].into(),
    }
}

#[test]
fn the_judge_finds_nothing_in_an_honest_history() {
    assert_eq!(judge(&honest()), Vec::<String>::new());
}

#[test]
fn the_judge_finds_each_kind_of_lie() {
    type Doctor = fn(&mut Evidence);
    fn counted(evidence: &mut Evidence) -> &mut Counted {
        evidence.counted.values_mut().next().unwrap()
    }
    fn told(evidence: &mut Evidence) -> &mut Value {
        &mut evidence.told.get_mut("q1").unwrap().status
    }
    fn fail(status: &mut Value, message: &str) {
        status["applicationStatus"] = "failed".into();
        status["appliedAt"] = Value::Null;
        status["errorMessage"] = message.into();
    }
    let lies: [(&str, Doctor); 16] = [
        ("submitted 2 times", |e| counted(e).accepted = 2),
        ("2 received, 1 intents", |e| counted(e).received = 2),
        ("1 received, 0 intents", |e| e.intents.clear()),
        ("was sent without an intent", |e| counted(e).proposals.push("q2".into())),
        ("has two intents", |e| e.intents.values_mut().for_each(|ids| ids.push("q1".into()))),
        ("is lost", |e| *told(e) = json!({"error": "Application not found"})),
        ("has not come to rest", |e| {
            let status = told(e);
            status["applicationStatus"] = "processing".into();
            status["appliedAt"] = Value::Null;
        }),
        ("has not come to rest", |e| fail(told(e), "outcome_unknown: Wait.")),
        ("1 proposals on the site", |e| fail(told(e), "not_submitted: Apply again.")),
        ("0 proposals on the site", |e| counted(e).proposals.clear()),
        ("cannot be", |e| fail(told(e), "already_applied: There is one.")),
        ("cannot be", |e| fail(told(e), "refused: Upwork refused the proposal: No.")),
        ("1 proposals on the site", |e| {
            fail(told(e), "refused: A newer preview took the place of this one.")
        }),
        ("1 accepted, newest is", |e| fail(e.newest.values_mut().next().unwrap(), "deadline: Late.")),
        ("no caller knows of it", |e| e.newest.clear()),
        ("1 accepted, of 5", |e| e.credits.values_mut().for_each(|credits| *credits = (5, 5, 0, 0))),
    ];
    for (sentence, doctor) in lies {
        let mut evidence = honest();
        doctor(&mut evidence);
        let broken = judge(&evidence);
        assert!(broken.iter().any(|line| line.contains(sentence)), "{sentence}: {broken:?}");
    }
}
