//! The service in shadow, and the service that does not answer.

use policy_core::{Answer, CalloutReply, Lost, Snapshot};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::global::{ANN, SERVICE, USER, answer};
use crate::support::{Fault, Shared, Worker, config, request};

const SHADOW: &str = r#"{"name":"trial","scope":"global","enforcement":"shadow","key":[{"value":"t"}]}"#;

fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> CalloutReply {
    let (headers, trailers) = (Snapshot::from_pairs(headers), Snapshot::default());
    Ok(Answer { status, headers, body: body.to_vec(), trailers })
}

fn failures() -> Vec<(CalloutReply, &'static str)> {
    let grpc = |status, message| reply(200, &[("grpc-status", status), ("grpc-message", message)], b"");
    vec![
        (Err(Lost::NotSent), "not_sent"),
        (Err(Lost::Broken), "broken"),
        (Err(Lost::TooLarge), "broken"),
        // As Envoy tells a gRPC request.
        (grpc("14", "upstream request timeout"), "timeout"),
        (grpc("14", "no healthy upstream"), "unavailable"),
        (grpc("4", ""), "timeout"),
        (grpc("13", ""), "grpc_error"),
        (reply(504, &[], b""), "timeout"),
        (reply(503, &[], b""), "unavailable"),
        (reply(404, &[], b""), "http_error"),
        (reply(200, &[], b"<html>"), "garbage"),
        (reply(200, &[("grpc-status", "0")], b"\0\0\0\0\x02\x08\x00"), "garbage"),
        (reply(0, &[], b""), "http_error"),
    ]
}

#[test]
fn without_an_answer_the_failure_mode_decides_and_it_is_counted() {
    for (mode, verdict, counted) in
        [("allow", "ok", "user:allowed"), ("deny", "503 unavailable.user", "user:denied")]
    {
        let service = SERVICE.replace("\"domain\"", &format!(r#""failureMode":"{mode}","domain""#));
        for (reply, word) in failures() {
            let worker = Worker::of(USER, &service);
            let outcome = worker.asked(&ANN, reply);
            assert_eq!(outcome.verdict(), verdict, "{word}");
            let expected = [format!("global:{word}"), counted.to_owned(), "user:failed".to_owned()];
            assert_eq!(outcome.counts(), expected, "{mode}");
            assert_eq!(outcome.retry_after(), (mode == "deny").then_some(1));
            assert!(worker.get(&ANN).ask.is_some(), "no failure is remembered");
        }
    }
}

#[test]
fn the_service_is_asked_also_while_the_store_fails() {
    let shared = Shared::new();
    shared.set(Fault::Full);
    let worker = shared.worker(&config(USER, SERVICE));
    assert_eq!(worker.asked(&ANN, answer(true, &[])).verdict(), "429 quota_exceeded.user");
}

#[test]
fn a_limit_in_shadow_alone_is_asked_about_and_refuses_nothing() {
    let worker = Worker::of(SHADOW, &format!(r#"{SERVICE},"shadow":{{"header":"x-shadow"}}"#));
    for (reply, told) in
        [(answer(false, &[]), "allow"), (answer(true, &[]), "deny"), (Err(Lost::Broken), "allow")]
    {
        let outcome = worker.asked(&[("x-shadow", "forged")], reply);
        assert_eq!(outcome.verdict(), "ok");
        assert_eq!(outcome.saw("x-shadow"), Some(format!("trial={told}")));
        assert!(outcome.counts().contains(&format!("trial:would_{told}")), "{:?}", outcome.counts());
    }
}

#[test]
fn beside_a_limit_that_is_enforced_one_in_shadow_is_not_asked_about() {
    for limits in [format!("{SHADOW},{USER}"), format!("{USER},{SHADOW}")] {
        let worker = Worker::of(&limits, SERVICE);
        let outcome = worker.get(&ANN);
        assert_eq!(outcome.counts(), ["trial:not_asked"]);
        let body = String::from_utf8_lossy(&outcome.ask.as_ref().unwrap().body).into_owned();
        assert!(body.contains("ann") && !body.contains("\u{1}t"), "{body:?}");
        let refused = worker.asked(&ANN, answer(true, &[]));
        assert_eq!(refused.verdict(), "429 quota_exceeded.user");
        // Where the one that is enforced does not apply, the other one is asked about.
        let outcome = worker.asked(&[], answer(true, &[]));
        assert_eq!(
            (outcome.verdict().as_str(), outcome.counts()),
            ("ok", vec!["global:answered".to_owned(), "trial:would_deny".to_owned()])
        );
    }
}

#[test]
fn what_the_proxys_own_trials_said_is_told_after_the_answer() {
    let local = r#"{"name":"own","enforcement":"shadow","block":true}"#;
    let worker =
        Worker::of(&format!("{local},{USER}"), &format!(r#"{SERVICE},"shadow":{{"header":"x-shadow"}}"#));
    let table = request("10.0.0.1", &ANN);
    let (mut stream, asking) = worker.begin(&table);
    assert!(asking.counts().is_empty() && asking.published.is_empty(), "{:?}", asking.counts());
    let outcome = worker.answer(&table, &mut stream, answer(false, &[]));
    assert_eq!(outcome.saw("x-shadow").as_deref(), Some("own=deny"));
    assert_eq!(outcome.counts(), ["global:answered", "own:would_deny", "user:allowed"]);
}

#[test]
fn a_request_that_is_too_large_to_ask_about_is_a_failure() {
    let key: Vec<_> = (0..8).map(|n| format!(r#"{{"header":"x-{n}"}}"#)).collect();
    let limits: Vec<_> = (0..16)
        .map(|n| {
            let key = key[..7].join(",");
            format!(r#"{{"name":"l{n}","scope":"global","key":[{key},{{"value":"{n}"}}]}}"#)
        })
        .collect();
    let worker = Worker::of(&limits.join(","), SERVICE);
    let (long, names) = ("\u{1}".repeat(500), ["x-0", "x-1", "x-2", "x-3", "x-4", "x-5", "x-6"]);
    let headers: Vec<_> = names.iter().map(|name| (*name, long.as_str())).collect();
    let outcome = worker.get(&headers);
    assert_eq!((outcome.verdict().as_str(), outcome.ask.is_some()), ("ok", outcome.counts().is_empty()));
}
