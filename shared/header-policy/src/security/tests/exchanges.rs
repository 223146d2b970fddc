//! What needs the request too (TLS, the nonce), and what is taken off.

use policy_core::{Exchange, HeaderName};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Dice, compile, message};

const CSP: &str = "content-security-policy";
const NONCE: &str =
    r#"{"contentSecurityPolicy":{"directives":{"default-src":["'self'"],"script-src":["'self'","nonce"]}}}"#;
/// Sixteen bytes of 7 in base64.
const SEVENS: &str = "BwcHBwcHBwcHBwcHBwcHBw==";

/// The values of a header after a request and its response, and what the upstream got under `x-csp-nonce`.
fn exchange(
    json: &str,
    request: Option<&[(&'static str, &str)]>,
    response: &[(&'static str, &str)],
    header: &str,
) -> (Vec<String>, Vec<String>) {
    let security = compile(json).unwrap();
    let values = |exchange: &Exchange<'_>, header: &str| {
        let name = HeaderName::parse(header).unwrap();
        exchange.headers.values(&name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    };
    let (mut remembered, mut upstream) = (None, Vec::new());
    if let Some(request) = request {
        let source = message(request);
        let mut exchange = Exchange::new(&source);
        remembered = security.on_request(&mut exchange, &Dice(7));
        upstream = values(&exchange, "x-csp-nonce");
    }
    let mut source = message(response);
    source.tls = false;
    let mut exchange = Exchange::new(&source);
    security.on_response(remembered.as_ref(), &mut exchange, &Dice(0));
    (values(&exchange, header), upstream)
}

#[test]
fn the_upstream_gets_the_nonce_that_the_policy_names() {
    let html = [("content-type", "text/html; charset=utf-8")];
    let (policy, upstream) =
        exchange(NONCE, Some(&[("x-csp-nonce", "mine"), ("x-csp-nonce", "too")]), &html, CSP);
    assert_eq!(policy, [format!("default-src 'self'; script-src 'self' 'nonce-{SEVENS}'")]);
    assert_eq!(upstream, [SEVENS]);
}

#[test]
fn a_response_without_its_request_gets_a_nonce_of_its_own() {
    let (policy, _) = exchange(NONCE, None, &[("content-type", "text/html")], CSP);
    assert_eq!(policy, ["default-src 'self'; script-src 'self' 'nonce-AAAAAAAAAAAAAAAAAAAAAA=='"]);
}

#[test]
fn a_policy_without_nonce_touches_no_request() {
    let (_, upstream) = exchange(r#"{"preset":"owasp"}"#, Some(&[("x-csp-nonce", "mine")]), &[], CSP);
    assert_eq!(upstream, ["mine"]);
}

#[test]
fn only_html_gets_a_policy() {
    for (media_type, gets) in [
        ("text/html", true),
        ("TEXT/HTML ; charset=x", true),
        ("application/xhtml+xml", true),
        ("text/html,text/plain", true),
        ("text/html5", false),
        ("application/json", false),
        ("", false),
        ("; text/html", false),
    ] {
        let (policy, _) = exchange(NONCE, None, &[("content-type", media_type)], CSP);
        assert_eq!(policy.len(), usize::from(gets), "{media_type}");
    }
    assert!(exchange(NONCE, None, &[], CSP).0.is_empty());
}

#[test]
fn a_304_keeps_the_nonce_of_the_page_in_the_cache() {
    let not_modified = [(":status", "304"), ("content-type", "text/html")];
    assert!(exchange(NONCE, None, &not_modified, CSP).0.is_empty());
    assert_eq!(exchange(r#"{"contentSecurityPolicy":{}}"#, None, &not_modified, CSP).0.len(), 1);
}

#[test]
fn an_application_s_policy_stays_is_replaced_or_joined() {
    for (mode, expected) in [
        ("ifAbsent", vec!["a", "b"]),
        ("override", vec!["img-src 'none'"]),
        ("merge", vec!["a", "b", "img-src 'none'"]),
    ] {
        let json = format!(
            r#"{{"contentSecurityPolicy":{{"mode":"{mode}","directives":{{"img-src":["'none'"]}}}}}}"#
        );
        let app = [("content-type", "text/html"), (CSP, "a"), (CSP, "b")];
        assert_eq!(exchange(&json, None, &app, CSP).0, expected, "{mode}");
        let json = [("content-type", "application/json"), (CSP, "a")];
        assert_eq!(
            exchange(&format!(r#"{{"mode":"{mode}","contentSecurityPolicy":{{}}}}"#), None, &json, CSP).0,
            ["a"]
        );
    }
}

#[test]
fn a_report_only_policy_has_a_header_of_its_own() {
    let json = r#"{"preset":"owasp","contentSecurityPolicy":{"reportOnly":true}}"#;
    let app = [("content-type", "text/html"), (CSP, "a")];
    assert_eq!(exchange(json, None, &app, CSP).0, ["a"]);
    assert_eq!(exchange(json, None, &app, "content-security-policy-report-only").0.len(), 1);
}

#[test]
fn a_policy_is_written_as_it_was_configured() {
    let json = r#"{"contentSecurityPolicy":{"nonceHeader":"X-Nonce","directives":{"script-src":["nonce","'strict-dynamic'","https:",
        "'sha256-YQ=='","*.a.example:*/x?y"],"style-src":["nonce"],"sandbox":[],"upgrade-insecure-requests":[],
        "trusted-types":["p","'allow-duplicates'"],"require-trusted-types-for":["'script'"],"report-to":["g"]}}}"#;
    assert_eq!(
        exchange(json, Some(&[]), &[("content-type", "text/html")], CSP).0,
        [format!(
            "script-src 'nonce-{SEVENS}' 'strict-dynamic' https: 'sha256-YQ==' *.a.example:*/x?y; style-src \
             'nonce-{SEVENS}'; sandbox; upgrade-insecure-requests; trusted-types p 'allow-duplicates'; \
             require-trusted-types-for 'script'; report-to g"
        )]
    );
}

#[test]
fn hsts_is_for_tls_only() {
    let trusting = r#"{"strictTransportSecurity":{"trustForwardedProto":true}}"#;
    let plain = r#"{"strictTransportSecurity":{}}"#;
    for (json, proto, sent) in [
        (trusting, vec!["https"], true),
        (trusting, vec!["HTTPS", "https , https"], true),
        (trusting, vec!["https", "http"], false),
        (trusting, vec!["http"], false),
        (trusting, vec![""], false),
        (trusting, vec![], false),
        (plain, vec!["https"], false),
    ] {
        let request: Vec<_> = proto.iter().map(|value| ("x-forwarded-proto", *value)).collect();
        let (hsts, _) = exchange(json, Some(&request), &[], "strict-transport-security");
        assert_eq!(hsts.len(), usize::from(sent), "{json} {proto:?}");
    }
    assert!(
        exchange(trusting, None, &[("x-forwarded-proto", "https")], "strict-transport-security").0.is_empty()
    );
}

#[test]
fn leaking_headers_are_removed_save_those_to_keep() {
    let app = [
        ("x-powered-by", "a"),
        ("server", "a"),
        ("x-debug-a", "a"),
        ("x-a", "a"),
        ("te", "a"),
        ("x-b3-spanid", "a"),
    ];
    for (json, kept) in [
        (r#"{"preset":"owasp"}"#, vec!["x-debug-a", "x-a", "te"]),
        (
            r#"{"preset":"owasp","removeLeaking":{"extra":["X-Debug-*","t*"],"keep":["*-By"]}}"#,
            vec!["x-powered-by", "x-a", "te"],
        ),
        (
            r#"{"removeLeaking":{"extra":["x-a"]}}"#,
            vec!["x-powered-by", "server", "x-debug-a", "te", "x-b3-spanid"],
        ),
        (
            r#"{"removeLeaking":{"preset":"owasp","keep":["server"]}}"#,
            vec!["server", "x-debug-a", "x-a", "te"],
        ),
        (r#"{"preset":"owasp","removeLeaking":{"preset":"none"}}"#, app.map(|(name, _)| name).to_vec()),
    ] {
        let left: Vec<_> =
            app.iter().filter(|(name, _)| !exchange(json, None, &app, name).0.is_empty()).collect();
        assert_eq!(left.iter().map(|(name, _)| *name).collect::<Vec<_>>(), kept, "{json}");
    }
}
