//! The fake Envoy that a test drives.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use filter_runtime::Sizes;
use policy_core::{Plugin, Signature};

use crate::call::Call;
use crate::exports::{self, Vm};
use crate::request::Request;
use crate::state::{Reaction, Root, State, with};
use crate::{Pairs, pairs};

/// A fake Envoy with one filter in it: more exactly, one of its VMs.
pub struct Proxy {
    vm: u32,
    filter: Rc<Vm>,
    root: u32,
}

/// A configuration that the filter refused: its log.
#[derive(Debug)]
pub struct Refused(pub String);

impl Proxy {
    /// Starts the filter with this configuration.
    ///
    /// # Errors
    /// What the filter logged when it refused.
    pub fn start<P: Plugin + 'static>(configuration: &str) -> Result<Self, Refused> {
        with(|state| *state = State { log_level: 2, time: 1_700_000_000_000_000_000, ..State::default() });
        let mut proxy = Self::of(Vm::new::<P>());
        proxy.configure(configuration)?;
        Ok(proxy)
    }

    /// One more VM of the same proxy with the same filter: it has the clock, the store, the metrics and the log in
    /// common with this one.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn another_vm(&self, configuration: &str) -> Result<Self, Refused> {
        let mut proxy = Self::of(self.filter.another());
        proxy.configure(configuration)?;
        Ok(proxy)
    }

    /// Another filter in the same proxy, in a VM of its own.
    ///
    /// # Errors
    /// As [`Proxy::start`].
    pub fn beside<P: Plugin + 'static>(&self, configuration: &str) -> Result<Self, Refused> {
        let mut proxy = Self::of(Vm::new::<P>());
        proxy.configure(configuration)?;
        Ok(proxy)
    }

    fn of(filter: Rc<Vm>) -> Self {
        Self { vm: new_id(), filter, root: 0 }
    }

    /// A filter that was given no configuration: Envoy does not do that, and a filter must not rely on it.
    #[must_use]
    pub fn unconfigured<P: Plugin + 'static>() -> Self {
        with(|state| *state = State::default());
        let proxy = Self { root: new_id(), ..Self::of(Vm::new::<P>()) };
        proxy.make_root(proxy.root);
        proxy
    }

    /// Swaps the configuration, as Envoy does: in a new root context. The old one stays until its last stream is gone.
    ///
    /// # Errors
    /// What the filter logged when it refused; the old configuration stays.
    pub fn configure(&mut self, configuration: &str) -> Result<(), Refused> {
        with(|state| state.configuration = configuration.as_bytes().to_vec());
        let root = new_id();
        self.make_root(root);
        let accepted = exports::configure(root);
        let retired = if accepted { std::mem::replace(&mut self.root, root) } else { root };
        with(|state| {
            if let Some(root) = state.roots.get_mut(&retired) {
                root.retired = true;
            }
        });
        bury(retired);
        if accepted { Ok(()) } else { Err(Refused(self.logs().join("\n"))) }
    }

    /// Sets an attribute by its dotted path, such as `source.address`.
    pub fn set_attribute(&mut self, path: &str, value: impl AsRef<[u8]>) {
        with(|state| state.properties.insert(path.to_owned(), value.as_ref().to_vec()));
    }

    /// A request with these headers.
    pub fn request(&mut self, headers: &[(&str, &str)]) -> Request<'_> {
        self.request_bytes(pairs(headers))
    }

    /// A request with headers of any bytes.
    pub fn request_bytes(&mut self, headers: Pairs) -> Request<'_> {
        Request::new(self, headers)
    }

    /// Makes a host function fail from now on, by the name it has in [`Answer::request_calls`](crate::Answer).
    pub fn fail(&mut self, function: &'static str) {
        with(|state| state.failing.insert(function));
    }

    /// Makes all host functions work again.
    pub fn heal(&mut self) {
        with(|state| state.failing.clear());
    }

    /// Gives the host a check of signatures; without one it has none.
    pub fn verify_with(&mut self, check: impl Fn(&Signature<'_>) -> bool + 'static) {
        with(|state| state.verify = Some(Rc::new(check)));
    }

    /// Turns the clock on. Timers do not fire by themselves: see [`Proxy::tick`].
    pub fn advance(&mut self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        with(|state| state.time = state.time.saturating_add(by));
    }

    /// Sets the clock, in nanoseconds since the Unix epoch.
    pub fn set_time(&mut self, nanoseconds: u64) {
        with(|state| state.time = nanoseconds);
    }

    /// Makes the clock go on by this much each time the filter looks at it.
    pub fn slow_clock(&mut self, step: Duration) {
        with(|state| state.step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The keys of the store, as the host has them.
    #[must_use]
    pub fn stored(&self) -> Vec<String> {
        with(|state| state.store.keys().cloned().collect())
    }

    /// Someone else writes this value right before the filter's next write to the store.
    pub fn interfere(&mut self, value: &[u8]) {
        with(|state| state.interference = Some(value.to_vec()));
    }

    /// Fires the timers of this VM that are set: of the current configuration, and of old ones that still have streams.
    pub fn tick(&mut self) {
        for root in self.roots(|root| root.period > 0) {
            exports::tick(root);
        }
    }

    /// What the current configuration's timer is set to.
    #[must_use]
    pub fn tick_period(&self) -> Option<Duration> {
        let period = with(|state| state.roots.get(&self.root).map(|root| root.period));
        period.filter(|period| *period > 0).map(|period| Duration::from_millis(period.into()))
    }

    /// How many root contexts this VM has: old configurations included while they have streams.
    #[must_use]
    pub fn generations(&self) -> usize {
        self.roots(|_| true).len()
    }

    /// The requests that the filter has on their way, in the order they were sent.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let own = self.roots(|_| true);
        with(|state| state.sent.values().filter(|call| own.contains(&call.root)).cloned().collect())
    }

    /// Answers a request of the filter's own.
    pub fn answer(&mut self, token: u32, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let mut pairs = pairs(headers);
        pairs.insert(0, (b":status".to_vec(), status.to_string().into_bytes()));
        deliver(token, pairs, body, Vec::new());
    }

    /// Answers a gRPC request of the filter's own: the status is in the trailers.
    pub fn answer_grpc(&mut self, token: u32, body: &[u8], trailers: &[(&str, &str)]) {
        let headers = pairs(&[(":status", "200"), ("content-type", "application/grpc")]);
        deliver(token, headers, body, pairs(trailers));
    }

    /// The connection of a request of the filter's own breaks.
    pub fn lose(&mut self, token: u32) {
        deliver(token, Vec::new(), &[], Vec::new());
    }

    /// The proxy knows no such cluster.
    pub fn forget_cluster(&mut self, cluster: &str) {
        with(|state| state.unknown_clusters.insert(cluster.to_owned()));
    }

    /// The names of the host functions called since the last request began or since this was asked.
    pub fn take_calls(&mut self) -> Vec<&'static str> {
        with(|state| std::mem::take(&mut state.calls))
    }

    /// What the filter logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        with(|state| state.logs.iter().map(|(_, line)| line.clone()).collect())
    }

    /// All counters and gauges that are not zero.
    #[must_use]
    pub fn counters(&self) -> Vec<(String, i64)> {
        with(|state| state.metrics.iter().filter(|(_, value)| *value != 0).cloned().collect())
    }

    pub(crate) fn root(&self) -> u32 {
        self.root
    }

    fn make_root(&self, id: u32) {
        with(|state| {
            state
                .roots
                .insert(id, Root { vm: self.vm, filter: Some(Rc::clone(&self.filter)), ..Root::default() })
        });
        exports::create_context(id, 0);
    }

    fn roots(&self, wanted: impl Fn(&Root) -> bool) -> Vec<u32> {
        let own = |(_, root): &(&u32, &Root)| root.vm == self.vm && wanted(root);
        with(|state| state.roots.iter().filter(own).map(|(id, _)| *id).collect())
    }
}

fn deliver(token: u32, headers: Pairs, body: &[u8], trailers: Pairs) {
    let Some(call) = with(|state| state.sent.remove(&token)) else {
        panic!("no such request is on its way");
    };
    let sizes = Sizes { headers: headers.len(), body: body.len(), trailers: trailers.len() };
    with(|state| state.answer = Some(Reaction { headers, body: body.to_vec(), trailers }));
    exports::http_call_response(call.root, token, sizes);
    with(|state| state.answer = None);
}

/// Ends a root that is retired and has no stream. Its calls are cancelled: nobody hears of them.
pub(crate) fn bury(root: u32) {
    let over = with(|state| {
        let retired = state.roots.get(&root).is_some_and(|root| root.retired);
        retired && !state.streams.values().any(|stream| stream.root == root)
    });
    if over {
        exports::delete(root);
        with(|state| {
            state.roots.remove(&root);
            state.sent.retain(|_, call| call.root != root);
        });
    }
}

/// An id that this thread has not given before, of a context, a VM or a call.
pub(crate) fn new_id() -> u32 {
    thread_local! {
        static LAST: Cell<u32> = const { Cell::new(0) };
    }
    LAST.set(LAST.get().saturating_add(1));
    LAST.get()
}
