//! One fetch: discovery where it is asked for, then the keys.

use std::time::Duration;

use policy_core::json::Json;
use policy_core::{
    Callout, CalloutReply, ConfigError, Counter, Counters, Gauge, HeaderName, HeaderValue, Lost, Outside,
};

use super::{KeySource, MAX_SET, Parsed, RemoteConfig, State};
use crate::endpoint::Endpoint;
use crate::errand::{LOCALS, errand};

static ACCEPT: HeaderName = HeaderName::known("accept");

/// What is asked first.
pub(super) enum Target {
    Keys(Endpoint),
    Discovery { document: Endpoint, issuer: String, cluster: Option<String> },
}

impl Target {
    pub(super) fn of(config: RemoteConfig) -> Result<Self, ConfigError> {
        let cluster = config.cluster.as_deref();
        match (config.uri, config.discovery) {
            (Some(uri), false) => Endpoint::at("jwksUri", &uri, cluster).map(Self::Keys),
            (None, true) => {
                if config.issuer.contains('?') {
                    return Err(ConfigError::at("issuer", "an issuer with discovery must not have a query"));
                }
                let base = config.issuer.strip_suffix('/').unwrap_or(&config.issuer);
                let uri = format!("{base}/.well-known/openid-configuration");
                let document = Endpoint::at("issuer", &uri, cluster)?;
                Ok(Self::Discovery { document, issuer: config.issuer, cluster: config.cluster })
            }
            (Some(_), true) => {
                Err(ConfigError::at("discovery", "give either jwksUri or discovery, not both"))
            }
            (None, false) => {
                Err(ConfigError::at("", "keys are missing; give jwks, jwksUri or discovery: true"))
            }
        }
    }
}

/// A fetch of this VM.
pub(super) struct Flight {
    /// Its number in the stamp.
    pub(super) number: u64,
    /// The number of the errand that is out.
    pub(super) local: u32,
    discovering: bool,
}

/// Why a fetch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Status(u16),
    Lost,
    NotSent,
    TooLarge,
    Garbage,
    Empty,
    Discovery,
}

pub(super) struct Outcomes {
    ok: Counter,
    unchanged: Counter,
    late: Counter,
    status: Counter,
    lost: Counter,
    not_sent: Counter,
    too_large: Counter,
    garbage: Counter,
    empty: Counter,
    discovery: Counter,
    pub(super) gauges: [Gauge; 3],
}

impl Outcomes {
    pub(super) fn named(component: &str, counters: &mut Counters) -> Self {
        let gauges = ["tollgate_key_age_seconds", "tollgate_keys", "tollgate_keys_skipped"];
        let gauges = gauges.map(|metric| counters.gauge(metric, component));
        let mut fetches = |outcome| counters.named("tollgate_key_fetches", component, outcome);
        Self {
            ok: fetches("ok"),
            unchanged: fetches("unchanged"),
            late: fetches("late"),
            status: fetches("status"),
            lost: fetches("lost"),
            not_sent: fetches("not_sent"),
            too_large: fetches("too_large"),
            garbage: fetches("garbage"),
            empty: fetches("empty"),
            discovery: fetches("discovery"),
            gauges,
        }
    }

    fn of(&self, failure: Failure) -> (Counter, &'static str) {
        match failure {
            Failure::Status(_) => (self.status, "the status was not 200"),
            Failure::Lost => (self.lost, "there was no answer"),
            Failure::NotSent => (self.not_sent, "the proxy did not send it; does it know the cluster?"),
            Failure::TooLarge => (self.too_large, "the answer was larger than 256 KiB"),
            Failure::Garbage => (self.garbage, "the answer was not a key set"),
            Failure::Empty => (self.empty, "no key of the answer can be used"),
            Failure::Discovery => (self.discovery, "the OpenID configuration is not the issuer's"),
        }
    }
}

impl<K> KeySource<K> {
    /// For how long a fetch may take, in milliseconds.
    pub(super) fn lease(&self) -> u64 {
        let requests = if matches!(self.target, Target::Discovery { .. }) { 2 } else { 1 };
        self.refresh.timeout.saturating_mul(requests).saturating_add(1000)
    }

    /// Fetches, unless another VM is faster. `entry` is the version of the stamp's entry.
    pub(super) fn begin(&self, state: &mut State<K>, entry: u32, refetch: bool, out: &mut Outside<'_>) {
        let mut seed = [0; 8];
        out.host.fill_random(&mut seed);
        let now = out.host.now().as_millis();
        let stamp = state.stamp.begin(now, self.lease(), u64::from_le_bytes(seed), refetch);
        if !self.places.replace(&stamp, entry, out.host) {
            return;
        }
        state.stamp = stamp;
        let (endpoint, discovering) = match (&self.target, state.discovered.as_ref()) {
            (Target::Keys(endpoint), _) => (endpoint, false),
            (Target::Discovery { .. }, Some(known)) if refetch => (known, false),
            (Target::Discovery { document, .. }, _) => (document, true),
        };
        let callout = self.callout(endpoint);
        self.send(state, stamp.begun, callout, discovering, out);
    }

    fn send(
        &self,
        state: &mut State<K>,
        number: u64,
        callout: Callout,
        discovering: bool,
        out: &mut Outside<'_>,
    ) {
        let local = state.next_local;
        state.next_local = local.wrapping_add(1) % LOCALS;
        state.flight = Some(Flight { number, local, discovering });
        out.send(errand(self.slot, local), callout);
    }

    fn callout(&self, endpoint: &Endpoint) -> Callout {
        Callout {
            cluster: endpoint.cluster.clone(),
            method: "GET",
            authority: endpoint.authority.clone(),
            path: endpoint.path.clone(),
            headers: vec![(ACCEPT.clone(), HeaderValue::escaped(b"application/json"))],
            body: Vec::new(),
            timeout: Duration::from_millis(self.refresh.timeout),
            max_body: MAX_SET,
        }
    }

    pub(super) fn answered(
        &self,
        state: &mut State<K>,
        flight: Flight,
        reply: CalloutReply,
        out: &mut Outside<'_>,
    ) {
        if !flight.discovering {
            let set = body(reply).and_then(|body| self.read(body, state));
            self.finish(state, &flight, set, out);
            return;
        }
        match body(reply).and_then(|body| self.discover(&body)) {
            Ok(endpoint) => {
                let callout = self.callout(&endpoint);
                state.discovered = Some(endpoint);
                self.send(state, flight.number, callout, false, out);
            }
            Err(failure) => self.finish(state, &flight, Err(failure), out),
        }
    }

    /// Where the issuer's document (RFC 8414, 3.2 and 3.3) says that the keys are.
    fn discover(&self, body: &[u8]) -> Result<Endpoint, Failure> {
        let Target::Discovery { document, issuer, cluster } = &self.target else {
            return Err(Failure::Discovery);
        };
        let json = Json::parse(body).map_err(|_| Failure::Discovery)?;
        let text = |key| json.get(key).and_then(Json::as_str).ok_or(Failure::Discovery);
        if text("issuer")? != issuer {
            return Err(Failure::Discovery);
        }
        let endpoint =
            Endpoint::parse(text("jwks_uri")?, cluster.as_deref()).map_err(|_| Failure::Discovery)?;
        if document.secure && !endpoint.secure {
            return Err(Failure::Discovery);
        }
        Ok(endpoint)
    }

    fn read(&self, body: Vec<u8>, state: &mut State<K>) -> Result<(Vec<u8>, Parsed<K>), Failure> {
        match (self.parse)(&body) {
            Ok(parsed) if parsed.count == 0 => Err(Failure::Empty),
            Ok(parsed) => Ok((body, parsed)),
            Err(reason) => {
                state.note(format!("keys of {}: {reason}", self.component));
                Err(Failure::Garbage)
            }
        }
    }

    fn finish(
        &self,
        state: &mut State<K>,
        flight: &Flight,
        set: Result<(Vec<u8>, Parsed<K>), Failure>,
        out: &mut Outside<'_>,
    ) {
        let now = out.host.now().as_millis();
        let Some((stamp, entry)) =
            self.places.stamp(out.host).filter(|(stamp, _)| stamp.begun == flight.number)
        else {
            // Another VM has taken over: what it fetches is younger.
            out.count(self.outcomes.late);
            return;
        };
        let digest = match set {
            Ok((body, parsed)) => {
                let digest = hmac_sha256::Hash::hash(&body);
                let known = state.keys.is_some() && state.digest == digest;
                out.count(if known { self.outcomes.unchanged } else { self.outcomes.ok });
                // The set first: whoever reads the stamp finds the set it speaks of.
                self.places.put_set(&body, out.host);
                if !known {
                    state.take(parsed, digest);
                }
                state.fetched_at = now;
                Some(digest)
            }
            Err(failure) => {
                let (counter, reason) = self.outcomes.of(failure);
                out.count(counter);
                let status = if let Failure::Status(status) = failure { status } else { 0 };
                state.note(match status {
                    0 => format!("keys of {}: the fetch failed: {reason}", self.component),
                    _ => format!("keys of {}: the fetch failed: {reason} but {status}", self.component),
                });
                state.discovered = None;
                None
            }
        };
        let stamp = stamp.end(now, digest);
        if self.places.replace(&stamp, entry, out.host) {
            state.stamp = stamp;
        }
    }
}

/// The body of a good answer.
fn body(reply: CalloutReply) -> Result<Vec<u8>, Failure> {
    match reply {
        Ok(answer) if answer.status != 200 => Err(Failure::Status(answer.status)),
        Ok(answer) if answer.body.len() > MAX_SET => Err(Failure::TooLarge),
        Ok(answer) if answer.body.is_empty() => Err(Failure::Empty),
        Ok(answer) => Ok(answer.body),
        Err(Lost::TooLarge) => Err(Failure::TooLarge),
        Err(Lost::NotSent) => Err(Failure::NotSent),
        Err(Lost::Broken) => Err(Failure::Lost),
    }
}
