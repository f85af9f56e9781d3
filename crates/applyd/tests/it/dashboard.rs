//! The dashboard over HTTP: who gets in, for how long, what they see, and that no form of a stranger counts.

mod applications;
mod approvals;
mod browser;
mod desk;
mod door;
mod forms;
mod guard;

use serde_json::json;

use crate::harness::{Account, Place, Process, Reply, try_call};

/// A server, two accounts, and people of each role.
pub(crate) struct Dashboard {
    pub(crate) place: Place,
    pub(crate) server: Process,
    pub(crate) account: Account,
    /// Where the stand-in is to be counted, it is a process of its own.
    _sandbox: Option<Process>,
}

/// A browser without scripts: it keeps cookies.
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a Process,
    pub(crate) cookies: Vec<(String, String)>,
}

impl Dashboard {
    pub(crate) fn new() -> Self {
        let place = Place::fast();
        let account = place.account("acme", 100);
        let server = place.serve();
        Self { place, server, account, _sandbox: None }
    }

    pub(crate) fn person(&self, name: &str, role: &str) {
        self.place.json(&["person", "add", name, "--account", &self.account.name, "--role", role]);
    }

    /// The path of a one-time link.
    pub(crate) fn link(&self, name: &str) -> String {
        let made = self.place.json(&["dashboard", "link", name, "--url", &self.server.url]);
        let link = made["link"].as_str().unwrap();
        link.strip_prefix(&self.server.url).unwrap_or_else(|| panic!("{link}")).to_owned()
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { server: &self.server, cookies: Vec::new() }
    }

    /// A new person of this role, signed in.
    pub(crate) fn signed_in(&self, name: &str, role: &str) -> Browser<'_> {
        self.person(name, role);
        let mut browser = self.browser();
        let entered = browser.follow(&self.link(name));
        assert_eq!((entered.status, entered.header("location")), (303, Some("/dashboard")), "{entered:?}");
        browser
    }
}

impl Browser<'_> {
    pub(crate) fn get(&mut self, path: &str) -> Reply {
        self.send("GET", path, &[], None)
    }

    /// Sends a form that a page of this browser has.
    pub(crate) fn post(&mut self, path: &str, csrf: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> =
            [("csrf", csrf)].iter().chain(fields).map(|(n, v)| format!("{n}={}", encoded(v))).collect();
        self.send("POST", path, &[], Some(&fields.join("&")))
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Reply {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let own = [("cookie", cookies.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let headers: Vec<_> = own.iter().chain(headers).copied().collect();
        let reply = try_call(&self.server.url, method, path, &headers, body.map(str::as_bytes)).unwrap();
        for line in reply.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !line.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        reply
    }

    /// Opens a one-time link and presses its button.
    pub(crate) fn follow(&mut self, link: &str) -> Reply {
        let shown = self.get(link);
        assert_eq!(shown.status, 200, "{shown:?}");
        let token = link.rsplit('/').next().unwrap();
        self.post("/dashboard/link", &csrf(&shown), &[("token", token)])
    }

    pub(crate) fn token(&self) -> Option<&str> {
        let found = self.cookies.iter().find(|(name, _)| name == "applyd_session");
        found.map(|(_, value)| value.as_str())
    }
}

/// What the first form of a page carries.
pub(crate) fn csrf(page: &Reply) -> String {
    let (_, rest) =
        page.body.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form: {page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[test]
fn the_overview_tells_what_the_account_has_and_nothing_of_another() {
    let dashboard = Dashboard::new();
    let other = dashboard.place.account("other-agency", 7);
    let mut ada = dashboard.signed_in("Ada", "viewer");
    let page = ada.get("/dashboard");
    for word in ["acme", "Ada", "viewer", "100</p>", "Nothing was applied to"] {
        assert!(page.body.contains(word), "{word}: {}", page.body);
    }
    let id = dashboard.server.apply(&dashboard.account, "~029000000000000000001").queue_id();
    dashboard.server.ended(&dashboard.account, &id, std::time::Duration::from_secs(20));
    dashboard.server.apply(&other, "~029000000000000000002");
    dashboard.place.json(&["pause", "other-agency", "--reason", "secret of another"]);
    let page = ada.get("/dashboard");
    assert!(page.body.contains("99</p>") && page.body.contains("<rect class=\"applied\""), "{}", page.body);
    for hidden in ["other-agency", "secret of another", &other.id] {
        assert!(!page.body.contains(hidden), "{hidden}");
    }
    let audit = dashboard.place.run(&["audit", "export"]);
    let lines = String::from_utf8(audit.stdout).unwrap();
    let entered = lines.lines().filter(|line| line.contains("signed_in")).count();
    assert_eq!(entered, 1, "{lines}");
    let told: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        told.iter().any(|line| line["act"] == json!("signed_in") && line["by"] == json!("Ada")),
        "{lines}"
    );
}
