//! Nobody outside can say who they are by writing our headers themselves.

use e2e::mint::Key;
use e2e::{Fields, Request};
use serde_json::json;

use super::world::{claims, inline};
use crate::support::{Filter, case_of};

fn config(key: &Key) -> String {
    let outputs = ", outputPayloadToHeader: x-jwt-payload, outputClaimToHeaders: [{header: x-jwt-sub, claim: sub}], \
                    fromHeaders: [{name: authorization, prefix: \"Bearer \"}], fromParams: [access_token], fromCookies: [session]";
    inline(&[key], outputs)
        .replace("rules: [", "rules: [{name: open, match: {paths: [{prefix: /open}]}, public: true}, ")
        + "identity: {header: x-tollgate-identity}\nshadow: {header: x-would-be}\n"
}

/// All that this request could pretend.
fn spoofed(request: Request) -> Request {
    [
        "x-tollgate-identity",
        "X-Tollgate-Identity",
        "x_tollgate_identity",
        "x-tollgate_identity",
        "x.tollgate.identity",
        "x-jwt-payload",
        "x_jwt_payload",
        "x-jwt-sub",
        "X_JWT_SUB",
        "x-jwt_sub",
        "x.jwt.sub",
        "x-would-be",
    ]
    .iter()
    .fold(request, |request, name| request.header(name, "spoofed"))
}

fn is_clean(headers: &Fields) -> bool {
    !headers.0.iter().any(|(_, value)| value == b"spoofed")
}

#[test]
fn our_headers_are_taken_from_every_request() {
    let key = Key::new("es", "ES256").unwrap();
    let config = config(&key);
    let preflight = Request::new("OPTIONS", "/orders")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "PUT");
    for request in [
        Request::get("/open"),
        Request::get("/open").http2(),
        preflight,
        Request::get("/orders").header("authorization", format!("Bearer {}", key.token(&claims(json!({}))))),
    ] {
        let case = case_of(Filter::Auth, &config, &spoofed(request));
        assert_eq!(case.got.status, 200, "{:?}", case.got);
        let saw = case.saw.as_ref().unwrap();
        assert!(is_clean(&saw.headers), "{:?}", saw.headers);
    }
}

#[test]
fn only_a_true_preflight_passes_without_a_credential() {
    let config = config(&Key::new("es", "ES256").unwrap());
    let options = || Request::new("OPTIONS", "/orders");
    for (what, request) in [
        ("no headers", options()),
        ("no origin", options().header("access-control-request-method", "PUT")),
        ("no method", options().header("origin", "https://a")),
        (
            "another method",
            Request::get("/orders")
                .header("origin", "https://a")
                .header("access-control-request-method", "PUT"),
        ),
        (
            "two origins",
            options()
                .header("origin", "https://a")
                .header("origin", "https://b")
                .header("access-control-request-method", "PUT"),
        ),
    ] {
        assert_eq!(case_of(Filter::Auth, &config, &request).got.status, 401, "{what}");
    }
}

#[test]
fn a_token_in_the_query_or_a_cookie_does_not_go_on() {
    let key = Key::new("es", "ES256").unwrap();
    let config = config(&key);
    let token = key.token(&claims(json!({})));
    for (path, forwarded) in [
        (format!("/a?access_token={token}"), "/a"),
        (format!("/a?x=1&access_token={token}&y=%20"), "/a?x=1&y=%20"),
    ] {
        let case = case_of(Filter::Auth, &config, &Request::get(&path));
        assert_eq!(case.got.status, 200, "{:?}", case.got);
        assert_eq!(case.saw.as_ref().unwrap().path, forwarded);
    }
    let request = Request::get("/a").header("cookie", format!("a=1; session={token}; b=2"));
    let case = case_of(Filter::Auth, &config, &request);
    assert_eq!(case.got.status, 200, "{:?}", case.got);
    assert_eq!(case.saw("cookie").as_deref(), Some("a=1; b=2"));
}

#[test]
fn a_path_that_can_be_read_in_two_ways_reaches_no_public_rule() {
    let config = config(&Key::new("es", "ES256").unwrap());
    for path in [
        "/open/../orders",
        "/open/%2e%2e/orders",
        "/open/..;/orders",
        "//orders",
        "/Open",
        "/open%2f..%2forders",
    ] {
        let case = case_of(Filter::Auth, &config, &Request::get(path));
        assert!(matches!(case.got.status, 400 | 401), "{path}: {:?}", case.got);
        assert!(case.saw.is_none(), "{path}");
    }
}
