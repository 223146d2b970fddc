//! Rules: what they edit, in which order, and how far they are enforced.

use e2e::Request;

use crate::support::case;

/// Request and response edits of one rule, what is sent, and what arrives at either end (`name: value`).
type Row =
    (&'static str, &'static [(&'static str, &'static str)], &'static [(&'static str, Option<&'static str>)]);

const ROWS: &[Row] = &[
    ("set: [{name: x-env, value: prod}]", &[("x-env", "dev"), ("x-env", "test")], &[("x-env", Some("prod"))]),
    ("set: [{name: x-empty, value: ''}]", &[("x-empty", "dev")], &[("x-empty", Some(""))]),
    ("add: [{name: x-via, value: b}]", &[("x-via", "a")], &[("x-via", Some("a | b"))]),
    (
        "addIfAbsent: [{name: x-a, value: new}, {name: x-b, value: new}]",
        &[("x-a", "old")],
        &[("x-a", Some("old")), ("x-b", Some("new"))],
    ),
    (
        "setIfPresent: [{name: x-a, value: new}, {name: x-b, value: new}]",
        &[("x-a", "old")],
        &[("x-a", Some("new")), ("x-b", None)],
    ),
    (
        "remove: [x-a, 'x-int-*', '*-debug']",
        &[("X-A", "1"), ("x-int-b", "1"), ("x-c-debug", "1"), ("x-int", "1")],
        &[("x-a", None), ("x-int-b", None), ("x-c-debug", None), ("x-int", Some("1"))],
    ),
    (
        "rename: [{from: x-a, to: x-b}]",
        &[("x-a", "1"), ("x-a", "2"), ("x-b", "3")],
        &[("x-a", None), ("x-b", Some("1 | 2"))],
    ),
    (
        "rename: [{from: x-a, to: x-b}, {from: x-b, to: x-a}]",
        &[("x-a", "1"), ("x-b", "2")],
        &[("x-a", Some("2")), ("x-b", Some("1"))],
    ),
    ("copy: [{from: x-a, to: x-b}]", &[("x-a", "1")], &[("x-a", Some("1")), ("x-b", Some("1"))]),
    (
        "{remove: ['x-int-*'], set: [{name: x-int-own, value: mine}]}",
        &[("x-int-own", "spoofed"), ("x-int-x", "1")],
        &[("x-int-own", Some("mine")), ("x-int-x", None)],
    ),
];

#[test]
fn every_edit_works_on_requests_and_on_responses() {
    for (edits, sent, expected) in ROWS {
        let edits = if edits.starts_with('{') { (*edits).to_owned() } else { format!("{{{edits}}}") };
        let config = format!("rules: [{{request: {edits}, response: {edits}}}]");
        let mut request = Request::get("/");
        for (name, value) in *sent {
            request = request.header(name, value).answered_with(name, value);
        }
        let case = case(&config, &request);
        for (name, value) in *expected {
            assert_eq!(case.saw(name).as_deref(), *value, "{config}: upstream {name}");
            assert_eq!(case.got(name).as_deref(), *value, "{config}: client {name}");
        }
    }
}

#[test]
fn all_rules_that_match_are_applied_in_order() {
    let config = "
        rules:
        - request: {set: [{name: x-a, value: '1'}]}
        - match: {headers: [{name: x-a, present: true}]}
          request: {set: [{name: x-late, value: '1'}]}
        - request: {set: [{name: x-b, value: '<%REQ(x-a)%>'}]}
    ";
    let case = case(config, &Request::get("/"));
    assert_eq!(case.saw("x-b").as_deref(), Some("<1>"), "values see what earlier rules wrote");
    assert_eq!(case.saw("x-late"), None, "matches see the request as it arrived");
}

#[test]
fn shadow_counts_and_off_does_nothing() {
    let config = "
        rules:
        - {name: quiet, enforcement: shadow, request: {set: [{name: x-q, value: '1'}]}}
        - {name: none, enforcement: off, request: {set: [{name: x-n, value: '1'}]}}
    ";
    let case = case(config, &Request::get("/"));
    assert_eq!((case.saw("x-q"), case.saw("x-n")), (None, None));
}

#[test]
fn a_percentage_concerns_the_same_callers_each_time() {
    let config = "
        rules:
        - {name: ramp, percent: 50, percentBy: '%REQ(x-user)%', request: {set: [{name: x-hit, value: '1'}]}}
    ";
    let hit = |user: u32| {
        case(config, &Request::get("/").header("x-user", user.to_string())).saw("x-hit").is_some()
    };
    let first: Vec<bool> = (0..40).map(hit).collect();
    let hits = first.iter().filter(|hit| **hit).count();
    assert!((8..=32).contains(&hits), "{hits} of 40");
    assert_eq!((0..40).map(hit).collect::<Vec<_>>(), first);
}

#[test]
fn path_and_authority_are_rewritten_for_the_upstream() {
    let config = "
        rules:
        - match: {paths: [{prefix: /old}]}
          request: {set: [{name: ':path', value: '/new%REQ(:path)%'}, {name: ':authority', value: in.example.com}]}
    ";
    for request in [Request::get("/old/a?b=c"), Request::get("/old/a?b=c").http2()] {
        let saw = case(config, &request).saw.clone().unwrap();
        assert_eq!((saw.path.as_str(), saw.authority.as_str()), ("/new/old/a?b=c", "in.example.com"));
    }
}

#[test]
fn a_body_a_head_and_http2_pass_with_their_edits() {
    let config =
        "rules: [{request: {set: [{name: x-a, value: '1'}]}, response: {set: [{name: x-b, value: '2'}]}}]";
    let posted = case(config, &Request::post("/", "some body"));
    let saw = posted.saw.clone().unwrap();
    assert_eq!((saw.method.as_str(), saw.body.as_slice()), ("POST", b"some body".as_slice()));
    assert_eq!((posted.saw("x-a").as_deref(), posted.got("x-b").as_deref()), (Some("1"), Some("2")));
    drop(posted);
    for request in
        [Request::new("HEAD", "/"), Request::get("/").http2(), Request::post("/", vec![7; 100_000]).http2()]
    {
        let case = case(config, &request);
        assert_eq!(
            (case.saw("x-a").as_deref(), case.got("x-b").as_deref()),
            (Some("1"), Some("2")),
            "{request:?}"
        );
    }
}
