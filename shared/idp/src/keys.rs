//! Keys of an identity provider: fetched by one VM, shared by all.

mod fetch;
mod shared;

use std::cell::RefCell;
use std::rc::Rc;

use policy_core::time::Timestamp;
use policy_core::{CalloutReply, ConfigError, Counters, Host, Outside};

use crate::endpoint::Endpoint;
use crate::refresh::{Refresh, RefreshConfig};
use crate::stamp::Stamp;
use fetch::{Flight, Outcomes, Target};
use shared::Places;

/// The largest key set, in bytes.
pub const MAX_SET: usize = 256 * 1024;

/// Where keys come from: `uri`, or `discovery`.
#[derive(Debug, Clone, Default)]
pub struct RemoteConfig {
    /// `jwksUri`.
    pub uri: Option<String>,
    /// Whether the issuer's OpenID configuration names the URI (OpenID Connect Discovery 1.0, 4).
    pub discovery: bool,
    /// `issuer`.
    pub issuer: String,
    /// Envoy's name of the cluster, where the default is not right (see [`Endpoint::parse`]).
    pub cluster: Option<String>,
    /// `jwksRefresh`.
    pub refresh: RefreshConfig,
}

/// A key set that was read.
#[derive(Debug, Clone)]
pub struct Parsed<K> {
    /// The keys.
    pub keys: K,
    /// How many they are. A set of none is not taken.
    pub count: usize,
    /// How many more were there and could not be used.
    pub skipped: usize,
}

/// Reads a key set (RFC 7517, 5) of at most [`MAX_SET`] bytes. An error is a word or a sentence for operators, without
/// anything of the input.
pub type Parse<K> = Box<dyn Fn(&[u8]) -> Result<Parsed<K>, String>>;

/// What a request that asked for other keys remembers; `None` to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// How many fetches had begun by then.
    after: u64,
    /// When, in milliseconds.
    at: u64,
}

/// The answer to a request that met an unknown key, or no keys at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Refetch {
    /// Keys are on their way: look whether the key is known when woken, and ask again if it is not.
    Wait,
    /// There will be no others soon: decide with the keys there are.
    Spent,
}

/// The keys of one provider, in one VM.
///
/// One VM of the proxy fetches at a time; the others find what it got in the store. Good keys are never replaced by an
/// answer that is not good, and serve until `maxStale` after they came.
pub struct KeySource<K> {
    parse: Parse<K>,
    target: Target,
    refresh: Refresh,
    slot: u8,
    component: String,
    places: Places,
    outcomes: Outcomes,
    state: RefCell<State<K>>,
}

struct State<K> {
    keys: Option<Rc<K>>,
    count: u64,
    skipped: u64,
    /// Of the keys held here.
    digest: [u8; 32],
    fetched_at: u64,
    version: u64,
    /// As this VM last saw it, and the version of the store's entry that it was.
    stamp: Stamp,
    seen: Option<u32>,
    flight: Option<Flight>,
    /// What discovery said last.
    discovered: Option<Endpoint>,
    next_local: u32,
    /// Someone has asked for a fetch since the last tick; someone waits for one.
    wanted: bool,
    waiting: bool,
    gauges: [Option<u64>; 3],
    notes: Vec<String>,
}

impl<K> State<K> {
    fn new() -> Self {
        Self {
            keys: None,
            count: 0,
            skipped: 0,
            digest: [0; 32],
            fetched_at: 0,
            version: 0,
            stamp: Stamp::default(),
            seen: None,
            flight: None,
            discovered: None,
            next_local: 0,
            wanted: false,
            waiting: false,
            gauges: [None; 3],
            notes: Vec::new(),
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }
}

const MAX_NOTES: usize = 8;

impl<K> KeySource<K> {
    /// Checks the configuration and names the metrics: `tollgate_key_fetches` by outcome, the gauges
    /// `tollgate_key_age_seconds`, `tollgate_keys` and `tollgate_keys_skipped`.
    ///
    /// `slot` goes into the errands' numbers ([`crate::errand()`]), `component` into those of the metrics.
    ///
    /// # Errors
    /// Paths are those of the provider's fields: `jwksUri`, `issuer`, `jwksRefresh.interval`.
    pub fn compile(
        config: RemoteConfig,
        slot: u8,
        component: &str,
        parse: Parse<K>,
        counters: &mut Counters,
    ) -> Result<Self, ConfigError> {
        let refresh = config.refresh.check().map_err(|error| error.under("jwksRefresh"))?;
        let places = Places::of(&config);
        Ok(Self {
            parse,
            target: Target::of(config)?,
            refresh,
            slot,
            component: component.to_owned(),
            places,
            outcomes: Outcomes::named(component, counters),
            state: RefCell::new(State::new()),
        })
    }

    /// The keys, from memory. `None` before the first ones, and from `maxStale` after the last good answer on.
    #[must_use]
    pub fn keys(&self, now: Timestamp) -> Option<Rc<K>> {
        let state = self.state.borrow();
        let age = now.as_millis().saturating_sub(state.fetched_at);
        state.keys.as_ref().filter(|_| age <= self.refresh.max_stale).cloned()
    }

    /// Rises whenever [`KeySource::keys`] are others than before; 0 before the first ones. It is this VM's own.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.state.borrow().version
    }

    /// A request met a key that is not among the keys, or there are none. Waits for the fetch that is under way, then
    /// for one of its own: of these there is one per `minInterval` in all VMs together. No request waits for longer
    /// than two fetches may take and a second.
    pub fn refetch(&self, asked: &mut Option<Asked>, host: &dyn Host) -> Refetch {
        let now = host.now().as_millis();
        let mut state = self.state.borrow_mut();
        let (mine, stamp) = match asked {
            Some(mine) => (*mine, state.stamp),
            None => {
                let stamp = self.places.stamp(host).map_or(Stamp::default(), |(stamp, _)| stamp);
                let mine = *asked.insert(Asked { after: stamp.begun, at: now });
                if stamp.ended != state.stamp.ended {
                    // Another VM has fetched; the next tick brings it here.
                    state.waiting = true;
                    return Refetch::Wait;
                }
                (mine, stamp)
            }
        };
        let patience = self.lease().saturating_mul(2).saturating_sub(1000);
        if stamp.ended > mine.after || now.abs_diff(mine.at) >= patience {
            return Refetch::Spent;
        }
        let may_begin = stamp.may_refetch(now, &self.refresh) || stamp.is_due(now, &self.refresh);
        if !stamp.in_flight(now) && !may_begin {
            return Refetch::Spent;
        }
        state.wanted |= may_begin;
        state.waiting = true;
        Refetch::Wait
    }

    /// The policy is live in this VM: takes over what the store has, and asks for the first tick.
    pub fn on_start(&self, out: &mut Outside<'_>) {
        let mut state = self.state.borrow_mut();
        if self.pick_up(&mut state, out.host).is_none() {
            self.places.create(out.host);
        }
        out.tick_in(FIRST_TICK);
    }

    /// Takes over what other VMs have fetched, and fetches when it is time.
    pub fn on_tick(&self, out: &mut Outside<'_>) {
        let now = out.host.now().as_millis();
        let mut state = self.state.borrow_mut();
        let entry = self.pick_up(&mut state, out.host);
        // As in Stamp::begin, for the time until the next fetch.
        state.fetched_at = state.fetched_at.min(now);
        let stamp = state.stamp;
        if state.flight.as_ref().is_some_and(|flight| flight.number != stamp.begun || !stamp.in_flight(now)) {
            state.flight = None;
        }
        match entry {
            None => self.places.create(out.host),
            Some(entry) => {
                let due = stamp.is_due(now, &self.refresh);
                // Without keys although there are some: the store has lost the set.
                let wanted = state.wanted || (state.keys.is_none() && stamp.has_set());
                if due || (wanted && stamp.may_refetch(now, &self.refresh)) {
                    self.begin(&mut state, entry, !due, out);
                }
            }
        }
        state.wanted = false;
        self.show(&mut state, now, out);
        let in_flight = state.stamp.in_flight(now);
        out.tick_in(match state.keys {
            _ if state.waiting => WAITING_TICK,
            None if in_flight => EMPTY_TICK,
            _ => TICK,
        });
        // Whoever still waits after the fetch asks again.
        state.waiting &= in_flight;
    }

    /// The answer to one of this source's errands.
    pub fn on_errand(&self, local: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        let mut state = self.state.borrow_mut();
        // Anything else comes after its time.
        if state.flight.as_ref().is_some_and(|flight| flight.local == local)
            && let Some(flight) = state.flight.take()
        {
            self.answered(&mut state, flight, reply, out);
        }
    }

    /// Lines for the operator's log, taken out: which fetches failed and why. They hold nothing that was fetched.
    #[must_use]
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.state.borrow_mut().notes)
    }

    fn show(&self, state: &mut State<K>, now: u64, out: &mut Outside<'_>) {
        let age = state.keys.as_ref().map(|_| now.saturating_sub(state.fetched_at) / 1000);
        let values = [age, Some(state.count), Some(state.skipped)];
        for ((gauge, value), shown) in self.outcomes.gauges.into_iter().zip(values).zip(&mut state.gauges) {
            if let Some(value) = value.filter(|_| *shown != value) {
                out.set(gauge, value);
                *shown = Some(value);
            }
        }
    }
}

const FIRST_TICK: std::time::Duration = std::time::Duration::from_millis(1);
const WAITING_TICK: std::time::Duration = std::time::Duration::from_millis(10);
/// While there are no keys yet and another VM fetches them.
const EMPTY_TICK: std::time::Duration = std::time::Duration::from_millis(100);
const TICK: std::time::Duration = std::time::Duration::from_secs(1);
