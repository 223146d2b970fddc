//! A host that does not give or take what it should: the exchange ends, closed.

use header_policy::HeaderPlugin;
use testkit::Proxy;

const CONFIG: &str = r#"{"requestId":{"mode":"replace","format":"uuidv7","filterState":"id"},
    "rules":[{"match":{"paths":[{"prefix":"/"}]},"request":{"set":[{"name":"a","value":"1"}],
    "add":[{"name":"b","value":"1"}],"remove":["x"]}}]}"#;

#[test]
fn each_failing_host_call_refuses_the_request() {
    for (function, reason) in [
        ("get_header_map_pairs", "no_headers"),
        ("random_get", "no_clock_or_randomness"),
        ("get_current_time", "no_clock_or_randomness"),
        ("set_property", "not_written"),
        ("replace_header", "not_written"),
        ("add_header", "not_written"),
        ("remove_header", "not_written"),
    ] {
        let mut proxy = Proxy::start::<HeaderPlugin>(CONFIG).unwrap();
        proxy.fail(function);
        let answer = proxy.request(&[(":path", "/"), ("x", "secret")]).send();
        assert_eq!(answer.upstream, None, "{function}");
        let reply = answer.reply.unwrap();
        assert_eq!((reply.status, reply.grpc_status), (500, 13), "{function}");
        assert_eq!(reply.details, format!("tollgate.header.{reason}"), "{function}");
        assert!(proxy.logs().iter().any(|line| line.contains(reason)), "{function}: {:?}", proxy.logs());
    }
}

#[test]
fn a_response_that_cannot_be_read_is_refused_too() {
    let mut proxy = Proxy::start::<HeaderPlugin>(r#"{"securityHeaders":{"frameOptions":{}}}"#).unwrap();
    proxy.fail("get_header_map_pairs");
    let answer = proxy.request(&[(":path", "/")]).send();
    assert_eq!(answer.reply.unwrap().details, "tollgate.header.no_headers");
}

#[test]
fn a_filter_without_a_configuration_refuses_everything() {
    let Err(_) = Proxy::start::<HeaderPlugin>("{") else { panic!("accepted") };
    let answer = Proxy::unconfigured::<HeaderPlugin>().request(&[(":path", "/")]).send();
    assert_eq!(answer.reply.unwrap().details, "tollgate.tollgate.not_configured");
}
