use std::collections::BTreeMap;

use policy_core::Exchange;
use policy_core::json::Json;
use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::identity::Parts;

fn compiled(block: &str, matches: &str) -> Result<(Authorize, Match), String> {
    let config: Config = policy_core::config::parse(block.as_bytes()).map_err(|error| error.to_string())?;
    let matches: Match = policy_core::config::parse(matches.as_bytes()).unwrap();
    let block = Authorize::compile(config, &matches).map_err(|error| error.to_string())?;
    Ok((block, matches))
}

fn caller(id: &str, claims: &str) -> Identity {
    Identity::new(Parts {
        id: id.to_owned(),
        labels: BTreeMap::from([("tier".to_owned(), "gold".to_owned())]),
        claims: Some(jose::Claims::of(Json::parse(claims.as_bytes()).unwrap())),
        ..Parts::default()
    })
}

const CLAIMS: &str = r#"{"scope":"orders:read orders:write","realm":{"roles":["dev","ops"]},
    "tenant":"acme","verified":true,"level":3,"teams":["a b","c"]}"#;

/// Checks a caller with these claims, on a request to a path of a tenant.
fn verdict(block: &str, path: &str, callers: &[&Identity]) -> Result<(), &'static str> {
    speaker(block, path, callers, false).map(drop)
}

/// Which of the callers may, or the reason why none may.
fn speaker(block: &str, path: &str, callers: &[&Identity], together: bool) -> Result<usize, &'static str> {
    let (block, matches) = compiled(block, r#"{"paths":[{"template":"/t/{tenant}/**"}]}"#).unwrap();
    let table =
        Table::of(&[(":path", path), ("x-tenant", "acme"), ("x-two", "acme"), ("x-two", "b"), ("x-no", "")]);
    let exchange = Exchange::new(&table);
    let target = Target::new(&exchange.headers);
    block.check(callers, together, &matches, &target).map_err(|denial| denial.reason)
}

#[test]
fn each_condition_allows_whom_it_says() {
    let ann = caller("ann", CLAIMS);
    for (block, expected) in [
        (r#"{"scopes":{"allOf":["orders:write","orders:read"]}}"#, Ok(())),
        (r#"{"scopes":{"allOf":["orders:write","admin"]}}"#, Err("insufficient_scope")),
        (r#"{"scopes":{"anyOf":["orders:write","admin"]}}"#, Ok(())),
        (r#"{"scopes":{"anyOf":["orders"]}}"#, Err("insufficient_scope")),
        (r#"{"claims":[{"path":"realm.roles","anyOf":["admin","ops"]}]}"#, Ok(())),
        (r#"{"claims":[{"path":"realm.roles","allOf":["admin","ops"]}]}"#, Err("claim_not_allowed")),
        (r#"{"claims":[{"path":"verified","anyOf":["true"]},{"path":"level","anyOf":["3"]}]}"#, Ok(())),
        (r#"{"claims":[{"path":"scope","anyOf":["orders:read"]}]}"#, Err("claim_not_allowed")),
        (r#"{"claims":[{"path":"tenant","present":true}]}"#, Ok(())),
        (r#"{"claims":[{"path":"tenant","present":false}]}"#, Err("claim_not_allowed")),
        (r#"{"claims":[{"path":"other","present":false}]}"#, Ok(())),
        (r#"{"ids":["bob","ann"]}"#, Ok(())),
        (r#"{"ids":["bob","an","ANN"]}"#, Err("id_not_allowed")),
        (r#"{"labels":{"tier":["silver","gold"]}}"#, Ok(())),
        (r#"{"labels":{"tier":["silver"]}}"#, Err("label_not_allowed")),
        (r#"{"labels":{"region":["eu"]}}"#, Err("label_not_allowed")),
        (r#"{"ids":["ann"],"scopes":{"allOf":["admin"]}}"#, Err("insufficient_scope")),
    ] {
        assert_eq!(verdict(block, "/t/acme/x", &[&ann]), expected, "{block}");
    }
}

#[test]
fn a_claim_is_compared_with_the_request() {
    let ann = caller("ann", CLAIMS);
    let of_path = r#"{"claims":[{"path":"tenant","equals":{"path":"tenant"}}]}"#;
    let of_teams = r#"{"claims":[{"path":"teams","equals":{"path":"tenant"}}]}"#;
    for (block, path, expected) in [
        (of_path, "/t/acme/x", Ok(())),
        (of_path, "/t/%61cme;v=1/x?y", Ok(())),
        (of_path, "/t/other/acme", Err("claim_not_allowed")),
        (of_path, "/t/ACME/x", Err("claim_not_allowed")),
        (of_path, "/t/acm%65%20/x", Err("claim_not_allowed")),
        (of_teams, "/t/a%20b/x", Ok(())),
        (of_teams, "/t/a%2520b/x", Err("claim_not_allowed")),
        (r#"{"claims":[{"path":"tenant","equals":{"header":"X-Tenant"}}]}"#, "/t/o/x", Ok(())),
        (r#"{"claims":[{"path":"tenant","equals":{"header":"x-two"}}]}"#, "/t/o/x", Err("claim_not_allowed")),
        (r#"{"claims":[{"path":"absent","equals":{"header":"x-no"}}]}"#, "/t/o/x", Err("claim_not_allowed")),
        (
            r#"{"claims":[{"path":"absent","equals":{"header":"x-none"}}]}"#,
            "/t/o/x",
            Err("claim_not_allowed"),
        ),
    ] {
        assert_eq!(verdict(block, path, &[&ann]), expected, "{block} {path}");
    }
}

#[test]
fn the_rights_of_one_caller_and_the_tenant_of_another_are_nobodys() {
    let (ann, bob) = (caller("ann", "{}"), caller("bob", CLAIMS));
    let both = [&ann, &bob];
    let mixed = r#"{"ids":["ann"],"scopes":{"allOf":["orders:read"]}}"#;
    let absent = r#"{"claims":[{"path":"tenant","present":false}]}"#;
    for (block, together, expected) in [
        (mixed, false, Err("insufficient_scope")),
        (mixed, true, Ok(0)),
        (r#"{"scopes":{"allOf":["orders:read"]}}"#, false, Ok(1)),
        (r#"{"ids":["bob"],"scopes":{"allOf":["orders:read"]}}"#, false, Ok(1)),
        (absent, false, Ok(0)),
        (absent, true, Err("claim_not_allowed")),
        (r#"{"ids":["eve"]}"#, true, Err("id_not_allowed")),
    ] {
        assert_eq!(speaker(block, "/t/a/b", &both, together), expected, "{block} {together}");
    }
}

#[test]
fn each_mistake_is_named_with_its_place() {
    for (block, expected) in [
        ("{}", "config: the block is empty"),
        (r#"{"ids":[]}"#, "ids: an empty list would allow nobody"),
        (r#"{"labels":{"tier":[]}}"#, "labels.tier: an empty list would allow nobody"),
        (r#"{"scopes":{}}"#, "scopes: give exactly one of allOf and anyOf"),
        (r#"{"scopes":{"allOf":[]}}"#, "scopes.allOf: an empty list asks for nothing"),
        (r#"{"claims":[{"path":"a"}]}"#, "claims[0]: give exactly one of anyOf, allOf, equals, present"),
        (r#"{"claims":[{"path":"a","present":true,"anyOf":["b"]}]}"#, "claims[0]: give exactly one of"),
        (r#"{"claims":[{"path":"","present":true}]}"#, "claims[0].path: a claim is a name"),
        (
            r#"{"claims":[{"path":"a","equals":{"path":"id"}}]}"#,
            "claims[0].equals.path: each path of this rule",
        ),
        (r#"{"claims":[{"path":"a","equals":{"cookie":"id"}}]}"#, "claims[0].equals.cookie: unknown value"),
        (r#"{"scope":{}}"#, "scope: unknown field \"scope\", did you mean \"scopes\"?"),
    ] {
        let message = compiled(block, r#"{"paths":[{"prefix":"/t"}]}"#).unwrap_err();
        assert!(message.starts_with(expected), "{block}: {message}");
    }
}
