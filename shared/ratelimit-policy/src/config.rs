//! `pluginConfig` of the rate limit filter, and how it is compiled.

use policy_core::config::{Environment, Wire, writable};
use policy_core::format::Compiler;
use policy_core::{ConfigError, Counters, HeaderName};

use crate::client_ip::ClientIp;
use crate::denial::{self, Denials};
use crate::fields::{Fields, Style};
use crate::global::{self, Global};
use crate::limit::{self, Kind, Limit, MaxKeys};

/// The filter's name, in metrics and response-code details.
pub const NAME: &str = "ratelimit";
/// The most limits, those that are switched off included.
const MAX_LIMITS: usize = 64;
/// The most keys of all limits together: some 200 MB in the store.
const MOST_KEYS_TOGETHER: u64 = 1 << 22;
/// The most proxies in front.
const MAX_HOPS: u64 = 16;

/// What the operator wrote. The README explains each field.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::config))]
pub struct Config {
    /// Every limit that matches is counted; the strictest answer wins. Names are unique.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LIMITS)))]
    limits: Vec<limit::Config>,
    /// How the client's address is found.
    #[serde(default)]
    client_ip: ClientIpConfig,
    /// The service that counts limits with `scope: global`.
    global: Option<global::Config>,
    /// What clients are told of limits.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "ietf")))]
    response_headers: Style,
    /// The answer to a refused request.
    #[serde(default)]
    denial: denial::Config,
    /// For how many keys a limit's table is made; a limit may have its own.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 65536)))]
    max_keys: MaxKeys,
    /// What happens when this proxy cannot decide on a limit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "allow")))]
    failure_mode: FailureMode,
    /// Tells upstream what limits in shadow would have said: `experiment=deny`.
    shadow: Option<HeaderConfig>,
}

#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ClientIpConfig {
    /// Where the proxy itself is told how many to believe (`numTrustedProxies`), its peer is the client already, and this
    /// stays 0.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_HOPS)))]
    trusted_hops: u64,
}

#[derive(Debug, Clone, Wire)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct HeaderConfig {
    /// The header that is written. A client's own of this name is removed.
    header: HeaderName,
}

/// What happens to a request on which a limit cannot be decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FailureMode {
    /// It goes on.
    #[default]
    Allow,
    /// It is refused with 503.
    Deny,
}

/// A compiled configuration.
pub struct Compiled {
    /// The limits, in the order in which they are written.
    pub limits: Vec<Limit>,
    /// How the client is found.
    pub client_ip: ClientIp,
    /// The service that counts global limits; there is one when there are such limits.
    pub global: Option<Global>,
    /// What is told of limits in responses.
    pub fields: Fields,
    /// The answers to refused requests.
    pub denials: Denials,
    /// What happens when this proxy cannot decide on a limit. Of the service, [`Global::failure_mode`] says it.
    pub failure_mode: FailureMode,
    /// Where upstream is told what limits in shadow would have said. Whatever a client sent there is removed.
    pub shadow_header: Option<HeaderName>,
    /// All counters.
    pub counters: Counters,
}

/// Compiles a configuration.
///
/// # Errors
/// Names the place and the remedy.
pub fn compile(mut config: Config, _: Environment<'_>) -> Result<Compiled, ConfigError> {
    let mut counters = Counters::new(NAME);
    let mut compiler = Compiler::new(HeaderName::REQUEST_ID);
    if config.limits.is_empty() || config.limits.len() > MAX_LIMITS {
        return Err(ConfigError::at("limits", format!("there are 1 to {MAX_LIMITS} limits")));
    }
    let trusted_hops = usize::try_from(config.client_ip.trusted_hops.min(MAX_HOPS)).unwrap_or_default();
    if config.client_ip.trusted_hops > MAX_HOPS {
        return Err(ConfigError::at(
            "clientIp.trustedHops",
            format!("there are at most {MAX_HOPS} proxies in front"),
        ));
    }
    let mut context =
        limit::Context { compiler: &mut compiler, counters: &mut counters, max_keys: config.max_keys };
    let mut limits: Vec<Limit> = Vec::with_capacity(config.limits.len());
    for (index, config) in config.limits.iter_mut().enumerate() {
        let at = |error: ConfigError| error.under_item("limits", index);
        let name = config.name.as_str();
        if limits.iter().any(|limit| limit.name == name) {
            return Err(at(ConfigError::at("name", format!("there is a limit named {name:?} already"))));
        }
        let limit = Limit::compile(config, &mut context).map_err(at)?;
        global::is_apart(&limit, &limits).map_err(at)?;
        limits.push(limit);
    }
    fits(&limits)?;
    let has_global = limits.iter().any(|limit| matches!(limit.kind, Kind::Global));
    if has_global && config.global.is_none() {
        let message = "a limit has scope: global; name the service, such as {cluster: outbound|8081||limitador.limits.svc.cluster.local}";
        return Err(ConfigError::at("global", message));
    }
    writable("shadow.header", config.shadow.as_ref().map(|shadow| &shadow.header))?;
    let global = config.global.map(|global| Global::compile(global, &mut counters)).transpose();
    Ok(Compiled {
        limits,
        client_ip: ClientIp::new(trusted_hops),
        global: global.map_err(|error| error.under("global"))?,
        fields: Fields::new(config.response_headers),
        denials: Denials::compile(&config.denial).map_err(|error| error.under("denial"))?,
        failure_mode: config.failure_mode,
        shadow_header: config.shadow.map(|shadow| shadow.header),
        counters,
    })
}

/// Refuses tables that together are larger than a proxy should make on start.
fn fits(limits: &[Limit]) -> Result<(), ConfigError> {
    let counted =
        |limit: &&Limit| !limit.is_off() && matches!(limit.kind, Kind::Local(_) | Kind::Concurrency(_));
    let keys = limits.iter().filter(counted).map(|limit| u64::from(limit.max_keys.get()));
    let keys = keys.fold(0, u64::saturating_add);
    if keys <= MOST_KEYS_TOGETHER {
        return Ok(());
    }
    let message = format!(
        "the limits together have room for at most {MOST_KEYS_TOGETHER} keys, and these ask for {keys}; lower it here, or at some limit"
    );
    Err(ConfigError::at("maxKeys", message))
}

#[cfg(test)]
mod tests;
