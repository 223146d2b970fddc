//! Several providers: who is asked, who is enough, and what a bad credential beside a good one is worth.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{ANN, CORP, Gate, MESH, PARTNERS, STAFF, bearer, config, with_certificate};

fn gate(require: &str) -> Gate {
    Gate::new(&config(&[CORP, PARTNERS, STAFF, MESH], &format!(r#"{{"name":"r","require":{require}}}"#)))
}

#[test]
fn a_tree_is_met_by_those_who_vouch() {
    let token = bearer("");
    let (jwt, key, bad) = (("authorization", token.as_str()), ("x-api-key", "hunter2"), ("x-api-key", "no"));
    let basic = ("authorization", ANN);
    for (require, headers, expected) in [
        (r#"{"anyOf":["corp","partners"]}"#, vec![jwt], "ok"),
        (r#"{"anyOf":["corp","partners"]}"#, vec![key], "ok"),
        (r#"{"anyOf":["corp","partners"]}"#, vec![jwt, key], "ok"),
        (r#"{"anyOf":["corp","partners"]}"#, vec![], "401 missing_credential"),
        (r#"{"anyOf":["corp","partners"]}"#, vec![basic], "401 missing_credential"),
        (r#"{"anyOf":["corp","partners"]}"#, vec![jwt, bad], "401 unknown_api_key"),
        (r#"{"anyOf":["corp","partners"],"optional":true}"#, vec![bad], "401 unknown_api_key"),
        (r#"{"allOf":["corp","partners"]}"#, vec![jwt, key], "ok"),
        (r#"{"allOf":["corp","partners"]}"#, vec![jwt], "401 missing_credential"),
        (r#"{"allOf":["corp","partners"],"optional":true}"#, vec![key], "401 missing_credential"),
        (r#"{"anyOf":["corp",{"allOf":["partners","staff"]}]}"#, vec![key, basic], "ok"),
        (r#"{"anyOf":["corp",{"allOf":["partners","staff"]}]}"#, vec![key], "401 missing_credential"),
        (r#"{"anyOf":["mesh"]}"#, vec![], "403 missing_certificate"),
        (r#"{"anyOf":["mesh"]}"#, vec![key], "403 missing_certificate"),
        (r#"{"anyOf":["mesh","corp"]}"#, vec![], "401 missing_credential"),
    ] {
        assert_eq!(gate(require).get("/", &headers).verdict(), expected, "{require} {headers:?}");
    }
}

#[test]
fn a_certificate_vouches_and_hurts_nobody() {
    let path = [(":method", "GET"), (":path", "/")];
    let with_key = [path.as_slice(), &[("x-api-key", "hunter2")]].concat();
    let (ours, theirs) = ("spiffe://cluster.local/ns/a/sa/b", "spiffe://elsewhere/ns/a/sa/b");
    let any = gate(r#"{"anyOf":["partners","mesh"]}"#);
    let all = gate(r#"{"allOf":["partners","mesh"]}"#);
    for (gate, headers, name, expected) in [
        (&any, path.as_slice(), ours, "ok"),
        (&any, &path, theirs, "401 missing_credential"),
        (&any, &with_key, theirs, "ok"),
        (&all, &with_key, ours, "ok"),
        (&all, &with_key, theirs, "401 missing_credential"),
    ] {
        assert_eq!(gate.send(&with_certificate(headers, name)).verdict(), expected, "{name}");
    }
    let outcome = all.send(&with_certificate(&with_key, ours));
    assert!(outcome.saw("x-identity").unwrap().contains("\"id\":\"acme\""), "the first that is named speaks");
    let outcome = gate(r#"{"allOf":["mesh","partners"]}"#).send(&with_certificate(&with_key, ours));
    assert!(outcome.saw("x-identity").unwrap().contains(ours), "the first that is named speaks");
}

#[test]
fn upstream_is_told_of_the_one_who_may() {
    let rule = r#"{"require":{"anyOf":["partners","staff"]},"authorize":{"ids":["ann"]}}"#;
    let gate = Gate::new(&config(&[PARTNERS, STAFF], rule));
    let outcome = gate.get("/", &[("x-api-key", "hunter2"), ("authorization", ANN)]);
    assert_eq!(outcome.verdict(), "ok");
    assert!(outcome.saw("x-identity").unwrap().contains("\"id\":\"ann\""));
    assert_eq!(gate.get("/", &[("x-api-key", "hunter2")]).verdict(), "403 id_not_allowed");
}

#[test]
fn two_lists_of_passwords_or_keys_may_stand_side_by_side() {
    let bobs = STAFF.replace("staff", "bobs").replace("ann:", "bob:");
    let others = PARTNERS
        .replace("partners", "others")
        .replace("f52fbd32", "00000000")
        .replace("x-client-id", "x-other-id");
    let rules = r#"{"require":{"anyOf":["staff","bobs","partners","others"]}}"#;
    let gate = Gate::new(&config(&[STAFF, &bobs, PARTNERS, &others], rules));
    for (header, value, expected) in [
        ("authorization", ANN, "ok"),
        ("authorization", "Basic Ym9iOmh1bnRlcjI=", "ok"),
        ("authorization", "Basic Ym9iOmh1bnRlcjM=", "401 wrong_password"),
        ("authorization", "Basic !", "401 malformed_credential"),
        ("x-api-key", "hunter2", "ok"),
        ("x-api-key", "hunter3", "401 unknown_api_key"),
    ] {
        assert_eq!(gate.get("/", &[(header, value)]).verdict(), expected, "{value}");
    }
}

#[test]
fn the_first_rule_that_matches_decides_and_what_none_matches_is_denied() {
    let rules = r#"{"name":"open","match":{"paths":[{"prefix":"/open"}]},"public":true},
        {"name":"closed","match":{"paths":[{"prefix":"/open/not"},{"prefix":"/closed"}]},"deny":true},
        {"name":"known","match":{"paths":[{"prefix":"/known"}]},"require":{"anyOf":["partners"]}}"#;
    let denies = Gate::new(&config(&[PARTNERS], rules));
    let allows =
        Gate::new(&config(&[PARTNERS], rules).replace("\"identity\"", "\"default\":\"allow\",\"identity\""));
    for (path, denied, allowed) in [
        ("/open", "ok", "ok"),
        ("/open/not", "ok", "ok"),
        ("/closed", "403 denied", "403 denied"),
        ("/known", "401 missing_credential", "401 missing_credential"),
        ("/else", "403 no_rule", "ok"),
        ("/%2e%2e/known", "400 ambiguous_path", "400 ambiguous_path"),
        ("/open/%2e%2e/known", "400 ambiguous_path", "400 ambiguous_path"),
    ] {
        assert_eq!(denies.get(path, &[]).verdict(), denied, "{path}");
        assert_eq!(allows.get(path, &[]).verdict(), allowed, "{path}");
    }
}

#[test]
fn where_a_credential_is_optional_only_those_who_show_one_are_judged() {
    let rule = r#"{"require":{"anyOf":["partners","staff"],"optional":true},"authorize":{"ids":["ann"]}}"#;
    let gate = Gate::new(&config(&[PARTNERS, STAFF], rule));
    for (headers, expected) in [
        (vec![], "ok"),
        (vec![("authorization", ANN)], "ok"),
        (vec![("x-api-key", "hunter2")], "403 id_not_allowed"),
        (vec![("x-api-key", "hunter3")], "401 unknown_api_key"),
    ] {
        assert_eq!(gate.get("/", &headers).verdict(), expected, "{headers:?}");
    }
}
