//! What a refused configuration says in Envoy's log.

use header_policy::HeaderPlugin;
use testkit::Proxy;

#[test]
fn a_refusal_is_logged_with_path_and_reason() {
    let Err(refused) = Proxy::start::<HeaderPlugin>(r#"{"rules":[{"reqest":{}}]}"#) else {
        panic!("accepted")
    };
    assert_eq!(
        refused.0,
        "tollgate.header: configuration refused: rules[0].reqest: unknown field \"reqest\", did you mean \"request\"? \
         (allowed: name, match, enforcement, percent, percentBy, request, response)"
    );
}

#[test]
fn no_configuration_at_all_is_a_filter_that_does_nothing() {
    let mut proxy = Proxy::start::<HeaderPlugin>("").unwrap();
    let answer = proxy.request(&[("a", "1")]).send();
    assert_eq!(answer.upstream("a"), ["1"]);
    assert!(answer.request_calls.is_empty() && answer.response_calls.is_empty());
}

#[test]
fn counters_are_defined_once_per_configuration() {
    let mut proxy = Proxy::start::<HeaderPlugin>(
        r#"{"rules":[{"name":"a","enforcement":"shadow","request":{"remove":["x"]}}]}"#,
    )
    .unwrap();
    for _ in 0..3 {
        let answer = proxy.request(&[("x", "1")]).send();
        assert_eq!(answer.upstream("x"), ["1"], "shadow changes nothing");
        assert!(!answer.request_calls.contains(&"define_metric"));
    }
    let shadow = "wasm_filter.header.tag.shadow;.component.a.tollgate_requests".to_owned();
    assert_eq!(proxy.counters(), [(shadow, 3)]);
}
