//! Exchanges, in one go or in steps.

use std::collections::BTreeMap;

use crate::exports;
use crate::proxy::{Proxy, bury, new_id};
use crate::state::{Message, Reply, with};
use crate::{Pairs, pairs};

/// By full keys, as the filters of a stream share it.
pub(crate) type FilterState = BTreeMap<String, Vec<u8>>;

/// One exchange to be made.
pub struct Request<'p> {
    proxy: &'p mut Proxy,
    headers: Pairs,
    response: Pairs,
    filter_state: FilterState,
    seen: bool,
}

/// What came of an exchange.
#[derive(Debug, Default)]
pub struct Answer {
    /// The request as the upstream would see it; `None` when it was refused.
    pub upstream: Option<Pairs>,
    /// The response as the client would see it.
    pub client: Pairs,
    /// The request as access logs show it, also where it was refused.
    pub logged: Pairs,
    /// The filter's own reply.
    pub reply: Option<Reply>,
    /// Filter state after the exchange.
    pub filter_state: Vec<(String, String)>,
    /// Host functions called in the request phase.
    pub request_calls: Vec<&'static str>,
    /// Host functions called in the response phase.
    pub response_calls: Vec<&'static str>,
}

/// An exchange after its request phase. Its stream is there until it is finished, or until the client leaves.
#[derive(Debug)]
#[must_use]
pub struct Paused {
    id: u32,
    response: Pairs,
    request_calls: Vec<&'static str>,
}

impl<'p> Request<'p> {
    pub(crate) fn new(proxy: &'p mut Proxy, headers: Pairs) -> Self {
        let response = pairs(&[(":status", "200")]);
        Self { proxy, headers, response, filter_state: FilterState::new(), seen: true }
    }

    /// What earlier filters have published.
    pub(crate) fn published(mut self, filter_state: FilterState) -> Self {
        self.filter_state = filter_state;
        self
    }

    /// The upstream's answer, besides `:status: 200` when it has no status.
    #[must_use]
    pub fn answered(self, headers: &[(&str, &str)]) -> Self {
        self.answered_bytes(pairs(headers))
    }

    /// The upstream's answer in any bytes.
    #[must_use]
    pub fn answered_bytes(mut self, headers: Pairs) -> Self {
        self.response.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        self.response.extend(headers);
        self
    }

    /// An earlier filter refuses this request: ours sees the response only.
    #[must_use]
    pub fn unseen(mut self) -> Self {
        self.seen = false;
        self
    }

    /// Makes the exchange.
    ///
    /// # Panics
    /// When the request waits: see [`Request::begin`].
    #[must_use]
    pub fn send(self) -> Answer {
        self.begin().finish()
    }

    /// Makes the request phase only: the request may wait afterwards.
    pub fn begin(self) -> Paused {
        let id = new_id();
        let root = self.proxy.root();
        with(|state| {
            state.calls.clear();
            let filter_state = self.filter_state;
            state.streams.insert(id, Message { root, filter_state, ..Message::default() });
        });
        exports::create_context(id, root);
        let mut request_calls = Vec::new();
        if self.seen {
            on(id, |stream| stream.request = Some(self.headers));
            let passed = exports::request_headers(id);
            if passed {
                on(id, |stream| stream.upstream = stream.request.take());
            }
            request_calls = with(|state| std::mem::take(&mut state.calls));
        }
        Paused { id, response: self.response, request_calls }
    }
}

impl Paused {
    /// True while the request neither went on nor was answered.
    #[must_use]
    pub fn waits(&self) -> bool {
        on(self.id, |stream| stream.request.is_some() && stream.reply.is_none())
    }

    /// The client leaves: there is no response.
    pub fn leave(self) {
        delete(self.id);
    }

    /// Envoy answers while the request may still wait: its own time is up.
    #[must_use]
    pub fn time_out(mut self) -> Answer {
        self.response = pairs(&[(":status", "408")]);
        self.respond()
    }

    /// Envoy answers, and the stream is not over yet.
    pub fn reply(self) -> Self {
        let response = pairs(&[(":status", "408")]);
        on(self.id, |stream| (stream.request, stream.response) = (None, Some(response)));
        exports::response_headers(self.id);
        self
    }

    /// The request as it went on, if it did, and what is published by now.
    pub(crate) fn passed(&self) -> (Option<Pairs>, FilterState) {
        on(self.id, |stream| (stream.upstream.clone(), stream.filter_state.clone()))
    }

    /// The response phase with what comes from behind.
    pub(crate) fn finish_with(mut self, response: Pairs, filter_state: FilterState) -> Answer {
        self.response = response;
        on(self.id, |stream| stream.filter_state = filter_state);
        self.finish()
    }

    /// Makes the response phase.
    ///
    /// # Panics
    /// When the request still waits.
    #[must_use]
    pub fn finish(self) -> Answer {
        assert!(!self.waits(), "the request waits: tick or answer first, or end it with leave or time_out");
        self.respond()
    }

    fn respond(self) -> Answer {
        let Self { id, response, request_calls } = self;
        let mut answer = Answer { request_calls, ..Answer::default() };
        let response = on(id, |stream| stream.reply.clone()).map_or(response, |reply| {
            let status = (b":status".to_vec(), reply.status.to_string().into_bytes());
            std::iter::once(status).chain(reply.headers).collect()
        });
        answer.logged =
            on(id, |stream| stream.request.take().or(stream.upstream.clone())).unwrap_or_default();
        on(id, |stream| stream.response = Some(response));
        with(|state| state.calls.clear());
        exports::response_headers(id);
        answer.response_calls = with(|state| std::mem::take(&mut state.calls));
        let message = delete(id);
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        answer.filter_state =
            message.filter_state.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        answer.upstream = message.upstream;
        answer.client = message.response.unwrap_or_default();
        answer.reply = message.reply;
        answer
    }
}

impl Answer {
    /// All values of a header of the request as the upstream would see it.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Vec<String> {
        values(self.upstream.as_deref().unwrap_or_default(), name)
    }

    /// All values of a header of the response as the client would see it.
    #[must_use]
    pub fn client(&self, name: &str) -> Vec<String> {
        values(&self.client, name)
    }
}

/// Works on a stream; one that is gone is empty.
fn on<T>(id: u32, work: impl FnOnce(&mut Message) -> T) -> T {
    with(|state| work(state.streams.get_mut(&id).unwrap_or(&mut Message::default())))
}

/// Ends a stream, and with its last stream an old root.
fn delete(id: u32) -> Message {
    exports::delete(id);
    let message = with(|state| state.streams.remove(&id)).unwrap_or_default();
    bury(message.root);
    message
}

fn values(pairs: &[(Vec<u8>, Vec<u8>)], name: &str) -> Vec<String> {
    let wanted = pairs.iter().filter(|(known, _)| known == name.as_bytes());
    wanted.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}
