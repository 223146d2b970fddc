//! What policies of a chain do outside requests: each gets its own ticks and its own answers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use policy_core::table::{Still, Table};
use policy_core::{
    CalloutReply, Chain, Counter, Counters, Exchange, Flow, Gauge, Host, Lost, Outside, Part, Policy,
};

use crate::scripted::callout;

/// Wants a tick after each such time, sends an errand at each, and writes down what it is called for.
struct Worker {
    name: &'static str,
    every: Duration,
    waits: bool,
    seen: Rc<RefCell<Vec<String>>>,
    counters: Counters,
    ticked: Counter,
    gauge: Gauge,
}

impl Worker {
    fn part(name: &'static str, seconds: u64, waits: bool, seen: &Rc<RefCell<Vec<String>>>) -> Part<Self> {
        let mut counters = Counters::new(name);
        let _ = counters.named("tollgate_other", name, "other");
        let ticked = counters.named("tollgate_ticks", name, "ticked");
        let gauge = counters.gauge("tollgate_gauge", name);
        let (every, seen) = (Duration::from_secs(seconds), Rc::clone(seen));
        Part::new(name, Some(Self { name, every, waits, seen, counters, ticked, gauge }))
    }

    fn note(&self, what: &str) {
        self.seen.borrow_mut().push(format!("{} {what}", self.name));
    }
}

impl Policy for Worker {
    type Stream = ();

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn on_request_headers(&self, _: &mut (), _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        if self.waits { Flow::Wait } else { Flow::Continue }
    }

    fn on_wake(&self, _: &mut (), _: &mut Exchange<'_>, _: &dyn Host) -> Flow {
        Flow::Continue
    }

    fn on_start(&self, out: &mut Outside<'_>) {
        out.tick_in(self.every);
        out.host.store("here", self.name.as_bytes(), None).unwrap();
    }

    fn on_tick(&self, out: &mut Outside<'_>) {
        self.note("ticks");
        out.count(self.ticked);
        out.set(self.gauge, 7);
        out.note(format!("{} says", self.name));
        for errand in [7, u32::MAX] {
            out.send(errand, callout(self.name));
        }
    }

    fn on_errand(&self, errand: u32, reply: CalloutReply, _: &mut Outside<'_>) {
        assert!(matches!(reply, Err(Lost::Broken)));
        self.note(&format!("got {errand}"));
    }
}

type Three = Chain<Chain<Part<Worker>, Part<Worker>>, Part<Worker>>;

fn three(waits: bool) -> (Three, Rc<RefCell<Vec<String>>>) {
    let seen = Rc::default();
    let first = Chain::new(Worker::part("a", 2, false, &seen), Worker::part("b", 60, waits, &seen));
    (Chain::new(first, Worker::part("c", 3, false, &seen)), seen)
}

/// Turns the clock to this second; the timer fires.
fn tick<'h>(chain: &Three, host: &'h Still, second: u64) -> Outside<'h> {
    host.now.set(second.saturating_mul(1_000_000_000));
    let mut out = Outside::new(host);
    chain.on_tick(&mut out);
    out
}

#[test]
fn each_part_is_called_at_its_own_times() {
    let (chain, seen) = three(false);
    let host = Still::default();
    let mut out = Outside::new(&host);
    chain.on_start(&mut out);
    assert_eq!(out.next_tick(), Some(Duration::from_secs(2)));
    let store: Vec<String> = host.store.borrow().keys().cloned().collect();
    assert_eq!(store, ["a.here", "b.here", "c.here"]);
    let mut times = Vec::new();
    let mut now = 2;
    while now <= 12 {
        let next = tick(&chain, &host, now).next_tick().unwrap();
        times.push((now, seen.take().join(", ")));
        now += next.as_secs();
    }
    let times: Vec<(u64, &str)> = times.iter().map(|(now, seen)| (*now, seen.as_str())).collect();
    let both = "a ticks, c ticks";
    assert_eq!(
        times,
        [
            (2, "a ticks"),
            (3, "c ticks"),
            (4, "a ticks"),
            (6, both),
            (8, "a ticks"),
            (9, "c ticks"),
            (10, "a ticks"),
            (12, both)
        ]
    );
}

#[test]
fn a_tick_for_a_request_that_waits_is_for_the_part_it_waits_at() {
    let (chain, seen) = three(true);
    let host = Still::default();
    chain.on_start(&mut Outside::new(&host));
    let table = Table::of(&[]);
    let mut stream = Default::default();
    assert!(matches!(chain.on_request_headers(&mut stream, &mut Exchange::new(&table), &host), Flow::Wait));
    tick(&chain, &host, 1);
    assert_eq!(seen.take(), ["b ticks"]);
    tick(&chain, &host, 1);
    assert!(seen.take().is_empty(), "nobody waits any more");
    assert!(matches!(chain.on_wake(&mut stream, &mut Exchange::new(&table), &host), Flow::Continue));
    tick(&chain, &host, 2);
    assert_eq!(seen.take(), ["a ticks"]);
}

#[test]
fn an_answer_comes_to_whom_it_belongs_and_once() {
    let (chain, seen) = three(false);
    let host = Still::default();
    chain.on_start(&mut Outside::new(&host));
    let mut out = tick(&chain, &host, 6);
    assert_eq!(out.notes(), ["a says", "c says"]);
    let name =
        |counter: &Counter| chain.counters().names()[counter.index()].split("component.").nth(1).unwrap();
    assert_eq!(out.counts().iter().map(name).collect::<Vec<_>>(), ["a.tollgate_ticks", "c.tollgate_ticks"]);
    let gauge = |(gauge, value): &(Gauge, u64)| (chain.counters().gauges()[gauge.index()].as_str(), *value);
    assert_eq!(
        out.gauges().iter().map(gauge).collect::<Vec<_>>(),
        [("wasm_filter.a.component.a.tollgate_gauge", 7), ("wasm_filter.c.component.c.tollgate_gauge", 7)]
    );
    let errands = out.take_errands();
    let to: Vec<&str> = errands.iter().map(|(_, callout)| callout.cluster.as_str()).collect();
    assert_eq!(to, ["a", "a", "c", "c"]);
    seen.take();
    for _ in 0..2 {
        for (errand, _) in errands.iter().rev() {
            chain.on_errand(*errand, Err(Lost::Broken), &mut Outside::new(&host));
        }
    }
    let max = u32::MAX;
    assert_eq!(
        seen.take(),
        [format!("c got {max}"), "c got 7".to_owned(), format!("a got {max}"), "a got 7".to_owned()]
    );
}
