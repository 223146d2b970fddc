//! What the fake Envoy knows.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use policy_core::{Signature, Stored};

use crate::Pairs;
use crate::call::Call;
use crate::exports::Vm;

/// A local reply as the filter sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u32,
    /// Response-code details.
    pub details: String,
    /// Headers, in order.
    pub headers: Pairs,
    /// Body.
    pub body: Vec<u8>,
    /// gRPC status.
    pub grpc_status: i32,
}

/// The answer to a request of the filter's own.
pub(crate) struct Reaction {
    pub(crate) headers: Pairs,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Pairs,
}

/// One HTTP stream. The message at hand is the one whose map is `Some`.
#[derive(Default)]
pub(crate) struct Message {
    pub(crate) root: u32,
    pub(crate) request: Option<Pairs>,
    pub(crate) response: Option<Pairs>,
    /// The request as it went on.
    pub(crate) upstream: Option<Pairs>,
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(crate) reply: Option<Reply>,
}

/// One root context.
#[derive(Default)]
pub(crate) struct Root {
    pub(crate) vm: u32,
    /// The filter in that VM.
    pub(crate) filter: Option<Rc<Vm>>,
    /// Milliseconds between ticks; 0 for none.
    pub(crate) period: u32,
    /// There is a newer one: it goes with its last stream.
    pub(crate) retired: bool,
}

/// A host's own check of signatures.
pub(crate) type Verify = Rc<dyn Fn(&Signature<'_>) -> bool>;

/// Everything behind the imports.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) configuration: Vec<u8>,
    pub(crate) streams: BTreeMap<u32, Message>,
    pub(crate) roots: BTreeMap<u32, Root>,
    /// The context whose callback is running, and the one that the filter works on instead.
    pub(crate) current: u32,
    pub(crate) effective: u32,
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    pub(crate) metrics: Vec<(String, i64)>,
    pub(crate) logs: Vec<(u32, String)>,
    pub(crate) log_level: u32,
    pub(crate) time: u64,
    /// How much the clock goes on each time it is asked.
    pub(crate) step: u64,
    pub(crate) random: u8,
    pub(crate) store: BTreeMap<String, Stored>,
    pub(crate) last_version: u32,
    /// What someone else writes right before the next write.
    pub(crate) interference: Option<Vec<u8>>,
    pub(crate) verify: Option<Verify>,
    /// Calls on their way, by token.
    pub(crate) sent: BTreeMap<u32, Call>,
    pub(crate) unknown_clusters: BTreeSet<String>,
    /// The answer at hand while its callback runs.
    pub(crate) answer: Option<Reaction>,
    /// Host functions that fail, by the names they have in `calls`.
    pub(crate) failing: BTreeSet<&'static str>,
    /// Names of the host functions called, in order.
    pub(crate) calls: Vec<&'static str>,
}

impl State {
    /// The context that host functions work on.
    pub(crate) fn context(&self) -> u32 {
        let known = self.streams.contains_key(&self.effective) || self.roots.contains_key(&self.effective);
        if known { self.effective } else { self.current }
    }

    /// The stream that host functions work on.
    pub(crate) fn stream(&mut self) -> Option<&mut Message> {
        let context = self.context();
        self.streams.get_mut(&context)
    }

    /// The root context above the context at hand.
    pub(crate) fn root(&self) -> u32 {
        let context = self.context();
        self.streams.get(&context).map_or(context, |stream| stream.root)
    }

    /// The map of this number when its message is at hand (0 request headers, 2 response headers, 6 and 7 headers
    /// and trailers of a call's answer).
    pub(crate) fn map(&mut self, number: u32) -> Option<&mut Pairs> {
        match number {
            0 => self.stream()?.request.as_mut(),
            2 => self.stream()?.response.as_mut(),
            6 => self.answer.as_mut().map(|answer| &mut answer.headers),
            7 => self.answer.as_mut().map(|answer| &mut answer.trailers),
            _ => None,
        }
    }
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Works on this thread's fake.
pub(crate) fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(work)
}
