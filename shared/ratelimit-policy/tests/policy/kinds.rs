//! Every kind of limit, alone and together.

use policy_core::table::Table;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{SECOND, Worker, request};

const USER: &str = r#"{"name":"user","key":[{"header":"x-user"}],"rate":{"requests":3,"unit":"second"}}"#;

/// A request of a caller whom the auth filter knows.
fn caller(identity: &str) -> Table {
    let mut table = request("10.0.0.1", &[]);
    table.filter_state.push(("wasm.tollgate.identity".to_owned(), identity.as_bytes().to_vec()));
    table
}

#[test]
fn a_rate_lets_its_burst_through_and_then_the_rate() {
    let worker = Worker::of(r#"{"name":"all","rate":{"requests":10,"unit":"second","burst":4}}"#, "");
    assert_eq!(worker.passing(20, &[]), 4);
    worker.shared.pass(SECOND / 10);
    assert_eq!(worker.passing(20, &[]), 1);
    worker.shared.pass(3600 * SECOND);
    assert_eq!(worker.passing(20, &[]), 4);
}

#[test]
fn each_key_has_a_bucket_of_its_own_and_a_request_without_one_has_none() {
    let worker = Worker::of(USER, "");
    for user in ["ann", "bob", "cy"] {
        assert_eq!(worker.passing(5, &[("x-user", user)]), 3, "{user}");
    }
    let outcome = worker.get(&[]);
    assert_eq!((outcome.verdict().as_str(), outcome.counts()), ("ok", vec!["user:missing_key".to_owned()]));
    assert_eq!(outcome.got("ratelimit"), None);
    let required = USER.replace("\"rate\"", "\"required\":true,\"rate\"");
    let worker = Worker::of(&required, "");
    assert_eq!(worker.passing(5, &[]), 3, "all without a key share a bucket");
    assert_eq!(worker.passing(5, &[("x-user", "")]), 0);
    assert_eq!(worker.passing(5, &[("x-user", "ann")]), 3);
}

#[test]
fn of_several_windows_each_counts() {
    let worker = Worker::of(
        r#"{"name":"w","rates":[{"requests":2,"unit":"second"},{"requests":5,"unit":"hour"}]}"#,
        "",
    );
    let mut passed = Vec::new();
    for _ in 0..5 {
        passed.push(worker.passing(4, &[]));
        worker.shared.pass(SECOND);
    }
    assert_eq!(passed, [2, 2, 1, 0, 0]);
    assert!(worker.get(&[]).body().contains(r#""violated-policies":["w.hour"]"#));
}

#[test]
fn the_tier_says_how_much() {
    let worker = Worker::of(
        r#"{"name":"tenant","key":[{"identity":"id"}],"tiers":{"by":{"identity":"labels.tier"},"values":{
            "gold":{"requests":5,"unit":"minute"},"banned":{"block":true}},"default":{"requests":2,"unit":"minute"}}}"#,
        "",
    );
    for (identity, passing) in [
        (r#"{"id":"a","labels":{"tier":"gold"}}"#, 5),
        (r#"{"id":"b","labels":{"tier":"tin"}}"#, 2),
        (r#"{"id":"c"}"#, 2),
        (r#"{"id":"d","labels":{"tier":"banned"}}"#, 0),
        // A key of its own, no bucket of its own for another tier.
        (r#"{"id":"a","labels":{"tier":"tin"}}"#, 0),
    ] {
        let passed = (0..8).filter(|_| worker.send(&caller(identity)).reply.is_none()).count();
        assert_eq!(passed, passing, "{identity}");
    }
    let banned = worker.send(&caller(r#"{"id":"d","labels":{"tier":"banned"}}"#));
    assert_eq!((banned.verdict().as_str(), banned.retry_after()), ("429 blocked.tenant", None));
    assert_eq!(worker.get(&[]).verdict(), "ok", "nobody's");
}

#[test]
fn each_variant_has_its_rate_and_a_key_stays_in_it() {
    let worker = Worker::of(
        r#"{"name":"trial","key":[{"header":"x-user"}],"variants":[
            {"name":"a","weight":50,"rate":{"requests":2,"unit":"hour"}},
            {"name":"b","weight":50,"rate":{"requests":4,"unit":"hour"}}]}"#,
        "",
    );
    let passed: Vec<usize> =
        (0..40).map(|user| worker.passing(6, &[("x-user", &format!("u{user}"))])).collect();
    assert!(passed.iter().all(|passed| [2, 4].contains(passed)), "{passed:?}");
    assert!(passed.contains(&2) && passed.contains(&4));
}

#[test]
fn a_block_lets_nothing_through_that_it_concerns() {
    let worker = Worker::of(
        r#"{"name":"closed","match":{"paths":[{"prefix":"/api"}]},"key":[{"header":"x-bot"}],"block":true}"#,
        "",
    );
    let outcome = worker.get(&[("x-bot", "1")]);
    assert_eq!((outcome.verdict().as_str(), outcome.retry_after()), ("429 blocked.closed", None));
    assert!(outcome.body().contains(r#""violated-policies":["closed"]"#), "{}", outcome.body());
    assert_eq!(outcome.counts(), ["closed:denied"]);
    assert_eq!(worker.get(&[]).verdict(), "ok");
    assert_eq!(worker.get(&[(":path", "/x/../api"), ("x-bot", "1")]).verdict(), "429 blocked.closed");
}

#[test]
fn a_request_takes_what_it_costs() {
    for (cost, costs, passing) in [
        ("3", None, 3),
        (r#"{"header":"x-cost"}"#, Some("5"), 2),
        (r#"{"header":"x-cost"}"#, Some("0"), 10),
        (r#"{"header":"x-cost","default":2}"#, None, 5),
        (r#"{"header":"x-cost","default":2}"#, Some("-9"), 5),
        (r#"{"header":"x-cost","max":4}"#, Some("99999999999999999999"), 2),
    ] {
        let limit = format!(r#"{{"name":"all","cost":{cost},"rate":{{"requests":10,"unit":"hour"}}}}"#);
        let headers: Vec<_> = costs.iter().map(|cost| ("x-cost", *cost)).collect();
        assert_eq!(Worker::of(&limit, "").passing(20, &headers), passing, "{cost} {costs:?}");
    }
}

#[test]
fn the_strictest_answer_wins_and_nothing_is_taken_of_the_others() {
    let hour = r#"{"name":"hour","rate":{"requests":4,"unit":"hour"}}"#;
    let worker = Worker::of(&format!("{USER},{hour}"), "");
    assert_eq!(worker.passing(10, &[("x-user", "ann")]), 3);
    // Seven were denied by what is known here, and cost the other limit nothing.
    let (denied, other) = (worker.get(&[("x-user", "ann")]), worker.get(&[("x-user", "bob")]));
    assert_eq!((denied.verdict().as_str(), denied.retry_after()), ("429 quota_exceeded.user", Some(1)));
    assert_eq!(denied.counts(), ["user:denied"]);
    assert_eq!(
        (other.verdict().as_str(), other.counts()),
        ("ok", vec!["hour:allowed".into(), "user:allowed".into()])
    );
    let both = worker.get(&[("x-user", "ann")]);
    assert_eq!(both.verdict(), "429 quota_exceeded.hour", "the longer wait is told");
    assert_eq!(both.retry_after(), Some(900));
    assert_eq!(both.counts(), ["hour:denied", "user:denied"]);
    assert!(both.body().contains(r#""violated-policies":["hour","user"]"#), "{}", both.body());
}

#[test]
fn a_limit_that_is_off_is_not_there() {
    let off = r#"{"name":"off","enforcement":"off","block":true},{"name":"off2","enforcement":"off","concurrency":1}"#;
    let worker = Worker::of(off, "");
    let outcome = worker.get(&[]);
    assert_eq!((outcome.verdict().as_str(), outcome.counts().len()), ("ok", 0));
    assert!(!worker.shared.lock().store.keys().any(|key| key != "v1.hash"), "no room is made for it");
}
