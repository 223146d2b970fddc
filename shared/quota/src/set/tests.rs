#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
use crate::plan::Rate;
use crate::slot::{Ask, decide};
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Ns = 1_800_000_000_000_000_000;
const SECOND: Ns = 1_000_000_000;

fn plan(rates: &[(u64, u64, u64)]) -> Plan {
    let rate = |(requests, seconds, burst): &(u64, u64, u64)| Rate {
        requests: *requests,
        period: Duration::from_secs(*seconds),
        burst: *burst,
    };
    Plan::family(&[rates.iter().map(rate).collect()]).unwrap().remove(0)
}

/// Takes `cost` tokens for this key, prepaid ones besides.
fn take(set: &mut Set, print: u64, now: Ns, cost: u32, want: u32, plan: &Plan) -> bool {
    let ask = Ask { cost, want, dry: true, ..Ask::default() };
    decide(set.place(print, now, plan).slot, now, &ask, plan).1
}

#[test]
fn a_set_comes_back_from_the_store_as_it_was() {
    for rates in [&[(1, 1, 5)][..], &[(10, 1, 20), (60, 60, 60)], &[(10, 1, 20); 4]] {
        let plan = plan(rates);
        let mut set = Set::default();
        for print in 1..=8 {
            assert_eq!(Set::decode(&set.encode(plan.width)), set);
            take(&mut set, print, NOW, 1, 3, &plan);
        }
        take(&mut set, 9, NOW, 1, 3, &plan);
        assert_ne!(set.floor, [0; 4]);
        let bytes = set.encode(plan.width);
        assert_eq!((Set::decode(&bytes), bytes.len()), (set, Set::size(plan.width)));
    }
    assert_eq!((Set::size(1), Set::size(4)), (236, 452));
    assert_eq!(Set::default().encode(1), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn what_is_not_of_this_layout_is_an_empty_set() {
    let mut set = Set::default();
    take(&mut set, 5, NOW, 1, 1, &plan(&[(1, 1, 5)]));
    let good = set.encode(1);
    for cut in 0..good.len() {
        assert_eq!(Set::decode(&good[..cut]), Set::default(), "{cut}");
    }
    for (at, value) in
        [(0, 0), (0, 2), (1, 0), (1, 2), (1, 5), (1, 255), (2, 0), (2, 2), (2, 9), (2, 255), (3, 1)]
    {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(Set::decode(&bad), Set::default(), "{at}: {value}");
    }
    assert_eq!(Set::decode(&[&good[..], &[0]].concat()), Set::default());
}

#[test]
fn a_changed_number_of_windows_keeps_the_history_of_the_others() {
    let (one, two) = (plan(&[(1, 1, 5)]), plan(&[(1, 1, 5), (60, 60, 60)]));
    let mut set = Set::default();
    take(&mut set, 5, NOW, 5, 5, &one);
    let mut wider = Set::decode(&set.encode(one.width));
    assert!(!take(&mut wider, 5, NOW, 1, 1, &two));
    assert!(take(&mut wider, 5, NOW + SECOND, 1, 1, &two));
    let mut narrower = Set::decode(&wider.encode(one.width));
    assert!(!take(&mut narrower, 5, NOW + SECOND, 1, 1, &one));
}

#[test]
fn the_least_indebted_makes_room_and_a_newcomer_begins_with_its_debt() {
    let plan = plan(&[(1, 1, 10)]);
    let mut set = Set::default();
    for print in 1..=8 {
        take(&mut set, print, NOW, print as u32 + 1, 1, &plan);
    }
    let placed = set.place(9, NOW, &plan);
    assert_eq!((placed.slot.tats[0], placed.crowded), (NOW + 2 * SECOND, true));
    assert!(!set.place(2, NOW, &plan).crowded, "the others are still there");
    // The one that was sent away pays what it owed, and what the next one did.
    assert!(set.ways.iter().all(|way| way.print != 1));
    let placed = set.place(1, NOW, &plan);
    assert!(placed.crowded && placed.slot.tats[0] >= NOW + 2 * SECOND);
}

#[test]
fn who_owes_nothing_makes_room_without_a_trace() {
    let plan = plan(&[(1, 1, 10)]);
    let mut set = Set::default();
    (1..=8).for_each(|print| assert!(take(&mut set, print, NOW, 3, 1, &plan)));
    let later = NOW + 3 * SECOND;
    let placed = set.place(9, later, &plan);
    assert!(!placed.crowded && placed.slot.tats[0] <= later);
    assert!(take(&mut set, 9, later, 10, 1, &plan));
}

#[test]
fn what_a_key_held_when_it_was_sent_away_is_part_of_its_debt() {
    let plan = plan(&[(100, 1, 100)]);
    let mut set = Set::default();
    (1..=8).for_each(|print| assert!(take(&mut set, print, NOW, 1, 100, &plan)));
    // All are full again by the rate, but for what is still in the workers' hands.
    set.ways.iter_mut().for_each(|way| way.slot.tats[0] = NOW);
    let placed = set.place(9, NOW, &plan);
    assert!(placed.crowded && placed.slot.tats[0] > NOW + SECOND, "{}", placed.slot.tats[0] - NOW);
}

#[test]
fn a_clock_set_back_forgets_the_floor_and_a_dearer_rate_does_not() {
    let rate = |burst| vec![Rate { requests: 1, period: Duration::from_secs(1), burst }];
    let plans = Plan::family(&[rate(100), rate(5)]).unwrap();
    let mut set = Set { floor: [NOW + 90 * SECOND; 4], ..Set::default() };
    // As indebted as it can be at its own rate, and no more.
    let tat = set.place(1, NOW, &plans[1]).slot.tats[0];
    assert!((NOW + 5 * SECOND..NOW + 6 * SECOND).contains(&tat), "{}", tat - NOW);
    assert_eq!(set.place(2, NOW, &plans[0]).slot.tats[0], NOW + 90 * SECOND);
    assert_eq!(set.place(3, NOW - 86_400 * SECOND, &plans[0]).slot.tats[0], 0);
    assert_eq!(set.floor, [0; 4]);
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn any_bytes_are_a_set_that_can_be_used(
        mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..500),
        windows in 1_u8..=4, used in 0_u8..=8, whole: bool, print in 1_u64.., now: u64,
    ) {
        if whole {
            bytes.resize(4 + 8 * usize::from(windows) + usize::from(used) * (20 + 8 * usize::from(windows)), 7);
            bytes[..4].copy_from_slice(&[1, windows, used, 0]);
        }
        let plan = plan(&[(10, 1, 20), (60, 60, 60)]);
        let mut set = Set::decode(&bytes);
        let _ = take(&mut set, print, now, 1, 10, &plan);
        proptest::prop_assert_eq!(Set::decode(&set.encode(4)), set);
        proptest::prop_assert!(set.ways.iter().any(|way| way.print == print));
    }
}
