//! Letters in every script reach the marketplace as they were given.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::harness::{Place, job};

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_letter_arrives_unchanged() {
    let letters = [
        "שלום עולם, \u{202e}קצת\u{202c} ימינה لشمال".to_owned(),
        "👩‍👩‍👧‍👦 🇩🇪 🦀 ❤️ 👍🏽".to_owned(),
        "e\u{301} und é, Z\u{351}\u{36b}\u{343}a\u{342}lgo".to_owned(),
        "ﬁ Å Å ½ ㎏ ｆｕｌｌ".to_owned(),
        " \r\n\tblanks at both ends\t\r\n ".to_owned(),
        "a\u{2028}b\u{2029}c\u{85}d\u{a0}e\u{200b}f\u{feff}g".to_owned(),
        "controls \u{1}\u{7}\u{1b}[31m\u{7f} stay".to_owned(),
        "noncharacters \u{fffe}\u{ffff}\u{10ffff} private \u{e000}".to_owned(),
        r#"quotes " ' ` \ / </script> ${x} %s {{y}} ; DROP TABLE application; --"#.to_owned(),
        "日本語、中文，한국어；ไทย हिन्दी".to_owned(),
        "🦀".repeat(2500),
        "я".repeat(5000),
    ];
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 50);
    for (number, letter) in (1000..).zip(&letters) {
        let body = serde_json::json!({"jobId": job(number), "coverLetter": letter}).to_string();
        let reply = server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body));
        assert_eq!(reply.status, 200, "{letter:?}: {reply:?}");
        let ended = server.ended(&account, &reply.queue_id(), Duration::from_secs(9));
        assert_eq!(ended["applicationStatus"], "applied", "{letter:?}: {ended}");
    }
    // Escaped is the same text.
    let body = format!(r#"{{"jobId":"{}","coverLetter":"\ud83e\udd80 \u0065\u0301\/"}}"#, job(2000));
    let reply = server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body));
    server.ended(&account, &reply.queue_id(), Duration::from_secs(9));
    let stored = place.submissions();
    let of = |job: &str| {
        let row =
            stored.iter().find(|row| row["jobId"] == job).unwrap_or_else(|| panic!("{job} is not there"));
        row["proposals"][0]["coverLetterSha256"].as_str().unwrap().to_owned()
    };
    for (number, letter) in (1000..).zip(&letters) {
        assert_eq!(of(&job(number)), sha256(letter), "{letter:?}");
    }
    assert_eq!(of(&job(2000)), sha256("🦀 e\u{301}/"));
    place.assert_clean_ledger();
}

/// The API counts characters, the stand-in UTF-16 units: Upwork's own count is not known.
#[test]
fn a_letter_that_is_too_long_for_the_site_ends_failed_and_costs_nothing() {
    let mut place = Place::fast();
    let _sandbox = place.sandbox();
    let server = place.serve();
    let account = place.account("agency", 1);
    let body = serde_json::json!({"jobId": job(1000), "coverLetter": "🦀".repeat(5000)}).to_string();
    let reply = server.call("POST", "/api/auto-apply-v2/apply", &account.key, Some(&body));
    assert_eq!(reply.status, 200, "{reply:?}");
    let ended = server.ended(&account, &reply.queue_id(), Duration::from_secs(9));
    assert!(ended["errorMessage"].as_str().is_some_and(|why| why.starts_with("refused: ")), "{ended}");
    assert_eq!((place.counted(&job(1000)).1, place.balance(&account)), (0, (1, 0, 0)));
}
