//! Any bytes as limits, and what they make of any request, any answer of the service and anything in the store: nothing
//! panics, and a refusal is one.
#![no_main]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use policy_core::callout::Answer;
use policy_core::host::{Stale, Stored};
use policy_core::table::Table;
use policy_core::time::Timestamp;
use policy_core::{Attribute, Exchange, Flow, Host, Outside, Plugin, Policy, Snapshot};
use ratelimit_policy::RateLimitPlugin;

type Limits = <RateLimitPlugin as Plugin>::Policy;
type Stream = <Limits as Policy>::Stream;

/// A store in which all that may be there holds the same bytes, until something is written.
struct Shelf<'d> {
    now: Cell<u64>,
    bytes: &'d [u8],
    written: RefCell<HashMap<String, Stored>>,
}

impl Host for Shelf<'_> {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }

    fn load(&self, key: &str) -> Option<Stored> {
        // Tables that are made set by set would be all that is tried.
        let value = if key.ends_with("ready") { &[255; 4] } else { self.bytes };
        let found = self.written.borrow().get(key).cloned();
        found.or_else(|| Some(Stored { value: value.to_vec(), version: 1 }))
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        let version = self.load(key).map_or(1, |entry| entry.version);
        if over.is_some_and(|over| over != version) {
            return Err(Stale);
        }
        let entry = Stored { value: value.to_vec(), version: version + 1 };
        self.written.borrow_mut().insert(key.to_owned(), entry);
        Ok(())
    }
}

// The configuration, the request's headers as lines `name: value` (`identity` is the filter state), the service's message
// and what is in the store, each ended by a zero byte but the last.
fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (config, headers, answer, bytes) = (part(), part(), part(), part());
    let Ok(policy) = RateLimitPlugin::from_json(config, &|_| None) else { return };
    let table = table(headers);
    let host = Shelf { now: Cell::new(1_795_000_000_000_000_000), bytes, written: RefCell::default() };
    policy.on_start(&mut Outside::new(&host));
    // The clock stands still, goes on, and is set back.
    for step in [0, 1, 150_000_000, 10_000_000_000, -86_400_000_000_000] {
        host.now.set(host.now.get().saturating_add_signed(step));
        policy.on_tick(&mut Outside::new(&host));
        request(&policy, &table, &host, answer);
    }
});

fn request(policy: &Limits, table: &Table, host: &Shelf<'_>, message: &[u8]) {
    let mut stream = Stream::default();
    let mut flow = policy.on_request_headers(&mut stream, &mut Exchange::new(table), host);
    if let Flow::Ask(callout) = flow {
        assert!(!callout.cluster.is_empty() && callout.body.len() >= 5);
        let trailers = Snapshot::from_pairs(&[("grpc-status", "0")]);
        // Its frame is made here, as parts end at a zero byte.
        let length = u32::try_from(message.len()).unwrap_or_default().to_be_bytes();
        let body = [&[0], &length[..], message].concat();
        let answer = Answer { status: 200, body, trailers, ..Answer::default() };
        flow = policy.on_answer(&mut stream, &mut Exchange::new(table), host, Ok(answer));
    }
    match flow {
        Flow::Continue => {
            let response = Table::of(&[(":status", "200")]);
            let flow = policy.on_response_headers(&mut stream, &mut Exchange::new(&response), host);
            assert!(matches!(flow, Flow::Continue));
        }
        Flow::Reply(reply) => assert!((400..600).contains(&reply.status), "{}", reply.status),
        Flow::Wait | Flow::Ask(_) => panic!("there is nothing more to ask or to wait for"),
    }
    policy.on_end(&mut stream, &mut Outside::new(host));
}

fn table(lines: &[u8]) -> Table {
    let line = |line: &[u8]| {
        // The colon of a pseudo-header is part of its name.
        let at = line.iter().skip(1).position(|byte| *byte == b':')? + 1;
        let (name, value) = line.split_at(at);
        Some((name.to_ascii_lowercase(), value[1..].trim_ascii().to_vec()))
    };
    let headers = lines.split(|byte| *byte == b'\n').filter_map(line).take(100);
    let (identity, headers) = headers.partition(|(name, _)| name == b"identity");
    let mut table = Table { headers, ..Table::default() }.with(Attribute::SourceAddress, "10.0.0.1:80");
    let state = |(_, value): (Vec<u8>, Vec<u8>)| ("wasm.tollgate.identity".to_owned(), value);
    table.filter_state.extend(Vec::into_iter(identity).map(state));
    table
}
