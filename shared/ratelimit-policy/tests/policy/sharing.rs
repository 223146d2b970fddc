//! Several workers of one proxy share each limit.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{SECOND, Shared, Worker, config};

fn workers(count: usize, rate: &str) -> (Shared, Vec<Worker>) {
    let shared = Shared::new();
    let config = config(&format!(r#"{{"name":"l","rate":{rate}}}"#), "");
    let workers = (0..count).map(|_| shared.worker(&config)).collect();
    (shared, workers)
}

#[test]
fn one_per_minute_is_one_across_all_workers() {
    for count in [2, 4] {
        let (shared, workers) = workers(count, r#"{"requests":1,"unit":"minute"}"#);
        for minute in 0..5 {
            let passed: usize = (0..200).map(|n| workers[(n * 7 + minute) % count].passing(1, &[])).sum();
            assert_eq!(passed, 1, "{count} workers, minute {minute}");
            shared.pass(60 * SECOND);
        }
    }
}

#[test]
fn a_limit_of_another_plugin_is_another_limit_whatever_its_name() {
    let shared = Shared::new();
    let of = |requests: u32, unit: &str| {
        let limit = r#"{"name":"l","rate":{"requests":R,"unit":"U"}},{"name":"c","concurrency":100}"#;
        config(&limit.replace('R', &requests.to_string()).replace('U', unit), "")
    };
    let slow = [shared.worker_of("a", &of(20, "hour")), shared.worker_of("a", &of(20, "hour"))];
    let fast = shared.worker_of("b", &of(1000, "second"));
    let mut passed = 0;
    for _ in 0..50 {
        assert_eq!(fast.passing(100, &[]), 100);
        passed += slow[0].passing(5, &[]) + slow[1].passing(5, &[]);
        shared.pass(SECOND);
    }
    assert!((19..=20).contains(&passed), "{passed}");
}

#[test]
fn a_burst_is_one_across_all_workers_and_none_of_it_is_lost_to_one() {
    for count in [1, 2, 4] {
        let (_, workers) = workers(count, r#"{"requests":20,"unit":"minute"}"#);
        let passed: usize = (0..400).map(|n| workers[n % count].passing(1, &[])).sum();
        // What a worker has prepaid it may keep for itself: a token or two each.
        assert!(passed <= 20 && passed + 2 * (count - 1) >= 20, "{count}: {passed}");
    }
}

#[test]
fn under_three_times_the_rate_the_rate_passes() {
    for (count, requests) in [(2, 1000), (4, 1000), (2, 200)] {
        let rate = format!(r#"{{"requests":{requests},"unit":"second","burst":{}}}"#, requests / 5);
        let (shared, workers) = workers(count, &rate);
        let step = SECOND / (3 * requests);
        let passed_in = |seconds: u64| -> u64 {
            (0..seconds * 3 * requests)
                .map(|n| {
                    shared.pass(step);
                    workers[(n as usize * 31 / 7) % count].passing(1, &[]) as u64
                })
                .sum()
        };
        passed_in(2);
        let (passed, right) = (passed_in(3), 3 * requests);
        assert!(passed.abs_diff(right) * 50 <= right, "{count} at {requests}/s: {passed} of {right}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod at_random {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn no_window_ever_sees_more_than_burst_and_rate(
            count in 1_usize..5,
            burst in 1_u64..40,
            per_second in 1_u64..200,
            steps in proptest::collection::vec((0_usize..4, 0_u64..30_000_000, 1_u64..4), 50..500),
        ) {
            let rate = format!(r#"{{"requests":{per_second},"unit":"second","burst":{burst}}}"#);
            let (shared, workers) = workers(count, &rate);
            let mut passed = Vec::new();
            for (worker, pause, requests) in steps {
                shared.pass(pause);
                let now = shared.lock().now;
                let through = workers[worker % count].passing(requests as usize, &[]);
                passed.extend(std::iter::repeat_n(now, through));
            }
            // In tokens of the rate: for each pair of moments, what passed between them.
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let seen = (last - first + 1) as u128;
                    let most = u128::from(burst) * u128::from(SECOND) + u128::from(to - from) * u128::from(per_second);
                    prop_assert!(seen * u128::from(SECOND) <= most, "{seen} in {} ns", to - from);
                }
            }
        }
    }
}
