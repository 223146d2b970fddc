//! What later filters, the log and the upstream get to know about the caller.

use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{Fields, LocalEnvoy, Mesh, Request, plugin};
use serde_json::{Value, json};

use super::world::{bearer, claims, inline, problem};
use crate::support::{Filter, MACHINE, PATIENCE, case_of};

#[tokio::test]
async fn the_identity_is_in_filter_state_with_all_claims_and_in_a_header_without() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let auth = plugin::auth_filter(&format!("{}identity: {{header: x-who}}\n", inline(&[&key], "")));
    let reader = plugin::header_filter(
        "rules: [{response: {set: [{name: x-state, value: '%FILTER_STATE(wasm.tollgate.identity:PLAIN)%'}]}}]",
    );
    let mesh = LocalEnvoy::start(&format!("{auth}---\n{reader}"), Setup::default()).await.unwrap();
    let token = key.token(&claims(json!({"scope": "a b", "roles": ["x", {"y": 1}], "note": "näh\n\"q\""})));
    let answer = e2e::send(mesh.address(), &bearer("/", &token)).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let state: Value = serde_json::from_slice(answer.headers.bytes("x-state")[0]).unwrap();
    assert_eq!(
        (&state["id"], &state["provider"], &state["kind"]),
        (&json!("ann"), &json!("corp"), &json!("jwt"))
    );
    assert_eq!(state["claims"]["roles"], json!(["x", {"y": 1}]));
    assert_eq!(state["scopes"], json!(["a", "b"]));
    let saw = Fields(mesh.arrived().pop().unwrap().headers);
    let header: Value = serde_json::from_str(&saw.get("x-who").unwrap()).unwrap();
    assert_eq!((&header["id"], header.get("claims")), (&json!("ann"), None));
}

#[test]
pub(crate) fn shadow_lets_pass_and_says_what_it_would_have_done() {
    let key = Key::new("es", "ES256").unwrap();
    let config = inline(&[&key], "")
        .replace("name: all,", "name: all, enforcement: shadow,")
        .replace("require: {anyOf: [corp]}}]", "require: {anyOf: [corp]}}, {name: rest, public: true}]");
    let config = format!("{config}shadow: {{header: x-would-be}}\n");
    for request in [Request::get("/").header("x-would-be", "spoofed"), bearer("/", "nonsense")] {
        let case = case_of(Filter::Auth, &config, &request);
        assert_eq!(case.got.status, 200, "{:?}", case.got);
        let verdict = case.saw("x-would-be").unwrap();
        assert!(verdict.contains("all") && !verdict.contains("spoofed"), "{verdict}");
    }
}

#[test]
fn a_claim_is_compared_with_the_path_and_with_a_header() {
    let key = Key::new("es", "ES256").unwrap();
    let config = inline(&[&key], "").replace(
        "{name: all, require: {anyOf: [corp]}}",
        "{name: tenant, match: {paths: [{template: '/t/{tenant}/*'}]}, require: {anyOf: [corp]}, \
          authorize: {claims: [{path: tenant, equals: {path: tenant}}]}}, \
         {name: header, require: {anyOf: [corp]}, authorize: {claims: [{path: tenant, equals: {header: x-tenant}}]}}",
    );
    let token = key.token(&claims(json!({"tenant": "acme"})));
    for (path, header, status) in [
        ("/t/acme/x", None, 200),
        ("/t/other/x", None, 403),
        ("/t/ac%6de/x", None, 200),
        ("/t/acme%2fx/y", None, 400),
        ("/x", Some("acme"), 200),
        ("/x", Some("acm"), 403),
        ("/x", None, 403),
    ] {
        let mut request = bearer(path, &token);
        if let Some(header) = header {
            request = request.header("x-tenant", header);
        }
        let case = case_of(Filter::Auth, &config, &request);
        assert_eq!(case.got.status, status, "{path} {header:?}: {:?}", case.got);
        if status != 200 {
            problem(&case.got);
        }
    }
}

#[tokio::test]
async fn decisions_are_counted_by_rule_and_reason() {
    let _machine = MACHINE.read().await;
    let key = Key::new("es", "ES256").unwrap();
    let mesh = LocalEnvoy::start(&plugin::auth_filter(&inline(&[&key], "")), Setup::default()).await.unwrap();
    let good = bearer("/", &key.token(&claims(json!({}))));
    for request in [&good, &good, &Request::get("/"), &bearer("/", "x.y.z")] {
        let _ = e2e::send(mesh.address(), request).await.unwrap();
    }
    let counted = e2e::eventually("two allowed and two denied", PATIENCE, async || {
        let metrics = mesh.metrics().await.unwrap();
        let has = |name: &str, tag: &str, value: &str| {
            metrics.lines().any(|line| {
                line.starts_with(name)
                    && line.contains("component=\"all\"")
                    && line.contains(&format!("tag=\"{tag}\""))
                    && line.ends_with(value)
            })
        };
        let all = has("tollgate_requests{", "allowed", " 2")
            && has("tollgate_requests{", "denied", " 2")
            && has("tollgate_denials{", "missing_credential", " 1");
        all.then_some(())
    });
    let counted = counted.await;
    if counted.is_err() {
        panic!(
            "{:#?}",
            mesh.metrics()
                .await
                .unwrap()
                .lines()
                .filter(|line| line.contains("tollgate"))
                .collect::<Vec<_>>()
        );
    }
}
