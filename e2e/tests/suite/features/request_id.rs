//! `requestId`.

use e2e::Request;

use crate::support::case;

fn is_uuid(id: &str, version: u8) -> bool {
    id.len() == 36 && id.as_bytes()[14] == version && id.matches('-').count() == 4
}

#[test]
fn keep_stands_by_a_good_id_and_replaces_a_bad_one() {
    let config = "requestId: {mode: keep, echo: true}";
    let kept = case(config, &Request::get("/").header("x-request-id", "trace:1/a=b"));
    assert_eq!(kept.saw("x-request-id").as_deref(), Some("trace:1/a=b"));
    assert_eq!(kept.got("x-request-id").as_deref(), Some("trace:1/a=b"));
    drop(kept);
    for bad in ["a b", "<script>", "", &"x".repeat(129)] {
        let made = case(config, &Request::get("/").header("x-request-id", bad));
        let id = made.saw("x-request-id").unwrap();
        assert!(is_uuid(&id, b'4'), "{bad:?} became {id}");
        assert_eq!(made.got("x-request-id"), Some(id));
    }
}

#[test]
fn require_refuses_a_request_without_a_good_id() {
    let config = "requestId: {mode: require, echo: true}";
    assert_eq!(case(config, &Request::get("/").header("x-request-id", "mine")).got.status, 200);
    for request in
        [Request::get("/"), Request::get("/").header("x-request-id", "a").header("x-request-id", "b")]
    {
        let refused = case(config, &request);
        assert_eq!(refused.got.status, 400);
        assert!(refused.saw.is_none());
        assert!(refused.got.text().contains("\"reason\":\"request_id_required\""), "{}", refused.got.text());
    }
}

#[test]
fn replace_never_believes_the_client() {
    let config = "requestId: {mode: replace, header: x-trace, format: uuidv7, echo: true}";
    let case = case(config, &Request::get("/").header("x-trace", "mine"));
    let id = case.saw("x-trace").unwrap();
    assert!(is_uuid(&id, b'7'), "{id}");
    assert_eq!(case.got("x-trace"), Some(id));
}

#[test]
fn without_echo_the_client_learns_no_id() {
    assert_eq!(case("requestId: {}", &Request::get("/")).got("x-request-id"), None);
}

#[test]
fn the_id_is_published_as_filter_state() {
    let config = "
        requestId: {filterState: tollgate.request_id}
        rules: [{response: {set: [{name: x-state, value: '%FILTER_STATE(wasm.tollgate.request_id:PLAIN)%'}]}}]
    ";
    let case = case(config, &Request::get("/").header("x-request-id", "mine"));
    assert_eq!(case.got("x-state").as_deref(), Some("mine"));
}
