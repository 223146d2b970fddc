//! What no client should send: nothing of it takes the worker down or turns into a header of its own.

use e2e::mesh::Setup;
use e2e::raw::{self, RawClient};
use e2e::{Fields, LocalEnvoy, Mesh, Protocol, Request, Response, plugin};

use crate::support::{MACHINE, VERBATIM, canary, case};

/// Reads every header that the hostile cases write, on the way in and out, and puts request bytes into the response.
const READS_ALL: &str = r#"
    rules:
    - name: bytes
      match: {headers: [{name: x-match, regex: ".*zzz$"}]}
      request: {set: [{name: x-matched, value: "1"}]}
    - name: copies
      request:
        set: [{name: x-copy, value: "%REQ(x-h)%"}]
        copy: [{from: x-h, to: x-copied}]
        rename: [{from: x-old, to: x-new}]
        remove: ["x-internal-*", "*-debug"]
      response:
        set: [{name: x-answer, value: "%REQ(x-h)%"}]
    requestId: {mode: keep, header: x-request-id, echo: true}
    securityHeaders: {preset: owasp}
    cookies: {secure: true, httpOnly: true, sameSite: Lax}
"#;

async fn mesh(config: &str) -> LocalEnvoy {
    LocalEnvoy::start(&plugin::header_filter(config), Setup::default()).await.unwrap()
}

/// Sends bytes and then a plain request that must be fine.
async fn survive(mesh: &LocalEnvoy, what: &str, bytes: &[u8]) -> Option<Response> {
    let answer = raw::send(mesh.address(), bytes).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    // What the filter itself could answer with is 400; a crash is a 503.
    assert!(answer.as_ref().is_none_or(|answer| answer.status != 503), "{what}: {answer:?}\n{}", mesh.log());
    canary(mesh, what).await;
    answer
}

fn get(head: &[&[u8]]) -> Vec<u8> {
    [b"GET /api/x HTTP/1.1\r\nhost: a.example.com\r\n".as_slice(), &head.concat(), b"\r\n"].concat()
}

#[tokio::test]
async fn every_byte_in_every_header_that_is_read() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    for name in ["x-h", "x-match", "x-request-id", "x-old", "x-internal-y", "accept", "host", "cookie"] {
        for byte in 0..=u8::MAX {
            // A byte that ended the line would make a header `b` of the rest.
            let value = [b"a".as_slice(), &[byte], b"b: 1"].concat();
            let what = format!("byte {byte:#04x} in {name}");
            let request = if name == "host" {
                [b"GET /api/x HTTP/1.1\r\nhost: ".as_slice(), &value, b"\r\n\r\n"].concat()
            } else {
                get(&[name.as_bytes(), b": ", &value, b"\r\n"])
            };
            let answer = survive(&mesh, &what, &request).await;
            if let Some(answer) = answer {
                assert!(no_splitting(&answer), "{what}: {answer:?}");
            }
        }
    }
}

/// Nothing that a client sent may have become a header of its own.
fn no_splitting(answer: &Response) -> bool {
    let controls = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    !answer.headers.has("b") && !answer.headers.0.iter().any(|(_, value)| value.iter().any(controls))
}

#[tokio::test]
async fn bytes_beyond_ascii_arrive_as_they_were_sent() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    let value: Vec<u8> = (0x80..=0xff).collect();
    let _ = mesh.arrived();
    let answer = raw::send(mesh.address(), &get(&[b"x-h: ", &value, b"\r\n"])).await.unwrap().unwrap();
    assert_eq!(answer.status, 200);
    let saw = Fields(mesh.arrived().pop().unwrap().headers);
    assert_eq!(saw.bytes("x-h"), [value.as_slice()]);
    assert_eq!(saw.bytes("x-copied"), [value.as_slice()]);
    canary(&mesh, "bytes beyond ASCII").await;
}

#[tokio::test]
async fn upstream_headers_with_any_byte_are_survived() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    for byte in (0x20..=0x7e).chain(0x80..=0xff).chain([b'\t']) {
        for name in ["set-cookie", "content-type", "x-frame-options", "x-h"] {
            let value = [b"a=".as_slice(), &[byte], b"b"].concat();
            let request = Request::get("/api/x").answered_with(name, value);
            let response = e2e::send(mesh.address(), &request).await.unwrap();
            assert_eq!(response.status, 200, "{byte:#04x} in {name}: {response:?}");
        }
    }
    canary(&mesh, "bytes from upstream").await;
}

#[tokio::test]
async fn many_and_long_headers() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    // Of the hundred that Envoy allows, five are taken: `:authority`, `:path`, `:method`, `:scheme`, x-forwarded-proto.
    let many = |count: usize| -> Vec<u8> {
        let lines = (0..count).map(|number| format!("x-h{number}: {number}\r\n"));
        get(&[lines.collect::<String>().as_bytes()])
    };
    for count in [1, 50, 90, 95, 99, 100, 101, 200] {
        survive(&mesh, &format!("{count} headers"), &many(count)).await;
    }
    let repeated = "x-h: a\r\n".repeat(90);
    survive(&mesh, "one header ninety times", &get(&[repeated.as_bytes()])).await;
    for name in ["x-h", "x-old", "x-request-id", "cookie", "x-match"] {
        for length in [1 << 10, 16 << 10, 28 << 10, 59 << 10, 61 << 10] {
            let value = vec![b'v'; length];
            let what = format!("{length} bytes in {name}");
            survive(&mesh, &what, &get(&[name.as_bytes(), b": ", &value, b"\r\n"])).await;
        }
    }
}

#[tokio::test]
async fn a_59_kib_header_goes_through() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(VERBATIM).await;
    let value = vec![b'v'; 59 << 10];
    let _ = mesh.arrived();
    let answer = raw::send(mesh.address(), &get(&[b"x-old: ", &value, b"\r\n"])).await.unwrap().unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let saw = Fields(mesh.arrived().pop().unwrap().headers);
    assert_eq!(saw.bytes("x-new"), [value.as_slice()]);
    canary(&mesh, "a 59 KiB header").await;
}

#[tokio::test]
async fn odd_requests() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    for (what, request) in [
        ("absolute form", "GET http://b.example.com/api/x HTTP/1.1\r\nhost: a.example.com\r\n\r\n"),
        ("two hosts", "GET / HTTP/1.1\r\nhost: a.example.com\r\nhost: b.example.com\r\n\r\n"),
        ("no host", "GET / HTTP/1.1\r\n\r\n"),
        ("an empty host", "GET / HTTP/1.1\r\nhost: \r\n\r\n"),
        ("user information in the host", "GET / HTTP/1.1\r\nhost: a@b.example.com\r\n\r\n"),
        ("an empty value", "GET / HTTP/1.1\r\nhost: a\r\nx-h:\r\nx-old: \r\nx-request-id:\r\n\r\n"),
        ("a folded line", "GET / HTTP/1.1\r\nhost: a\r\nx-h: one\r\n two\r\n\r\n"),
        ("bare line feeds", "GET / HTTP/1.1\nhost: a\nx-h: one\n\n"),
        ("a bare carriage return", "GET / HTTP/1.1\r\nhost: a\r\nx-h: one\rb: 1\r\n\r\n"),
        ("a blank before the colon", "GET / HTTP/1.1\r\nhost: a\r\nx-h : one\r\n\r\n"),
        ("an odd path", "GET /a/..//b/%2e%2e/%2F;p=1?x#y HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("an encoded NUL", "GET /api/%00 HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("a broken escape", "GET /api/%zz HTTP/1.1\r\nhost: a.example.com\r\n\r\n"),
        ("an asterisk", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("CONNECT", "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
        ("an unknown method", "BREW / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (
            "lengths that differ",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        ),
        (
            "length and chunks",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunks",
            "POST /api HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        (
            "trailers",
            "POST /api HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-h: 1\r\n\r\n",
        ),
        ("not HTTP", "\u{1}\u{2}\u{3}\r\n\r\n"),
    ] {
        let answer = survive(&mesh, what, request.as_bytes()).await;
        assert!(answer.as_ref().is_none_or(no_splitting), "{what}: {answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_early_is_no_trouble() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(READS_ALL).await;
    for cut in [10, 30, 60] {
        let mut client = RawClient::connect(mesh.address()).await.unwrap();
        let request =
            b"POST /api/x HTTP/1.1\r\nhost: a.example.com\r\ncontent-length: 100\r\n\r\nhalf a body";
        client.write(&request[..cut]).await.unwrap();
        drop(client);
        canary(&mesh, "a client that left").await;
    }
}

#[tokio::test]
async fn an_upgrade_goes_through_and_bytes_flow() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(VERBATIM).await;
    let mut client = RawClient::connect(mesh.address()).await.unwrap();
    let request =
        b"GET /api/ws HTTP/1.1\r\nhost: a.example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write(request).await.unwrap();
    let answer = client.answer("GET").await.unwrap().unwrap();
    assert_eq!(answer.status, 101, "{answer:?}");
    client.write(b"\x00ping\xff").await.unwrap();
    assert_eq!(client.bytes(6).await.unwrap(), b"\x00ping\xff");
    drop(client);
    canary(&mesh, "an upgrade").await;
}

#[test]
fn bodies_heads_and_http2_are_served_like_any_request() {
    let body = vec![b'x'; 200_000];
    for request in [
        Request::post("/api/x", body.clone()),
        Request::post("/api/x", body.clone()).http2(),
        Request::post("/api/x", ""),
        Request::new("HEAD", "/api/x"),
        Request::new("HEAD", "/api/x").http2(),
        Request::get("/api/x").http2(),
        Request::new("OPTIONS", "/api/x"),
    ] {
        let method = request.method.clone();
        let sent = request.body.len();
        let protocol = if request.protocol == Protocol::Http2 { "HTTP/2.0" } else { "HTTP/1.1" };
        let case = case(VERBATIM, &request.header("x-internal-user", "root"));
        assert_eq!(case.got.status, 200);
        let saw = case.saw.as_ref().unwrap();
        assert_eq!((saw.method.as_str(), saw.body.len()), (method.as_str(), sent));
        assert_eq!((saw.path.as_str(), saw.authority.as_str()), ("/api/x", "test.example.com"));
        assert_eq!(saw.protocol, protocol);
        let matches = method == "GET" || method == "POST";
        assert_eq!(case.saw("x-env").is_some(), matches, "{method}");
        assert_eq!(case.saw("x-internal-user").is_none(), matches, "{method}");
        assert_eq!(case.got.body.is_empty(), method == "HEAD");
    }
}
