//! The fake Envoy that a test drives.

use std::cell::Cell;

use policy_core::Plugin;

use crate::exports;
use crate::state::{Reply, State, with};
use crate::{Pairs, pairs};

/// A fake Envoy with one filter in it.
pub struct Proxy {
    root: u32,
}

/// A configuration that the filter refused: its log.
#[derive(Debug)]
pub struct Refused(pub String);

/// One exchange to be made.
pub struct Request<'p> {
    proxy: &'p mut Proxy,
    headers: Pairs,
    response: Pairs,
    seen: bool,
}

/// What came of an exchange.
#[derive(Debug, Default)]
pub struct Answer {
    /// The request as the upstream would see it; `None` when it was refused.
    pub upstream: Option<Pairs>,
    /// The response as the client would see it.
    pub client: Pairs,
    /// The filter's own reply.
    pub reply: Option<Reply>,
    /// Filter state after the exchange.
    pub filter_state: Vec<(String, String)>,
    /// Host functions called in the request phase.
    pub request_calls: Vec<&'static str>,
    /// Host functions called in the response phase.
    pub response_calls: Vec<&'static str>,
}

impl Proxy {
    /// Starts the filter with this configuration.
    ///
    /// # Errors
    /// What the filter logged when it refused.
    pub fn start<P: Plugin + 'static>(configuration: &str) -> Result<Self, Refused> {
        with(|state| *state = State { log_level: 2, time: 1_700_000_000_000_000_000, ..State::default() });
        filter_runtime::start::<P>();
        let mut proxy = Self { root: 0 };
        proxy.configure(configuration)?;
        Ok(proxy)
    }

    /// A filter that was given no configuration: Envoy does not do that, and a filter must not rely on it.
    #[must_use]
    pub fn unconfigured<P: Plugin + 'static>() -> Self {
        with(|state| *state = State::default());
        filter_runtime::start::<P>();
        let root = new_id();
        exports::create_context(root, 0);
        Self { root }
    }

    /// Swaps the configuration, as Envoy does: in a new root context.
    ///
    /// # Errors
    /// What the filter logged when it refused; the old configuration stays.
    pub fn configure(&mut self, configuration: &str) -> Result<(), Refused> {
        with(|state| state.configuration = configuration.as_bytes().to_vec());
        let root = new_id();
        exports::create_context(root, 0);
        if !exports::configure(root, configuration.len()) {
            exports::delete(root);
            return Err(Refused(self.logs().join("\n")));
        }
        if self.root != 0 {
            exports::delete(self.root);
        }
        self.root = root;
        Ok(())
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
        Request { proxy: self, headers, response: pairs(&[(":status", "200")]), seen: true }
    }

    /// Makes a host function fail from now on, by the name it has in [`Answer::request_calls`].
    pub fn fail(&mut self, function: &'static str) {
        with(|state| state.failing = Some(function));
    }

    /// What the filter logged so far.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        with(|state| state.logs.iter().map(|(_, line)| line.clone()).collect())
    }

    /// All counters that are not zero.
    #[must_use]
    pub fn counters(&self) -> Vec<(String, i64)> {
        with(|state| state.metrics.iter().filter(|(_, value)| *value != 0).cloned().collect())
    }
}

impl Request<'_> {
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
    #[must_use]
    pub fn send(self) -> Answer {
        let id = new_id();
        with(|state| {
            state.reply = None;
            state.filter_state.clear();
            state.calls.clear();
        });
        exports::create_context(id, self.proxy.root);
        let mut answer = Answer::default();
        if self.seen {
            let count = self.headers.len();
            with(|state| state.request = Some(self.headers));
            let passed = exports::request_headers(id, count, true);
            answer.upstream = with(|state| state.request.take()).filter(|_| passed);
            answer.request_calls = with(|state| std::mem::take(&mut state.calls));
        }
        let response = with(|state| state.reply.clone()).map_or(self.response, |reply| {
            let status = (b":status".to_vec(), reply.status.to_string().into_bytes());
            std::iter::once(status).chain(reply.headers).collect()
        });
        let count = response.len();
        with(|state| state.response = Some(response));
        exports::response_headers(id, count, false);
        exports::delete(id);
        with(|state| {
            answer.client = state.response.take().unwrap_or_default();
            answer.reply = state.reply.take();
            answer.response_calls = std::mem::take(&mut state.calls);
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            answer.filter_state =
                state.filter_state.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        });
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

/// A context id that this thread's dispatcher has not seen.
fn new_id() -> u32 {
    thread_local! {
        static LAST: Cell<u32> = const { Cell::new(0) };
    }
    LAST.set(LAST.get().saturating_add(1));
    LAST.get()
}

fn values(pairs: &[(Vec<u8>, Vec<u8>)], name: &str) -> Vec<String> {
    let wanted = pairs.iter().filter(|(known, _)| known == name.as_bytes());
    wanted.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}
