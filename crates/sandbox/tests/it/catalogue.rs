//! The catalogue over the wire: contents of their own, and jobs like any other.

use serde_json::{Value, json};

use crate::harness::{Mcp, World, fast, job};

fn untagged(text: &Value) -> &str {
    let text = text.as_str().unwrap();
    text.strip_prefix("<untrusted_participant_content>\n")
        .and_then(|text| text.strip_suffix("\n</untrusted_participant_content>"))
        .unwrap()
}

#[tokio::test]
async fn a_read_shows_the_contents_and_the_client() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let listed = applyd_sandbox::catalogue();
    let first = listed.iter().find(|job| job.title.starts_with("Rust engineer")).unwrap();
    let read = mcp.act("find_jobs", "get", json!({"id": first.job_id})).await;
    let posting = &read["data"]["marketplaceJobPosting"];
    assert_eq!(posting["content"]["title"], first.title);
    assert!(untagged(&posting["content"]["description"]).contains("4,000 AIS"));
    assert_eq!(
        posting["contractTerms"]["hourlyContractTerms"]["engagementDuration"],
        json!({"label": "3 to 6 months", "weeks": 18})
    );
    assert_eq!(posting["clientCompanyPublic"]["id"], first.company_id);
    assert_eq!(posting["clientCompanyPublic"]["country"]["name"], "NLD");
    assert!(untagged(&read["screening_questions"][0]).contains("Which Rust service"));
    assert_eq!(
        read["client_record"],
        json!({"contracts_active": 1, "contracts_total": 4, "feedback_count": 2, "feedback_score": 5.0,
            "hours_total": 506.5, "jobs_with_hires": 4, "spend_total": "$40K+"})
    );
    let history = &read["client_work_history"];
    assert_eq!((&history["shown"], &history["more_available"]), (&json!(4), &json!(false)));
    assert_eq!(
        (history["open"].as_array().unwrap().len(), &history["open"][0]["end_date"]),
        (1, &Value::Null)
    );
    for row in ["open", "closed"].into_iter().flat_map(|list| history[list].as_array().unwrap()) {
        assert_eq!(row["standin"], true, "its form is invented: {row}");
    }
    assert_eq!(history["closed"][2]["feedback_to_freelancer"], json!({"suppressed": true}));
}

#[tokio::test]
async fn a_published_job_has_a_client_without_history() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let read = mcp.act("find_jobs", "get", json!({"id": job("0001")})).await;
    assert_eq!(
        read["client_work_history"],
        json!({"open": [], "closed": [], "shown": 0, "more_available": false})
    );
    assert_eq!(read["client_record"]["spend_total"], "$0");
    let company = &read["data"]["marketplaceJobPosting"]["clientCompanyPublic"];
    assert_eq!(
        (&company["id"], &company["name"]),
        (&json!("8000000000000000001"), &json!("Sandbox Client 0001"))
    );
    assert_eq!(company["verificationStatus"], "VERIFIED");
}

#[tokio::test]
async fn a_private_contract_says_nothing_of_itself() {
    let world = World::start(fast()).await;
    let mcp = Mcp::connect(&world.server.own, "a").await;
    let lock = applyd_sandbox::catalogue().into_iter().find(|job| job.client == "Lumen & Latch").unwrap();
    let read = mcp.act("find_jobs", "get", json!({"id": lock.job_id})).await;
    let rows = read["client_work_history"]["open"].as_array().unwrap();
    let private = rows.iter().find(|row| row["private"] == true).unwrap();
    for member in ["title", "job_id", "hourly_rate", "freelancer"] {
        assert_eq!(private[member], Value::Null, "{member}");
    }
}
