#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_800_000_000_000;
const REFRESH: Refresh =
    Refresh { interval: 300_000, min_interval: 10_000, timeout: 2000, max_stale: 86_400_000 };

fn fetched() -> Stamp {
    Stamp::default().begin(NOW, 3000, 0, false).end(NOW, Some([7; 32]))
}

#[test]
fn what_is_written_is_what_was_read() {
    let stamp = fetched().begin(NOW + 1, 3000, u64::MAX, true);
    assert_eq!(Stamp::decode(&stamp.encode()), Some(stamp));
    assert_eq!(Stamp::decode(&Stamp::default().encode()), Some(Stamp::default()));
}

#[test]
fn anything_else_is_not_read() {
    let good = fetched().encode();
    for end in 0..good.len() {
        assert_eq!(Stamp::decode(&good[..end]), None, "cut at {end}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(Stamp::decode(&bad), None, "changed at {at}");
    }
    // Another layout with a right sum, and a longer entry with one.
    for (layout, more) in [(LAYOUT + 1, 0), (LAYOUT, 1), (LAYOUT, 8)] {
        let mut other = good[..good.len() - 8].to_vec();
        other[0] = layout;
        other.extend(std::iter::repeat_n(0, more));
        other.extend_from_slice(&hash::stable(&[&other]).to_le_bytes());
        assert_eq!(Stamp::decode(&other), None, "{layout} {more}");
    }
}

#[test]
fn a_lease_of_any_length_ends_within_a_minute() {
    let stamp = Stamp { begun: 1, begun_at: NOW, lease: u64::MAX, ..Stamp::default() };
    let stamp = Stamp::decode(&stamp.encode()).unwrap();
    assert!(stamp.in_flight(NOW + 60_000) && !stamp.in_flight(NOW + 61_000));
}

#[test]
fn one_fetch_at_a_time_and_another_when_its_vm_died() {
    let stamp = Stamp::default();
    assert!(stamp.is_due(NOW, &REFRESH));
    let flying = stamp.begin(NOW, 3000, 0, false);
    for (now, in_flight) in [(NOW, true), (NOW + 2999, true), (NOW + 3000, false), (NOW - 3000, false)] {
        assert_eq!(flying.in_flight(now), in_flight, "{now}");
        assert_eq!(flying.is_due(now, &REFRESH), !in_flight, "{now}");
        assert_eq!(flying.may_refetch(now, &REFRESH), !in_flight, "{now}");
    }
    // The one that died counts as failed.
    assert_eq!(flying.begin(NOW + 3000, 3000, 0, false).failures, 1);
    assert_eq!(flying.end(NOW, None).begin(NOW, 3000, 0, false).failures, 1);
}

#[test]
fn failures_are_followed_by_longer_and_longer_pauses() {
    let mut stamp = fetched();
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        stamp = stamp.begin(NOW, 3000, 0, false).end(NOW, None);
        let wait = seconds * 1000;
        assert!(!stamp.is_due(NOW + wait - 1, &REFRESH) && stamp.is_due(NOW + wait, &REFRESH), "{seconds}");
    }
    let short = Refresh { interval: 5000, ..REFRESH };
    assert!(stamp.is_due(NOW + 5000, &short), "never longer than the interval");
    assert_eq!(stamp.begin(NOW, 3000, 0, false).end(NOW, Some([1; 32])).failures, 0);
    assert_eq!(backoff(u64::MAX, REFRESH.interval), 60_000);
}

#[test]
fn a_clock_that_was_set_makes_due_at_once_or_late_by_the_step_at_most() {
    let day = 86_400_000;
    let stamp = fetched().begin(NOW, 3000, 0, true).end(NOW, Some([7; 32]));
    for (now, due, may) in [
        (NOW, false, false),
        (NOW + day, true, true),
        (NOW - day, true, true),
        (NOW - 9_999, false, false),
        (NOW - 60_000, false, true),
        (0, true, true),
        (u64::MAX, true, true),
    ] {
        assert_eq!((stamp.is_due(now, &REFRESH), stamp.may_refetch(now, &REFRESH)), (due, may), "{now}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn jitter_is_a_tenth_at_most(wait in 0..u64::MAX / 1000, seed: u64) {
            let early = early(wait, seed);
            prop_assert!(early <= wait && early >= wait - wait / 10 - 1);
        }

        #[test]
        fn jitter_uses_its_margin(seed in 0..1_000_000_u64) {
            let spread: std::collections::BTreeSet<u64> =
                (seed..seed + 1001).map(|seed| early(300_000, seed)).collect();
            prop_assert_eq!(spread.first().copied(), Some(270_000));
            prop_assert_eq!(spread.last().copied(), Some(300_000));
            prop_assert!(spread.len() > 900);
        }

        #[test]
        fn no_bytes_and_no_numbers_break_it(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            numbers: [u64; 5],
            now: u64,
        ) {
            let _ = Stamp::decode(&bytes);
            let [begun, ended, at, failures, seed] = numbers;
            let stamp = Stamp { begun, ended, begun_at: at, ended_at: at, failures, seed, ..fetched() };
            let later = stamp.begin(now, 3000, seed, true);
            prop_assert!(later.in_flight(now) || later.begun == later.ended);
            prop_assert!(!later.end(now, None).in_flight(now));
            let _ = (stamp.is_due(now, &REFRESH), stamp.may_refetch(now, &REFRESH));
        }
    }
}
