//! The dashboard in a real browser: scripts in `tests/browser` drive the system's Chromium.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::Dashboard;
use super::approvals::required;
use crate::harness::job;

const CHROMIUM: &str = "/usr/bin/chromium";

fn tool(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("no {name}: run cargo xtask test")).into()
}

impl Dashboard {
    /// Runs a script; each of these people has a link.
    fn browse(&self, script: &str, people: &[&str]) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let pictures = root.join("target/screenshots");
        fs::create_dir_all(&pictures).unwrap();
        let links: BTreeMap<_, _> = people.iter().map(|name| (*name, self.link(name))).collect();
        let given = json!({
            "url": self.server.url, "key": self.account.key, "links": links, "chromium": CHROMIUM,
            "axe": tool("APPLYD_TEST_AXE"), "pictures": pictures,
        });
        let mut command = Command::new(tool("APPLYD_TEST_BROWSER"));
        command.arg(root.join("tests/browser").join(script)).env("APPLYD_BROWSER", given.to_string());
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{script}:\n{out}\n{err}");
    }
}

#[test]
fn people_sign_in_and_see_what_happens_as_it_happens() {
    let dashboard = Dashboard::new();
    let people =
        [("Ada", "approver"), ("Ben", "viewer"), ("Kim", "admin"), ("Lee", "approver"), ("spare", "admin")];
    for (name, role) in people {
        dashboard.person(name, role);
    }
    // Something of each kind: applied, gone, failed.
    for number in [1, 2, 1000, 1001] {
        let id = dashboard.server.apply(&dashboard.account, &job(number)).queue_id();
        dashboard.server.ended(&dashboard.account, &id, Duration::from_secs(20));
    }
    dashboard.browse("overview.py", &people.map(|(name, _)| name));
}

#[test]
fn people_find_and_decide_and_what_strangers_write_stays_text() {
    let dashboard = required();
    let people =
        [("Ada", "approver"), ("Ben", "viewer"), ("Cleo", "viewer"), ("Dora", "viewer"), ("Eve", "approver")];
    for (name, role) in people {
        dashboard.person(name, role);
    }
    dashboard.browse("decide.py", &people.map(|(name, _)| name));
}
