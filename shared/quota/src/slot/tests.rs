#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
use crate::plan::Rate;
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Ns = 1_800_000_000_000_000_000;
const SECOND: Ns = 1_000_000_000;
const MS: Ns = 1_000_000;

fn plan(rates: &[(u64, u64, u64)]) -> Plan {
    let rate = |(requests, seconds, burst): &(u64, u64, u64)| Rate {
        requests: *requests,
        period: Duration::from_secs(*seconds),
        burst: *burst,
    };
    Plan::family(&[rates.iter().map(rate).collect()]).unwrap().remove(0)
}

fn one(cost: u32) -> Ask {
    Ask { cost, want: cost, ..Ask::default() }
}

fn granted(verdict: (Verdict, bool)) -> Lease {
    let (Verdict::Granted(lease), true) = verdict else { panic!("{verdict:?}") };
    lease
}

#[test]
fn burst_then_rate_and_the_wait_until_then() {
    let plan = plan(&[(10, 1, 3)]);
    let mut slot = Slot::default();
    for (at, expected) in [
        (0, None),
        (0, None),
        (0, None),
        (0, Some(100 * MS)),
        (99 * MS, Some(MS)),
        (100 * MS, None),
        (100 * MS, Some(100 * MS)),
        // Idle for long, and no more than a burst for it.
        (60 * SECOND, None),
        (60 * SECOND, None),
        (60 * SECOND, None),
        (60 * SECOND, Some(100 * MS)),
    ] {
        let (verdict, written) = decide(&mut slot, NOW + at, &one(1), &plan);
        match expected {
            None => assert!(matches!(verdict, Verdict::Granted(_)) && written, "{at}: {verdict:?}"),
            Some(wait) => assert_eq!((verdict, written), (Verdict::Denied { wait }, false), "{at}"),
        }
    }
}

#[test]
fn a_request_takes_from_all_windows_or_from_none() {
    let plan = plan(&[(10, 1, 3), (5, 60, 5)]);
    let mut slot = Slot::default();
    granted(decide(&mut slot, NOW, &one(3), &plan));
    let before = slot;
    assert_eq!(decide(&mut slot, NOW, &one(2), &plan), (Verdict::Denied { wait: 200 * MS }, false));
    // The second window is the one to wait for.
    let later = NOW + SECOND;
    assert_eq!(decide(&mut slot, later, &one(3), &plan).0, Verdict::Denied { wait: 11 * SECOND });
    assert_eq!(slot.tats, before.tats);
    assert_eq!(decide(&mut slot, later, &one(4), &plan).0, Verdict::Denied { wait: Ns::MAX });
    granted(decide(&mut slot, later + 11 * SECOND, &one(3), &plan));
}

#[test]
fn a_lease_takes_a_part_of_what_is_free_and_all_of_a_dry_bucket() {
    let plan = plan(&[(100, 1, 80)]);
    for (want, dry, left) in
        [(0, false, 0), (5, false, 4), (1000, false, 9), (1000, true, 79), (50, true, 49)]
    {
        let mut slot = Slot::default();
        let lease = granted(decide(&mut slot, NOW, &Ask { cost: 1, want, dry, ..Ask::default() }, &plan));
        assert_eq!((lease.left, lease.granted, slot.held), (left, left, [left, 0]), "{want} {dry}");
        assert_eq!(slot.tats[0], NOW + u64::from(left + 1) * 10 * MS);
        assert!(lease.live(NOW) && lease.until > NOW + 250 * MS && lease.until <= NOW + 500 * MS);
        assert!(!lease.live(NOW - 1) && !lease.live(lease.until));
    }
}

#[test]
fn what_is_left_of_a_lease_goes_back_while_it_lives_and_is_lost_after() {
    let plan = plan(&[(100, 1, 80)]);
    let mut slot = Slot::default();
    let mut lease = granted(decide(&mut slot, NOW, &Ask { cost: 1, want: 10, ..Ask::default() }, &plan));
    lease.left = 4;
    let back = Ask { cost: 1, want: 1, back: Some(lease), ..Ask::default() };
    let (mut early, mut late) = (slot, slot);
    granted(decide(&mut early, NOW, &back, &plan));
    assert_eq!((early.held, early.tats[0]), ([0, 0], NOW + 70 * MS), "ten taken, four back, one more");
    granted(decide(&mut late, lease.until, &back, &plan));
    // Nine were held until the end of their time: no bucket was full then.
    assert_eq!((late.held, late.tats[0]), ([0, 0], lease.until + 100 * MS));
}

#[test]
fn a_bucket_does_not_fill_up_over_what_others_hold() {
    let plan = plan(&[(1000, 1, 100)]);
    let mut slot = Slot::default();
    let full = Ask { cost: 1, want: 100, dry: true, ..Ask::default() };
    let lease = granted(decide(&mut slot, NOW, &full, &plan));
    // By the rate alone the bucket is full by then, but the tokens are still in the other's hands.
    let later = lease.until - 1;
    assert!(later > slot.tats[0] - 50 * MS);
    let mut filled = slot;
    filled.tats[0] = later;
    assert!(matches!(decide(&mut filled, later, &one(2), &plan).0, Verdict::Denied { .. }));
    granted(decide(&mut filled, later, &one(1), &plan));
}

#[test]
fn a_clock_set_back_leaves_one_request_and_then_the_rate() {
    for (requests, seconds, burst) in [(1, 86_400, 1), (100, 1, 100), (100, 60, 100)] {
        let plan = plan(&[(requests, seconds, burst)]);
        let mut slot = Slot::default();
        while matches!(decide(&mut slot, NOW, &one(1), &plan).0, Verdict::Granted(_)) {}
        let back = NOW - 10 * 86_400 * SECOND;
        granted(decide(&mut slot, back, &one(1), &plan));
        let (verdict, written) = decide(&mut slot, back, &one(1), &plan);
        assert!(
            !written && matches!(verdict, Verdict::Denied { wait } if wait <= plan.windows[0].interval())
        );
        granted(decide(&mut slot, back + plan.windows[0].interval(), &one(1), &plan));
    }
}

#[test]
fn a_clock_set_back_is_written_even_where_the_request_is_too_dear() {
    let plan = plan(&[(1, 1, 2)]);
    let mut slot = Slot { tats: [NOW + 86_400 * SECOND; 4], ..Slot::default() };
    assert_eq!(decide(&mut slot, NOW, &one(2), &plan), (Verdict::Denied { wait: SECOND }, true));
    granted(decide(&mut slot, NOW + SECOND, &one(2), &plan));
}

#[test]
fn a_dearer_rate_of_the_same_limit_is_no_step_of_the_clock() {
    let rate = |requests, burst| vec![Rate { requests, period: Duration::from_secs(1), burst }];
    let plans = Plan::family(&[rate(100, 2000), rate(100, 10)]).unwrap();
    let mut slot = Slot::default();
    granted(decide(&mut slot, NOW, &one(2000), &plans[0]));
    let indebted = slot;
    assert!(matches!(decide(&mut slot, NOW, &one(1), &plans[1]), (Verdict::Denied { .. }, false)));
    assert!(matches!(decide(&mut slot, NOW, &one(1), &plans[0]), (Verdict::Denied { .. }, false)));
    assert_eq!(slot.tats, indebted.tats);
}

#[test]
fn any_slot_at_any_time_is_decided_on_and_comes_right() {
    let edges = [0, 1, u64::MAX, u64::MAX / 2, NOW, NOW - 1, NOW + SECOND];
    for rates in [&[(1, 86_400, 1)][..], &[(1_000_000, 1, 4_000_000)], &[(100, 1, 100), (1000, 60, 7)]] {
        let plan = plan(rates);
        for (tat, now) in edges.iter().flat_map(|tat| edges.iter().map(move |now| (*tat, *now))) {
            for (epoch, held) in
                [(0, [0, 0]), (u32::MAX, [u32::MAX; 2]), ((now / plan.epoch) as u32, [u32::MAX; 2])]
            {
                let mut slot = Slot { tats: [tat; 4], epoch, held };
                let lease = Lease { left: u32::MAX, granted: u32::MAX, epoch, from: 0, until: u64::MAX };
                let all = Ask { cost: 1, want: u32::MAX, dry: true, back: Some(lease), floors: [tat; 4] };
                let _ = decide(&mut slot, now, &all, &plan);
                let _ = decide(&mut slot, now, &one(u32::MAX), &plan);
                if now < u64::MAX / 2 {
                    // Whatever it was, in a while there is a request again.
                    let soon = now + 2 * plan.epoch;
                    let _ = decide(&mut slot, soon, &one(1), &plan);
                    let waited = soon + plan.windows.iter().map(Window::capacity).max().unwrap() + 2 * SECOND;
                    granted(decide(&mut slot, waited, &one(1), &plan));
                }
            }
        }
    }
}
