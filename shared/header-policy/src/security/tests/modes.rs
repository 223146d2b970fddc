//! `ifAbsent`, `override` and `merge`, header by header.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{check, message, respond};

const OPENER: &str = "cross-origin-opener-policy";

#[test]
fn the_mode_decides_what_the_application_s_header_is_worth() {
    check(
        "x-frame-options",
        &[
            (r#"{"frameOptions":{}}"#, &[], &["DENY"]),
            (r#"{"frameOptions":{}}"#, &["SAMEORIGIN"], &["SAMEORIGIN"]),
            (r#"{"frameOptions":{"mode":"override"}}"#, &["SAMEORIGIN", "x"], &["DENY"]),
            (r#"{"frameOptions":{"value":"SAMEORIGIN","mode":"override"}}"#, &["DENY"], &["SAMEORIGIN"]),
            (r#"{"frameOptions":{"value":"SAMEORIGIN"},"mode":"merge"}"#, &["deny"], &["deny"]),
            (r#"{"frameOptions":{"value":"SAMEORIGIN","mode":"merge"}}"#, &["SAMEORIGIN", "deny"], &["DENY"]),
            (r#"{"frameOptions":{"mode":"merge"}}"#, &["ALLOW-FROM https://a.example"], &["DENY"]),
            (r#"{"frameOptions":{"mode":"merge"}}"#, &["DENY, DENY"], &["DENY"]),
            (r#"{"frameOptions":{"mode":"merge"},"mode":"override"}"#, &["SAMEORIGIN"], &["DENY"]),
        ],
    );
    check(
        "x-frame-options",
        &[(
            r#"{"frameOptions":{"mode":"off"},"dnsPrefetchControl":{"mode":"off"},"removeLeaking":{"extra":["x-a"]}}"#,
            &["x"],
            &["x"],
        )],
    );
    let (lines, _) = respond(r#"{"preset":"owasp","frameOptions":{"mode":"off"}}"#, None, &message(&[]));
    assert!(!lines.iter().any(|line| line.starts_with("x-frame-options")));
}

#[test]
fn merge_keeps_the_stricter_word() {
    for (field, value, header, app, expected) in [
        ("referrerPolicy", "strict-origin", "referrer-policy", "unsafe-url", "strict-origin"),
        ("referrerPolicy", "strict-origin", "referrer-policy", "Same-Origin", "Same-Origin"),
        ("referrerPolicy", "origin", "referrer-policy", "no-referrer, new-word", "no-referrer, new-word"),
        ("referrerPolicy", "origin", "referrer-policy", "no-referrer, unsafe-url", "origin"),
        ("referrerPolicy", "origin", "referrer-policy", "unsafe-url|no-referrer", "no-referrer"),
        ("referrerPolicy", "origin", "referrer-policy", "no-referrer|unsafe-url", "origin"),
        ("crossOriginOpenerPolicy", "same-origin", OPENER, "unsafe-none", "same-origin"),
        ("crossOriginOpenerPolicy", "same-origin", OPENER, "Same-Origin", "same-origin"),
        (
            "crossOriginOpenerPolicy",
            "same-origin",
            OPENER,
            "same-origin;report-to=\"a\"",
            "same-origin;report-to=\"a\"",
        ),
        (
            "crossOriginOpenerPolicy",
            "unsafe-none",
            OPENER,
            "same-origin; report-to=\"a\"",
            "same-origin; report-to=\"a\"",
        ),
        ("crossOriginOpenerPolicy", "unsafe-none", OPENER, "same-origin; report-to=\"a", "unsafe-none"),
        ("crossOriginOpenerPolicy", "unsafe-none", OPENER, "same-origin; a|unsafe-none", "same-origin"),
        (
            "crossOriginEmbedderPolicy",
            "credentialless",
            "cross-origin-embedder-policy",
            "require-corp",
            "require-corp",
        ),
        (
            "crossOriginResourcePolicy",
            "same-site",
            "cross-origin-resource-policy",
            "cross-origin",
            "same-site",
        ),
        (
            "crossOriginResourcePolicy",
            "same-site",
            "cross-origin-resource-policy",
            "same-origin; x",
            "same-site",
        ),
        ("contentTypeOptions", "nosniff", "x-content-type-options", "sniff", "nosniff"),
        (
            "permittedCrossDomainPolicies",
            "master-only",
            "x-permitted-cross-domain-policies",
            "all",
            "master-only",
        ),
    ] {
        let json = format!(r#"{{"{field}":{{"value":"{value}","mode":"merge"}}}}"#);
        let app: Vec<&str> = app.split('|').collect();
        check(header, &[(&json, &app, &[expected])]);
    }
}

#[test]
fn a_referrer_policy_may_name_several_of_which_the_last_known_counts() {
    let json = r#"{"referrerPolicy":{"value":"no-referrer, strict-origin"}}"#;
    check("referrer-policy", &[(json, &[], &["no-referrer, strict-origin"])]);
}

#[test]
fn dns_prefetching_is_a_flag() {
    check(
        "x-dns-prefetch-control",
        &[
            (r#"{"dnsPrefetchControl":{}}"#, &[], &["off"]),
            (r#"{"dnsPrefetchControl":{"allow":true}}"#, &[], &["on"]),
            (r#"{"dnsPrefetchControl":{"allow":true,"mode":"merge"}}"#, &["off"], &["off"]),
            (r#"{"dnsPrefetchControl":{"mode":"merge"}}"#, &["on"], &["off"]),
        ],
    );
}

#[test]
fn merge_takes_the_longest_hsts_with_all_flags() {
    let merge = r#"{"strictTransportSecurity":{"maxAge":"1h","includeSubDomains":false,"mode":"merge"}}"#;
    check(
        "strict-transport-security",
        &[
            (r#"{"strictTransportSecurity":{}}"#, &[], &["max-age=31536000; includeSubDomains"]),
            (
                r#"{"strictTransportSecurity":{"maxAge":"730d","preload":true}}"#,
                &[],
                &["max-age=63072000; includeSubDomains; preload"],
            ),
            (
                r#"{"strictTransportSecurity":{"maxAge":"0s","mode":"override"}}"#,
                &["max-age=5"],
                &["max-age=0; includeSubDomains"],
            ),
            (merge, &[], &["max-age=3600"]),
            (merge, &["max-age=0"], &["max-age=3600"]),
            (merge, &["MAX-AGE = \"7200\" ;x"], &["MAX-AGE = \"7200\" ;x"]),
            (
                merge,
                &["max-age=60; IncludeSubDomains;preload"],
                &["max-age=3600; includeSubDomains; preload"],
            ),
            (merge, &["max-age=7200", "max-age=9000"], &["max-age=7200"]),
            (merge, &["includeSubDomains"], &["max-age=3600"]),
            (merge, &["max-age=9000, max-age=9000"], &["max-age=3600"]),
            (merge, &["max-age=9000; max-age=9000"], &["max-age=3600"]),
            (merge, &["max-age=-1; preload"], &["max-age=3600"]),
            (merge, &["max-age=99999999999999999999999"], &["max-age=99999999999999999999999"]),
        ],
    );
}

#[test]
fn merge_adds_the_features_an_application_does_not_name() {
    let merge = r#"{"permissionsPolicy":{"features":{"camera":[],"usb":["self","https://a.example"]},"mode":"merge"}}"#;
    check(
        "permissions-policy",
        &[
            (merge, &[], &["camera=(), usb=(self \"https://a.example\")"]),
            (merge, &["camera=(self), hid=*"], &["camera=(self), hid=*, usb=(self \"https://a.example\")"]),
            (merge, &["usb=*", "camera=*"], &["usb=*,camera=*"]),
            (merge, &["usb=*,camera=*"], &["usb=*,camera=*"]),
            (merge, &["camera 'none'"], &["camera=(), usb=(self \"https://a.example\")"]),
            (merge, &[""], &["camera=(), usb=(self \"https://a.example\")"]),
            (r#"{"permissionsPolicy":{"features":{"x":["*"]}}}"#, &[], &["x=*"]),
        ],
    );
    let (lines, _) = respond(
        r#"{"preset":"owasp","permissionsPolicy":{"features":{"camera":["self"],"x":[]}}}"#,
        None,
        &message(&[]),
    );
    let policy = lines.iter().find(|line| line.starts_with("permissions-policy")).unwrap();
    assert!(
        policy.contains("autoplay=(), camera=(self), clipboard-read=()") && policy.ends_with(", x=()"),
        "{policy}"
    );
}
