//! What each feature does to a request and a response.

use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::support::{compile, request, run, shown};

/// One rule's request edits, the request's headers, and what goes upstream.
fn check_request(edits: &str, headers: &[(&str, &str)], expected: &[&str]) {
    let config = format!(r#"{{"rules":[{{"request":{edits}}}]}}"#);
    let outcome = run(&compile(&config), &request(headers), &Table::default());
    assert_eq!(shown(&outcome.upstream), expected, "{edits}");
}

/// One rule's response edits, the response's headers, and what the client gets.
fn check_response(edits: &str, headers: &[(&str, &str)], expected: &[&str]) {
    let config = format!(r#"{{"rules":[{{"response":{edits}}}]}}"#);
    let outcome = run(&compile(&config), &request(&[("x-q", "q")]), &Table::of(headers));
    assert_eq!(shown(&outcome.client), expected, "{edits}");
}

#[test]
fn each_edit_does_what_its_name_says() {
    let ab = [("a", "1"), ("a", "2"), ("b", "3")];
    for (edits, expected) in [
        (r#"{"set":[{"name":"A","value":"x"}]}"#, vec!["a: x", "b: 3"]),
        (r#"{"set":[{"name":"c","value":""}]}"#, vec!["a: 1", "a: 2", "b: 3", "c: "]),
        (r#"{"add":[{"name":"b","value":"x"}]}"#, vec!["a: 1", "a: 2", "b: 3", "b: x"]),
        (
            r#"{"addIfAbsent":[{"name":"b","value":"x"},{"name":"c","value":"y"}]}"#,
            vec!["a: 1", "a: 2", "b: 3", "c: y"],
        ),
        (
            r#"{"setIfPresent":[{"name":"b","value":"x"},{"name":"c","value":"y"}]}"#,
            vec!["a: 1", "a: 2", "b: x"],
        ),
        (r#"{"remove":["A"]}"#, vec!["b: 3"]),
        (r#"{"rename":[{"from":"a","to":"c"}]}"#, vec!["b: 3", "c: 1", "c: 2"]),
        (r#"{"rename":[{"from":"a","to":"b"},{"from":"b","to":"a"}]}"#, vec!["a: 3", "b: 1", "b: 2"]),
        (r#"{"rename":[{"from":"z","to":"b"}]}"#, vec!["a: 1", "a: 2", "b: 3"]),
        (r#"{"copy":[{"from":"a","to":"c"}]}"#, vec!["a: 1", "a: 2", "b: 3", "c: 1", "c: 2"]),
        (r#"{"copy":[{"from":":path","to":"x-path"}]}"#, vec!["a: 1", "a: 2", "b: 3", "x-path: /api/x"]),
    ] {
        check_request(edits, &ab, &expected);
        if !edits.contains(":path") {
            check_response(edits, &ab, &expected);
        }
    }
}

#[test]
fn a_move_whose_other_half_has_nothing_to_move_still_moves() {
    check_request(r#"{"rename":[{"from":"a","to":"b"},{"from":"b","to":"a"}]}"#, &[("b", "1")], &["a: 1"]);
    check_request(
        r#"{"copy":[{"from":"x","to":"b"}],"rename":[{"from":"b","to":"c"}]}"#,
        &[("b", "1")],
        &["c: 1"],
    );
}

#[test]
fn the_order_of_edits_in_a_rule_is_fixed_and_values_are_read_first() {
    for (edits, headers, expected) in [
        // What is removed can still be read by the same rule.
        (
            r#"{"remove":["x-old"],"set":[{"name":"x-new","value":"<%REQ(x-old)%>"}]}"#,
            [("x-old", "1")],
            vec!["x-new: <1>"],
        ),
        (
            r#"{"remove":["x-int-*"],"copy":[{"from":"x-int-a","to":"x-a"}]}"#,
            [("x-int-a", "1")],
            vec!["x-a: 1"],
        ),
        (
            r#"{"remove":["x-int-*"],"set":[{"name":"x-int-own","value":"1"}]}"#,
            [("x-int-own", "spoofed")],
            vec!["x-int-own: 1"],
        ),
        (
            r#"{"rename":[{"from":"a","to":"b"}],"addIfAbsent":[{"name":"b","value":"x"}]}"#,
            [("a", "1")],
            vec!["b: 1"],
        ),
        (
            r#"{"set":[{"name":"a","value":"1"}],"add":[{"name":"a","value":"2"}]}"#,
            [("a", "0")],
            vec!["a: 1", "a: 2"],
        ),
    ] {
        check_request(edits, &headers, &expected);
    }
}

#[test]
fn a_value_that_came_to_nothing_never_leaves_the_client_s_own() {
    check_request(r#"{"set":[{"name":"x-peer","value":"%REQ(none)%"}]}"#, &[("x-peer", "spoofed")], &[]);
    check_request(
        r#"{"add":[{"name":"x-peer","value":"%REQ(none)%"}]}"#,
        &[("x-peer", "own")],
        &["x-peer: own"],
    );
}

#[test]
fn rules_apply_in_order_and_match_the_request_as_it_arrived() {
    let policy = compile(
        r#"{"rules":[
        {"name":"one","request":{"set":[{"name":"a","value":"1"}]}},
        {"name":"two","match":{"headers":[{"name":"a","present":true}]},"request":{"set":[{"name":"seen","value":"1"}]}},
        {"name":"three","request":{"set":[{"name":"b","value":"%REQ(a)%"}]}},
        {"name":"four","match":{"methods":["POST"]},"request":{"set":[{"name":"c","value":"1"}]}},
        {"name":"five","enforcement":"shadow","request":{"set":[{"name":"d","value":"1"}]}},
        {"name":"six","enforcement":"off","request":{"set":[{"name":"e","value":"1"}]}}]}"#,
    );
    assert_eq!(shown(&run(&policy, &request(&[]), &Table::default()).upstream), ["a: 1", "b: 1"]);
}

#[test]
fn every_kind_of_match_decides() {
    for (block, headers, matches) in [
        ("{}", vec![], true),
        (r#"{"hosts":["*.example.com"],"paths":[{"prefix":"/api"}],"methods":["GET"]}"#, vec![], true),
        (r#"{"hosts":["b.example.com"]}"#, vec![], false),
        (r#"{"hosts":["a.example.com"]}"#, vec![(":authority", "A.EXAMPLE.com.:8443")], true),
        (r#"{"paths":[{"exact":"/x"},{"exact":"/y"}]}"#, vec![(":path", "/y?z")], true),
        (r#"{"paths":[{"template":"/t/{id}/**"}]}"#, vec![(":path", "/t/1/a/b")], true),
        (r#"{"methods":["PUT","POST"]}"#, vec![], false),
        (r#"{"headers":[{"name":"x","exact":"b"}]}"#, vec![("x", "a"), ("x", "b")], true),
        (r#"{"headers":[{"name":"x","exact":"b","invert":true}]}"#, vec![("x", "a"), ("x", "b")], false),
        (r#"{"headers":[{"name":"x","present":false}]}"#, vec![], true),
        (
            r#"{"headers":[{"name":"x","regex":"a+"},{"name":"y","prefix":"b"}]}"#,
            vec![("x", "aa"), ("y", "bc")],
            true,
        ),
        (
            r#"{"headers":[{"name":"x","regex":"a+"},{"name":"y","suffix":"b"}]}"#,
            vec![("x", "aa"), ("y", "bc")],
            false,
        ),
        (r#"{"headers":[{"name":"x","contains":"ell"}]}"#, vec![("x", "hello")], true),
    ] {
        let config = format!(
            r#"{{"rules":[{{"match":{block},"request":{{"set":[{{"name":"hit","value":"1"}}]}}}}]}}"#
        );
        let outcome = run(&compile(&config), &request(&headers), &Table::default());
        assert_eq!(shown(&outcome.upstream).contains(&"hit: 1".to_owned()), matches, "{block}");
    }
}

#[test]
fn a_request_without_a_path_or_a_host_is_not_meant_and_not_refused() {
    let policy = compile(
        r#"{"rules":[{"match":{"paths":[{"prefix":"/"}]},"request":{"set":[{"name":"p","value":"1"}]}},
        {"match":{"hosts":["*"]},"request":{"set":[{"name":"h","value":"1"}]}}]}"#,
    );
    let connect = Table::of(&[(":method", "CONNECT"), (":authority", "a.example.com:443")]);
    let outcome = run(&policy, &connect, &Table::default());
    assert!(outcome.reply.is_none());
    assert_eq!(shown(&outcome.upstream), ["h: 1"]);
    assert!(run(&policy, &Table::of(&[(":path", "/")]), &Table::default()).reply.is_none());
}

#[test]
fn what_cannot_be_compared_is_refused_unless_the_config_says_otherwise() {
    let rule = r#""rules":[{"match":{"paths":[{"prefix":"/api"}]},"request":{"remove":["x"]}}]"#;
    let odd = request(&[(":path", "/api/%2e%2e/admin"), ("x", "1")]);
    let denied = run(&compile(&format!("{{{rule}}}")), &odd, &Table::default());
    assert_eq!(denied.reply.unwrap().details, "tollgate.header.ambiguous_path");
    let allowed = run(&compile(&format!(r#"{{{rule},"failureMode":"allow"}}"#)), &odd, &Table::default());
    assert!(allowed.reply.is_none());
    assert_eq!(shown(&allowed.upstream), ["x: 1"]);
    let shadow = rule.replace("{\"match\"", "{\"enforcement\":\"shadow\",\"match\"");
    assert!(run(&compile(&format!("{{{shadow}}}")), &odd, &Table::default()).reply.is_none());
    let other_method = rule.replace("{\"paths\"", "{\"methods\":[\"POST\"],\"paths\"");
    assert!(run(&compile(&format!("{{{other_method}}}")), &odd, &Table::default()).reply.is_none());
}

#[test]
fn a_path_and_an_authority_can_be_rewritten() {
    let policy = compile(
        r#"{"rules":[{"request":{"set":[{"name":":path","value":"/v2%REQ(:path)%"},{"name":":authority","value":"%REQ(x-host)%"}]}}]}"#,
    );
    let upstream = run(&policy, &request(&[("x-host", "in.example.com")]), &Table::default()).upstream;
    assert!(upstream.contains(&(b":path".to_vec(), b"/v2/api/x".to_vec())));
    assert!(upstream.contains(&(b":authority".to_vec(), b"in.example.com".to_vec())));
    // A host that is none must not leave the client's own in its place.
    let refused = run(&policy, &request(&[("x-host", "a b")]), &Table::default());
    assert_eq!(refused.reply.unwrap().details, "tollgate.header.unfit_rewrite");
}

#[test]
fn a_request_id_is_kept_required_or_replaced() {
    let fresh = "00010203-0405-4607-8809-0a0b0c0d0e0f";
    for (config, sent, expected, status) in [
        (r#"{"mode":"keep"}"#, vec![("x-request-id", "abc-1")], Some("abc-1"), None),
        (r#"{"mode":"keep"}"#, vec![], Some(fresh), None),
        (r#"{"mode":"keep"}"#, vec![("x-request-id", "a b")], Some(fresh), None),
        (r#"{"mode":"keep"}"#, vec![("x-request-id", "a"), ("x-request-id", "b")], Some(fresh), None),
        (r#"{"mode":"replace"}"#, vec![("x-request-id", "abc-1")], Some(fresh), None),
        (
            r#"{"mode":"replace","format":"uuidv7"}"#,
            vec![],
            Some("00000000-0000-7001-8203-040506070809"),
            None,
        ),
        (r#"{"mode":"require"}"#, vec![("x-request-id", "abc-1")], Some("abc-1"), None),
        (r#"{"mode":"require"}"#, vec![], None, Some(400)),
        (r#"{"mode":"require"}"#, vec![("x-request-id", "")], None, Some(400)),
    ] {
        let policy = compile(&format!(r#"{{"requestId":{config}}}"#));
        let outcome = run(&policy, &request(&sent), &Table::default());
        assert_eq!(outcome.reply.as_ref().map(|reply| reply.status), status, "{config}");
        if let Some(id) = expected {
            assert_eq!(shown(&outcome.upstream), [format!("x-request-id: {id}")], "{config} {sent:?}");
        }
        assert!(shown(&outcome.client).is_empty(), "no echo was asked for");
    }
}

#[test]
fn a_request_id_is_echoed_published_and_usable_in_values() {
    let policy = compile(
        r#"{"requestId":{"header":"x-id","echo":true,"filterState":"id"},
        "rules":[{"request":{"set":[{"name":"x-copy","value":"%REQUEST_ID%"}]},
                  "response":{"set":[{"name":"x-again","value":"%REQUEST_ID%"}]}}]}"#,
    );
    let outcome = run(&policy, &request(&[("x-id", "me")]), &Table::of(&[("x-id", "upstream's")]));
    assert_eq!(shown(&outcome.upstream), ["x-copy: me", "x-id: me"]);
    assert_eq!(shown(&outcome.client), ["x-again: me", "x-id: me"]);
    assert_eq!(outcome.published, [("id".to_owned(), "me".to_owned())]);
}

#[test]
fn a_request_outside_the_percentage_is_not_refused_for_its_path() {
    let policy = compile(
        r#"{"rules":[{"percent":0.0001,"match":{"paths":[{"prefix":"/api"}]},"request":{"remove":["x"]}}]}"#,
    );
    assert!(run(&policy, &request(&[(":path", "/api/%2f")]), &Table::default()).reply.is_none());
}

#[test]
fn a_percentage_is_stable_by_its_key() {
    let policy = compile(
        r#"{"rules":[{"name":"some","percent":50,"percentBy":"%REQ(x-user)%","request":{"set":[{"name":"hit","value":"1"}]}}]}"#,
    );
    let hit = |user: &str| {
        let outcome = run(&policy, &request(&[("x-user", user)]), &Table::default());
        shown(&outcome.upstream).contains(&"hit: 1".to_owned())
    };
    let hits = (0..200).filter(|n| hit(&n.to_string())).count();
    assert!((70..130).contains(&hits), "{hits}");
    assert!((0..20).all(|n| hit(&n.to_string()) == hit(&n.to_string())));
}

#[test]
fn the_example_of_the_readme_works() {
    let policy = compile(
        r#"{"rules":[{"name":"tag","match":{"hosts":["*.example.com"],"paths":[{"prefix":"/api"}],"methods":["GET","POST"]},
        "request":{"set":[{"name":"x-env","value":"prod"},{"name":"x-peer","value":"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}],
        "add":[{"name":"x-via","value":"tollgate"}],"addIfAbsent":[{"name":"x-tenant","value":"public"}],
        "remove":["x-internal-*"],"rename":[{"from":"x-old","to":"x-new"}]},
        "response":{"set":[{"name":"x-served-by","value":"%UPSTREAM_CLUSTER%"}],"remove":["x-powered-by"]}}],
        "requestId":{"mode":"keep","header":"x-request-id","echo":true},
        "cookies":{"secure":true,"httpOnly":true,"sameSite":"Lax"}}"#,
    );
    let sent = [("x-internal-a", "1"), ("x-old", "o"), ("x-request-id", "id"), ("x-peer", "spoofed")];
    let answer =
        Table::of(&[("set-cookie", "a=b"), ("set-cookie", "c=d; Path=/; secure"), ("x-powered-by", "php")])
            .with(policy_core::Attribute::ClusterName, "echo");
    let outcome = run(&policy, &request(&sent), &answer);
    let expected = [
        "x-env: prod",
        "x-new: o",
        "x-peer: 10.0.0.7",
        "x-request-id: id",
        "x-tenant: public",
        "x-via: tollgate",
    ];
    assert_eq!(shown(&outcome.upstream), expected);
    assert_eq!(
        shown(&outcome.client),
        [
            "set-cookie: a=b; Secure; HttpOnly; SameSite=Lax",
            "set-cookie: c=d; Path=/; secure; HttpOnly; SameSite=Lax",
            "x-request-id: id",
            "x-served-by: echo",
        ]
    );
}
