//! What the fake Envoy knows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::Pairs;

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

/// Everything behind the imports. The message at hand is the one whose map is `Some`.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) configuration: Vec<u8>,
    pub(crate) request: Option<Pairs>,
    pub(crate) response: Option<Pairs>,
    pub(crate) properties: BTreeMap<String, Vec<u8>>,
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(crate) reply: Option<Reply>,
    pub(crate) metrics: Vec<(String, i64)>,
    pub(crate) logs: Vec<(u32, String)>,
    pub(crate) log_level: u32,
    pub(crate) time: u64,
    pub(crate) random: u8,
    /// A host function that fails, by the name it has in `calls`.
    pub(crate) failing: Option<&'static str>,
    /// Names of the host functions called, in order.
    pub(crate) calls: Vec<&'static str>,
}

impl State {
    /// The map of this number when its message is at hand (0 request headers, 2 response headers).
    pub(crate) fn map(&mut self, number: u32) -> Option<&mut Pairs> {
        match number {
            0 => self.request.as_mut(),
            2 => self.response.as_mut(),
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
