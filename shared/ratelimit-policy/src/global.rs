//! Limits that a service counts, asked by the rate limit protocol of Envoy: one gRPC call for all of a request's.
//!
//! **Descriptors.** The n-th global limit of the configuration is asked about by the n-th descriptor of a call, whose
//! entries are named after the elements of its key. Where a limit before the last one that applies does not, its place is
//! held by [`PLACEHOLDER`], which no service has a limit for. So `descriptors[n]` means one limit in Limitador, whose
//! expressions find a descriptor by its place, and envoyproxy/ratelimit, which looks at the entries alone, counts it
//! just as well.

pub mod cache;
pub mod reply;
pub mod wire;

use std::time::Duration;

use policy_core::config::Wire;
use policy_core::time::Span;
use policy_core::{Callout, ConfigError, Counter, Counters, HeaderName, HeaderValue};

use crate::config::FailureMode;
use crate::key::{Element, Entry};
use crate::limit::{Kind, Limit};

pub use reply::{Failure, Response, Status};

/// The method of the protocol.
pub const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/// The entry of a descriptor that holds the place of a limit which does not apply.
pub const PLACEHOLDER: (&str, &str) = ("none", "none");

/// The most limits that one call asks about.
const MAX_GLOBAL: usize = 16;
const TIMEOUT: Duration = Duration::from_millis(50);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// The entries of a limit, in order.
pub type Descriptor = Vec<Entry>;

/// `global` as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Config {
    /// Envoy's name of the cluster, reached in HTTP/2.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("pattern" = "^[!-~]{1,255}$", "examples" = ["outbound|8081||limitador.limits.svc.cluster.local"]))
    )]
    cluster: String,
    /// Keeps these limits apart from others in the same service.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[!-~]{1,255}$", "default" = "tollgate")))]
    domain: Option<String>,
    /// How long a request waits for the answer: 1ms to 10s.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "50ms")))]
    timeout: Option<Span>,
    /// What happens without an answer.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "allow")))]
    failure_mode: FailureMode,
}

/// The service.
#[derive(Debug, Clone)]
pub struct Global {
    /// The proxy's name of the cluster.
    pub cluster: String,
    /// What keeps these limits apart from others in the same service.
    pub domain: String,
    /// What happens to a request when the service gives no answer.
    pub failure_mode: FailureMode,
    /// Calls that were answered.
    pub answered: Counter,
    authority: String,
    timeout: Duration,
    headers: Vec<(HeaderName, HeaderValue)>,
    failures: [(&'static str, Counter); 7],
}

impl Global {
    /// Checks what is configured.
    ///
    /// # Errors
    /// Refuses a cluster or domain that is none, and a timeout of nothing or of more than ten seconds.
    pub fn compile(config: Config, counters: &mut Counters) -> Result<Self, ConfigError> {
        let Config { cluster, domain, timeout, failure_mode } = config;
        let plain = |text: &str| {
            !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !plain(&cluster) {
            let message = "this is the proxy's name of a cluster, such as outbound|8081||limitador.limits.svc.cluster.local";
            return Err(ConfigError::at("cluster", message));
        }
        let domain = domain.unwrap_or_else(|| "tollgate".to_owned());
        if !plain(&domain) {
            return Err(ConfigError::at(
                "domain",
                "a domain has 1 to 255 printable ASCII characters without blanks",
            ));
        }
        let timeout = timeout.map_or(TIMEOUT, |timeout| timeout.0);
        if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
            return Err(ConfigError::at("timeout", "a timeout is 1ms to 10s: requests wait for the answer"));
        }
        let header = |name, value| Ok((HeaderName::parse(name)?, HeaderValue::parse(value)?));
        let headers = [header("content-type", "application/grpc"), header("te", "trailers")];
        let headers: Result<_, String> = headers.into_iter().collect();
        Ok(Self {
            // Istio's name of a cluster ends with the host.
            authority: cluster
                .rsplit('|')
                .next()
                .filter(|host| !host.is_empty())
                .unwrap_or(&cluster)
                .to_owned(),
            answered: counters.named("tollgate_limit_calls", "global", "answered"),
            failures: reply::WORDS.map(|word| (word, counters.named("tollgate_limit_calls", "global", word))),
            headers: headers.map_err(|message| ConfigError::at("", message))?,
            cluster,
            domain,
            timeout,
            failure_mode,
        })
    }

    /// The call that asks about these descriptors. `None` when there are none, or the message would be too large.
    #[must_use]
    pub fn ask(&self, descriptors: &[Descriptor], hits: u64) -> Option<Callout> {
        let body = wire::request(&self.domain, descriptors, hits)?;
        Some(Callout {
            cluster: self.cluster.clone(),
            method: "POST",
            authority: self.authority.clone(),
            path: METHOD.to_owned(),
            headers: self.headers.clone(),
            body,
            timeout: self.timeout,
            max_body: LARGEST_ANSWER,
        })
    }

    /// The counter of calls that failed so.
    #[must_use]
    pub fn failed(&self, failure: Failure) -> Option<Counter> {
        self.failures.iter().find(|(word, _)| *word == failure.word()).map(|(_, counter)| *counter)
    }
}

/// The descriptors of a call: an item for each global limit of the configuration, in order, `None` for one that does not
/// apply.
#[must_use]
pub fn descriptors(limits: Vec<Option<Descriptor>>) -> Vec<Descriptor> {
    let used = limits.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1));
    let placeholder = || vec![(PLACEHOLDER.0.to_owned(), PLACEHOLDER.1.to_owned())];
    limits.into_iter().take(used).map(|limit| limit.unwrap_or_else(placeholder)).collect()
}

/// Refuses a global limit that the service could not tell from one before it, or whose cost a call could not carry.
pub(crate) fn is_apart(limit: &Limit, earlier: &[Limit]) -> Result<(), ConfigError> {
    if !matches!(limit.kind, Kind::Global) {
        return Ok(());
    }
    let globals: Vec<&Limit> = earlier.iter().filter(|limit| matches!(limit.kind, Kind::Global)).collect();
    if globals.len() >= MAX_GLOBAL {
        return Err(ConfigError::at("scope", format!("there are at most {MAX_GLOBAL} global limits")));
    }
    let shape = |limit: &Limit| -> Vec<_> {
        limit.key.elements().iter().map(|element| (element.entry_name(), element.constant())).collect()
    };
    if let Some(same) = globals.iter().find(|known| shape(known) == shape(limit)) {
        let message = format!(
            "the service could not tell this limit from {:?}; add a value of its own, such as {{value: {}}}",
            same.name, limit.name
        );
        return Err(ConfigError::at("key", message));
    }
    if globals.first().is_some_and(|first| first.cost != limit.cost) {
        let message = "one call asks about all global limits and names one cost; give them the same";
        return Err(ConfigError::at("cost", message));
    }
    Ok(())
}

/// The elements of a key whose values differ from request to request.
pub(crate) fn variables(limit: &Limit) -> impl Iterator<Item = &Element> {
    limit.key.elements().iter().filter(|element| element.constant().is_none())
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn compile(json: &str) -> Result<Global, String> {
        let compiled = config::parse(json.as_bytes())
            .and_then(|config| Global::compile(config, &mut Counters::new("ratelimit")));
        compiled.map_err(|error| error.to_string())
    }

    fn descriptor(value: &str) -> Descriptor {
        vec![("value".to_owned(), value.to_owned())]
    }

    #[test]
    fn a_call_goes_to_the_host_of_the_cluster() {
        for (cluster, authority) in [
            ("outbound|8081||limitador.limits.svc.cluster.local", "limitador.limits.svc.cluster.local"),
            ("limitador", "limitador"),
            ("odd|", "odd|"),
        ] {
            let global = compile(&format!(r#"{{"cluster":"{cluster}"}}"#)).unwrap();
            let call = global.ask(&[descriptor("a")], 1).unwrap();
            assert_eq!(
                (call.cluster.as_str(), call.authority.as_str(), call.path.as_str()),
                (cluster, authority, METHOD)
            );
            assert_eq!((call.timeout, global.domain.as_str()), (Duration::from_millis(50), "tollgate"));
            let headers: Vec<_> =
                call.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
            assert_eq!(headers, [("content-type", &b"application/grpc"[..]), ("te", b"trailers")]);
            assert!(global.ask(&[], 1).is_none());
        }
    }

    #[test]
    fn a_limit_keeps_its_place_whichever_apply() {
        let (a, b, none) = (descriptor("a"), descriptor("b"), vec![("none".to_owned(), "none".to_owned())]);
        for (limits, expected) in [
            (vec![Some(a.clone()), Some(b.clone())], vec![a.clone(), b.clone()]),
            (vec![None, Some(b.clone())], vec![none, b]),
            (vec![Some(a.clone()), None], vec![a]),
            (vec![None, None], vec![]),
            (vec![], vec![]),
        ] {
            assert_eq!(descriptors(limits), expected);
        }
    }

    #[test]
    fn a_service_that_makes_no_sense_is_refused() {
        for (json, expected) in [
            ("{}", "\"cluster\" is missing"),
            (r#"{"cluster":""}"#, "cluster: this is the proxy's name"),
            (r#"{"cluster":"a b"}"#, "cluster: "),
            (r#"{"cluster":"a","domain":""}"#, "domain: a domain has 1 to 255"),
            (r#"{"cluster":"a","timeout":"0ms"}"#, "timeout: a timeout is 1ms to 10s"),
            (r#"{"cluster":"a","timeout":"11s"}"#, "timeout: a timeout"),
            (r#"{"cluster":"a","timeout":50}"#, "timeout: expected a string"),
            (r#"{"cluster":"a","failureMode":"open"}"#, "failureMode: unknown value \"open\""),
        ] {
            let error = compile(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }

    #[test]
    fn each_failure_has_its_counter() {
        let mut counters = Counters::new("ratelimit");
        let global = Global::compile(config::parse(br#"{"cluster":"a"}"#).unwrap(), &mut counters).unwrap();
        for failure in [
            Failure::NotSent,
            Failure::Broken,
            Failure::Timeout,
            Failure::Unavailable,
            Failure::Http(500),
            Failure::Grpc(14),
            Failure::Garbage,
        ] {
            let name = &counters.names()[global.failed(failure).unwrap().index()];
            assert!(name.contains(failure.word()), "{name}");
        }
    }
}
