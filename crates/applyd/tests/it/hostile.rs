//! Bodies that are malformed, mistyped or repeated: named by field, and nothing changes.

use serde_json::Value;

use crate::harness::{Account, Place, Process, Reply};

const APPLY: &str = "/api/auto-apply-v2/apply";

struct Stage {
    place: Place,
    server: Process,
    account: Account,
}

/// A server that accepts and does not work: what is accepted stays as it is.
fn stage() -> Stage {
    let mut place = Place::with(&[]);
    place.set("APPLYD_WORKERS", "0");
    place.set("APPLYD_RATE_LIMITS", "off");
    let account = place.account("agency", 50);
    let server = place.serve();
    Stage { place, server, account }
}

impl Stage {
    fn send(&self, body: &[u8]) -> Reply {
        self.server.call_with("POST", APPLY, &[("x-api-key", &self.account.key)], Some(body))
    }

    /// Balance and number of applications.
    fn books(&self) -> ((i64, i64, i64), Value) {
        let report = self.place.json(&["ledger", "verify"]);
        (self.place.balance(&self.account), report["applications"].clone())
    }

    fn refuses(&self, body: &[u8], status: u16, field: &str) {
        let reply = self.send(body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        assert_eq!(reply.status, status, "{shown}\n{reply:?}");
        assert_eq!(reply.header("content-type"), Some("application/json"), "{shown}");
        let said = reply.json();
        assert_eq!(said["field"], field, "{shown}\n{said}");
        assert!(said["error"].as_str().is_some_and(|error| !error.is_empty()), "{shown}\n{said}");
    }

    fn accepts(&self, body: &str) {
        let reply = self.send(body.as_bytes());
        assert_eq!(reply.status, 200, "{}\n{reply:?}", &body[..body.len().min(200)]);
    }
}

/// A member by its path, what it must be, and a body around it; `@` is the place of the value.
const MEMBERS: &[(&str, &str, &str)] = &[
    ("jobId", "string", r#"{"jobId":@,"coverLetter":"x"}"#),
    ("coverLetter", "string", r#"{"jobId":"~021","coverLetter":@}"#),
    ("profileId", "string", r#"{"jobId":"~021","coverLetter":"x","profileId":@}"#),
    ("proposal", "object", r#"{"jobId":"~021","coverLetter":"x","proposal":@}"#),
    ("autoFillOtherQuestions", "boolean", r#"{"jobId":"~021","coverLetter":"x","autoFillOtherQuestions":@}"#),
    ("questionAnswers", "array", r#"{"jobId":"~021","coverLetter":"x","questionAnswers":@}"#),
    ("questionAnswers[0]", "object", r#"{"jobId":"~021","coverLetter":"x","questionAnswers":[@]}"#),
    (
        "questionAnswers[0].question",
        "string",
        r#"{"jobId":"~021","coverLetter":"x","questionAnswers":[{"question":@,"answer":"a"}]}"#,
    ),
    (
        "questionAnswers[1].answer",
        "string",
        r#"{"jobId":"~021","coverLetter":"x","questionAnswers":[{"question":"p","answer":"a"},{"question":"q","answer":@}]}"#,
    ),
    ("proposal.hourlyRate", "number", r#"{"jobId":"~021","coverLetter":"x","proposal":{"hourlyRate":@}}"#),
    ("proposal.timeline", "string", r#"{"jobId":"~021","coverLetter":"x","proposal":{"timeline":@}}"#),
    ("proposal.fixedPrice", "number", r#"{"jobId":"~021","coverLetter":"x","proposal":{"fixedPrice":@}}"#),
    ("proposal.milestones", "array", r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":@}}"#),
    (
        "proposal.milestones[0]",
        "object",
        r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":[@]}}"#,
    ),
    (
        "proposal.milestones[0].description",
        "string",
        r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":[{"description":@,"amount":5}]}}"#,
    ),
    (
        "proposal.milestones[0].amount",
        "number",
        r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":[{"description":"d","amount":@}]}}"#,
    ),
    (
        "proposal.milestones[0].dueDate",
        "string",
        r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":[{"description":"d","amount":5,"dueDate":@}]}}"#,
    ),
    (
        "proposal.boostConnects",
        "integer",
        r#"{"jobId":"~021","coverLetter":"x","proposal":{"boostConnects":@}}"#,
    ),
    ("proposal.maxConnects", "integer", r#"{"jobId":"~021","coverLetter":"x","proposal":{"maxConnects":@}}"#),
];

const VALUES: &[(&str, &str)] = &[
    ("string", r#""x""#),
    ("string", r#""5""#),
    ("number", "1.5"),
    ("integer", "5"),
    ("integer", "-1"),
    ("integer", "99999999999999999999"),
    ("boolean", "true"),
    ("array", "[]"),
    ("array", r#"["x","y"]"#),
    ("array", "[5]"),
    ("object", "{}"),
    ("object", r#"{"question":"q"}"#),
];

fn fits(wanted: &str, given: &str, value: &str) -> bool {
    let too_big = value.len() > 19;
    wanted == given && !(wanted == "integer" && too_big) || (wanted, given) == ("number", "integer")
}

#[test]
fn each_member_of_each_wrong_type_is_named() {
    let stage = stage();
    let before = stage.books();
    let mut sent = 0;
    for (field, wanted, around) in MEMBERS {
        for (_, value) in VALUES.iter().filter(|(given, value)| !fits(wanted, given, value)) {
            stage.refuses(around.replace('@', value).as_bytes(), 400, field);
            sent += 1;
        }
    }
    assert!(sent > 150, "the table has shrunk: {sent}");
    assert_eq!(stage.books(), before);
}

#[test]
fn null_is_absent_where_a_member_may_be_and_missing_where_it_must_be() {
    let stage = stage();
    let before = stage.books();
    for (field, .., around) in MEMBERS.iter().filter(|(field, ..)| {
        matches!(*field, "jobId" | "coverLetter") || field.contains("].") && !field.ends_with("dueDate")
    }) {
        stage.refuses(around.replace('@', "null").as_bytes(), 400, field);
    }
    for (body, field) in [
        ("{}", "jobId"),
        (r#"{"jobId":"~021"}"#, "coverLetter"),
        (r#"{"coverLetter":"x"}"#, "jobId"),
        (r#"{"jobId":"~021","coverLetter":"x","questionAnswers":[{"question":"q"}]}"#, "questionAnswers[0]"),
        (r#"{"jobId":"~021","coverLetter":"x","proposal":{"milestones":[{}]}}"#, "proposal.milestones[0]"),
    ] {
        stage.refuses(body.as_bytes(), 400, field);
    }
    assert_eq!(stage.books(), before);
    stage.accepts(
        r#"{"jobId":"~021","coverLetter":"x","profileId":null,"proposal":null,"autoFillOtherQuestions":null,"questionAnswers":null}"#,
    );
    stage.accepts(
        r#"{"jobId":"~022","coverLetter":"x","proposal":{"hourlyRate":null,"timeline":null,"fixedPrice":null,"milestones":null,"boostConnects":null,"maxConnects":null}}"#,
    );
    assert_eq!(stage.place.balance(&stage.account), (48, 2, 0));
}

#[test]
fn what_is_no_json_object_is_refused() {
    let stage = stage();
    let before = stage.books();
    let deep = "[".repeat(100_000);
    let nested =
        format!(r#"{{"jobId":"~021","coverLetter":"x","y":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let objects = format!(r#"{{"a":{}1{}}}"#, r#"{"a":"#.repeat(500), "}".repeat(500));
    for body in [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "true",
        "5",
        "\"x\"",
        "{} {}",
        "{}x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "// x\n{}",
        "\u{feff}{}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":NaN}",
        "{\"a\":1e999}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "jobId=~021&coverLetter=x",
        "<jobId/>",
        &deep,
        &nested,
        &objects,
    ] {
        stage.refuses(body.as_bytes(), 400, "body");
    }
    assert_eq!(stage.books(), before);
}

#[test]
fn text_that_is_no_text_is_refused() {
    let stage = stage();
    let before = stage.books();
    let letter = |bytes: &[u8]| [br#"{"jobId":"~021","coverLetter":""#, bytes, br#""}"#].concat();
    for (bytes, field) in [
        (&b"\xff"[..], "body"),
        (b"\xc3", "body"),
        (b"\xed\xa0\x80", "body"),
        (b"\xc0\x80", "body"),
        (b"\xf4\x90\x80\x80", "body"),
        (br"\ud83e", "body"),
        (br"\udd80", "body"),
        (br"\udd80\ud83e", "body"),
        (br"\ud83ex", "body"),
        (b"\0", "body"),
        (br"a\u0000b", "coverLetter"),
    ] {
        stage.refuses(&letter(bytes), 400, field);
    }
    stage.refuses(br#"{"jobId":"~021","coverLetter":"x","note":{"deep":["\u0000"]}}"#, 400, "note.deep[0]");
    stage.refuses(b"{\"jobId\":\"~021\",\"coverLetter\":\"x\",\"\\u0000\":1}", 400, "?");
    assert_eq!(stage.books(), before);
}

#[test]
fn a_member_that_stands_twice_is_named() {
    let stage = stage();
    let before = stage.books();
    for (body, field) in [
        (r#"{"jobId":"~021","coverLetter":"x","jobId":"~021"}"#, "jobId"),
        (r#"{"jobId":"~021","coverLetter":"x","coverLetter":null}"#, "coverLetter"),
        (r#"{"jobId":"~021","coverLetter":"x","\u0063overLetter":"y"}"#, "coverLetter"),
        (r#"{"jobId":"~021","coverLetter":"x","other":1,"other":1}"#, "other"),
        (
            r#"{"jobId":"~021","coverLetter":"x","proposal":{"hourlyRate":1,"hourlyRate":1}}"#,
            "proposal.hourlyRate",
        ),
        (
            r#"{"jobId":"~021","coverLetter":"x","questionAnswers":[{"question":"q","answer":"a","answer":"b"}]}"#,
            "questionAnswers[0].answer",
        ),
        (r#"{"jobId":"~021","coverLetter":"x","kept":{"a":[{"b":1,"b":2}]}}"#, "kept.a[0].b"),
    ] {
        stage.refuses(body.as_bytes(), 400, field);
    }
    assert_eq!(stage.books(), before);
}

#[test]
fn well_formed_and_senseless_is_422() {
    let stage = stage();
    let before = stage.books();
    let long = format!(r#"{{"jobId":"~021","coverLetter":"{}"}}"#, "🦀".repeat(5001));
    for (body, field) in [
        (r#"{"jobId":"~021","coverLetter":""}"#, "coverLetter"),
        ("{\"jobId\":\"~021\",\"coverLetter\":\"\u{2003}\u{85}\"}", "coverLetter"),
        (&long, "coverLetter"),
        (r#"{"jobId":"~021","coverLetter":"x","profileId":"nobody"}"#, "profileId"),
        (
            r#"{"jobId":"~021","coverLetter":"x","proposal":{"timeline":"1 To 3 Months"}}"#,
            "proposal.timeline",
        ),
        (r#"{"jobId":"~021","coverLetter":"x","proposal":{"hourlyRate":1e300}}"#, "proposal.hourlyRate"),
        (r#"{"jobId":"~021","coverLetter":"x","proposal":{"hourlyRate":5e-324}}"#, "proposal.hourlyRate"),
        (r#"{"jobId":"~021","coverLetter":"x","proposal":{"fixedPrice":-0.0}}"#, "proposal.fixedPrice"),
        (
            r#"{"jobId":"~021","coverLetter":"x","proposal":{"boostConnects":9223372036854775807}}"#,
            "proposal.boostConnects",
        ),
    ] {
        stage.refuses(body.as_bytes(), 422, field);
    }
    for job in
        ["", "9000000000000000001", "~02", "~02x", "~03123", "https://example.com/jobs/~021", "~021\\u202e"]
    {
        stage.refuses(format!(r#"{{"jobId":"{job}","coverLetter":"x"}}"#).as_bytes(), 400, "jobId");
    }
    assert_eq!(stage.send(br#"{"jobId":"~029000000000000000016","coverLetter":"x"}"#).status, 404);
    assert_eq!(stage.books(), before);
}

#[test]
fn what_the_contract_tolerates_is_taken() {
    let stage = stage();
    let nested = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    stage.accepts(&format!(r#"{{"jobId":"~021","coverLetter":"x","feedId":7,"n":{nested}}}"#));
    stage.accepts(r#" {"jobId":" ~022 ","coverLetter":"x","big":123456789012345678901234567890} "#);
    stage.accepts(
        r#"{"jobId":"~023","coverLetter":"x","":{"jobId":1},"JobId":5,"proposal":{"extra":{"a":1}}}"#,
    );
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""] {
        let body = format!(r#"{{"jobId":"~02{}","coverLetter":"x"}}"#, 100 + content_type.len());
        let headers = [("x-api-key", stage.account.key.as_str()), ("content-type", content_type)];
        let reply = stage.server.call_with("POST", APPLY, &headers, Some(body.as_bytes()));
        assert_eq!(reply.status, 200, "{content_type}: {reply:?}");
    }
    assert_eq!(stage.place.balance(&stage.account), (43, 7, 0));
}
