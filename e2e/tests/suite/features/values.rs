//! Values with operators, on the real proxy's attributes.

use e2e::{Choice, Request};

use crate::support::case;

fn request_value(format: &str, request: Request) -> String {
    let config = format!("rules: [{{request: {{set: [{{name: x-v, value: '[{format}]'}}]}}}}]");
    case(&config, &request).saw("x-v").unwrap_or_default()
}

fn response_value(format: &str, request: Request) -> String {
    let config = format!("rules: [{{response: {{set: [{{name: x-v, value: '[{format}]'}}]}}}}]");
    case(&config, &request).got("x-v").unwrap_or_default()
}

#[test]
fn every_operator_has_a_value_in_its_phase() {
    let request =
        || Request::get("/p?q").header("x-a", "1").header("x-a", "2").header("x-request-id", "id-9");
    let mesh = Choice::of_environment().unwrap();
    let (route, cluster) = (format!("[{}]", mesh.route()), format!("[{}]", mesh.cluster()));
    for (format, on_request, on_response) in [
        ("%REQ(x-a)%", "[1,2]", "[1,2]"),
        ("%REQ(none?x-a):1%", "[1]", "[1]"),
        ("%REQ(:path)%", "[/p?q]", "[/p?q]"),
        ("%PROTOCOL%", "[HTTP/1.1]", "[HTTP/1.1]"),
        ("%ROUTE_NAME%", &route, &route),
        ("%UPSTREAM_CLUSTER%", &cluster, &cluster),
        ("%REQUEST_ID%", "[id-9]", "[id-9]"),
        ("100%%", "[100%]", "[100%]"),
    ] {
        assert_eq!(request_value(format, request()), on_request, "{format} on the request");
        assert_eq!(response_value(format, request()), on_response, "{format} on the response");
    }
    for value in [request_value, response_value] {
        let client = value("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", request());
        assert!(mesh.is_client(client.trim_matches(['[', ']'])), "{client}");
    }
    assert_eq!(request_value("%PROTOCOL%", Request::get("/").http2()), "[HTTP/2]");
    let answer = Request::get("/").answered_with("x-r", "up");
    assert_eq!(response_value("%RESP(x-r)% %RESP(:status)%", answer), "[up 200]");
}

#[test]
fn times_and_uuids_are_well_formed() {
    let time = request_value("%START_TIME%", Request::get("/"));
    assert!(time.len() == 26 && time.starts_with("[20") && time.ends_with("Z]"), "{time}");
    let later = response_value("%START_TIME%", Request::get("/"));
    assert!(later.len() == 26 && later.starts_with(&time[..11]), "{later}");
    let uuid = || request_value("%UUID%", Request::get("/"));
    let (one, two) = (uuid(), uuid());
    assert!(one.len() == 38 && one.as_bytes()[15] == b'4', "{one}");
    assert_ne!(one, two);
}

#[test]
fn an_operator_cannot_smuggle_a_line_break_into_a_response() {
    let config = "
        toFilterState: [{header: x-a, key: a, rewrite: {pattern: none, substitution: other}}]
        rules:
        - response:
            set: [{name: x-v, value: '%REQ(x-a)%'}, {name: x-w, value: '%FILTER_STATE(wasm.a:PLAIN)%'}]
    ";
    // A tab and Latin-1 bytes are the most that Envoy lets through to us; they are legal and stay.
    let case = case(config, &Request::get("/").header("x-a", b"a\tb\xff".as_slice()));
    assert_eq!(case.got.headers.bytes("x-v"), [b"a\tb\xff"]);
    assert_eq!(case.got.headers.bytes("x-w"), [b"a\tb\xff"]);
}

#[test]
fn a_line_break_inside_envoy_does_not_come_out_as_one() {
    let config = r#"
        toFilterState: [{header: x-a, key: a, rewrite: {pattern: z, substitution: "\r\nx-evil: 1"}}]
        rules:
        - request: {set: [{name: x-v, value: "%FILTER_STATE(wasm.a:PLAIN)%"}]}
          response: {set: [{name: x-v, value: "%FILTER_STATE(wasm.a:PLAIN)%"}]}
    "#;
    let case = case(config, &Request::get("/").header("x-a", "az"));
    assert_eq!(case.got("x-v").as_deref(), Some("a%0D%0Ax-evil: 1"));
    assert_eq!(case.saw("x-v").as_deref(), Some("a%0D%0Ax-evil: 1"));
    assert_eq!((case.got("x-evil"), case.saw("x-evil")), (None, None));
}

#[test]
fn a_value_that_came_to_nothing_removes_what_the_client_sent() {
    let config = "rules: [{request: {set: [{name: x-peer, value: '%REQ(none)%'}]}}]";
    assert_eq!(case(config, &Request::get("/").header("x-peer", "spoofed")).saw("x-peer"), None);
}
