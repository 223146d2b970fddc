//! What format strings yield, and which are refused.

use super::*;
use crate::table::{Still, Table};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn compiler() -> Compiler {
    Compiler::new(HeaderName::parse("x-id").unwrap())
}

fn request() -> Table {
    let mut table = Table::of(&[(":path", "/p?q"), ("a", "1"), ("a", "2"), ("x-id", "id-7"), ("e", "")])
        .with(Attribute::SourceAddress, "10.1.2.3:5678")
        .with(Attribute::Protocol, "HTTP/2")
        .with(Attribute::RouteName, "echo")
        .with(Attribute::ClusterName, "out")
        .with(Attribute::StartTime, 1_700_000_000_250_000_000u64.to_le_bytes());
    table.filter_state.push(("wasm.tenant".to_owned(), b"t\r\n1".to_vec()));
    table
}

#[test]
fn every_operator_has_its_value() {
    let table = request();
    for (format, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("100%%", "100%"),
        ("%%REQ(a)%%", "%REQ(a)%"),
        ("[%REQ(a)%]", "[1,2]"),
        ("%REQ(:path)%", "/p?q"),
        ("%REQ(missing)%", ""),
        ("%REQ(missing?a)%", "1,2"),
        ("%REQ(e?a)%", "1,2"),
        ("%REQ(a):1%", "1"),
        ("%REQ(a):99%", "1,2"),
        ("%REQUEST_ID%", "id-7"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.1.2.3"),
        ("%PROTOCOL%", "HTTP/2"),
        ("%ROUTE_NAME%-%UPSTREAM_CLUSTER%", "echo-out"),
        ("%START_TIME%", "2023-11-14T22:13:20.250Z"),
        ("%FILTER_STATE(wasm.tenant:PLAIN)%", "t%0D%0A1"),
        ("%FILTER_STATE(wasm.none:PLAIN)%", ""),
        ("%UUID%", "00010203-0405-4607-8809-0a0b0c0d0e0f"),
    ] {
        let exchange = Exchange::new(&table);
        let compiled = compiler().compile(format, Phase::Request).unwrap();
        let value = compiled.value(&exchange, &Captured::default(), &Still::default());
        assert_eq!(value.as_bytes(), expected.as_bytes(), "{format}");
    }
}

#[test]
fn a_response_value_remembers_the_request() {
    let mut compiler = compiler();
    let format =
        compiler.compile("%REQ(a)% %RESP(a)% %PROTOCOL% %REQUEST_ID% %REQ(a):1%", Phase::Response).unwrap();
    let captures = compiler.into_captures();
    assert_eq!(captures.0.len(), 3, "the same thing is remembered once");
    let request = request();
    let captured = captures.take(&Exchange::new(&request), &Still::default());
    let response = Table::of(&[("a", "r")]);
    let value = format.value(&Exchange::new(&response), &captured, &Still::default());
    assert_eq!(value.as_bytes(), b"1,2 r HTTP/2 id-7 1");
    let unseen = format.value(&Exchange::new(&response), &Captured::default(), &Still::default());
    assert_eq!(unseen.as_bytes(), b" r   ");
}

#[test]
fn what_is_published_is_read_back() {
    let table = request();
    let mut exchange = Exchange::new(&table);
    exchange.publish("tenant", HeaderValue::parse("new").unwrap());
    let format = compiler().compile("%FILTER_STATE(wasm.tenant:PLAIN)%", Phase::Request).unwrap();
    let value = format.value(&exchange, &Captured::default(), &Still::default());
    assert_eq!(value.as_bytes(), b"new");
}

#[test]
fn wrong_formats_are_refused_with_what_is_allowed() {
    for (format, phase, reason) in [
        ("%NOPE%", Phase::Request, "unknown operator %NOPE% (known: REQ(name)"),
        ("%req(a)%", Phase::Request, "no operator (known: REQ(name)"),
        ("Bearer ab%s3cr3t%cd", Phase::Request, "what stands between % and % is no operator"),
        ("%REQ%", Phase::Request, "needs an argument"),
        ("%REQ(a b)%", Phase::Request, "not a header name"),
        ("%REQ(a)", Phase::Request, "no closing %"),
        ("%REQ(a%", Phase::Request, "no closing %"),
        ("50%", Phase::Request, "no closing %"),
        ("%REQ(a):x%", Phase::Request, "only :length"),
        ("%REQ(a):0%", Phase::Request, "only :length"),
        ("%RESP(a)%", Phase::Request, "under response"),
        ("%PROTOCOL(a)%", Phase::Request, "takes no argument"),
        ("%REQUEST_ID(a)%", Phase::Response, "takes no argument"),
        ("%FILTER_STATE(k)%", Phase::Request, "PLAIN"),
        ("%FILTER_STATE(k:TYPED)%", Phase::Request, "PLAIN"),
        ("a\r\nb", Phase::Request, "control character 0x0d"),
    ] {
        let message = compiler().compile(format, phase).unwrap_err();
        assert!(message.contains(reason), "{format}: {message}");
    }
}

#[test]
fn uuids_have_their_version_and_variant() {
    let host = Still::default();
    host.now.set(1_700_000_000_123_000_000);
    let id = uuid_v7(&host);
    assert_eq!(id, "018bcfe5-687b-7001-8203-040506070809");
    assert_eq!(uuid_v4(&host).as_bytes()[14], b'4');
}
