//! Introspection of opaque tokens (RFC 7662): the server is asked once per token and worker, its answer kept for a while.

mod answer;
mod cache;
mod wire;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use policy_core::config::Environment;
use policy_core::json::Json;
use policy_core::{
    Callout, CalloutReply, ConfigError, Counter, Counters, HeaderName, HeaderValue, Host, Outside,
};

use crate::endpoint::Endpoint;
use crate::errand::{LOCALS, errand};
use crate::refresh::millis;
use answer::{Failure, MAX_BODY};
use cache::{Cache, Known};
use wire::{form_encode, headers};

pub use wire::{CacheConfig, IntrospectionConfig};

/// What the server says of a token.
#[derive(Debug, Clone)]
#[must_use]
pub enum Introspected {
    /// It is active.
    Active(Rc<ActiveToken>),
    /// It is not, or no longer, or not yet.
    Inactive,
    /// The server is being asked: wait, and ask again when woken.
    Wait,
    /// The server cannot be asked now, or gave no answer.
    Unavailable,
}

/// An active token.
pub struct ActiveToken {
    /// The answer, a JSON object (RFC 7662, 2.2).
    pub claims: Json,
    /// `exp`, in seconds since the Unix epoch.
    pub expires: Option<u64>,
}

impl std::fmt::Debug for ActiveToken {
    /// Prints no claims: they are personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActiveToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Longer tokens are not active: no server makes them, and they would be kept while they wait.
const MAX_TOKEN: usize = 8 * 1024;
const MAX_IN_FLIGHT: usize = 256;
const MAX_QUEUED: usize = 1024;
/// After so many failures without a good answer between them, the server is left alone for [`PAUSE`], and then asked by
/// few at a time. Not after one: a client that finds a token over which the server stumbles would lock out the others.
const DEAD_AFTER: u32 = 5;
const PROBES: usize = 4;
/// How long a failure is remembered, in milliseconds.
const PAUSE: u64 = 1000;

/// One introspection endpoint, in one VM.
pub struct Introspection {
    endpoint: Endpoint,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: u64,
    ttl: u64,
    slot: u8,
    active: Counter,
    inactive: Counter,
    failed: Counter,
    state: RefCell<State>,
}

struct State {
    cache: Cache,
    /// Everything that was asked and has no answer yet.
    pending: HashMap<[u8; 32], Pending>,
    queue: VecDeque<[u8; 32]>,
    /// The errands that are out; few.
    errands: Vec<(u32, [u8; 32])>,
    next_local: u32,
    failures: u32,
    paused_at: Option<u64>,
}

struct Pending {
    /// Until it is sent.
    token: Vec<u8>,
    at: u64,
}

impl State {
    fn is_paused(&self, now: u64) -> bool {
        self.paused_at.is_some_and(|at| now.abs_diff(at) < PAUSE)
    }

    fn fail(&mut self, hash: [u8; 32], now: u64) {
        self.pending.remove(&hash);
        self.cache.put(hash, Known::Failed, now, now.saturating_add(PAUSE), 0);
    }
}

/// SHA-256 of a token: what [`Introspection::ask_hashed`] takes.
#[must_use]
pub fn token_hash(token: &[u8]) -> [u8; 32] {
    hmac_sha256::Hash::hash(token)
}

impl Introspection {
    /// Checks the configuration and names the counters `tollgate_introspections`: active, inactive, failed.
    ///
    /// `slot` goes into the errands' numbers ([`crate::errand()`]), `component` into the counters' names.
    ///
    /// # Errors
    /// Paths are those of the configuration: `endpoint`, `clientSecret.env`, `cache.ttl`.
    pub fn compile(
        config: &IntrospectionConfig,
        environment: Environment<'_>,
        slot: u8,
        component: &str,
        counters: &mut Counters,
    ) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::at("endpoint", &config.endpoint, config.cluster.as_deref())?;
        if config.client_id.is_empty() {
            return Err(ConfigError::at("clientId", "the client's id must not be empty"));
        }
        let secret =
            config.client_secret.resolve(environment).map_err(|error| error.under("clientSecret"))?;
        let timeout = millis(config.timeout, 1000, "timeout", (10, 10_000, "10ms to 10s"))?;
        let ttl = millis(config.cache.ttl, 60_000, "ttl", (1000, 3_600_000, "1s to 1h"))
            .map_err(|error| error.under("cache"))?;
        let max_entries = match config.cache.max_entries {
            None => 10_000,
            Some(entries @ 2..=100_000) => usize::try_from(entries).unwrap_or(10_000),
            Some(_) => {
                return Err(ConfigError::at("cache.maxEntries", "this has to be from 2 to 100000"));
            }
        };
        let mut outcome = |outcome| counters.named("tollgate_introspections", component, outcome);
        let (active, inactive, failed) = (outcome("active"), outcome("inactive"), outcome("failed"));
        let cache = Cache::of(max_entries);
        let headers = headers(&config.client_id, secret.reveal())?;
        let (pending, queue, errands) = Default::default();
        let state = State { cache, pending, queue, errands, next_local: 0, failures: 0, paused_at: None };
        let state = RefCell::new(state);
        Ok(Self { endpoint, headers, timeout, ttl, slot, active, inactive, failed, state })
    }

    /// What the server says of a token, from memory or after waiting.
    pub fn ask(&self, token: &[u8], host: &dyn Host) -> Introspected {
        self.ask_hashed(&token_hash(token), token, host)
    }

    /// The same for a caller that keeps the token's [`token_hash`], so that asking again is cheap.
    pub fn ask_hashed(&self, hash: &[u8; 32], token: &[u8], host: &dyn Host) -> Introspected {
        let now = host.now().as_millis();
        let mut state = self.state.borrow_mut();
        match state.cache.get(hash, now) {
            Some(Known::Active(token)) => return Introspected::Active(token),
            Some(Known::Inactive) => return Introspected::Inactive,
            Some(Known::Failed) => return Introspected::Unavailable,
            None => {}
        }
        if state.pending.contains_key(hash) {
            return Introspected::Wait;
        }
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Introspected::Inactive;
        }
        if state.is_paused(now) || state.queue.len() >= MAX_QUEUED {
            return Introspected::Unavailable;
        }
        state.pending.insert(*hash, Pending { token: token.to_vec(), at: now });
        state.queue.push_back(*hash);
        Introspected::Wait
    }

    /// Sends what was asked since, and gives up on what has had no answer in time.
    pub fn on_tick(&self, out: &mut Outside<'_>) {
        let now = out.host.now().as_millis();
        let mut state = self.state.borrow_mut();
        let patience = self.timeout.saturating_add(1000);
        let overdue = state.pending.iter().filter(|(_, pending)| now.abs_diff(pending.at) >= patience);
        let overdue: Vec<[u8; 32]> = overdue.map(|(hash, _)| *hash).collect();
        if !overdue.is_empty() {
            for hash in overdue {
                out.count(self.failed);
                state.fail(hash, now);
            }
            let State { queue, errands, pending, .. } = &mut *state;
            queue.retain(|hash| pending.contains_key(hash));
            errands.retain(|(_, hash)| pending.contains_key(hash));
        }
        self.send(&mut state, now, out);
        out.tick_in(if state.pending.is_empty() { TICK } else { WAITING_TICK });
    }

    /// The answer to one of this endpoint's errands.
    pub fn on_errand(&self, local: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        let now = out.host.now().as_millis();
        let mut state = self.state.borrow_mut();
        // Anything else comes after its time.
        let Some(at) = state.errands.iter().position(|(out, _)| *out == local) else { return };
        let (_, hash) = state.errands.swap_remove(at);
        match answer::read(reply, now, self.ttl) {
            Ok(answer) => {
                out.count(match answer.known {
                    Known::Active(_) => self.active,
                    _ => self.inactive,
                });
                state.pending.remove(&hash);
                state.cache.put(hash, answer.known, now, answer.until, answer.size);
                (state.failures, state.paused_at) = (0, None);
            }
            Err(failure) => {
                out.count(self.failed);
                state.fail(hash, now);
                if failure == Failure::Server {
                    state.failures = state.failures.saturating_add(1);
                }
                if failure == Failure::Server && state.failures >= DEAD_AFTER {
                    state.paused_at = Some(now);
                }
            }
        }
        self.send(&mut state, now, out);
    }

    fn send(&self, state: &mut State, now: u64, out: &mut Outside<'_>) {
        if state.is_paused(now) {
            while let Some(hash) = state.queue.pop_front() {
                out.count(self.failed);
                state.fail(hash, now);
            }
            return;
        }
        let most = if state.failures >= DEAD_AFTER { PROBES } else { MAX_IN_FLIGHT };
        while state.errands.len() < most
            && let Some(hash) = state.queue.pop_front()
        {
            let Some(pending) = state.pending.get_mut(&hash) else { continue };
            let token = std::mem::take(&mut pending.token);
            // From now on it is the server's time that runs.
            pending.at = now;
            let local = state.next_local;
            state.next_local = local.wrapping_add(1) % LOCALS;
            state.errands.push((local, hash));
            out.send(errand(self.slot, local), self.callout(&token));
        }
    }

    fn callout(&self, token: &[u8]) -> Callout {
        let mut body = b"token=".to_vec();
        form_encode(token, &mut body);
        body.extend_from_slice(b"&token_type_hint=access_token");
        Callout {
            cluster: self.endpoint.cluster.clone(),
            method: "POST",
            authority: self.endpoint.authority.clone(),
            path: self.endpoint.path.clone(),
            headers: self.headers.clone(),
            body,
            timeout: Duration::from_millis(self.timeout),
            max_body: MAX_BODY,
        }
    }
}

const TICK: Duration = Duration::from_secs(1);
const WAITING_TICK: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
