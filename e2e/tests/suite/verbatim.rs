//! The configuration of issue 2 works to the letter.

use e2e::{Choice, Request};

use crate::support::{VERBATIM, case};

#[test]
pub(crate) fn a_request_that_the_rule_matches_is_edited() {
    let request = Request::get("/api/orders?x=1")
        .host("shop.example.com")
        .header("x-env", "dev")
        .header("x-via", "proxy")
        .header("x-internal-user", "root")
        .header("x-internal-role", "admin")
        .header("x-old", "kept")
        .answered_with("x-powered-by", "PHP/5");
    let case = case(VERBATIM, &request);
    assert_eq!(case.got.status, 200);
    assert_eq!(case.saw("x-env").as_deref(), Some("prod"));
    let mesh = Choice::of_environment().unwrap();
    assert!(mesh.is_client(&case.saw("x-peer").unwrap()), "{case:?}");
    assert_eq!(case.saw("x-via").as_deref(), Some("proxy | tollgate"));
    assert_eq!(case.saw("x-tenant").as_deref(), Some("public"));
    assert_eq!(case.saw("x-internal-user"), None);
    assert_eq!(case.saw("x-internal-role"), None);
    assert_eq!(case.saw("x-old"), None);
    assert_eq!(case.saw("x-new").as_deref(), Some("kept"));
    assert_eq!(case.got("x-served-by").as_deref(), Some(mesh.cluster()));
    assert_eq!(case.got("x-powered-by"), None);
}

#[test]
pub(crate) fn a_request_that_the_rule_does_not_match_is_left_alone() {
    for request in
        [Request::get("/apis"), Request::get("/api/x").host("example.org"), Request::new("DELETE", "/api/x")]
    {
        let case = case(VERBATIM, &request.header("x-internal-user", "root").header("x-old", "1"));
        assert_eq!(case.saw("x-env"), None);
        assert_eq!(case.saw("x-internal-user").as_deref(), Some("root"));
        assert_eq!(case.saw("x-old").as_deref(), Some("1"));
        assert_eq!(case.got("x-served-by"), None);
    }
}

#[test]
pub(crate) fn the_request_id_is_kept_or_made_and_comes_back() {
    let kept = case(VERBATIM, &Request::get("/").header("x-request-id", "my-own-id-1"));
    assert_eq!(kept.saw("x-request-id").as_deref(), Some("my-own-id-1"));
    assert_eq!(kept.got("x-request-id").as_deref(), Some("my-own-id-1"));
    drop(kept);
    let made = case(VERBATIM, &Request::get("/"));
    let id = made.saw("x-request-id").unwrap();
    assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id}");
    assert_eq!(made.got("x-request-id"), Some(id));
}

#[test]
pub(crate) fn answers_get_security_headers_and_html_a_policy_with_a_fresh_nonce() {
    let html = Request::get("/").answered_with("content-type", "text/html; charset=utf-8");
    let nonce = || {
        let case = case(VERBATIM, &html);
        assert_eq!(case.got("x-content-type-options").as_deref(), Some("nosniff"));
        assert!(case.got("x-frame-options").is_some());
        assert_eq!(case.got("strict-transport-security"), None, "this is no TLS");
        let nonce = case.saw("x-csp-nonce").unwrap();
        let policy = case.got("content-security-policy").unwrap();
        assert_eq!(policy, format!("default-src 'self'; script-src 'self' 'nonce-{nonce}'"));
        nonce
    };
    assert_ne!(nonce(), nonce());
    let json = case(VERBATIM, &Request::get("/"));
    assert_eq!(json.got("content-security-policy"), None);
}

#[test]
pub(crate) fn cookies_are_hardened_and_stay_apart() {
    let request = Request::get("/")
        .answered_with("set-cookie", "session=1")
        .answered_with("set-cookie", "theme=dark; Path=/; SameSite=Strict; Secure");
    let case = case(VERBATIM, &request);
    let cookies = case.got.headers.all("set-cookie");
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    let has =
        |cookie: &str, attribute: &str| cookie.split("; ").filter(|part| *part == attribute).count() == 1;
    assert!(cookies[0].starts_with("session=1; "), "{cookies:?}");
    assert!(cookies[1].starts_with("theme=dark; Path=/"), "{cookies:?}");
    for cookie in &cookies {
        assert!(has(cookie, "Secure") && has(cookie, "HttpOnly"), "{cookie}");
    }
    assert!(has(&cookies[0], "SameSite=Lax"), "{cookies:?}");
    assert!(has(&cookies[1], "SameSite=Strict") && !cookies[1].contains("Lax"), "{cookies:?}");
}

#[test]
fn the_readme_and_the_demo_show_this_very_configuration() {
    let lines: Vec<&str> = VERBATIM.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    let readme = include_str!("../../../filters/header-filter/README.md");
    assert!(readme.contains(lines.join("\n").trim()), "the README's example is another one");
    let demo = include_str!("../../../manifests/base/header-filter.yaml");
    for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
        assert!(demo.contains(line), "the demo lacks: {line}");
    }
}
