#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

use super::*;
use crate::hash::Print;
use crate::memory::Peek;
use crate::plan::Rate;
use policy_core::table::Still;
use policy_core::time::Timestamp;
use policy_core::{Stale, Stored};
use std::cell::Cell;
use std::time::Duration;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Ns = 1_800_000_000_000_000_000;

fn plan(requests: u64, burst: u64) -> Plan {
    Plan::family(&[vec![Rate { requests, period: Duration::from_secs(1), burst }]]).unwrap().remove(0)
}

fn print(key: &str) -> Print {
    let mut hasher = KeyHash::new([3; 16]).seed("limit").start();
    hasher.part(1, key.as_bytes());
    hasher.finish()
}

fn request(now: Ns) -> Request {
    Request { print: print("key"), now, cost: 1 }
}

/// A store in which others write between a read and its write, so many times; it counts what it is asked.
struct Busy {
    inner: Still,
    others: Cell<u32>,
    loads: Cell<u32>,
    stores: Cell<u32>,
}

impl Busy {
    fn with(table: &Table, others: u32) -> Self {
        let inner = Still::default();
        prepare(&inner, table).unwrap();
        Self { inner, others: Cell::new(others), loads: Cell::new(0), stores: Cell::new(0) }
    }

    fn calls(&self) -> (u32, u32) {
        (self.loads.take(), self.stores.take())
    }
}

impl Host for Busy {
    fn now(&self) -> Timestamp {
        panic!("the time is an argument")
    }

    fn fill_random(&self, _: &mut [u8]) {}

    fn load(&self, key: &str) -> Option<Stored> {
        self.loads.set(self.loads.get() + 1);
        self.inner.load(key)
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        self.stores.set(self.stores.get() + 1);
        if self.others.get() > 0 {
            self.others.set(self.others.get() - 1);
            let entry = self.inner.load(key).unwrap();
            self.inner.store(key, &entry.value, None).unwrap();
        }
        self.inner.store(key, value, over)
    }
}

/// Decides as a policy with one limit does: from memory, or else by a visit.
fn admit(
    host: &dyn Host,
    table: &Table,
    worker: &mut Worker,
    request: &Request,
    plan: &Plan,
) -> Result<Visit, Trouble> {
    let outcome = match worker.peek(request, plan) {
        Peek::Ready if worker.take(request, plan) => Outcome::Allowed,
        Peek::Denied { wait } => Outcome::Denied { wait },
        Peek::Ready | Peek::Ask => return visit(host, table, worker, request, plan),
    };
    Ok(Visit { outcome, crowded: false })
}

#[test]
fn a_table_is_made_once_and_grows_with_the_configuration() {
    let host = Still::default();
    for (keys, sets) in [(0, 1), (8, 1), (9, 2), (100, 16), (64, 8), (300, 64)] {
        let table = Table::new("limit", keys);
        assert_eq!((table.sets(), table.keys()), (sets, sets * 8));
        let before = host.store.borrow().clone();
        prepare(&host, &table).unwrap();
        let now = host.store.borrow().clone();
        assert!(before.iter().all(|(name, entry)| name.ends_with("ready") || now.get(name) == Some(entry)));
        assert!((0..sets).all(|set| now.contains_key(&table.name(set))), "{keys}");
    }
    assert_eq!(host.store.borrow().len(), 64 + 1);
    let versions = host.store.borrow().clone();
    prepare(&host, &Table::new("limit", 300)).unwrap();
    assert_eq!(*host.store.borrow(), versions, "nothing is written twice");
    assert_eq!(Table::new("limit", u32::MAX).sets(), 131_072);
    assert_eq!(Table::new("limit", 8).name(0x1_0a2f), Table::new("limit", 9).prefix + "10a2f");
    assert_ne!(Table::new("a", 8).prefix, Table::new("b", 8).prefix);
}

#[test]
fn all_workers_use_the_secret_that_is_in_the_store() {
    let first = Still::default();
    assert!(load_key(&first).is_none());
    let secret = prepare_key(&first).unwrap();
    let mut second = Still::default();
    second.store = first.store.clone();
    second.fill_random(&mut [0; 99]);
    let same = |a: &KeyHash, b: &KeyHash| a.seed("l").start().finish() == b.seed("l").start().finish();
    assert!(same(&prepare_key(&second).unwrap(), &secret) && same(&load_key(&second).unwrap(), &secret));
    // What is no secret is replaced.
    second.store(SECRET, b"short", None).unwrap();
    assert!(load_key(&first).is_none());
    assert!(!same(&prepare_key(&second).unwrap(), &secret));
    struct Nothing;
    impl Host for Nothing {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
        fn fill_random(&self, _: &mut [u8]) {}
    }
    assert_eq!(prepare_key(&Nothing).map(|_| ()), Err(Trouble::Missing));
    assert_eq!(prepare(&Nothing, &Table::new("limit", 8)), Err(Trouble::Missing));
}

#[test]
fn a_visit_is_one_read_and_one_write_and_a_prepaid_request_is_neither() {
    let (table, plan) = (Table::new("limit", 8), plan(1000, 1000));
    let (host, mut worker) = (Busy::with(&table, 0), Worker::new(8));
    assert_eq!(admit(&host, &table, &mut worker, &request(NOW), &plan).unwrap().outcome, Outcome::Allowed);
    assert_eq!(host.calls(), (1, 1));
    for _ in 0..400 {
        let _ = worker.peek(&request(NOW), &plan);
    }
    admit(&host, &table, &mut worker, &request(NOW), &plan).unwrap();
    host.calls();
    for _ in 0..50 {
        assert_eq!(
            admit(&host, &table, &mut worker, &request(NOW), &plan).unwrap().outcome,
            Outcome::Allowed
        );
    }
    assert_eq!(host.calls(), (0, 0));
}

#[test]
fn a_denied_request_is_not_written_and_denied_from_memory_then() {
    let (table, plan) = (Table::new("limit", 8), plan(1, 1));
    let host = Busy::with(&table, 0);
    let mut workers = [Worker::new(8), Worker::new(8)];
    let mut ask = |at: usize| admit(&host, &table, &mut workers[at], &request(NOW), &plan).unwrap().outcome;
    assert_eq!((ask(0), host.calls()), (Outcome::Allowed, (1, 1)));
    let denied = Outcome::Denied { wait: 1_000_000_000 };
    assert_eq!((ask(1), host.calls()), (denied, (1, 0)));
    assert_eq!((ask(1), ask(0), host.calls()), (denied, denied, (0, 0)));
}

#[test]
fn a_write_that_comes_too_late_is_tried_five_times_and_then_trouble() {
    let (table, plan) = (Table::new("limit", 8), plan(1, 1));
    for (others, expected) in
        [(1, Ok(Outcome::Allowed)), (4, Ok(Outcome::Allowed)), (5, Err(Trouble::Contended))]
    {
        let (host, mut worker) = (Busy::with(&table, others), Worker::new(8));
        let visit = admit(&host, &table, &mut worker, &request(NOW), &plan);
        assert_eq!(visit.map(|visit| visit.outcome), expected, "{others}");
        // What was not written was not taken.
        let again = admit(&host, &table, &mut worker, &request(NOW), &plan).unwrap().outcome;
        assert_eq!(again == Outcome::Allowed, expected.is_err(), "{others}");
    }
}

#[test]
fn a_set_that_is_missing_is_trouble_and_garbage_is_an_empty_one() {
    let (table, plan) = (Table::new("limit", 8), plan(1, 1));
    let host = Still::default();
    let ask =
        |worker: &mut Worker| admit(&host, &table, worker, &request(NOW), &plan).map(|visit| visit.outcome);
    assert_eq!(ask(&mut Worker::new(8)), Err(Trouble::Missing));
    assert!(host.store.borrow().is_empty(), "it is not made now: another worker may be at it");
    for garbage in [&b""[..], b"garbage", &[1; 300]] {
        host.store(&table.name(0), garbage, None).unwrap();
        let mut worker = Worker::new(8);
        assert_eq!(ask(&mut worker), Ok(Outcome::Allowed));
        assert!(matches!(ask(&mut worker), Ok(Outcome::Denied { .. })));
    }
}
