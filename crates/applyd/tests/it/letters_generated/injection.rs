//! Hostile job texts, and a model that obeys whatever it reads: nothing leaves that is not the caller's own.

use serde_json::{Value, json};

use super::hostile;
use super::model::{Act, Model, Seen, completion, ok};
use super::{Desk, ENVIRONMENT, KEY, PATH};
use crate::harness::{Account, job};

const FEED: &str = "I bake and I write Rust. own-feed-canary";
const VICTIM_FEED: &str = "victim-feed-canary: never below 40, our margin is 12";
const VICTIM_LETTER: &str = "victim-letter-canary: dear client of another agency";
const VICTIM_JOB: &str = "victim-job-canary: a job that only they asked about";

/// All ways in which the model obeys, one for each try.
const WAYS: usize = 4;

/// The first way dumps its whole input; the second all that it read; the others what was asked, without the markers.
fn obey(seen: &Seen, before: usize) -> Act {
    let (system, user) = (seen.message("system"), seen.message("user"));
    let marker = user.split('\n').next().unwrap().rsplit(' ').next().unwrap().to_owned();
    let text = match before % WAYS {
        0 => format!("{}{}", seen.head, cut(&seen.body.to_string())),
        1 => cut(&format!("{system}\n{user}")),
        2 => cut(&format!("{user}\n{system}").replace(&marker, "")),
        _ => format!("{}{}", said_inside(&user), seen.header("authorization").unwrap().len()),
    };
    ok(&completion(&text))
}

/// A letter's length; what is said first and last is kept.
fn cut(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (first, last) = (&chars[..chars.len().min(2200)], &chars[chars.len().saturating_sub(2200)..]);
    first.iter().chain(last).collect()
}

fn said_inside(user: &str) -> String {
    let block: Value = serde_json::from_str(user.split('\n').nth(1).unwrap()).unwrap();
    block["description"].as_str().unwrap().chars().take(4000).collect()
}

/// What may be in no answer, no question to the model and, the callers' own texts aside, in no log line.
fn secrets(desk: &Desk, victim: &Account) -> Vec<String> {
    let master = std::fs::read(desk.place.path("master.key")).unwrap();
    let hex: String = master.iter().map(|byte| format!("{byte:02x}")).collect();
    let words = [KEY, VICTIM_FEED, VICTIM_LETTER, VICTIM_JOB, ENVIRONMENT, &hex];
    let canaries = ["victim-feed-canary", "victim-letter-canary", "victim-job-canary", "model-canary"];
    let of_accounts = [&victim.key, &victim.id, &desk.account.key, &desk.account.id];
    let folder = desk.place.path("").display().to_string();
    let webhook = |account: &Account| {
        let url = "https://hooks.example/in";
        desk.place.json(&["webhook", "create", &account.id, url])["secret"].as_str().unwrap().to_owned()
    };
    let of_webhooks = [webhook(victim), webhook(&desk.account)];
    let all = words.into_iter().chain(canaries).map(str::to_owned);
    all.chain(of_accounts.into_iter().cloned()).chain(of_webhooks).chain([folder]).collect()
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

#[test]
fn no_hostile_job_gets_a_secret_or_anothers_text_out() {
    assert_eq!(hostile::all().len(), 50);
    let model = Model::start(obey);
    let desk = Desk::asking(&model, &[("SEND_EFFORT", "true")]);
    let victim = desk.place.account("victim", 3);
    desk.place.json(&["feed", "set", "victim", "plain", VICTIM_FEED]);
    desk.place.json(&["feed", "set", "agency", "plain", FEED]);
    let theirs = json!({"jobTitle": "Theirs", "jobDescription": VICTIM_JOB, "feedId": "plain"}).to_string();
    for _ in 0..WAYS {
        desk.server.call("POST", PATH, &victim.key, Some(&theirs));
    }
    let apply = json!({"jobId": job(1), "coverLetter": VICTIM_LETTER}).to_string();
    let applied = desk.server.call("POST", "/api/auto-apply-v2/apply", &victim.key, Some(&apply));
    assert_eq!(applied.status, 200, "{applied:?}");
    let (asked_by_victim, secrets) = (model.seen().len(), secrets(&desk, &victim));

    for (number, text) in hostile::all().iter().enumerate() {
        for way in 0..WAYS {
            let mut body = json!({"jobTitle": "A page for bread", "jobDescription": text});
            if number % 2 == 0 {
                body["feedId"] = "plain".into();
            }
            if number % 5 == 0 {
                body["jobTitle"] = text.chars().take(300).collect::<String>().into();
            }
            let reply = desk.ask(&body);
            // A dump of the question is no letter; a text that was asked for is one, and harmless.
            let expected = if way < 2 { 503 } else { 200 };
            assert_eq!(reply.status, expected, "{text:?} by way {way}: {reply:?}");
            let told = lower(&format!("{}{}", reply.head, reply.body));
            for secret in &secrets {
                assert!(!told.contains(&lower(secret)), "{secret} has left by way {way}: {text:?}");
            }
        }
    }
    let seen = model.seen();
    assert_eq!(seen.len() - asked_by_victim, 50 * WAYS, "each was asked once");
    for seen in &seen[asked_by_victim..] {
        assert_alone(seen, &secrets);
    }
    let log = lower(&desk.log());
    for (reason, times) in [("it tells the key", 51), ("it repeats the question", 51)] {
        assert_eq!(log.matches(reason).count(), times, "{reason}");
    }
    for secret in
        [KEY, "model-canary", VICTIM_FEED, VICTIM_LETTER, VICTIM_JOB, &victim.key, &desk.account.key]
    {
        assert!(!log.contains(&lower(secret)), "{secret} is in the log");
    }
}

/// What the model got is the rules, the account's own feed and the job in its block; the key is in its one header.
fn assert_alone(seen: &Seen, secrets: &[String]) {
    let head: Vec<_> =
        seen.head.lines().filter(|line| !line.to_lowercase().starts_with("authorization: ")).collect();
    assert_eq!(head.len() + 1, seen.head.lines().count());
    let told = lower(&format!("{}{}", head.concat(), seen.body));
    for secret in secrets {
        assert!(!told.contains(&lower(secret)), "the model was told {secret}");
    }
    let members: Vec<_> = seen.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["messages", "model", "reasoning_effort"]);
    assert_eq!(seen.body["messages"].as_array().unwrap().len(), 2);

    let (system, user) = (seen.message("system"), seen.message("user"));
    let [begin, block, end, ask] = user.split('\n').collect::<Vec<_>>()[..] else { panic!("{user:?}") };
    let marker = begin.strip_prefix("BEGIN JOB ").unwrap();
    assert_eq!((marker.len(), end), (32, format!("END JOB {marker}").as_str()));
    assert_eq!(ask, "Write the letter for this job.");
    assert_eq!(user.matches(marker).count(), 2, "the marker ends the block once");
    let inside: Value = serde_json::from_str(block).unwrap();
    assert_eq!(inside.as_object().unwrap().len(), 2);
    let hidden = |c| matches!(c, '\u{1b}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{e0000}'..='\u{e007f}');
    assert!(!block.contains(hidden), "{block}");
    // Whatever the job said is inside: outside of the block all requests are alike.
    let rules = system.replace(marker, "~");
    let rules = rules.strip_suffix(&format!("\n\nThe freelancer's notes:\n{FEED}")).unwrap_or(&rules);
    assert!(rules.ends_with("Do not repeat the markers."), "{rules}");
}
