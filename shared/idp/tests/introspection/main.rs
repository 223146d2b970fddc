//! An introspection endpoint in one worker: who is asked, when, and what is believed afterwards.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod worker;

use idp::{Introspected, errand, token_hash};
use policy_core::Lost;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use worker::{ACTIVE, SLOT, compile, reply, worker, worker_with};

#[test]
fn the_request_is_the_one_of_rfc_7662() {
    let worker = worker();
    assert_eq!(worker.ask("a+b/c=&x"), "wait");
    let sent = worker.tick();
    let callout = &sent[0].1;
    assert_eq!(callout.cluster, "outbound|443||idp.example.com");
    assert_eq!((callout.method, callout.authority.as_str()), ("POST", "idp.example.com"));
    assert_eq!((callout.path.as_str(), callout.timeout.as_millis()), ("/introspect", 1000));
    assert_eq!(callout.body, b"token=a%2Bb%2Fc%3D%26x&token_type_hint=access_token");
    let headers: Vec<(&str, &[u8])> =
        callout.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let expected: [(&str, &[u8]); 3] = [
        ("accept", b"application/json"),
        ("content-type", b"application/x-www-form-urlencoded"),
        // toll+gate:hunter2
        ("authorization", b"Basic dG9sbCtnYXRlOmh1bnRlcjI="),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_token_is_asked_for_once_however_many_requests_bring_it() {
    let worker = worker();
    for _ in 0..500 {
        assert_eq!(worker.ask("t"), "wait");
    }
    let sent = worker.tick();
    assert_eq!(sent.len(), 1);
    assert_eq!((worker.ask("t"), worker.tick().len()), ("wait", 0));
    assert!(worker.answer(sent[0].0, reply(200, ACTIVE)).is_empty());
    let Introspected::Active(token) = worker.introspection.ask_hashed(&token_hash(b"t"), b"", &worker.host)
    else {
        panic!("not active");
    };
    assert_eq!(token.claims.get("sub").and_then(policy_core::json::Json::as_str), Some("ann"));
    assert_eq!(token.expires, None);
    assert_eq!(worker.counts.get(), [1, 0, 0]);
}

#[test]
fn an_answer_is_kept_for_its_time() {
    for (body, millis, before, after) in [
        (ACTIVE, 60_000, "active", "wait"),
        (r#"{"active":true,"exp":1800000030}"#, 30_000, "active", "wait"),
        (r#"{"active":false}"#, 10_000, "inactive", "wait"),
    ] {
        let worker = worker();
        assert_eq!(worker.learn("t", reply(200, body)), before);
        worker.pass(millis - 1);
        assert_eq!(worker.ask("t"), before, "{body}");
        worker.pass(1);
        assert_eq!(worker.ask("t"), after, "{body}");
    }
}

#[test]
fn a_failure_is_an_outage_for_a_second_and_never_a_verdict() {
    for failure in [
        || reply(500, ACTIVE),
        || reply(400, ACTIVE),
        || reply(200, "<html>"),
        || Err(Lost::Broken),
        || Err(Lost::TooLarge),
    ] {
        let worker = worker();
        assert_eq!(worker.learn("t", failure()), "unavailable");
        worker.pass(999);
        assert_eq!((worker.ask("t"), worker.tick().len()), ("unavailable", 0));
        worker.pass(1);
        assert_eq!(worker.learn("t", reply(200, ACTIVE)), "active");
        assert_eq!(worker.counts.get(), [1, 0, 1]);
    }
}

#[test]
fn a_dead_server_is_left_alone_and_found_again() {
    let worker = worker();
    for token in ["1", "2", "3", "4", "5"] {
        assert_eq!(worker.learn(token, reply(503, "")), "unavailable");
    }
    assert_eq!((worker.ask("new"), worker.tick().len()), ("unavailable", 0));
    for second in 0..10 {
        worker.pass(1000);
        let words: Vec<&str> = (0..50).map(|token| worker.ask(&format!("{second} {token}"))).collect();
        assert!(words.iter().all(|word| *word == "wait"));
        // A few probes; the first failure ends the wait of all.
        let probes = worker.tick();
        assert_eq!(probes.len(), 4);
        assert!(worker.answer(probes[0].0, reply(503, "")).is_empty());
        assert_eq!(worker.ask(&format!("{second} 40")), "unavailable");
        probes.iter().skip(1).for_each(|probe| drop(worker.answer(probe.0, Err(Lost::Broken))));
    }
    worker.pass(1000);
    assert_eq!(worker.learn("back", reply(200, ACTIVE)), "active");
    (0..50).for_each(|token| assert_eq!(worker.ask(&format!("b{token}")), "wait"));
    assert_eq!(worker.tick().len(), 50);
}

#[test]
fn a_token_over_which_the_server_stumbles_locks_out_nobody_else() {
    let worker = worker();
    for token in 0..50 {
        assert_eq!(worker.learn(&format!("bad {token}"), reply(400, "")), "unavailable");
    }
    for token in 0..50 {
        assert_eq!(worker.learn(&format!("bad {token}!"), reply(500, "")), "unavailable");
        assert_eq!(worker.learn(&format!("good {token}"), reply(200, ACTIVE)), "active");
    }
}

#[test]
fn what_is_under_way_and_what_waits_is_bounded() {
    let worker = worker();
    let asked: Vec<&str> = (0..1100).map(|token| worker.ask(&token.to_string())).collect();
    assert_eq!(asked.iter().filter(|word| **word == "wait").count(), 1024);
    assert!(asked[1024..].iter().all(|word| *word == "unavailable"));
    let sent = worker.tick();
    assert_eq!(sent.len(), 256);
    (2000..2256).for_each(|token| assert_eq!(worker.ask(&token.to_string()), "wait"));
    assert_eq!((worker.ask("more"), worker.tick().len()), ("unavailable", 0));
    // Each answer lets one more go.
    let next = worker.answer(sent[0].0, reply(200, ACTIVE));
    assert_eq!(next.len(), 1);
    assert_eq!(worker.ask("more"), "wait");
}

#[test]
fn no_request_waits_for_ever_and_late_answers_are_nobodys() {
    let worker = worker();
    assert_eq!(worker.ask("t"), "wait");
    let sent = worker.tick();
    worker.pass(1999);
    worker.tick();
    assert_eq!(worker.ask("t"), "wait");
    worker.pass(1);
    worker.tick();
    assert_eq!(worker.ask("t"), "unavailable");
    worker.answer(sent[0].0, reply(200, ACTIVE));
    worker.answer(errand(SLOT, 77), reply(200, ACTIVE));
    assert_eq!(worker.ask("t"), "unavailable");
    assert_eq!(worker.counts.get(), [0, 0, 1]);
}

#[test]
fn a_clock_that_is_set_voids_answers_and_blocks_nothing() {
    for step in [-86_400_000, 86_400_000] {
        let worker = worker();
        assert_eq!(worker.learn("t", reply(200, ACTIVE)), "active");
        (0..5).for_each(|token| assert_eq!(worker.learn(&token.to_string(), reply(500, "")), "unavailable"));
        assert_eq!(worker.ask("x"), "unavailable");
        worker.pass(step);
        assert_eq!(worker.learn("t", reply(200, ACTIVE)), "active", "{step}");
    }
}

#[test]
fn what_no_server_made_is_not_sent() {
    let worker = worker();
    assert_eq!(worker.ask(""), "inactive");
    assert_eq!(worker.ask(&"x".repeat(8193)), "inactive");
    assert!(worker.tick().is_empty());
    assert_eq!(worker.ask(&"x".repeat(8192)), "wait");
}

#[test]
fn the_cache_is_as_large_as_configured() {
    let worker = worker_with(r#","cache":{"maxEntries":4}"#);
    for token in ["a", "b", "c", "d", "e"] {
        assert_eq!(worker.learn(token, reply(200, ACTIVE)), "active");
    }
    assert_eq!((worker.ask("e"), worker.ask("a")), ("active", "wait"));
}

#[test]
fn each_mistake_is_named_with_its_place() {
    for (json, reason) in [
        (r#"{"endpoint":"idp","clientId":"a","clientSecret":"b"}"#, "endpoint: an absolute URI"),
        (r#"{"endpoint":"https://a/","clientId":"","clientSecret":"b"}"#, "clientId: "),
        (r#"{"endpoint":"https://a/","clientId":"a","clientSecret":""}"#, "clientSecret: a secret"),
        (
            r#"{"endpoint":"https://a/","clientId":"a","clientSecret":{"env":"NO"}}"#,
            "clientSecret.env: the environment variable \"NO\"",
        ),
        (r#"{"endpoint":"https://a/","clientId":"a"}"#, "\"clientSecret\" is missing"),
        (
            r#"{"endpoint":"https://a/","clientId":"a","clientSecret":"b","timeout":"1m"}"#,
            "timeout: this has to be from 10ms to 10s",
        ),
        (
            r#"{"endpoint":"https://a/","clientId":"a","clientSecret":"b","cache":{"ttl":"2h"}}"#,
            "cache.ttl: this has to be from 1s to 1h",
        ),
        (
            r#"{"endpoint":"https://a/","clientId":"a","clientSecret":"b","cache":{"maxEntries":1}}"#,
            "cache.maxEntries: this has to be from 2 to 100000",
        ),
    ] {
        let message = compile(json).err().unwrap();
        assert!(message.contains(reason), "{json}: {message}");
    }
}
