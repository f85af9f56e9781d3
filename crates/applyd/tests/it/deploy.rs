//! The files that operators get: as right as can be seen without a container engine and without systemd as the first
//! process. `haproxy.rs` runs theirs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Place, job, try_call};
use crate::operation::{line, serve_with_log};

/// In tenths of what systemd-analyze prints: "OK" ends at 4.9, a service without protection has 9.6.
const MOST_EXPOSED: u32 = 20;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every word of a text that begins so.
fn words<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_part(c)).filter(move |word| word.starts_with(begin) && *word != begin)
}

/// Every value at this key, however deep.
fn values<'a>(of: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match of {
        Value::Object(members) => {
            found.extend(members.get(key));
            members.values().for_each(|value| values(value, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| values(item, key, found)),
        _ => {}
    }
}

fn texts<'a>(of: &'a Value, key: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    values(of, key, &mut found);
    found.into_iter().filter_map(Value::as_str).collect()
}

fn list(of: &Value) -> Vec<&str> {
    of.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn keys(of: &Value) -> BTreeSet<&str> {
    of.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn the_units_are_right_and_give_little_away() {
    let place = Place::fast();
    let program = env!("CARGO_BIN_EXE_applyd");
    for (file, unit) in [
        ("applyd.service", "applyd.service"),
        ("applyd@.service", "applyd@serve.service"),
        ("applyd@.service", "applyd@worker.service"),
    ] {
        let text = read(&format!("deploy/systemd/{file}"));
        let installed = text.replace("/usr/local/bin/applyd", program);
        assert_ne!(installed, text, "{file} starts the program");
        std::fs::write(place.path(unit), installed).unwrap();
        for arguments in [
            &["verify", "--man=no", "--recursive-errors=no"][..],
            &["security", "--offline=yes", &format!("--threshold={MOST_EXPOSED}")],
        ] {
            let mut analyze = Command::new("systemd-analyze");
            let looked = analyze.args(arguments).arg(place.path(unit)).output();
            let looked = looked.expect("systemd-analyze is missing: cargo xtask setup");
            let (told, errors) =
                (String::from_utf8_lossy(&looked.stdout), String::from_utf8_lossy(&looked.stderr));
            assert!(looked.status.success() && errors.is_empty(), "{unit}: {errors}\n{told}");
        }
    }
}

#[test]
fn every_setting_that_they_name_is_one() {
    let defaults: toml::Table = toml::from_str(&read("applyd.default.toml")).unwrap();
    let mut settings = BTreeSet::new();
    for (name, value) in &defaults {
        match value {
            toml::Value::Table(section) => {
                settings.extend(section.keys().map(|key| format!("{name}__{key}")))
            }
            _ => drop(settings.insert(name.clone())),
        }
    }
    let of_haproxy = read("deploy/haproxy.cfg");
    let of_haproxy: BTreeSet<_> = words(&of_haproxy, "APPLYD_").collect();
    for file in ["systemd/applyd.service", "systemd/applyd@.service", "Containerfile", "compose.yaml"] {
        let text = read(&format!("deploy/{file}"));
        for name in words(&text, "APPLYD_") {
            let key = name.trim_start_matches("APPLYD_").to_lowercase();
            assert!(settings.contains(&key) || of_haproxy.contains(name), "{file}: {name}");
        }
    }
}

/// A name with a tag that does not move from one version to another.
fn assert_pinned(image: &str) {
    let tag = image.rsplit_once(':').map(|(_, tag)| tag);
    assert!(tag.is_some_and(|tag| tag != "latest" && !tag.contains('/')), "{image} has no tag");
}

#[test]
fn what_the_container_files_name_is_there() {
    let text = read("deploy/Containerfile");
    let mut stages = 0;
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["FROM", image, ..] => {
                assert_pinned(image);
                stages += 1;
            }
            ["COPY", from, ..] if from.starts_with("--from=") => {}
            ["COPY", sources @ .., _] => {
                sources.iter().for_each(|source| assert!(root().join(source).exists(), "{source}"));
            }
            _ => {}
        }
    }
    assert_eq!(stages, 2);

    let place = Place::fast();
    let compose = yaml("deploy/compose.yaml");
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        assert_pinned(service["image"].as_str().unwrap_or_else(|| panic!("{name} has no image")));
        let build = &service["build"];
        if !build.is_null() {
            assert!(root().join("deploy").join(build["context"].as_str().unwrap()).is_dir(), "{name}");
            assert!(root().join(build["dockerfile"].as_str().unwrap()).is_file(), "{name}");
            let command = [list(&service["command"]), vec!["--help"]].concat();
            assert!(place.run(&command).status.success(), "{name}: {command:?}");
        }
        for volume in list(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            let is_there = match source.strip_prefix("./") {
                Some(file) => root().join("deploy").join(file).is_file(),
                None => keys(&compose["volumes"]).contains(source),
            };
            assert!(is_there, "{name}: {volume}");
        }
        let secrets = list(&service["secrets"]);
        assert!(
            secrets.iter().all(|secret| keys(&compose["secrets"]).contains(secret)),
            "{name}: {secrets:?}"
        );
        let networks = keys(&service["networks"]);
        assert!(networks.is_subset(&keys(&compose["networks"])), "{name}: {networks:?}");
        let others = keys(&service["depends_on"]);
        let mut others = others.into_iter().chain(list(&service["depends_on"]));
        assert!(others.all(|other| services.contains_key(other)), "{name}");
    }
    let proxy = &services["haproxy"]["environment"];
    for (node, server) in [("APPLYD_NODE_A", "a"), ("APPLYD_NODE_B", "b")] {
        let address = services[server]["networks"]["applyd"]["ipv4_address"].as_str().unwrap();
        assert_eq!(proxy[node], format!("{address}:8080"));
    }
}

#[test]
fn every_number_that_is_watched_is_told_and_every_alarm_is_explained() {
    let mut place = Place::fast();
    place.set("APPLYD_METRICS_LISTEN", "127.0.0.1:0");
    let account = place.account("agency", 1);
    let (server, log) = serve_with_log(&place);
    let address = line(&log, |line| line["message"] == "metrics are served")["address"].clone();
    let accepted = server.apply(&account, &job(1));
    server.ended(&account, &accepted.queue_id(), Duration::from_secs(20));
    let metrics = format!("http://{}", address.as_str().unwrap());
    let told = try_call(&metrics, "GET", "/metrics", &[], None).unwrap().body;
    let told: BTreeSet<_> = told.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();

    let rules = yaml("deploy/prometheus/applyd.rules.yml");
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/applyd.json")).unwrap();
    assert_eq!(dashboard["__inputs"][0]["type"], "datasource");
    let mut watched = 0;
    for expression in [texts(&rules, "expr"), texts(&dashboard, "expr")].concat() {
        for name in words(expression, "applyd_") {
            assert!(told.contains(name), "{name} of `{expression}` is not among {told:?}");
            watched += 1;
        }
    }
    assert!(watched > 20, "{watched}");

    let scraped = yaml("deploy/prometheus/prometheus.yml");
    assert_eq!(texts(&scraped, "job_name"), ["applyd"]);
    assert_eq!(list(&scraped["rule_files"]), ["applyd.rules.yml"]);
    let explained = read("docs/deployment.md");
    for alarm in texts(&rules, "alert") {
        assert!(explained.contains(&format!("| `{alarm}` |")), "{alarm} is not explained");
    }
}
