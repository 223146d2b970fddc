#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn rate(requests: u64, seconds: u64, burst: u64) -> Rate {
    Rate { requests, period: Duration::from_secs(seconds), burst }
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let good = rate(1, 1, 1);
    for (rates, window, fault) in [
        (vec![], 0, Fault::Windows),
        (vec![good; 5], 0, Fault::Windows),
        (vec![good, rate(0, 1, 1)], 1, Fault::Zero),
        (vec![rate(1, 1, 0)], 0, Fault::Zero),
        (vec![rate(1_001_002, 1, 1)], 0, Fault::TooFast),
        (vec![rate(1, 0, 1)], 0, Fault::TooFast),
        (vec![rate(u64::MAX, 1, 1)], 0, Fault::TooFast),
        (vec![good, good, rate(1, 86_400, 3661)], 2, Fault::TooLong),
        (vec![rate(1, 1, u64::MAX)], 0, Fault::TooLong),
        (vec![rate(1, u64::MAX, 1)], 0, Fault::TooLong),
    ] {
        assert_eq!(Plan::family(&[vec![good], rates]), Err(PlanError { plan: 1, window, fault }));
    }
    assert_eq!(Plan::family(&[]), Ok(vec![]));
    assert!(Plan::family(&[vec![rate(1_000_000, 1, 1), rate(1, 86_400, 3660)]]).is_ok());
}

#[test]
fn the_rates_of_a_limit_share_what_their_slots_depend_on() {
    let plans = Plan::family(&[
        vec![rate(1000, 1, 1000)],
        vec![rate(100, 1, 20), rate(10, 60, 10)],
        vec![rate(1, 60, 1)],
    ]);
    let plans = plans.unwrap();
    for plan in &plans {
        assert_eq!((plan.epoch, plan.width), (100_000_000, 2));
        assert_eq!(plan.reach, [60_000_000_000, 60_000_000_000, 0, 0]);
        assert_eq!(plan.slowest, [60_000_000_000, 6_000_000_000, 0, 0]);
    }
    let own: Vec<_> = plans.iter().map(|plan| (plan.id, plan.rest, plan.most())).collect();
    assert_eq!(own, [(0, 150_000_000, 1000), (1, 0, 10), (2, 0, 1)]);
}

#[test]
fn waiting_as_long_as_said_is_enough_and_no_longer_than_needed() {
    let plan = &Plan::family(&[vec![rate(3, 1, 5)]]).unwrap()[0];
    let window = plan.windows()[0];
    let now = 1_800_000_000_000_000_000;
    for debt in [0, 1, window.interval(), window.capacity() - 1, window.capacity(), window.capacity() * 2] {
        for tokens in 1..=5 {
            let wait = window.wait(now + debt, now, tokens);
            let enough = |at| window.free(now + debt, at) >= window.cost(u64::from(tokens));
            assert!(enough(now + wait), "{debt} {tokens}");
            assert!(wait == 0 || !enough(now + wait - 1), "{debt} {tokens}");
        }
        assert_eq!(window.wait(now + debt, now, 6), Ns::MAX);
    }
    assert_eq!([crate::retry_after(0), crate::retry_after(Ns::MAX)], [Some(1), None]);
    assert_eq!([crate::retry_after(1_000_000_000), crate::retry_after(1_000_000_001)], [Some(1), Some(2)]);
}
