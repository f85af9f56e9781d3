//! Whatever a caller sends is read or refused in plain words, never a panic.
#![allow(clippy::unwrap_used, reason = "tests")]

use applyd_core::draft::Draft;
use applyd_core::json;
use applyd_wire::ApplyRequest;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\0]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map("[^\0]{0,6}", inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Texts, numbers and lists at and beyond the limits of the contract.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec!["", " \n", "Hello", "~021", "~029000000000000000001", "1 to 3 months", "2026-02-30"])
            .prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        (235_usize..245).prop_map(|n| "x".repeat(n).into()),
        (4998_usize..5003).prop_map(|n| "🦀".repeat(n).into()),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![0.0, 0.01, 1.0, 65.5, 65.555, 9999.99, 10_000.0, 1e6, 1_000_000.01, 1e300, -1.0])
            .prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..30).prop_map(Value::from),
    ]
}

fn members(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let optional: Vec<_> = members
        .into_iter()
        .map(|(name, value)| proptest::option::of(value).prop_map(move |value| value.map(|v| (name, v))))
        .collect();
    optional.prop_map(|all| all.into_iter().flatten().map(|(n, v)| (n.to_owned(), v)).collect()).boxed()
}

fn request() -> impl Strategy<Value = Value> {
    let text = || text().boxed();
    let number = || number().boxed();
    let integer = || prop_oneof![any::<i64>(), -1_i64..9].prop_map(Value::from).boxed();
    let list = |item: BoxedStrategy<Value>| vec(item, 0..23).prop_map(Value::from).boxed();
    let pair = |a: &'static str, b: &'static str| {
        (text(), text()).prop_map(move |(x, y)| json!({ a: x, b: y })).boxed()
    };
    let milestone = (text(), number(), proptest::option::of(text()))
        .prop_map(|(what, amount, due)| json!({"description": what, "amount": amount, "dueDate": due}));
    let proposal = members(vec![
        ("hourlyRate", number()),
        ("timeline", text()),
        ("fixedPrice", number()),
        ("milestones", list(milestone.boxed())),
        ("boostConnects", integer()),
        ("maxConnects", integer()),
    ]);
    let rest = members(vec![
        ("profileId", text()),
        ("proposal", proposal),
        ("autoFillOtherQuestions", any::<bool>().prop_map(Value::from).boxed()),
        ("questionAnswers", list(pair("question", "answer"))),
        ("somethingElse", any_json().boxed()),
    ]);
    // Mostly past the required members, so that the others are judged too.
    let job = prop_oneof![4 => Just(json!("~021")), 1 => text()];
    let letter = prop_oneof![4 => Just(json!("Hello")), 1 => text()];
    (job, letter, rest).prop_map(|(job, letter, mut whole)| {
        whole["jobId"] = job;
        whole["coverLetter"] = letter;
        whole
    })
}

/// Where a member stands, as a refusal says it.
fn member(at: &str, name: &str) -> String {
    let name = if name.is_empty() { "\"\"".to_owned() } else { name.replace('\u{1}', "?") };
    if at.is_empty() { name } else { format!("{at}.{name}") }
}

/// Every object of a document: as a path of steps, and as a refusal says it.
fn objects(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, at: &str, told: &str, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                found.push((at.to_owned(), told.to_owned()));
                for (name, inner) in map {
                    let step = name.replace('~', "~0").replace('/', "~1");
                    walk(inner, &format!("{at}/{step}"), &member(told, name), found);
                }
            }
            Value::Array(list) => {
                for (index, inner) in list.iter().enumerate() {
                    walk(inner, &format!("{at}/{index}"), &format!("{told}[{index}]"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, "", "", &mut found);
    found
}

/// Writes a document in which the object at `place` has a member of this name twice.
fn with_repeated(whole: &Value, place: &str, name: &str) -> String {
    const MARK: &str = "applyd-repeats-here";
    let mut whole = whole.clone();
    let object = whole.pointer_mut(place).unwrap().as_object_mut().unwrap();
    object.remove(name);
    object.insert(MARK.into(), Value::Null);
    let name = Value::from(name).to_string();
    whole.to_string().replacen(&format!("\"{MARK}\":null"), &format!("{name}:1,{name}:[]"), 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9a\\\\u]{0,60}") {
        for body in [&bytes[..], text.as_bytes()] {
            if let Err(refusal) = json::object(body) {
                prop_assert!(!refusal.field.is_empty() && !refusal.message.is_empty());
            }
        }
    }

    #[test]
    fn an_object_is_read_as_it_stands(value in btree_map("[^\0]{0,6}", any_json(), 0..5)) {
        let whole: Value = value.into_iter().collect();
        // As serde_json reads its own text: a float may be written shorter than it is.
        let written: Value = serde_json::from_str(&whole.to_string()).unwrap();
        prop_assert_eq!(json::object(whole.to_string().as_bytes()).map(Value::Object), Ok(written));
    }

    #[test]
    fn a_repeated_member_is_refused_anywhere(
        value in btree_map("[^\0]{0,6}", any_json(), 0..5), at in any::<Index>(), name in "[^\0]{0,6}"
    ) {
        let whole: Value = value.into_iter().collect();
        let places = objects(&whole);
        let (place, told): &(String, String) = at.get(&places);
        let body = with_repeated(&whole, place, &name);
        let refusal = json::object(body.as_bytes()).unwrap_err();
        let field = member(told, &name);
        prop_assert_eq!(refusal.message, format!("`{field}` stands more than once"), "{}", body);
        prop_assert_eq!(refusal.field, field);
    }

    #[test]
    fn each_refusal_of_a_request_names_its_field(whole in request()) {
        // What serde refuses is told by its path; here only the judgement is tried.
        let Ok(request): Result<ApplyRequest, _> = serde_json::from_value(whole.clone()) else { return Ok(()) };
        match Draft::parse(request) {
            Ok(draft) => {
                prop_assert_eq!(whole["coverLetter"].as_str(), Some(draft.terms.cover_letter.as_str()));
            }
            Err(refusal) => {
                let (field, message) = (refusal.field, refusal.message);
                prop_assert!(!field.is_empty() && message.contains(&format!("`{field}`")), "{field}: {message}");
            }
        }
    }
}
