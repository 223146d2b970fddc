//! A store that fails: the failure mode decides, and it is counted.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Fault, SECOND, Shared, Worker, config};

const RATE: &str = r#"{"name":"l","rate":{"requests":1,"unit":"hour"}}"#;
const FLIGHT: &str = r#"{"name":"l","concurrency":1}"#;
const DENY: &str = r#""failureMode":"deny""#;

#[test]
fn the_failure_mode_decides_when_the_store_fails() {
    for limit in [RATE, FLIGHT] {
        for fault in [Fault::Empty, Fault::Full, Fault::Contended] {
            let worker = Worker::of(limit, "");
            worker.shared.set(fault);
            let outcome = worker.get(&[]);
            assert_eq!(outcome.verdict(), "ok", "{limit} {fault:?}");
            assert_eq!(outcome.counts(), ["l:allowed", "l:failed"], "{limit} {fault:?}");
            let worker = Worker::of(limit, DENY);
            worker.shared.set(fault);
            let outcome = worker.get(&[]);
            assert_eq!(outcome.verdict(), "503 unavailable.l", "{limit} {fault:?}");
            assert_eq!(outcome.counts(), ["l:denied", "l:failed"], "{limit} {fault:?}");
            assert_eq!((outcome.retry_after(), outcome.got("ratelimit")), (Some(1), None));
            // It counts again as soon as it can.
            worker.shared.set(Fault::None);
            worker.shared.pass(SECOND);
            assert_eq!(worker.get(&[]).verdict(), "ok", "{limit} {fault:?}");
        }
    }
}

#[test]
fn a_limit_in_shadow_that_cannot_say_refuses_nothing() {
    for (mode, counted) in [("", "would_allow"), (DENY, "would_deny")] {
        let worker = Worker::of(&RATE.replace("\"rate\"", "\"enforcement\":\"shadow\",\"rate\""), mode);
        worker.shared.set(Fault::Empty);
        let outcome = worker.get(&[]);
        assert_eq!(
            (outcome.verdict(), outcome.counts()),
            ("ok".to_owned(), vec!["l:failed".to_owned(), format!("l:{counted}")])
        );
    }
}

#[test]
fn a_set_that_is_gone_is_not_made_anew() {
    let worker = Worker::of(RATE, DENY);
    worker.shared.lock().store.retain(|key, _| !key.starts_with("v1.r"));
    assert_eq!(worker.get(&[]).verdict(), "503 unavailable.l");
    assert!(!worker.shared.lock().store.keys().any(|key| key.starts_with("v1.r")));
}

#[test]
fn what_was_denied_stays_denied_while_the_store_fails() {
    let worker = Worker::of(RATE, "");
    assert_eq!(worker.passing(3, &[]), 1);
    worker.shared.set(Fault::Empty);
    assert_eq!(worker.get(&[]).verdict(), "429 quota_exceeded.l", "known here for a second");
}

#[test]
fn without_the_secret_of_keys_limits_fail_and_what_counts_nothing_works() {
    let shared = Shared::new();
    shared.set(Fault::Full);
    let block = r#"{"name":"closed","match":{"paths":[{"prefix":"/closed"}]},"block":true}"#;
    for (mode, verdict) in [("", "ok"), (DENY, "503 unavailable.l")] {
        let worker = shared.worker(&config(&format!("{RATE},{block}"), mode));
        assert!(worker.notes.iter().any(|note| note.contains("\"l\"")), "{:?}", worker.notes);
        let outcome = worker.get(&[]);
        assert_eq!(outcome.verdict(), verdict);
        assert!(outcome.counts().contains(&"l:failed".to_owned()), "{:?}", outcome.counts());
        let closed = worker.get(&[(":path", "/closed")]);
        assert_eq!(closed.verdict(), "429 blocked.closed", "no secret is needed to block");
    }
}

#[test]
fn a_secret_that_comes_later_is_found_and_the_same_for_all_workers() {
    let shared = Shared::new();
    shared.set(Fault::Empty);
    let late = shared.worker(&config(RATE, ""));
    assert_eq!(late.get(&[]).counts(), ["l:allowed", "l:failed"]);
    shared.set(Fault::None);
    let other = shared.worker(&config(RATE, ""));
    assert_eq!(late.passing(5, &[]) + other.passing(5, &[]), 1);
}

#[test]
fn a_table_that_is_full_denies_newcomers_and_says_so() {
    let limit = r#"{"name":"l","key":[{"header":"x-user"}],"maxKeys":8,"rate":{"requests":1,"unit":"hour"}}"#;
    let worker = Worker::of(limit, "");
    let hot = [("x-user", "hot")];
    assert_eq!(worker.passing(3, &hot), 1);
    let users: Vec<_> = (0..300).map(|n| format!("u{n}")).collect();
    let outcomes: Vec<_> = users.iter().map(|user| worker.get(&[("x-user", user)])).collect();
    assert!(outcomes.iter().any(|outcome| outcome.counts().contains(&"l:table_full".to_owned())));
    assert_eq!(worker.passing(5, &hot), 0, "a flood of keys does not refill a bucket");
    assert!(worker.shared.lock().store.len() <= 3);
}
