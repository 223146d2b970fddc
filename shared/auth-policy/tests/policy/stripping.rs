//! What this filter writes, nobody else may: on no kind of request.

use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{CORP, Gate, PARTNERS, config};

const RULES: &str = r#"{"name":"open","match":{"paths":[{"prefix":"/open"}]},"public":true},
    {"name":"maybe","match":{"paths":[{"prefix":"/maybe"}]},"require":{"anyOf":["corp"],"optional":true}},
    {"name":"trial","match":{"paths":[{"prefix":"/trial"}]},"enforcement":"shadow","require":{"anyOf":["corp"]}},
    {"name":"known","require":{"anyOf":["partners"]}}"#;

const FORGED: [(&str, &str); 9] = [
    ("x-identity", "forged"),
    ("x_identity", "forged"),
    ("x.identity", "forged"),
    ("x-jwt-payload", "forged"),
    ("x-jwt_sub", "forged"),
    ("x-client-id", "forged"),
    ("x_client_id", "forged"),
    ("x-shadow", "forged"),
    ("x-shadow", "forged too"),
];

#[test]
fn a_forged_identity_reaches_nobody() {
    let config = config(&[CORP, PARTNERS], RULES)
        .replace("\"identity\"", "\"shadow\":{\"header\":\"x-shadow\"},\"identity\"");
    let gate = Gate::new(&config);
    let preflight = [("origin", "https://a"), ("access-control-request-method", "PUT")];
    for (method, path, more) in [
        ("GET", "/open", vec![]),
        ("GET", "/maybe", vec![]),
        ("GET", "/trial", vec![("x-api-key", "hunter2")]),
        ("OPTIONS", "/known", preflight.to_vec()),
        ("GET", "/known", vec![("x-api-key", "hunter2")]),
    ] {
        let headers = [&[(":method", method), (":path", path)], more.as_slice(), &FORGED].concat();
        let outcome = gate.send(&Table::of(&headers));
        assert_eq!(outcome.verdict(), "ok", "{method} {path}");
        let forged: Vec<_> =
            outcome.upstream.iter().filter(|(_, value)| value.starts_with(b"forged")).collect();
        assert!(forged.is_empty(), "{method} {path}: {forged:?}");
    }
}

#[test]
fn what_only_looks_like_a_preflight_is_checked() {
    let gate = Gate::new(&config(&[PARTNERS], r#"{"require":{"anyOf":["partners"]}}"#));
    let ask = |headers: &[(&str, &str)]| gate.send(&Table::of(headers)).verdict();
    let (options, origin) = ((":method", "OPTIONS"), ("origin", "https://a"));
    let method = ("access-control-request-method", "PUT");
    assert_eq!(ask(&[options, (":path", "/"), origin, method]), "ok");
    assert_eq!(ask(&[options, (":path", "/"), origin]), "401 missing_credential");
    assert_eq!(ask(&[(":method", "PUT"), (":path", "/"), origin, method]), "401 missing_credential");
    let checks = config(&[PARTNERS], r#"{"require":{"anyOf":["partners"]}}"#)
        .replace("\"identity\"", "\"corsPreflight\":\"check\",\"identity\"");
    let strict = Gate::new(&checks);
    let verdict = strict.send(&Table::of(&[options, (":path", "/"), origin, method])).verdict();
    assert_eq!(verdict, "401 missing_credential");
}
