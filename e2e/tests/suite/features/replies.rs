//! What the filter answers by itself.

use e2e::Request;

use crate::support::case;

const PATHS: &str = "
    rules: [{match: {paths: [{prefix: /api}]}, request: {set: [{name: x-a, value: '1'}]}}]
    securityHeaders: {frameOptions: {value: DENY}}
    requestId: {echo: true}
";

#[test]
pub(crate) fn a_path_that_can_be_read_two_ways_is_refused_with_a_problem() {
    for path in ["/api/..%2f..%2fadmin", "/x/%2e%2e/api", "/api/..;/admin", "/api%5c..", "/%zz", "/api%00"] {
        let case = case(PATHS, &Request::get(path));
        assert_eq!(case.got.status, 400, "{path}");
        assert!(case.saw.is_none(), "{path} reached the upstream");
        assert_eq!(case.got("content-type").as_deref(), Some("application/problem+json"));
        assert!(case.got.text().contains("\"reason\":\"ambiguous_path\""), "{path}: {}", case.got.text());
        assert_eq!(case.got("x-frame-options").as_deref(), Some("DENY"), "our own replies are hardened too");
    }
}

#[test]
pub(crate) fn failure_mode_allow_lets_such_a_path_pass_without_the_rule() {
    let config = format!("{PATHS}\n    failureMode: allow\n");
    let case = case(&config, &Request::get("/api/a%2fb"));
    assert_eq!((case.got.status, case.saw("x-a")), (200, None));
}

#[test]
pub(crate) fn a_host_that_is_a_list_is_refused_when_a_rule_asks_for_the_host() {
    let config = "rules: [{match: {hosts: [a.example.com]}, request: {remove: [x-a]}}]";
    let case = case(config, &Request::get("/").host("a.example.com,b.example.com"));
    assert_eq!(case.got.status, 400);
    assert!(case.got.text().contains("\"reason\":\"ambiguous_host\""), "{}", case.got.text());
}

#[test]
pub(crate) fn a_grpc_client_gets_a_grpc_status() {
    let config = "requestId: {mode: require}";
    let request = Request::post("/shop.Orders/Get", vec![0; 5])
        .http2()
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let case = case(config, &request);
    assert_eq!(case.got.status, 200, "gRPC has its own status");
    assert_eq!(case.got("grpc-status").as_deref(), Some("3"));
}
