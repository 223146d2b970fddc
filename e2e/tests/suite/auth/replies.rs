//! What a client that is not let in gets to know.

use e2e::mint::{Key, now};
use e2e::{Request, Response};
use serde_json::json;

use super::world::{bearer, claims, inline, problem};
use crate::support::{Filter, case_of};

const MIXED: &str = r#"
    providers:
    - {name: keys, apiKey: {from: [{header: x-api-key}], keys: [{id: a, key: {env: BETA_KEY}}]}}
    - {name: staff, basic: {realm: "the staff", users: ["bob:{SHA}oHryCTyM4ObJvET53dSBiRe/fXQ="]}}
    rules:
    - {name: all, require: {anyOf: [keys, staff]}}
"#;

/// The schemes that are asked for, each with a realm that is quoted as it must be.
fn schemes(response: &Response) -> Vec<String> {
    let challenges = response.headers.all("www-authenticate");
    let scheme = |challenge: &String| {
        let (scheme, rest) = challenge.split_once(' ').unwrap_or_else(|| panic!("{challenge}"));
        assert!(rest.starts_with("realm=\""), "{challenge}");
        assert_eq!(rest.matches('"').count() % 2, 0, "{challenge}");
        scheme.to_owned()
    };
    let mut schemes: Vec<String> = challenges.iter().map(scheme).collect();
    schemes.sort_unstable();
    schemes
}

#[test]
pub(crate) fn every_way_in_that_would_do_is_named_in_a_401() {
    let case = case_of(Filter::Auth, MIXED, &Request::get("/"));
    assert_eq!((case.got.status, schemes(&case.got)), (401, vec!["ApiKey".to_owned(), "Basic".to_owned()]));
    assert!(
        case.got
            .headers
            .all("www-authenticate")
            .iter()
            .any(|challenge| challenge.contains("realm=\"the staff\""))
    );
    assert!(case.saw.is_none());
    assert_eq!(problem(&case.got)["status"], 401);
}

#[test]
pub(crate) fn a_token_that_is_no_good_is_told_so_and_a_missing_one_gets_no_error() {
    let key = Key::new("es", "ES256").unwrap();
    let config = inline(&[&key], "");
    let missing = case_of(Filter::Auth, &config, &Request::get("/"));
    assert!(!missing.got("www-authenticate").unwrap().contains("error"), "{:?}", missing.got);
    drop(missing);
    for claims in [
        claims(json!({"exp": now(-600)})),
        claims(json!({"nbf": now(600)})),
        claims(json!({"iss": "https://other"})),
        claims(json!({"aud": ["a", "b"]})),
    ] {
        let token = key.token(&claims);
        let case = case_of(Filter::Auth, &config, &bearer("/", &token));
        assert_eq!((case.got.status, schemes(&case.got)), (401, vec!["Bearer".to_owned()]), "{claims}");
        assert!(case.got("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{:?}", case.got);
        let shown = format!("{:?} {}", case.got.headers, case.got.text());
        assert!(token.split('.').all(|part| !shown.contains(part)), "{shown}");
        problem(&case.got);
    }
}

#[test]
pub(crate) fn a_missing_scope_is_403_with_the_scope_that_is_needed() {
    let key = Key::new("es", "ES256").unwrap();
    let config = inline(&[&key], "")
        .replace("anyOf: [corp]}", "anyOf: [corp]}, authorize: {scopes: {allOf: [a:b, c]}}");
    for (scope, status) in [("a:b", 403), ("", 403), ("c a:b d", 200)] {
        let case = case_of(Filter::Auth, &config, &bearer("/", &key.token(&claims(json!({"scope": scope})))));
        assert_eq!(case.got.status, status, "{scope}");
        if status == 403 {
            let challenge = case.got("www-authenticate").unwrap();
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            assert!(challenge.contains("scope=\"a:b c\""), "{challenge}");
            assert_eq!(problem(&case.got)["status"], 403);
        }
    }
}

#[test]
pub(crate) fn a_grpc_client_gets_a_grpc_status() {
    let key = Key::new("es", "ES256").unwrap();
    let config = inline(&[&key], "").replace("anyOf: [corp]}", "anyOf: [corp]}, authorize: {ids: [bob]}");
    let grpc = |request: Request| request.header("content-type", "application/grpc").http2();
    let unknown = case_of(Filter::Auth, &config, &grpc(Request::post("/a.B/C", "")));
    assert_eq!(unknown.got("grpc-status").as_deref(), Some("16"), "{:?}", unknown.got);
    drop(unknown);
    let mut request = bearer("/a.B/C", &key.token(&claims(json!({}))));
    request.method = "POST".to_owned();
    let forbidden = case_of(Filter::Auth, &config, &grpc(request));
    assert_eq!(forbidden.got("grpc-status").as_deref(), Some("7"), "{:?}", forbidden.got);
}

#[test]
pub(crate) fn the_metadata_of_the_resource_is_named_when_configured() {
    let key = Key::new("es", "ES256").unwrap();
    let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
    let config = format!("{}resourceMetadata: {metadata}\n", inline(&[&key], ""));
    let case = case_of(Filter::Auth, &config, &Request::get("/"));
    let challenge = case.got("www-authenticate").unwrap();
    assert!(challenge.contains(&format!("resource_metadata=\"{metadata}\"")), "{challenge}");
}
