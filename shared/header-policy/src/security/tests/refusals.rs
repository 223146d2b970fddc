//! What a configuration is told.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::compile;

#[test]
fn the_configuration_of_the_readme_is_accepted() {
    let json = r#"{"preset":"owasp","contentSecurityPolicy":{"directives":{"default-src":["'self'"],"script-src":["'self'","nonce"]}}}"#;
    assert!(compile(json).is_ok());
}

/// Checks a table of (configuration, the beginning of what is said of it).
fn refuses(cases: &[(&str, &str)]) {
    for (json, message) in cases {
        let error = compile(json).unwrap_err();
        assert!(error.starts_with(&format!("securityHeaders{message}")), "{json}: {error}");
    }
}

#[test]
fn a_refusal_names_the_place_and_the_way_out() {
    refuses(&[
        ("{}", ": this does nothing; write preset: owasp, or one of strictTransportSecurity, frameOptions"),
        (r#"{"frameOptions":{"mode":"off"}}"#, ": this does nothing"),
        (r#"{"mode":"off"}"#, ".mode: off is for a single header"),
        (
            r#"{"mode":true}"#,
            ".mode: expected exactly one of ifAbsent, override, merge, off, found true or false",
        ),
        (r#"{"preset":"owsap"}"#, ".preset: unknown value \"owsap\", did you mean \"owasp\"?"),
        (
            r#"{"frameOption":{}}"#,
            ".frameOption: unknown field \"frameOption\", did you mean \"frameOptions\"?",
        ),
        (
            r#"{"frameOptions":{"value":"ALLOW"}}"#,
            ".frameOptions.value: unknown value \"ALLOW\" (allowed: SAMEORIGIN, DENY)",
        ),
        (r#"{"frameOptions":{"value":7}}"#, ".frameOptions.value: expected a string, found a number"),
        (
            r#"{"frameOptions":{"mode":"replace"}}"#,
            ".frameOptions.mode: unknown value \"replace\" (allowed: ifAbsent,",
        ),
        (r#"{"referrerPolicy":{"value":"origin, x"}}"#, ".referrerPolicy.value: unknown value \"x\""),
        (r#"{"referrerPolicy":{"value":""}}"#, ".referrerPolicy.value: unknown value \"\""),
        (r#"{"frameOptions":{"value":"DENY, SAMEORIGIN"}}"#, ".frameOptions.value: unknown value"),
        (
            r#"{"crossOriginOpenerPolicy":{"value":"same-orign"}}"#,
            ".crossOriginOpenerPolicy.value: unknown value \"same-orign\", did you mean \"same-origin\"?",
        ),
    ]);
}

#[test]
fn a_value_that_would_not_work_is_refused() {
    refuses(&[
        (
            r#"{"strictTransportSecurity":{"maxAge":365}}"#,
            ".strictTransportSecurity.maxAge: expected a string, found a number",
        ),
        (
            r#"{"strictTransportSecurity":{"maxAge":"1500ms"}}"#,
            ".strictTransportSecurity.maxAge: max-age counts whole seconds",
        ),
        (
            r#"{"strictTransportSecurity":{"maxAge":"30d","preload":true}}"#,
            ".strictTransportSecurity.preload: browsers' lists",
        ),
        (r#"{"permissionsPolicy":{"features":{}}}"#, ".permissionsPolicy.features: name features"),
        (
            r#"{"permissionsPolicy":{"features":{"Camera":[]}}}"#,
            ".permissionsPolicy.features.Camera: a feature is a word",
        ),
        (
            r#"{"permissionsPolicy":{"features":{"usb":["self","'none'"]}}}"#,
            ".permissionsPolicy.features.usb[1]: an empty list",
        ),
        (
            r#"{"permissionsPolicy":{"features":{"usb":["a.example"]}}}"#,
            ".permissionsPolicy.features.usb[0]: write self, src, *",
        ),
        (
            r#"{"permissionsPolicy":{"features":{"usb":["self","*"]}}}"#,
            ".permissionsPolicy.features.usb[1]: * stands alone",
        ),
        (r#"{"removeLeaking":{}}"#, ".removeLeaking: this removes nothing"),
        (
            r#"{"removeLeaking":{"extra":["x-a","Content-Length"]}}"#,
            ".removeLeaking.extra[1]: content-length frames the message",
        ),
        (r#"{"removeLeaking":{"extra":["*"]}}"#, ".removeLeaking.extra[0]: * would remove every header"),
    ]);
}

#[test]
fn a_name_that_is_given_twice_is_refused() {
    for json in [
        r#"{"permissionsPolicy":{"features":{"usb":[],"usb":[]}}}"#,
        r#"{"contentSecurityPolicy":{"directives":{"img-src":["*"],"img-src":["*"]}}}"#,
    ] {
        assert!(compile(json).unwrap_err().contains("given twice"), "{json}");
    }
}

#[test]
fn a_policy_that_a_browser_would_not_follow_is_refused() {
    for (directives, message) in [
        ("{}", ": a policy has directives"),
        (r#"{"scrpt-src":[]}"#, ".scrpt-src: unknown field \"scrpt-src\", did you mean \"script-src\"?"),
        (r#"{"img-src":"*"}"#, ".img-src: expected a list, found a string"),
        (r#"{"img-src":["*","self"]}"#, ".img-src[1]: a keyword stands in single quotes: \"'self'\""),
        (r#"{"script-src":["sha256-YQ=="]}"#, ".script-src[0]: a keyword stands in single quotes"),
        (
            r#"{"img-src":["'slef'"]}"#,
            ".img-src[0]: unknown value \"'slef'\", did you mean \"'self'\"? (allowed: 'self', 'none',",
        ),
        (r#"{"img-src":["'self"]}"#, ".img-src[0]: a quote is missing"),
        (r#"{"img-src":["'none'","*"]}"#, ".img-src: 'none' stands alone"),
        (r#"{"img-src":["*","*"]}"#, ".img-src[1]: the same item twice"),
        (r#"{"img-src":[]}"#, ".img-src: an empty list allows nothing: write [\"'none'\"]"),
        (r#"{"img-src":["a b"]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["a;script-src"]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["a,b"]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["a\r\nb"]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["é.example"]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["Self"]}"#, ".img-src[0]: a keyword stands in single quotes: \"'Self'\""),
        (r#"{"img-src":[""]}"#, ".img-src[0]: an item is one word"),
        (r#"{"img-src":["nonce"]}"#, ".img-src[0]: a nonce counts in default-src"),
        (r#"{"script-src-attr":["nonce"]}"#, ".script-src-attr[0]: a nonce counts in"),
        (r#"{"script-src":["'nonce'"]}"#, ".script-src[0]: write nonce without quotes"),
        (r#"{"script-src":["'nonce-abc'"]}"#, ".script-src[0]: a nonce that is written down can be guessed"),
        (
            r#"{"upgrade-insecure-requests":["x"]}"#,
            ".upgrade-insecure-requests: this directive has no value: write []",
        ),
        (
            r#"{"sandbox":["allow-all"]}"#,
            ".sandbox[0]: unknown value \"allow-all\" (allowed: allow-downloads,",
        ),
        (r#"{"report-to":["a","b"]}"#, ".report-to: report-to names one group"),
        (r#"{"report-uri":[]}"#, ".report-uri: this directive needs a value"),
        (
            r#"{"require-trusted-types-for":["script"]}"#,
            ".require-trusted-types-for[0]: unknown value \"script\", did you mean \"'script'\"?",
        ),
        (r#"{"webrtc":["'allow'","'block'"]}"#, ".webrtc: this directive has one value"),
    ] {
        let error =
            compile(&format!(r#"{{"contentSecurityPolicy":{{"directives":{directives}}}}}"#)).unwrap_err();
        let path = format!("securityHeaders.contentSecurityPolicy.directives{message}");
        assert!(error.starts_with(&path), "{directives}: {error}");
    }
    for (header, message) in
        [("connection", "connection decides framing"), ("a b", "\"a b\" is not a header name")]
    {
        let json = format!(
            r#"{{"contentSecurityPolicy":{{"nonceHeader":"{header}","directives":{{"script-src":["nonce"]}}}}}}"#
        );
        let error = compile(&json).unwrap_err();
        assert!(
            error.starts_with(&format!("securityHeaders.contentSecurityPolicy.nonceHeader: {message}")),
            "{error}"
        );
    }
    let error = compile(r#"{"contentSecurityPolicy":{"nonceHeader":"x-nonce"}}"#).unwrap_err();
    assert!(error.contains("nonceHeader: there is no nonce to hand on"), "{error}");
}
