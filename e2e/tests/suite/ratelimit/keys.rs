//! No second bucket for who writes the same thing in another way, and none shared by two who are different.

use e2e::{Mesh, Request, plugin, raw};

use super::world::{mesh, passed, send, user};
use crate::support::{MACHINE, canary};

/// Requests that share a bucket, and one that has its own.
#[derive(Clone)]
struct Row {
    key: &'static str,
    /// Proxies in front. For a client on loopback Envoy adds an address of its own, which is one of them.
    hops: u8,
    same: Vec<Request>,
    other: Option<Request>,
}

fn forwarded(for_whom: &str) -> Request {
    Request::get("/api").header("x-forwarded-for", for_whom)
}

fn get(path: &str) -> Request {
    Request::get(path)
}

/// By who is at the other end.
fn clients() -> Vec<Row> {
    let rotation = ["", "1.2.3.4", "1.2.3.5, 6.7.8.9", "2001:db8::1", "unknown", "127.0.0.1", "::1,::2,::3"];
    let one_net = [
        "9.9.9.9, 2001:db8:1:2::1",
        "8.8.8.8, 10.0.0.1,2001:db8:1:2:ffff:ffff:ffff:ffff",
        "[2001:db8:1:2::3]:443",
        "2001:DB8:1:2:0:0:0:4",
        "2001:db8:1:2::5%eth0",
        "2001:db8:1:3::1,2001:db8:1:2::6",
    ];
    let v4 = ["7.7.7.1", "1.1.1.1,7.7.7.2", "::ffff:7.7.7.3", "7.7.7.4:80"];
    vec![
        Row { key: "[{clientIp: {}}]", hops: 0, same: rotation.map(forwarded).into(), other: None },
        Row {
            key: "[{clientIp: {ipv6PrefixLength: 64}}]",
            hops: 2,
            same: one_net.map(forwarded).into(),
            other: Some(forwarded("2001:db8:1:2::1, 2001:db8:1:3::1")),
        },
        Row {
            key: "[{clientIp: {ipv4PrefixLength: 24}}]",
            hops: 2,
            same: v4.map(forwarded).into(),
            other: Some(forwarded("7.7.8.1")),
        },
    ]
}

/// By what is asked for.
fn targets() -> Vec<Row> {
    let paths = ["/items", "/Items", "/items/", "/items//", "/%69tems", "/items?a=1", "/ITEM%53/", "//items"];
    let undecided =
        ["/a%2fitems", "/b%2fitems", "/c%5citems", "/..;/items", "/%00", "/x/../items", "/y/%2e%2e/items"];
    let hosts = ["shop.example.com", "SHOP.example.com", "shop.example.com:8080", "shop.example.com."];
    let queries = ["/?q=a%20b", "/?q=a+b", "/?x=1&q=a%20%62", "/y?%71=a+b"];
    vec![
        Row { key: "[path]", hops: 0, same: paths.map(get).into(), other: Some(get("/items/1")) },
        Row { key: "[path]", hops: 0, same: undecided.map(get).into(), other: Some(get("/items")) },
        Row {
            key: "[host]",
            hops: 0,
            same: hosts.map(|host| get("/").host(host)).into(),
            other: Some(get("/").host("shop.example.org")),
        },
        Row {
            key: "[{query: q}, method]",
            hops: 0,
            same: queries.map(get).into(),
            other: Some(Request::post("/?q=a+b", "")),
        },
    ]
}

/// By headers.
fn headers() -> Vec<Row> {
    let cookie = |value: &str| Request::get("/").header("cookie", value);
    let cookies = ["sid=1", "a=b; sid=1", "sid=\"1\"", "sid=1; sid=1"];
    let app = |name: &str, app: &str| user(name).header("x-app", app);
    vec![
        Row {
            key: "[{header: X-User}]",
            hops: 0,
            same: vec![user("ann"), user(" ann "), get("/").header("X-USER", "ann"), user("ann").http2()],
            other: Some(user("Ann")),
        },
        Row {
            key: "[{header: x-user}, {header: x-app}]",
            hops: 0,
            same: vec![app("a:b", "c"), app("a:b", "c").header("x-more", "1")],
            other: Some(app("a", "b:c")),
        },
        Row {
            key: "[{cookie: sid}]",
            hops: 0,
            same: cookies.map(cookie).into(),
            other: Some(cookie("sid=2")),
        },
    ]
}

#[tokio::test]
async fn another_spelling_opens_no_second_bucket() {
    let _machine = MACHINE.read().await;
    let mut open = None;
    for (number, Row { key, hops, same, other }) in
        [clients(), targets(), headers()].concat().into_iter().enumerate()
    {
        let config = format!(
            "limits: [{{name: n{number}, key: {key}, rate: {{requests: 1, unit: hour}}}}]\n\
             clientIp: {{trustedHops: {hops}}}\n"
        );
        let mesh = match open.as_mut() {
            None => open.insert(mesh(&config).await),
            Some(mesh) => {
                mesh.apply(&plugin::ratelimit_filter(&config)).await.unwrap();
                mesh
            }
        };
        for (count, request) in same.iter().enumerate() {
            let status = send(mesh.address(), request).await.status;
            assert_eq!(status, if count == 0 { 200 } else { 429 }, "{key}: {request:?}");
        }
        if let Some(other) = other {
            let _ = mesh.arrived();
            let got = send(mesh.address(), &other).await;
            assert_eq!(got.status, 200, "{key}: {other:?}: {got:?}");
        }
    }
}

#[tokio::test]
async fn the_case_of_a_headers_name_and_several_lines_make_no_difference() {
    let _machine = MACHINE.read().await;
    let config = "limits: [{name: a, key: [{header: x-user}], rate: {requests: 2, unit: hour}}]";
    let mesh = mesh(config).await;
    let spellings = ["x-user: a,b", "X-USER:a,b", "X-User: a\r\nx-uSeR: b", "x-user: a\r\nx-user:  b "];
    let mut answers = Vec::new();
    for lines in spellings {
        let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n\r\n");
        answers.push(raw::send(mesh.address(), request.as_bytes()).await.unwrap().unwrap().status);
    }
    assert_eq!(answers, [200, 200, 429, 429]);
    canary(&mesh, "odd spellings").await;
}

#[tokio::test]
async fn a_limit_does_not_apply_without_its_key_unless_that_is_required() {
    let _machine = MACHINE.read().await;
    let mesh = mesh(
        "limits:
         - name: lax
           match: {paths: [{prefix: /lax}]}
           key: [{header: x-user}, {header: x-app}]
           rate: {requests: 2, unit: hour}
         - name: strict
           match: {paths: [{prefix: /strict}]}
           key: [{header: x-user}, {header: x-app}]
           required: true
           rate: {requests: 2, unit: hour}",
    )
    .await;
    let ann = |path: &str| Request::get(path).header("x-user", "ann");
    for lacking in [Request::get("/lax"), ann("/lax"), ann("/lax").header("x-app", "")] {
        assert_eq!(passed(mesh.address(), &lacking, 4).await, 4, "{lacking:?}");
    }
    assert_eq!(passed(mesh.address(), &ann("/lax").header("x-app", "web"), 4).await, 2);
    assert_eq!(passed(mesh.address(), &Request::get("/strict"), 4).await, 2);
    assert_eq!(passed(mesh.address(), &ann("/strict"), 2).await, 2, "what there is still counts");
    assert_eq!(passed(mesh.address(), &ann("/strict").header("x-app", ""), 2).await, 0);
    assert_eq!(passed(mesh.address(), &ann("/strict").header("x-app", "web"), 4).await, 2);
}
