//! `toFilterState`, read back from Envoy in the response phase.

use e2e::Request;

use crate::support::case;

const CONFIG: &str = r"
    toFilterState:
    - {header: x-user, key: user, rewrite: {pattern: '^([^@]+)@.*$', substitution: 'u:\1'}, default: anonymous}
    - {header: x-tags, key: tags}
    rules:
    - response:
        set:
        - {name: x-user-state, value: '%FILTER_STATE(wasm.user:PLAIN)%'}
        - {name: x-tags-state, value: '[%FILTER_STATE(wasm.tags:PLAIN)%]'}
";

#[test]
fn a_header_is_published_rewritten() {
    let case = case(
        CONFIG,
        &Request::get("/").header("x-user", "ann@example.com").header("x-tags", "a").header("x-tags", "b"),
    );
    assert_eq!(case.got("x-user-state").as_deref(), Some("u:ann"));
    assert_eq!(case.got("x-tags-state").as_deref(), Some("[a,b]"));
}

#[test]
fn a_header_that_does_not_fit_the_pattern_is_published_as_it_is() {
    let case = case(CONFIG, &Request::get("/").header("x-user", "ann"));
    assert_eq!(case.got("x-user-state").as_deref(), Some("ann"));
}

#[test]
fn an_absent_header_publishes_the_default_or_nothing() {
    let case = case(CONFIG, &Request::get("/"));
    assert_eq!(case.got("x-user-state").as_deref(), Some("anonymous"));
    assert_eq!(case.got("x-tags-state").as_deref(), Some("[]"));
}
