//! What every page carries, and where those are sent who are not signed in.

use super::{Dashboard, csrf};

const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[test]
fn every_page_has_the_headers_and_nothing_inline() {
    let dashboard = Dashboard::new();
    let mut ada = dashboard.signed_in("Ada", "admin");
    let mut nobody = dashboard.browser();
    let link = dashboard.link("Ada");
    let pages = applyd_server::dashboard::pages();
    let fixed = pages
        .iter()
        .filter(|page| !page.contains('{') && !page.ends_with("/events"))
        .map(|page| (*page).to_owned());
    for path in fixed.chain([link, "/dashboard/no/such/page".to_owned()]) {
        for reply in [ada.get(&path), nobody.get(&path)] {
            for (name, value) in HEADERS {
                assert_eq!(reply.header(name), Some(*value), "{path}: {}", reply.head);
            }
            let policy = reply.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
            for inline in [" style=", "<style", " onclick=", "<script>", "javascript:", "http://", "https://"]
            {
                assert!(!reply.body.contains(inline), "{path} has {inline}: {}", reply.body);
            }
        }
    }
    let refused = ada.get("/dashboard/no/such/page");
    assert!(refused.status == 404 && refused.body.contains("No such page"), "{refused:?}");
    assert_eq!(nobody.get("/").header("location"), Some("/dashboard"));
}

#[test]
fn assets_are_kept_for_ever_under_a_name_that_changes_with_them() {
    let dashboard = Dashboard::new();
    let mut nobody = dashboard.browser();
    let page = nobody.get("/dashboard/sign-in");
    let assets: Vec<_> = page
        .body
        .split('"')
        .filter(|text| text.starts_with("/dashboard/assets/"))
        .map(str::to_owned)
        .collect();
    assert_eq!(assets.len(), 4, "{}", page.body);
    for asset in assets {
        let reply = nobody.get(&asset);
        assert_eq!((reply.status, reply.header("x-content-type-options")), (200, Some("nosniff")), "{asset}");
        assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    assert_eq!(nobody.get("/dashboard/assets/style-0000000000000000.css").status, 404);
}

#[test]
fn a_cookie_is_the_browsers_alone_and_bound_to_https_where_that_is_spoken() {
    let dashboard = Dashboard::new();
    dashboard.person("Ada", "viewer");
    for (proto, name, secure) in [("http", "applyd_session", false), ("https", "__Host-applyd", true)] {
        let headers = [("x-forwarded-proto", proto)];
        let mut browser = dashboard.browser();
        let link = dashboard.link("Ada");
        let form = csrf(&browser.send("GET", &link, &headers, None));
        let body = format!("csrf={form}&token={}", link.rsplit('/').next().unwrap());
        let entered = browser.send("POST", "/dashboard/link", &headers, Some(&body));
        let cookie = entered.header("set-cookie").unwrap_or_else(|| panic!("{entered:?}"));
        assert!(cookie.starts_with(&format!("{name}=")), "{cookie}");
        assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        assert_eq!(browser.send("GET", "/dashboard", &headers, None).status, 200);
    }
}

#[test]
fn whoever_is_not_signed_in_comes_back_to_where_they_wanted_to_and_never_elsewhere() {
    let dashboard = Dashboard::new();
    let mut nobody = dashboard.browser();
    let sent = nobody.get("/dashboard?a=1");
    assert_eq!(
        (sent.status, sent.header("location")),
        (303, Some("/dashboard/sign-in?next=%2Fdashboard%3Fa%3D1"))
    );
    // A script is told, so that it does not put the sign-in into a part of a page.
    let told = nobody.send("GET", "/dashboard", &[("hx-request", "true")], None);
    assert_eq!((told.status, told.header("hx-redirect")), (401, Some("/dashboard/sign-in")));
    // From a link in a mail the browser keeps the cookie back: the page asks once more from here.
    let mut ada = dashboard.signed_in("Ada", "viewer");
    let cookies = std::mem::take(&mut ada.cookies);
    let again = ada.send("GET", "/dashboard?a=1", &[("sec-fetch-site", "cross-site")], None);
    assert!(again.status == 200 && again.body.contains("content=\"0;url=/dashboard?a=1\""), "{again:?}");
    ada.cookies = cookies;
    for outside in
        ["https://evil.example", "//evil.example", "/%5Cevil.example", "/dashboard//evil", "javascript:x"]
    {
        let sent = ada.get(&format!("/dashboard/sign-in?next={outside}"));
        assert_eq!((sent.status, sent.header("location")), (303, Some("/dashboard")), "{outside}");
        let form = nobody.get(&format!("/dashboard/sign-in?next={outside}"));
        assert!(form.body.contains("name=\"next\" value=\"/dashboard\""), "{outside}: {}", form.body);
    }
}
