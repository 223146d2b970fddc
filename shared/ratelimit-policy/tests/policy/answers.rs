//! What clients are told: fields, and when to come back.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{SECOND, Shared, Worker, config};

const TWO: &str = r#"{"name":"second","rate":{"requests":3,"unit":"second"}},
    {"name":"day","key":[{"clientIp":{}}],"rates":[{"requests":5,"unit":"minute"},{"requests":100,"unit":"day"}]}"#;

#[test]
fn fields_are_on_what_passes_and_on_what_does_not() {
    for (style, allowed, denied) in [
        (
            "ietf",
            [
                (
                    "ratelimit-policy",
                    Some(r#""second";q=3;w=1, "day.minute";q=5;w=60, "day.day";q=100;w=86400"#),
                ),
                ("ratelimit", Some(r#""second";r=2;t=1, "day.minute";r=4;t=12"#)),
                ("x-ratelimit-limit", None),
            ],
            [
                ("ratelimit-policy", Some(r#""day.minute";q=5;w=60, "day.day";q=100;w=86400"#)),
                ("ratelimit", Some(r#""day.minute";r=0;t=10"#)),
                ("retry-after", Some("10")),
            ],
        ),
        (
            "draft03",
            [
                (
                    "x-ratelimit-limit",
                    Some(r#"3, 3;w=1;name="second", 5;w=60;name="day.minute", 100;w=86400;name="day.day""#),
                ),
                ("x-ratelimit-remaining", Some("2")),
                ("x-ratelimit-reset", Some("1")),
            ],
            [
                ("x-ratelimit-limit", Some(r#"5, 5;w=60;name="day.minute", 100;w=86400;name="day.day""#)),
                ("x-ratelimit-remaining", Some("0")),
                ("x-ratelimit-reset", Some("10")),
            ],
        ),
        (
            "none",
            [("ratelimit", None), ("ratelimit-policy", None), ("x-ratelimit-limit", None)],
            [("ratelimit", None), ("x-ratelimit-limit", None), ("retry-after", Some("10"))],
        ),
    ] {
        let worker = Worker::of(TWO, &format!(r#""responseHeaders":"{style}""#));
        let first = worker.get(&[]);
        for (name, value) in allowed {
            assert_eq!(first.got(name).as_deref(), value, "{style} {name}");
        }
        for _ in 0..4 {
            worker.shared.pass(SECOND / 2);
            assert_eq!(worker.get(&[]).verdict(), "ok");
        }
        let last = worker.get(&[]);
        for (name, value) in denied {
            assert_eq!(last.got(name).as_deref(), value, "{style} {name}");
        }
        assert!(last.body().contains(r#""violated-policies":["day.minute"]"#), "{style}: {}", last.body());
        assert_eq!(last.got("content-type").as_deref(), Some("application/problem+json"));
    }
}

#[test]
fn after_waiting_as_told_a_request_passes_and_just_before_the_window_allows_none_does() {
    for (rate, cost) in [
        (r#""rate":{"requests":1,"unit":"minute"}"#, 1),
        (r#""rate":{"requests":7,"unit":"second"}"#, 1),
        (r#""rate":{"requests":100,"unit":"second","burst":20}"#, 1),
        (r#""rate":{"requests":100,"unit":"second"}"#, 3),
        (r#""rate":{"requests":7,"unit":"hour","burst":3}"#, 2),
        (r#""rates":[{"requests":10,"unit":"second"},{"requests":100,"unit":"day","burst":12}]"#, 1),
    ] {
        let limit = format!(r#"{{"name":"l","cost":{cost},{rate}}}"#);
        let shared = Shared::new();
        let workers = [shared.worker(&config(&limit, "")), shared.worker(&config(&limit, ""))];
        for round in 0..12 {
            let worker = &workers[round % 2];
            let denied = (0..500).map(|_| worker.get(&[])).find(|outcome| outcome.reply.is_some()).unwrap();
            let wait = denied.retry_after().unwrap();
            assert!(wait >= 1, "{limit}");
            if wait > 2 {
                // Rounded up, and no more than that.
                shared.pass((wait - 2) * SECOND);
                assert_eq!(worker.get(&[]).verdict(), "429 quota_exceeded.l", "{limit}");
                shared.pass(2 * SECOND);
            } else {
                shared.pass(wait * SECOND);
            }
            assert_eq!(worker.get(&[]).verdict(), "ok", "{limit} {round}");
        }
    }
}

#[test]
fn a_clock_that_is_set_makes_no_lasting_denial() {
    const DAY: u64 = 86_400 * SECOND;
    for rate in [r#"{"requests":1,"unit":"day"}"#, r#"{"requests":20,"unit":"second"}"#] {
        for forward in [true, false] {
            let worker = Worker::of(&format!(r#"{{"name":"l","rate":{rate}}}"#), "");
            let first = worker.passing(200, &[]);
            let now = worker.shared.lock().now;
            worker.shared.lock().now = if forward { now + 3 * DAY } else { now - 3 * DAY };
            let after = worker.passing(200, &[]);
            assert!((1..=first).contains(&after), "{rate} {forward}: {after} of {first}");
            let wait = worker.get(&[]).retry_after().unwrap();
            assert!(wait <= 86_400, "{wait}");
            worker.shared.pass(wait * SECOND);
            assert_eq!(worker.get(&[]).verdict(), "ok", "{rate} {forward}");
        }
    }
}

#[test]
fn what_is_too_little_for_one_request_is_still_told() {
    let worker =
        Worker::of(r#"{"name":"l","cost":{"header":"x-cost"},"rate":{"requests":6,"unit":"hour"}}"#, "");
    for (cost, verdict, state) in [
        ("4", "ok", r#""l";r=2;t=2400"#),
        ("4", "429 quota_exceeded.l", r#""l";r=2;t=1200"#),
        ("2", "ok", r#""l";r=0;t=3600"#),
        ("1", "429 quota_exceeded.l", r#""l";r=0;t=600"#),
    ] {
        let outcome = worker.get(&[("x-cost", cost)]);
        assert_eq!((outcome.verdict().as_str(), outcome.got("ratelimit").as_deref()), (verdict, Some(state)));
    }
}

#[test]
fn a_refusal_has_the_status_that_is_configured() {
    let worker = Worker::of(r#"{"name":"l","block":true}"#, r#""denial":{"status":420}"#);
    assert_eq!(worker.get(&[]).verdict(), "420 blocked.l");
}
