//! What callers lived through while servers died, and the verdict on it.

pub(crate) mod caller;
pub(crate) mod judge;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{POLL, Place, Process};
use caller::Caller;
use judge::{Counted, Evidence, Told, is_final};

/// Reads until the last application rests; what does not is found by the judge.
pub(crate) fn rest(callers: &mut [Caller], within: Duration) {
    let begun = Instant::now();
    callers.iter_mut().for_each(Caller::look_back);
    loop {
        let mut waiting = 0;
        for caller in &mut *callers {
            let ids: Vec<String> = caller.known.keys().cloned().collect();
            for id in ids {
                caller.read(&id);
            }
            waiting += caller.known.values().filter(|known| !is_final(&known.status)).count();
        }
        if waiting == 0 || begun.elapsed() > within {
            return;
        }
        std::thread::sleep(POLL);
    }
}

/// Gathers what is known of these callers, each of whom was granted so many credits.
pub(crate) fn evidence(
    place: &Place,
    server: &Process,
    callers: &[Caller],
    credits: u32,
    witnesses: &[PathBuf],
) -> Evidence {
    let mut evidence = Evidence::default();
    for caller in callers {
        let id = &caller.account.id;
        for (queue_id, known) in &caller.known {
            let told = Told { pair: (id.clone(), known.job.clone()), status: known.status.clone() };
            evidence.told.insert(queue_id.clone(), told);
        }
        evidence.newest.extend(caller.newest().into_iter().map(|(job, status)| ((id.clone(), job), status)));
        let counted = server.call("GET", "/sandbox/submissions", &caller.account.key, None).json();
        for row in counted["submissions"].as_array().unwrap() {
            evidence.counted.insert((id.clone(), text(&row["jobId"])), counted_of(row));
        }
        let (available, held, spent) = place.balance(&caller.account);
        evidence.credits.insert(id.clone(), (credits.into(), available, held, spent));
    }
    for witness in witnesses {
        for line in witnessed(witness) {
            let pair = (text(&line["account"]), text(&line["job"]));
            evidence.intents.entry(pair).or_default().push(text(&line["application"]));
        }
    }
    evidence
}

/// One line an intent, written before the one send.
pub(crate) fn witnessed(file: &Path) -> Vec<Value> {
    let lines = std::fs::read_to_string(file).unwrap();
    lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn counted_of(row: &Value) -> Counted {
    let proposals = row["proposals"].as_array().unwrap();
    Counted {
        received: row["received"].as_u64().unwrap(),
        accepted: row["accepted"].as_u64().unwrap(),
        proposals: proposals.iter().map(|proposal| text(&proposal["queueId"])).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
