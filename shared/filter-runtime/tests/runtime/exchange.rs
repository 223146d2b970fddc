//! What the runtime makes of a policy's decisions.

use header_policy::HeaderPlugin;
use testkit::{Proxy, pairs};

const TAG: &str = r#"{"rules":[{"name":"tag","match":{"paths":[{"prefix":"/api"}]},
    "request":{"set":[{"name":"x-env","value":"prod"}],"add":[{"name":"x-via","value":"t"}],"remove":["x-int-*"]},
    "response":{"set":[{"name":"x-by","value":"%UPSTREAM_CLUSTER%"}],"remove":["x-powered-by"]}}]}"#;

fn start(config: &str) -> Proxy {
    Proxy::start::<HeaderPlugin>(config).unwrap()
}

#[test]
fn edits_reach_the_upstream_and_the_client() {
    let mut proxy = start(TAG);
    proxy.set_attribute("xds.cluster_name", "echo");
    let answer = proxy
        .request(&[(":path", "/api/x"), ("x-env", "dev"), ("x-via", "a"), ("x-int-a", "1"), ("x-int-b", "2")])
        .answered(&[("x-powered-by", "php")])
        .send();
    assert_eq!(answer.upstream("x-env"), ["prod"]);
    assert_eq!(answer.upstream("x-via"), ["a", "t"]);
    assert!(answer.upstream("x-int-a").is_empty() && answer.upstream("x-int-b").is_empty());
    assert_eq!(answer.client("x-by"), ["echo"]);
    assert!(answer.client("x-powered-by").is_empty());
    assert_eq!(
        proxy.counters(),
        [("wasm_filter.header.tag.applied;.component.tag.tollgate_requests".to_owned(), 1)]
    );
}

#[test]
fn a_request_that_does_not_match_passes_untouched() {
    let mut proxy = start(TAG);
    let answer = proxy.request(&[(":path", "/other"), ("x-int-a", "1")]).send();
    assert_eq!(answer.upstream, Some(pairs(&[(":path", "/other"), ("x-int-a", "1")])));
    assert_eq!(answer.client, pairs(&[(":status", "200")]));
}

#[test]
fn a_refusal_has_status_details_and_a_problem_body() {
    let mut proxy = start(TAG);
    let answer = proxy.request(&[(":path", "/api/%2e%2e/admin")]).send();
    assert_eq!(answer.upstream, None);
    let reply = answer.reply.unwrap();
    assert_eq!((reply.status, reply.grpc_status), (400, 3));
    assert_eq!(reply.details, "tollgate.header.ambiguous_path");
    assert_eq!(reply.headers, pairs(&[("content-type", "application/problem+json")]));
    let body = String::from_utf8(reply.body).unwrap();
    assert_eq!(
        body,
        r#"{"type":"about:blank","status":400,"title":"The path can be read in more than one way.","reason":"ambiguous_path"}"#
    );
}

#[test]
fn a_response_without_a_request_gets_what_holds_for_everyone() {
    let mut proxy = start(
        r#"{"rules":[{"response":{"set":[{"name":"x-all","value":"[%REQ(a)%]"}]}},
        {"match":{"methods":["GET"]},"response":{"set":[{"name":"x-get","value":"1"}]}}],
        "securityHeaders":{"frameOptions":{"value":"DENY"}}}"#,
    );
    let answer = proxy.request(&[]).unseen().answered(&[(":status", "400")]).send();
    assert_eq!(answer.client("x-all"), ["[]"]);
    assert_eq!(answer.client("x-frame-options"), ["DENY"]);
    assert!(answer.client("x-get").is_empty());
}

#[test]
fn filter_state_is_stored_under_the_wasm_prefix() {
    let mut proxy = start(
        r#"{"toFilterState":[{"header":"x-user","key":"user","rewrite":{"pattern":"^(\\w+)@.*$","substitution":"\\1"}},
        {"header":"x-none","key":"none","default":"-"}, {"header":"x-gone","key":"gone"}]}"#,
    );
    let answer = proxy.request(&[("x-user", "ann@example.com")]).send();
    let expected = [("wasm.none", "-"), ("wasm.user", "ann")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(answer.filter_state, expected);
}

#[test]
fn bytes_that_are_no_text_pass_unharmed() {
    let mut proxy = start(TAG);
    let odd = vec![0xff, 0xfe, 0x80];
    let headers = vec![(b":path".to_vec(), b"/api".to_vec()), (b"x-odd".to_vec(), odd.clone())];
    let answer = proxy.request_bytes(headers).send();
    assert!(answer.upstream.unwrap().contains(&(b"x-odd".to_vec(), odd)));
}

#[test]
fn a_new_configuration_takes_over_and_a_broken_one_does_not() {
    let config = |value: &str| {
        format!(r#"{{"rules":[{{"request":{{"set":[{{"name":"x-v","value":"{value}"}}]}}}}]}}"#)
    };
    let mut proxy = start(&config("1"));
    assert_eq!(proxy.request(&[]).send().upstream("x-v"), ["1"]);
    proxy.configure(&config("2")).unwrap();
    assert_eq!(proxy.request(&[]).send().upstream("x-v"), ["2"]);
    assert!(proxy.configure(&config("%NO%")).is_err());
    assert_eq!(proxy.request(&[]).send().upstream("x-v"), ["2"]);
}
