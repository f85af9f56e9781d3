//! Every spelling of a job that uphunt-api.md §6 names, and what must not pass for one.
#![allow(clippy::unwrap_used, reason = "tests")]

use applyd_core::job_ref::{JobKey, JobRef, Published};
use proptest::prelude::*;
use uuid::Uuid;

fn key(text: &str) -> Option<String> {
    match JobRef::parse(text)? {
        JobRef::Key(key) => Some(key.as_str().to_owned()),
        JobRef::Processed(uuid) => panic!("{text} was read as the UUID {uuid}"),
    }
}

const NEW: &str = "~022052895097657407455";
const OLD: &str = "~01abc123def456";

#[test]
fn every_documented_spelling_names_its_job() {
    for (text, expected) in [
        ("~022052895097657407455", NEW),
        ("%7E022052895097657407455", NEW),
        ("%7e022052895097657407455", NEW),
        (" \t~022052895097657407455\r\n", NEW),
        ("~0202052895097657407455", NEW),
        ("https://www.upwork.com/jobs/~022052895097657407455", NEW),
        ("https://www.upwork.com/jobs/~022052895097657407455/", NEW),
        ("https://www.upwork.com/jobs/Some-Title_~022052895097657407455/?referrer=x&y=~021", NEW),
        ("https://www.upwork.com/nx/proposals/job/~022052895097657407455/apply/", NEW),
        ("https://www.upwork.com/nx/find-work/best-matches/details/~022052895097657407455", NEW),
        ("https://www.upwork.com/jobs/A-~-b_%7E022052895097657407455", NEW),
        ("https://www.upwork.com/jobs/~022052895097657407455/x/~0202052895097657407455", NEW),
        ("http://upwork.com/jobs/~022052895097657407455", NEW),
        ("HTTPS://WWW.UPWORK.COM/jobs/~022052895097657407455", NEW),
        ("https://www.upwork.com:8443/jobs/~022052895097657407455", NEW),
        ("www.upwork.com/jobs/~022052895097657407455", NEW),
        ("upwork.com/jobs/~022052895097657407455#apply", NEW),
        ("//www.upwork.com/jobs/~022052895097657407455", NEW),
        ("https://enterprise.upwork.com/jobs/~022052895097657407455", NEW),
        ("https://www.upwork.com/jobs/%D0%A0%D1%83%D1%81_~022052895097657407455", NEW),
        ("~01abc123def456", OLD),
        ("~01ABC123DEF456", OLD),
        ("https://www.upwork.com/freelance-jobs/apply/Title_~01abc123def456/", OLD),
        ("https://www.upwork.com/ab/proposals/job/~01abc123def456/apply/#/", OLD),
        ("~020", "~020"),
        ("~02000", "~020"),
        ("~0199999999999999999999999999999999", "~0199999999999999999999999999999999"),
        ("~0299999999999999999999", "~0299999999999999999999"),
    ] {
        assert_eq!(key(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_only_looks_like_a_job_is_refused() {
    let long_path = format!("https://www.upwork.com/jobs/{}_{NEW}", "x".repeat(2048));
    for text in [
        "",
        "~",
        "~02",
        "~01",
        "~03123",
        "~02 1",
        "~02+1",
        "~0212a",
        "~01xyz",
        "~02\u{0661}\u{0662}",
        "~02999999999999999999999",
        "~01999999999999999999999999999999999",
        "2052895097657407455",
        "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F",
        "{90000000-0000-4000-8000-000000000001}",
        "urn:uuid:90000000-0000-4000-8000-000000000001",
        "90000000000040008000000000000001",
        "90000000-0000-4000-8000-00000000000g",
        "https://www.upwork.com/",
        "https://www.upwork.com/jobs/2052895097657407455",
        "https://www.upwork.com/jobs/Title~021",
        "https://www.upwork.com/jobs/?job=~021",
        "https://www.upwork.com/jobs/#~021",
        "https://www.upwork.com/jobs/~021/~022",
        "https://www.upwork.com/jobs/~021/Title_~01a",
        "https://evil.example/jobs/~021",
        "https://evil.example/upwork.com/jobs/~021",
        "https://notupwork.com/jobs/~021",
        "https://upwork.com.evil.example/jobs/~021",
        "https://www.upwork.com@evil.example/jobs/~021",
        "https://evil.example\\@www.upwork.com/jobs/~021",
        "https://user@www.upwork.com/jobs/~021",
        "https://user:secret@www.upwork.com/jobs/~021",
        "https://:secret@www.upwork.com/jobs/~021",
        "https://www.upwork.com:99999/jobs/~021",
        "https://www.upw\u{043e}rk.com/jobs/~021",
        "https://www.xn--upwrk-3we.com/jobs/~021",
        "https://www.upwork.com%2eevil.example/jobs/~021",
        "https://127.0.0.1/jobs/~021",
        "ftp://www.upwork.com/jobs/~021",
        "javascript://www.upwork.com/jobs/~021",
        "file://www.upwork.com/jobs/~021",
        "data:text/plain,www.upwork.com/jobs/~021",
        &long_path,
    ] {
        assert_eq!(JobRef::parse(text), None, "{text}");
    }
}

#[test]
fn each_published_job_has_one_key_and_one_uuid() {
    for number in 0..=9999_u16 {
        let key = JobKey::from_numeric(&format!("900000000000000{number:04}")).unwrap();
        let known = matches!(number, 1..=15 | 17 | 18 | 1000..=9999);
        let expected = if known { Published::Known(number) } else { Published::Reserved };
        assert_eq!(key.published(), expected, "{key}");
        let uuid = Uuid::try_parse(&format!("90000000-0000-4000-8000-00000000{number:04}")).unwrap();
        assert_eq!(key.published_uuid(), known.then_some(uuid), "{key}");
        assert_eq!(JobKey::of_published_uuid(&uuid), Some(key), "{uuid}");
    }
}

#[test]
fn no_other_job_is_a_published_one() {
    for text in
        ["~022052895097657407455", "~0290000000000000000011", "~02900000000000000001", "~01900000000000000"]
    {
        let key = JobKey::parse(text).unwrap();
        assert_eq!((key.published(), key.published_uuid()), (Published::Ordinary, None), "{text}");
    }
    for text in ["5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e", "90000000-0000-4000-8000-00000000000a"] {
        let uuid = Uuid::try_parse(text).unwrap();
        assert_eq!(JobKey::of_published_uuid(&uuid), None, "{text}");
        assert_eq!(JobRef::parse(&text.to_uppercase()), Some(JobRef::Processed(uuid)), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_text_is_judged_without_a_panic(text in any::<String>(), tail in "[~0-9a-fA-F/_%:@.?#]{0,40}") {
        let _ = JobRef::parse(&text);
        let _ = JobRef::parse(&format!("https://www.upwork.com/{tail}"));
        let _ = JobRef::parse(&format!("https://{tail}{text}"));
    }

    #[test]
    fn a_key_reads_back_as_itself(text in "~0[12][0-9a-fA-F]{1,32}") {
        if let Some(JobRef::Key(key)) = JobRef::parse(&text) {
            prop_assert_eq!(JobRef::parse(key.as_str()), Some(JobRef::Key(key)));
        }
    }

    #[test]
    fn all_spellings_of_one_id_are_one_job(id in any::<u64>(), zeros in 0_usize..2, title in "[A-Za-z0-9-]{0,20}_") {
        let id = format!("{}{id}", "0".repeat(zeros));
        prop_assume!(id.len() <= 20);
        let key = JobKey::from_numeric(&id).map(JobRef::Key);
        prop_assert!(key.is_some());
        for spelling in [
            format!("~02{id}"),
            format!("%7E02{id}"),
            format!("https://www.upwork.com/jobs/{title}~02{id}/"),
            format!("www.upwork.com/nx/proposals/job/%7e02{id}/apply/?a=~02{id}1"),
        ] {
            prop_assert_eq!(JobRef::parse(&spelling), key.clone(), "{}", spelling);
        }
    }
}
