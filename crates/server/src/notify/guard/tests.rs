#![allow(clippy::unwrap_used, reason = "tests")]

use spellings::*;

use super::*;

// A table reads better by its groups than line by line.
#[rustfmt::skip]
mod spellings;

/// Why it was refused, or as what it was taken.
fn refusal(text: &str, rules: &Rules) -> String {
    match Target::parse(text, rules) {
        Ok(target) => format!("taken as {}", target.as_str()),
        Err(refusal) => {
            assert_eq!(refusal.field, "url", "{text:?}");
            refusal.message
        }
    }
}

fn urls(hosts: &[&str]) -> Vec<String> {
    hosts.iter().map(|host| format!("https://{host}/hook")).collect()
}

fn texts(urls: &[&str]) -> Vec<String> {
    urls.iter().map(ToString::to_string).collect()
}

#[test]
fn public_receivers_are_taken() {
    let good = [urls(GOOD_HOSTS), texts(GOOD_URLS)].concat();
    assert!(good.len() >= 40, "{}", good.len());
    for text in good {
        if let Err(refusal) = Target::parse(&text, &Rules::default()) {
            panic!("{text:?}: {refusal:?}");
        }
    }
}

#[test]
fn each_spelling_is_refused_for_its_own_reason() {
    let groups = [
        (urls(GUARDED_HOSTS), "private, local or reserved"),
        (urls(DISGUISED_HOSTS), "must spell its address as"),
        (urls(NAMES_OF_THIS_MACHINE), "must not name this machine"),
        (urls(IMPOSSIBLE_HOSTS), "must name a host that can exist"),
        (urls(ENCODED_HOSTS), "without %"),
        (urls(NO_HOSTS), "must be a URL"),
        (texts(MISUNDERSTOOD), "spaces, line breaks or backslashes"),
        (texts(OTHER_SCHEMES), "must begin with https://"),
        (texts(WITH_USER), "must not hold a user name"),
        (texts(WITH_FRAGMENT), "must not hold a fragment"),
        (urls(OTHER_PORTS), "must use one of the ports 443, 8443"),
    ];
    let spellings: usize = groups.iter().map(|(texts, _)| texts.len()).sum();
    assert!(spellings >= 300, "{spellings}");
    let wrong: Vec<_> = groups
        .iter()
        .flat_map(|(texts, reason)| texts.iter().map(move |text| (text, reason)))
        .map(|(text, reason)| (text, reason, refusal(text, &Rules::default())))
        .filter(|(_, reason, message)| !message.contains(**reason))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for text in WITHOUT_HOST {
        let message = refusal(text, &Rules::default());
        assert!(
            message.contains("must be a URL") || message.contains("must name its host"),
            "{text:?}: {message}"
        );
    }
}

#[test]
fn a_url_is_taken_up_to_its_limit() {
    let of_bytes = |bytes: usize| format!("{:a<bytes$}", "https://example.com/");
    assert!(Target::parse(&of_bytes(2048), &Rules::default()).is_ok());
    assert!(refusal(&of_bytes(2049), &Rules::default()).contains("2048"));
}

#[test]
fn a_url_is_requested_as_it_is_normalised() {
    for (text, normal, host, authority, path) in [
        ("HTTPS://Example.COM:443/a/../b?c", "https://example.com/b?c", "example.com", "example.com", "/b?c"),
        (
            "https://bücher.example.:8443",
            "https://xn--bcher-kva.example.:8443/",
            "xn--bcher-kva.example",
            "xn--bcher-kva.example.:8443",
            "/",
        ),
        (
            "https://[2606:4700:0::1]:8443//x",
            "https://[2606:4700::1]:8443//x",
            "2606:4700::1",
            "[2606:4700::1]:8443",
            "//x",
        ),
    ] {
        let target = Target::parse(text, &Rules::default()).unwrap();
        assert_eq!(target.as_str(), normal);
        assert_eq!((target.host.to_str().as_ref(), target.authority.to_str().unwrap()), (host, authority));
        assert_eq!(target.path.to_string(), path);
    }
}

#[test]
fn plain_http_needs_the_operator() {
    let rules = Rules { allow_http: true, ..Rules::default() };
    for port in ["", ":80", ":8080", ":443", ":8443"] {
        assert!(Target::parse(&format!("http://example.com{port}/"), &rules).is_ok(), "{port}");
    }
    for (text, reason) in [
        ("http://example.com:81/", "80, 443, 8080, 8443"),
        ("https://example.com:80/", "443, 8443"),
        ("http://127.0.0.1/", "private, local"),
        ("http://0x7f.1/", "must spell"),
        ("http://localhost/", "this machine"),
        ("ftp://example.com/", "https:// or http://"),
    ] {
        assert!(refusal(text, &rules).contains(reason), "{text}");
    }
}

#[test]
fn an_allowed_network_is_free_and_its_neighbours_are_not() {
    let allowed_networks = ["127.0.0.1/32", "10.1.0.0/16", "fd00::/8"].map(|text| text.parse().unwrap());
    let rules = Rules { allow_http: true, allowed_networks: allowed_networks.into() };
    for text in
        ["http://127.0.0.1:9000/", "https://10.1.255.255:1/", "https://[fd00::1]:22/", "http://hook:9000/"]
    {
        assert!(Target::parse(text, &rules).is_ok(), "{text}");
    }
    for (text, reason) in [
        ("http://127.0.0.2:9000/", "private, local"),
        ("http://10.2.0.0:9000/", "private, local"),
        ("http://[::1]:9000/", "private, local"),
        ("http://[fc00::1]:9000/", "private, local"),
        ("http://[::ffff:127.0.0.1]:9000/", "must spell its address as 127.0.0.1"),
        ("http://0x7f.1:9000/", "must spell its address as 127.0.0.1"),
        ("http://localhost:9000/", "this machine"),
        ("http://8.8.8.8:9000/", "one of the ports"),
    ] {
        assert!(refusal(text, &rules).contains(reason), "{text}");
    }
}

#[test]
fn what_a_name_leads_to_is_judged_unwrapped() {
    let judge = |rules: &Rules, text: &str, address: &str| {
        Target::parse(text, rules).unwrap().admits(address.parse().unwrap(), rules)
    };
    let strict = Rules::default();
    for address in ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"] {
        assert!(judge(&strict, "https://example.com/", address), "{address}");
    }
    for address in
        ["127.0.0.1", "::1", "::ffff:10.0.0.1", "64:ff9b::169.254.169.254", "2002:7f00:1::1", "fe80::1"]
    {
        assert!(!judge(&strict, "https://example.com/", address), "{address}");
    }
    let open = Rules { allowed_networks: vec!["10.1.0.0/16".parse().unwrap()], ..strict };
    for (address, is_admitted) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.1", false), ("8.8.8.8", false)]
    {
        assert_eq!(judge(&open, "https://example.com:9000/", address), is_admitted, "{address}");
    }
}
