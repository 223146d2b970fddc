//! `securityHeaders`.

use e2e::Request;

use crate::support::case;

#[test]
fn the_owasp_preset_gives_its_headers_and_takes_the_leaking_ones() {
    let request =
        Request::get("/").answered_with("x-powered-by", "PHP/5").answered_with("x-aspnet-version", "4");
    let case = case("securityHeaders: {preset: owasp}", &request);
    for (name, value) in [
        ("x-frame-options", Some("DENY")),
        ("x-content-type-options", Some("nosniff")),
        ("referrer-policy", Some("no-referrer")),
        ("cross-origin-opener-policy", Some("same-origin")),
        ("cross-origin-embedder-policy", Some("require-corp")),
        ("cross-origin-resource-policy", Some("same-origin")),
        ("strict-transport-security", None),
        ("x-powered-by", None),
        ("x-aspnet-version", None),
        ("content-security-policy", None),
    ] {
        assert_eq!(case.got(name).as_deref(), value, "{name}");
    }
    assert!(case.got("permissions-policy").is_some_and(|policy| policy.contains("camera=()")));
}

#[test]
fn each_mode_treats_the_application_s_header_as_it_says() {
    for (mode, application, expected) in [
        ("ifAbsent", "SAMEORIGIN", "SAMEORIGIN"),
        ("override", "SAMEORIGIN", "DENY"),
        ("merge", "SAMEORIGIN", "DENY"),
        ("merge", "nonsense", "DENY"),
    ] {
        let config = format!("securityHeaders: {{frameOptions: {{value: DENY, mode: {mode}}}}}");
        let case = case(&config, &Request::get("/").answered_with("x-frame-options", application));
        assert_eq!(case.got("x-frame-options").as_deref(), Some(expected), "{mode} {application}");
    }
}

#[test]
fn a_policy_is_put_on_html_only_and_its_nonce_is_the_upstream_s() {
    let config = "
        securityHeaders:
          contentSecurityPolicy:
            directives: {default-src: [\"'self'\"], script-src: [nonce, \"'strict-dynamic'\"], upgrade-insecure-requests: []}
            nonceHeader: x-nonce
    ";
    let html = Request::get("/")
        .header("x-nonce", "guessed")
        .answered_with("content-type", "Text/HTML;charset=utf-8");
    let case_html = case(config, &html);
    let nonce = case_html.saw("x-nonce").unwrap();
    assert_eq!(nonce.len(), 24, "{nonce}");
    assert_eq!(
        case_html.got("content-security-policy").unwrap(),
        format!("default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic'; upgrade-insecure-requests")
    );
    drop(case_html);
    let json = case(config, &Request::get("/").answered_with("content-type", "application/json"));
    assert_eq!(json.got("content-security-policy"), None);
}

#[test]
fn report_only_has_its_own_header_and_merge_adds_a_second_policy() {
    let html = || Request::get("/").answered_with("content-type", "text/html");
    let config = |rest: &str| {
        format!(
            "securityHeaders: {{contentSecurityPolicy: {{directives: {{default-src: [\"'self'\"]}}, {rest}}}}}"
        )
    };
    let report = case(&config("reportOnly: true"), &html());
    assert_eq!(report.got("content-security-policy-report-only").as_deref(), Some("default-src 'self'"));
    assert_eq!(report.got("content-security-policy"), None);
    drop(report);
    for (mode, expected) in [
        ("merge", "img-src 'none' | default-src 'self'"),
        ("ifAbsent", "img-src 'none'"),
        ("override", "default-src 'self'"),
    ] {
        let own = html().answered_with("content-security-policy", "img-src 'none'");
        let case = case(&config(&format!("mode: {mode}")), &own);
        assert_eq!(case.got("content-security-policy").as_deref(), Some(expected), "{mode}");
    }
}

#[test]
fn one_header_of_the_preset_can_be_switched_off() {
    let config = "securityHeaders: {preset: owasp, crossOriginEmbedderPolicy: {mode: off}, removeLeaking: {keep: [x-powered-by]}}";
    let case = case(config, &Request::get("/").answered_with("x-powered-by", "us"));
    assert_eq!(case.got("cross-origin-embedder-policy"), None);
    assert_eq!(case.got("x-powered-by").as_deref(), Some("us"));
    assert_eq!(case.got("x-frame-options").as_deref(), Some("DENY"));
}
