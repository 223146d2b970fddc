//! How often a request calls the host.

use std::cell::Cell;

use policy_core::table::Table;
use policy_core::{Attribute, Exchange, Flow, Outside, Policy, Snapshot, Source};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Calls, SECOND, Worker, request};

/// Counts what is read of a request.
struct Counted {
    table: Table,
    attributes: Cell<usize>,
    states: Cell<usize>,
}

impl Source for Counted {
    fn headers(&self) -> Snapshot {
        self.table.headers()
    }

    fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>> {
        self.attributes.set(self.attributes.get() + 1);
        self.table.attribute(attribute)
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.states.set(self.states.get() + 1);
        self.table.filter_state(key)
    }
}

/// Reads of headers, attributes and filter state, and what was counted, by one request that passes.
fn reads(worker: &Worker) -> (usize, usize, usize, usize) {
    let table = request("10.0.0.1", &[("x-user", "ann")]);
    let source = Counted { table, attributes: Cell::new(0), states: Cell::new(0) };
    let (mut exchange, mut stream) = (Exchange::new(&source), Default::default());
    let flow = worker.policy.on_request_headers(&mut stream, &mut exchange, &worker.shared);
    assert!(matches!(flow, Flow::Continue));
    let counts = exchange.counts().len();
    worker.policy.on_end(&mut stream, &mut Outside::new(&worker.shared));
    (source.table.reads.get(), source.attributes.get(), source.states.get(), counts)
}

/// Host calls between now and then.
fn calls(worker: &Worker, work: impl FnOnce()) -> Calls {
    worker.shared.lock().calls = Calls::default();
    work();
    worker.shared.lock().calls
}

fn limit(key: &str) -> String {
    format!(r#"{{"name":"l","key":[{key}],"rate":{{"requests":100000,"unit":"second"}}}}"#)
}

#[test]
fn a_request_reads_what_its_key_needs_and_no_more() {
    for (key, expected) in [
        ("", (0, 0, 0, 1)),
        (r#"{"clientIp":{}}"#, (0, 1, 0, 1)),
        (r#"{"header":"x-user"}"#, (1, 0, 0, 1)),
        (r#"{"header":"x-user"},{"clientIp":{}},"path","method""#, (1, 1, 0, 1)),
    ] {
        let worker = Worker::of(&limit(key), "");
        assert_eq!(reads(&worker), expected, "{key}");
    }
    let matched = limit("").replace("\"key\"", r#""match":{"paths":[{"prefix":"/api"}]},"key""#);
    assert_eq!(reads(&Worker::of(&matched, "")), (1, 0, 0, 1));
    let two =
        format!("{},{}", limit(r#"{"clientIp":{}}"#), limit(r#"{"clientIp":{}}"#).replace("\"l\"", "\"m\""));
    assert_eq!(reads(&Worker::of(&two, "")), (0, 1, 0, 2), "each thing once, however many limits ask");
    let tenant = limit(r#"{"identity":"claims.tenant"}"#);
    let nobody = reads(&Worker::of(&tenant, ""));
    assert_eq!(nobody, (0, 0, 1, 1));
}

#[test]
fn the_leased_path_reads_the_clock_and_calls_no_store() {
    let worker = Worker::of(&limit(r#"{"clientIp":{}}"#), "");
    let warm = |count: u64| {
        for _ in 0..count {
            worker.shared.pass(SECOND / 3000);
            assert_eq!(worker.get(&[]).verdict(), "ok");
        }
    };
    warm(3000);
    let seen = calls(&worker, || warm(1000));
    assert_eq!((seen.clock, seen.random), (1000, 0), "one look at the clock each");
    let leased = (0..100).filter(|_| {
        worker.shared.pass(SECOND / 3000);
        let seen = calls(&worker, || assert_eq!(worker.get(&[]).verdict(), "ok"));
        seen == Calls { clock: 1, ..Calls::default() }
    });
    assert!(leased.count() >= 90);
}

#[test]
fn nine_of_ten_requests_under_load_make_no_store_call() {
    for (requests, burst, share) in [(1000, 200, 10), (1000, 1000, 10), (10_000, 2000, 10), (200, 200, 10)] {
        let limit = format!(
            r#"{{"name":"l","key":[{{"clientIp":{{}}}}],"rate":{{"requests":{requests},"unit":"second","burst":{burst}}}}}"#
        );
        let worker = Worker::of(&limit, "");
        let offered = requests * 3;
        let (mut visits, count) = (0, (offered * 2).min(12_000));
        for n in 0..count {
            worker.shared.pass(SECOND / offered);
            let seen = calls(&worker, || drop(worker.get(&[])));
            if n >= count / 3 {
                visits += u64::from(seen.load + seen.store > 0);
            }
        }
        let counted = count - count / 3;
        assert!(visits * share <= counted, "{requests}/s, burst {burst}: {visits} of {counted}");
    }
}

#[test]
fn a_denial_from_memory_costs_the_clock_alone() {
    let worker = Worker::of(r#"{"name":"l","rate":{"requests":1,"unit":"hour"}}"#, "");
    assert_eq!(worker.passing(2, &[]), 1);
    let seen = calls(&worker, || assert_eq!(worker.passing(100, &[]), 0));
    assert_eq!(seen, Calls { clock: 100, ..Calls::default() });
}

#[test]
fn what_concerns_nobody_costs_nothing() {
    let worker =
        Worker::of(&limit("").replace("\"key\"", r#""match":{"paths":[{"prefix":"/x"}]},"key""#), "");
    assert_eq!(calls(&worker, || drop(worker.get(&[]))), Calls::default());
}
