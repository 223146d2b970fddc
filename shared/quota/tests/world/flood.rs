//! More keys than fit.

use std::collections::HashSet;

use policy_core::Host as _;
use policy_core::table::Still;
use quota::{KeyHash, Outcome, Peek, Rate, Request, Table, Worker, prepare, visit};

use crate::world::{SECOND, START, plan, rate};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

struct Flood {
    hot: u64,
    denied: u64,
    crowded: u64,
    entries: usize,
    bytes: usize,
}

/// So many new keys, so many a second, each seen once, beside a hot key at three times its limit.
fn flood(rate: Rate, per_second: u64, count: u64) -> Flood {
    let (host, plan) = (Still::default(), plan(&[rate]));
    let table = Table::new("flood", 512);
    host.now.set(START);
    prepare(&host, &table).unwrap();
    let made: HashSet<String> = host.store.borrow().keys().cloned().collect();
    let seed = KeyHash::new([1; 16]).seed("flood");
    let print = |n: u64| {
        let mut hasher = seed.start();
        hasher.part(1, &n.to_le_bytes());
        hasher.finish()
    };
    let mut worker = Worker::new(512);
    let mut flood = Flood { hot: 0, denied: 0, crowded: 0, entries: 0, bytes: 0 };
    let (mut next, hot_gap) = (START, plan.windows()[0].interval() / 3);
    let mut ask = |n: u64, now: u64| {
        let request = Request { print: print(n), now, cost: 1 };
        match worker.peek(&request, &plan) {
            Peek::Ready => (worker.take(&request, &plan), false),
            Peek::Denied { .. } => (false, false),
            Peek::Ask => {
                let visit = visit(&host, &table, &mut worker, &request, &plan).unwrap();
                (visit.outcome == Outcome::Allowed, visit.crowded)
            }
        }
    };
    for n in 1..=count {
        let now = START + n * SECOND / per_second;
        while next <= now {
            flood.hot += u64::from(ask(0, next).0);
            next += hot_gap;
        }
        let (allowed, crowded) = ask(n, now);
        flood.denied += u64::from(!allowed);
        flood.crowded += u64::from(crowded);
    }
    let store = host.store.borrow();
    flood.entries = store.len();
    assert!(store.keys().all(|name| made.contains(name)), "no entry but those made on start");
    flood.bytes = store.values().map(|entry| entry.value.len()).sum();
    assert!(worker.len() <= 512 && host.now().0 == START);
    flood
}

#[test]
fn a_flood_of_keys_neither_grows_the_table_nor_refills_a_hot_key() {
    let count = if cfg!(debug_assertions) { 30_000 } else { 1_000_000 };
    for (rate, per_second) in [(rate(100, 1, 20), 10_000), (rate(60, 60, 10), 1000), (rate(1, 60, 1), 500)] {
        let out = flood(rate, per_second, count);
        let seconds = count / per_second;
        let most = rate.burst + seconds * rate.requests / rate.period.as_secs() + 1;
        assert!(out.hot <= most, "{rate:?}: the hot key had {} of {most}", out.hot);
        assert_eq!(out.entries, 64 + 1);
        assert!(out.bytes <= 64 * quota::Set::size(1) + 4, "{}", out.bytes);
    }
}

#[test]
fn keys_that_are_no_more_in_debt_make_room_without_a_trace() {
    let out = flood(rate(100, 1, 20), 10_000, 20_000);
    assert!(out.denied == 0 && out.crowded < 20, "{} denied, {} crowded", out.denied, out.crowded);
    assert!(out.hot >= 200 * 9 / 10, "{}", out.hot);
}

#[test]
fn newcomers_pay_for_a_table_that_is_too_small() {
    let out = flood(rate(1, 60, 1), 500, 10_000);
    assert!(out.crowded > 5000 && out.denied > 5000, "{} crowded, {} denied", out.crowded, out.denied);
    assert!(out.denied < 10_000, "{}", out.denied);
}
