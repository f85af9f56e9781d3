//! The API described by itself.

use serde_json::Value;

use crate::harness::Place;

/// After a change: `cargo xtask openapi`.
#[test]
fn the_file_in_the_repository_is_what_the_code_says() {
    let place = Place::fast();
    let said = String::from_utf8(place.run(&["openapi"]).stdout).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
    let kept = std::fs::read_to_string(file).unwrap();
    assert!(said == kept, "openapi.json has drifted; write it anew with `cargo xtask openapi`");
    let server = place.serve();
    let served = server.call_with("GET", "/openapi.json", &[], None);
    assert_eq!(served.json(), serde_json::from_str::<Value>(&kept).unwrap());
    assert_eq!(served.json()["openapi"], "3.1.0");
}

/// Method, path and what is said of it.
fn operations(described: &Value) -> Vec<(&str, &str, &Value)> {
    let mut all = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, told) in methods.as_object().unwrap() {
            all.push((method.as_str(), path.as_str(), told));
        }
    }
    all
}

/// Whether a body is shown by an example, its own or its type's.
fn has_example(described: &Value, content: &Value) -> bool {
    content.as_object().unwrap().values().all(|media| {
        let name = media["schema"]["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let of_type = &described["components"]["schemas"][name.unwrap_or_default()]["example"];
        !media["example"].is_null() || !media["schema"]["example"].is_null() || !of_type.is_null()
    })
}

#[test]
fn every_body_that_is_asked_or_answered_has_an_example() {
    let place = Place::fast();
    let described: Value = serde_json::from_slice(&place.run(&["openapi"]).stdout).unwrap();
    for (method, path, told) in operations(&described) {
        if let Some(body) = told.get("requestBody") {
            assert!(has_example(&described, &body["content"]), "the body of {method} {path}");
        }
        for (code, answer) in told["responses"].as_object().unwrap() {
            if let Some(content) = answer.get("content").filter(|_| code.starts_with('2')) {
                assert!(has_example(&described, content), "{code} of {method} {path}");
            }
        }
    }
}

#[test]
fn the_description_tells_of_itself_and_of_the_old_name() {
    let place = Place::fast();
    let described: Value = serde_json::from_slice(&place.run(&["openapi"]).stdout).unwrap();
    for (path, kind) in [("/openapi.json", "application/json"), ("/docs", "text/html")] {
        let told = &described["paths"][path]["get"];
        assert_eq!(told["security"], serde_json::json!([{}]), "{path}");
        assert!(told["responses"]["200"]["content"][kind].is_object(), "{path}: {told}");
    }
    let body = &described["paths"]["/api/auto-apply/external"]["post"]["requestBody"]["content"];
    let body = &body["application/json"];
    let name = body["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    let options = &described["components"]["schemas"][name]["properties"]["applicationOptions"];
    assert_eq!(options["oneOf"][0]["$ref"], "#/components/schemas/ProposalTerms", "{name}");
    assert_eq!(body["example"]["applicationOptions"]["hourlyRate"], 65);
    let plain = &described["components"]["schemas"]["ApplyRequest"]["properties"];
    assert!(plain["applicationOptions"].is_null() && plain["proposal"].is_object());
}

#[test]
fn the_page_shows_every_call_and_loads_nothing() {
    let place = Place::fast();
    let server = place.serve();
    let described = server.call_with("GET", "/openapi.json", &[], None).json();
    let page = server.call_with("GET", "/docs", &[], None);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(
        page.header("content-security-policy").unwrap().starts_with("default-src 'none'"),
        "{}",
        page.head
    );
    for (method, path, told) in operations(&described) {
        assert!(page.body.contains(&format!("<code>{path}</code>")), "{path}");
        let anchor = told["operationId"].as_str().unwrap();
        assert!(page.body.contains(&format!("id=\"{anchor}\"")), "{method} {path}");
    }
    for loads in ["src=", "<script", "<link", "@import", "url(", "href=\"http", "href=\"//"] {
        assert!(!page.body.contains(loads), "{loads}");
    }
    let links = page.body.matches("href=\"").count();
    let here = page.body.matches("href=\"#").count();
    assert_eq!(links, here + 1, "all links lead to the page itself, and one to /openapi.json");
    let head = server.call_with("HEAD", "/docs", &[], None);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), page.header("content-length"));
}

#[test]
fn every_documented_error_is_in_the_pages_table() {
    let place = Place::fast();
    let server = place.serve();
    let described = server.call_with("GET", "/openapi.json", &[], None).json();
    let page = server.call_with("GET", "/docs", &[], None).body;
    let table = page.split_once("id=\"errors\"").unwrap().1.split_once("</table>").unwrap().0;
    for (_, path, told) in operations(&described) {
        for code in told["responses"].as_object().unwrap().keys().filter(|code| code.as_str() >= "400") {
            assert!(table.contains(&format!("<code>{code}</code>")), "{code} of {path}");
        }
    }
}
