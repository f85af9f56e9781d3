//! `applyd feed`: text settings for letters.

use serde_json::json;

use crate::harness::Place;

#[test]
fn a_feed_is_set_listed_and_deleted() {
    let place = Place::fast();
    let account = place.account("agency", 0);
    place.account("other", 0);
    std::fs::write(place.path("notes.txt"), "From a file.\nSecond line.\n").unwrap();
    let set = place.json(&["feed", "set", "agency", "rust", "Short and plain."]);
    assert_eq!(set, json!({"accountId": account.id, "name": "rust", "chars": 16}));
    place.json(&["feed", "set", &account.id, "data", "--file", "notes.txt"]);
    place.json(&["feed", "set", "agency", "rust", "Rewritten."]);
    let feeds = place.json(&["feed", "list", "agency"]);
    let shown: Vec<_> = feeds["feeds"].as_array().unwrap().iter().map(|f| (&f["name"], &f["text"])).collect();
    assert_eq!(
        shown,
        [(&json!("data"), &json!("From a file.\nSecond line.\n")), (&json!("rust"), &json!("Rewritten."))]
    );
    assert!(feeds["feeds"][0]["updatedAt"].is_i64());
    assert_eq!(place.json(&["feed", "list", "other"]), json!({"feeds": []}));
    let table = String::from_utf8(place.run(&["feed", "list", "agency"]).stdout).unwrap();
    assert!(table.contains("From a file.") && !table.contains("Second line"), "{table}");
    assert_eq!(place.json(&["feed", "delete", "agency", "rust"]), json!({"name": "rust", "deleted": true}));
    assert_eq!(place.json(&["feed", "list", "agency"])["feeds"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_a_feed_is_refused() {
    let place = Place::fast();
    place.account("agency", 0);
    let long = "🦀".repeat(4001);
    for (arguments, said) in [
        (&["feed", "set", "agency", "a", " \n"][..], "not be blank"),
        (&["feed", "set", "agency", "a", &long], "it has 4001"),
        (&["feed", "set", "agency", " a", "x"], "name"),
        (&["feed", "set", "agency", "", "x"], "name"),
        (&["feed", "set", "agency", "a"], "required"),
        (&["feed", "set", "agency", "a", "x", "--file", "y"], "cannot be used"),
        (&["feed", "set", "agency", "a", "--file", "absent.txt"], "cannot read absent.txt"),
        (&["feed", "set", "nobody", "a", "x"], "no account `nobody`"),
        (&["feed", "list", "nobody"], "no account `nobody`"),
        (&["feed", "delete", "agency", "a"], "no feed `a`"),
    ] {
        let output = place.run(arguments);
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() != Some(0) && output.stdout.is_empty(), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    assert_eq!(place.json(&["feed", "list", "agency"]), json!({"feeds": []}));
    let fits = "🦀".repeat(4000);
    place.json(&["feed", "set", "agency", "a", &fits]);
}
