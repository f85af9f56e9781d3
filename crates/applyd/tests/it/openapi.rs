//! The API described by itself.

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
    assert_eq!(served.json(), serde_json::from_str::<serde_json::Value>(&kept).unwrap());
    assert_eq!(served.json()["openapi"], "3.1.0");
}
