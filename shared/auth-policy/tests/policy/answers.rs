//! What a refused client is told.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{CORP, Gate, MESH, PARTNERS, STAFF, bearer, config};

#[test]
fn each_way_to_authenticate_is_offered_and_the_failed_one_says_why() {
    let rules = r#"{"require":{"anyOf":["corp","partners","staff","mesh"]},"authorize":{"scopes":{"allOf":["a","b"]}}}"#;
    let gate = Gate::new(&config(&[CORP, PARTNERS, STAFF, MESH], rules));
    let (corp, key, staff) =
        (r#"Bearer realm="corp""#, r#"ApiKey realm="partners""#, r#"Basic realm="staff", charset="UTF-8""#);
    let scoped = bearer(r#","scope":"a""#);
    let invalid = format!(r#"{corp}, error="invalid_token", error_description="the token"#);
    for (headers, status, challenges) in [
        (vec![], 401, format!("{corp} | {key} | {staff}")),
        (vec![("authorization", "Bearer x")], 401, invalid),
        (vec![("x-api-key", "x")], 401, format!("{corp} | {key} | {staff}")),
        (vec![("authorization", "Basic YW5uOng=")], 401, format!("{corp} | {key} | {staff}")),
        (
            vec![("authorization", scoped.as_str())],
            403,
            format!(r#"{corp}, error="insufficient_scope", scope="a b""#),
        ),
    ] {
        let outcome = gate.get("/", &headers);
        let reply = outcome.reply.as_ref().unwrap();
        assert_eq!(reply.status, status, "{headers:?}");
        let told = outcome.got("www-authenticate").unwrap();
        assert!(told.starts_with(&challenges), "{headers:?}: {told}");
        assert!(told.ends_with(staff) || status == 403, "{told}");
    }
}

#[test]
fn the_body_names_a_fixed_reason_and_nothing_of_the_credential() {
    let gate = Gate::new(&config(&[CORP, PARTNERS], r#"{"require":{"anyOf":["corp","partners"]}}"#));
    for (name, value, reason) in
        [("authorization", "Bearer s3cr3t", "malformed_token"), ("x-api-key", "s3cr3t", "unknown_api_key")]
    {
        let outcome = gate.get("/", &[(name, value)]);
        let reply = outcome.reply.as_ref().unwrap();
        let body = String::from_utf8(reply.body.clone()).unwrap();
        assert!(body.contains(&format!("\"reason\":\"{reason}\"")), "{body}");
        assert_eq!(outcome.got("content-type").as_deref(), Some("application/problem+json"));
        assert!(
            !format!("{body}{:?}{:?}", outcome.got("www-authenticate"), reply.details).contains("s3cr3t")
        );
        assert_eq!(reply.grpc_status as u32, 16);
    }
}

#[test]
fn protected_resource_metadata_is_pointed_to() {
    let config = config(&[CORP], r#"{"require":{"anyOf":["corp"]}}"#).replace(
        "\"identity\"",
        "\"resourceMetadata\":\"https://api.example/.well-known/oauth-protected-resource\",\"identity\"",
    );
    let told = Gate::new(&config).get("/", &[]).got("www-authenticate").unwrap();
    assert!(
        told.ends_with(r#", resource_metadata="https://api.example/.well-known/oauth-protected-resource""#),
        "{told}"
    );
}

#[test]
fn only_a_reason_to_try_again_comes_with_a_time() {
    let remote = r#"{"name":"far","jwt":{"issuer":"https://idp","jwksUri":"https://idp/keys","algorithms":["HS256"]}}"#;
    let gate = Gate::new(&config(&[remote], r#"{"require":{"anyOf":["far"]}}"#));
    let outcome = gate.get("/", &[("authorization", &bearer(""))]);
    assert_eq!(outcome.verdict(), "503 no_keys");
    assert_eq!(outcome.got("retry-after").as_deref(), Some("1"));
    assert_eq!(outcome.got("www-authenticate"), None);
    assert_eq!(gate.get("/", &[]).got("retry-after"), None);
}
