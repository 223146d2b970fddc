//! A configuration and a key in, the client out.

use policy_core::config;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// SHA-256 of `acme-key` and `acme-next`, as `sha256sum` prints them.
const ACME: &str = "afacab3575137afa4e00d9cbcafcb14c9ae25f779d964eb0ea5b2c4eb5dfd163";
const NEXT: &str = "cc8f7013e0f6e1184597af19e1631219c8ebb64832333aeb806f0a62cbd81790";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn compile(json: &str) -> Result<ApiKeys, String> {
    let json = json.replace("ACME", ACME).replace("NEXT", NEXT).replace("NOTHING", EMPTY);
    let environment = |name: &str| match name {
        "BETA_KEY" => Some("beta key, 1".to_owned()),
        "LINE" => Some("beta-key\n".to_owned()),
        _ => None,
    };
    let compiled = config::parse(json.as_bytes()).and_then(|config| ApiKeys::compile(config, &environment));
    compiled.map_err(|error| error.under("apiKey").to_string())
}

#[test]
fn a_key_names_its_client() {
    let keys = compile(
        r#"{"keys":[{"id":"acme","sha256":"ACME","labels":{"tier":"gold"}},
                    {"id":"acme","sha256":"NEXT","labels":{"tier":"gold"}},
                    {"id":"beta","key":{"env":"BETA_KEY"}},{"id":"gamma","key":"written"}]}"#,
    )
    .unwrap();
    for (presented, id) in [
        ("acme-key", Some("acme")),
        ("acme-next", Some("acme")),
        ("beta key, 1", Some("beta")),
        ("written", Some("gamma")),
        ("Acme-key", None),
        ("acme-ke", None),
        ("", None),
        (ACME, None),
    ] {
        assert_eq!(keys.check(presented.as_bytes()).map(|client| client.id.as_str()), id, "{presented}");
    }
    let labels = &keys.check(b"acme-next").unwrap().labels;
    assert_eq!(labels.get("tier").map(String::as_str), Some("gold"));
    assert!(keys.check(&[0xff; 100_000]).is_none());
}

#[test]
fn what_is_not_said_has_a_safe_value() {
    let keys = compile(r#"{"keys":[{"id":"a","key":"k"}]}"#).unwrap();
    assert!(
        matches!(&**keys.places(), [Place::Header { name, prefix: None }] if name.as_str() == "x-api-key")
    );
    assert!(keys.hide_credential());
    assert!(keys.forward_id_header().is_none());
    assert_eq!(keys.realm(), None);
    let said = r#"{"from":[{"query":"k"}],"keys":[{"id":"a","key":"k"}],"hideCredential":false,
                   "forwardIdHeader":"X-Client-Id","realm":"partners"}"#;
    let keys = compile(said).unwrap();
    assert!(matches!(&**keys.places(), [Place::Query(name)] if name == "k"));
    assert!(!keys.hide_credential());
    assert_eq!(keys.forward_id_header().map(HeaderName::as_str), Some("x-client-id"));
    assert_eq!(keys.realm(), Some("partners"));
}

#[test]
fn each_mistake_is_named_and_no_key_is() {
    for (json, expected) in [
        (r#"{"keys":[]}"#, "apiKey.keys: give 1 to"),
        (r#"{"keys":[{"id":"a"}]}"#, "apiKey.keys[0]: give exactly one of sha256 and key"),
        (r#"{"keys":[{"id":"a","key":"hunter2","sha256":"ACME"}]}"#, "exactly one"),
        (r#"{"keys":[{"id":"a","sha256":"hunter2"}]}"#, "apiKey.keys[0].sha256: expected the 64"),
        (r#"{"keys":[{"id":"a","sha256":"NOTHING"}]}"#, "empty key"),
        (r#"{"keys":[{"id":"a","key":""}]}"#, "apiKey.keys[0].key: a secret must not be empty"),
        (r#"{"keys":[{"id":"a","key":" hunter2"}]}"#, "begin or end with a blank"),
        (r#"{"keys":[{"id":"a","key":{"env":"LINE"}}]}"#, "begin or end with a blank"),
        (r#"{"keys":[{"id":"a","key":{"env":"GONE"}}]}"#, "apiKey.keys[0].key.env: the environment variable"),
        (
            r#"{"keys":[{"id":"a","key":"k"},{"id":"b","key":"k"}]}"#,
            "apiKey.keys[1]: the same key is given twice",
        ),
        (
            r#"{"keys":[{"id":"a","key":"acme-key"},{"id":"b","sha256":"ACME"}]}"#,
            "the same key is given twice",
        ),
        (
            r#"{"keys":[{"id":"a","key":"k"},{"id":"a","key":"l","labels":{"x":"y"}}]}"#,
            "apiKey.keys[1].labels: another key of this id",
        ),
        (r#"{"keys":[{"id":" ","key":"hunter2"}]}"#, "apiKey.keys[0].id: "),
        (r#"{"keys":[{"id":"a\nb","key":"hunter2"}]}"#, "apiKey.keys[0].id: "),
        (r#"{"keys":[{"id":"a","key":"k","labels":{"":"x"}}]}"#, "apiKey.keys[0].labels: "),
        (r#"{"keys":[{"id":"a","key":"k","labels":{"x":"\u0000"}}]}"#, "apiKey.keys[0].labels: "),
        (r#"{"keys":[{"id":"a","key":"k"}],"from":[]}"#, "apiKey.from: name 1 to"),
        (r#"{"keys":[{"id":"a","key":"k"}],"from":[{"query":"a"},{"query":"a"}]}"#, "apiKey.from[1]: "),
        (r#"{"keys":[{"id":"a","key":"k"}],"forwardIdHeader":"host"}"#, "apiKey.forwardIdHeader: host"),
        (r#"{"keys":[{"id":"a","key":"k"}],"forwardIdHeader":"X-Api-Key"}"#, "cannot receive the id"),
        (r#"{"keys":[{"id":"a","key":"k"}],"realm":""}"#, "apiKey.realm: "),
        (r#"{"keys":[{"id":"a","key":"k"}],"realm":"a\tb"}"#, "apiKey.realm: a realm holds printable"),
    ] {
        let error = compile(json).err().unwrap();
        assert!(error.contains(expected), "{json}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let long = format!(r#"{{"keys":[{{"id":"{}","key":"k"}}]}}"#, "a".repeat(257));
    assert!(compile(&long).err().unwrap().contains("1 to 256"));
}
