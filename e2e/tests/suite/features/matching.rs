//! The `match` block.

use e2e::Request;

use crate::support::case;

fn hits(block: &str, request: &Request) -> bool {
    let config = format!("rules: [{{match: {block}, request: {{set: [{{name: x-hit, value: '1'}}]}}}}]");
    let case = case(&config, request);
    assert_eq!(case.got.status, 200, "{block} {request:?}");
    case.saw("x-hit").is_some()
}

#[test]
fn hosts_are_compared_without_case_port_and_trailing_dot() {
    for (block, host, hit) in [
        ("{hosts: [api.example.com]}", "API.Example.com:8080", true),
        ("{hosts: [api.example.com]}", "api.example.com.", true),
        ("{hosts: ['*.example.com']}", "a.b.example.com", true),
        ("{hosts: ['*.example.com']}", "example.com", false),
        ("{hosts: ['*.example.com']}", "badexample.com", false),
    ] {
        assert_eq!(hits(block, &Request::get("/").host(host)), hit, "{block} {host}");
    }
}

#[test]
fn paths_are_compared_in_their_normal_form() {
    for (block, path, hit) in [
        ("{paths: [{prefix: /api}]}", "/api", true),
        ("{paths: [{prefix: /api}]}", "/api/x?y=/z", true),
        ("{paths: [{prefix: /api}]}", "/apix", false),
        ("{paths: [{prefix: /api}]}", "//api//x", true),
        ("{paths: [{prefix: /api}]}", "/%61pi/x", true),
        ("{paths: [{prefix: /api}]}", "/api;v=1/x", true),
        ("{paths: [{prefix: /api}]}", "/API/x", false),
        ("{paths: [{exact: /a/b}]}", "/a/b?c", true),
        ("{paths: [{exact: /a/b}]}", "/a/b/", false),
        ("{paths: [{template: '/t/{tenant}/*'}]}", "/t/acme/orders", true),
        ("{paths: [{template: '/t/{tenant}/*'}]}", "/t/acme/orders/1", false),
        ("{paths: [{template: '/t/**'}]}", "/t/acme/orders/1", true),
        ("{paths: [{regex: '/v[0-9]+/.*'}]}", "/v12/x", true),
        ("{paths: [{regex: '/v[0-9]+'}]}", "/v12/x", false),
    ] {
        assert_eq!(hits(block, &Request::get(path)), hit, "{block} {path}");
    }
}

#[test]
fn methods_and_headers_decide_together() {
    let block = "{methods: [POST], headers: [{name: x-a, regex: '[0-9]+'}, {name: x-b, present: false}]}";
    assert!(hits(block, &Request::post("/", "b").header("x-a", "no").header("x-a", "12")));
    assert!(!hits(block, &Request::get("/").header("x-a", "12")));
    assert!(!hits(block, &Request::post("/", "b").header("x-a", "12b")));
    assert!(!hits(block, &Request::post("/", "b").header("x-a", "12").header("x-b", "")));
}
