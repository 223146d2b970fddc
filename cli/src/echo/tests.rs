//! The echo, asked directly.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

async fn ask(echo: &Echo, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(echo.address()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_comes_back_as_json() {
    let echo = Echo::recording().await.unwrap();
    let request = b"POST /a?b=c HTTP/1.1\r\nhost: x.test\r\nx-a: 1\r\nx-b: caf\xe9\r\nx-a: 2\r\n\
                    content-length: 3\r\nconnection: close\r\n\r\nabc";
    let answer = ask(&echo, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["method"], "POST");
    assert_eq!(body["path"], "/a?b=c");
    assert_eq!(body["authority"], "x.test");
    assert_eq!(body["bodyLength"], 3);
    assert_eq!(body["headers"][1], serde_json::json!(["x-a", "1"]));
    assert_eq!(body["headers"][2], serde_json::json!(["x-a", "2"]));
    assert_eq!(body["headers"][3], serde_json::json!(["x-b", "caf\\xe9"]));
    let seen = echo.take();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].headers.contains(&("x-b".to_owned(), b"caf\xe9".to_vec())));
    assert!(echo.take().is_empty());
}

#[tokio::test]
async fn the_answer_can_be_asked_for() {
    let echo = Echo::start().await.unwrap();
    let request = b"GET /?x=1&status=503 HTTP/1.1\r\nhost: x\r\nx-echo-set: set-cookie=a=b; Path=/\r\n\
                    x-echo-set: set-cookie=c=\xe9\r\nx-echo-set: content-type=text/html\r\n\
                    x-echo-set: no good=1\r\nx-echo-set: nothing\r\nconnection: close\r\n\r\n";
    let answer = ask(&echo, request).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(answer.matches("set-cookie: ").count(), 2, "{answer}");
    assert!(answer.contains("set-cookie: a=b; Path=/\r\n"), "{answer}");
    assert_eq!(answer.matches("content-type: ").count(), 1, "{answer}");
    assert!(answer.contains("content-type: text/html\r\n"), "{answer}");
}

#[tokio::test]
async fn after_an_upgrade_bytes_come_back() {
    let echo = Echo::start().await.unwrap();
    let mut stream = TcpStream::connect(echo.address()).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"\x00ping\xff").await.unwrap();
    let mut back = [0; 6];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"\x00ping\xff");
}
