//! `jwt` as it is written down. The words are those of Istio's RequestAuthentication.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use credentials::{HeaderPlace, checked_realm};
use idp::{KeySource, RefreshConfig, RemoteConfig};
use jose::{Algorithm, Expectations, KeyLimits};
use policy_core::config::{Secret, Wire};
use policy_core::time::Span;
use policy_core::{ConfigError, HeaderName};

use super::{Jwt, Keys, Printer, Seen};
use crate::outputs::{self, Outputs};
use crate::provider::{Workshop, tokens};

/// The block.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::jwt))]
pub(crate) struct Config {
    /// Compared with `iss` exactly.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    issuer: String,
    /// One of them has to be in `aud`; any where nothing is said.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "minLength": 1 }, "minItems" = 1))
    )]
    audiences: Option<Vec<String>>,
    /// Keys are fetched from there.
    #[cfg_attr(feature = "schema", schemars(transform = crate::schema::address))]
    jwks_uri: Option<String>,
    /// Keys written here: a JSON text, or the environment variable that has it.
    jwks: Option<Secret>,
    /// Keys are those that the issuer's OpenID configuration names.
    #[serde(default)]
    discovery: bool,
    /// Envoy's name of the cluster through which the issuer is reached; without it `outbound|<port>||<host>`, which a ServiceEntry makes.
    cluster: Option<String>,
    /// How often keys are fetched.
    jwks_refresh: Option<RefreshConfig>,
    /// Which algorithms are taken: RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA where nothing is said.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    algorithms: Option<Vec<AlgorithmName>>,
    /// Longer RSA keys are not used. Above 4096 only Envoy's cryptography serves.
    #[cfg_attr(feature = "schema", schemars(range(min = 2048, max = 16384), extend("default" = 4096)))]
    max_rsa_bits: Option<u64>,
    /// Where tokens stand; when any of these three is given, only there. Without them `Authorization: Bearer`, then the parameter `access_token`.
    from_headers: Option<Vec<HeaderPlace>>,
    /// Parameters of the query that tokens stand in.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": r"^[A-Za-z0-9._~\[\]:$-]{1,128}$" }))
    )]
    from_params: Option<Vec<String>>,
    /// Cookies that tokens stand in.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$" }))
    )]
    from_cookies: Option<Vec<String>>,
    /// For `exp`, `nbf`, `iat`: up to 10m.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "60s")))]
    clock_skew: Option<Span>,
    /// A token without `exp` is refused.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    require_expiration: Option<bool>,
    /// Longest time from `iat` (or now) to `exp`.
    max_lifetime: Option<Span>,
    /// Compared with `typ`, `application/` left out, case ignored: `at+jwt` keeps ID tokens out (RFC 9068).
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1, "examples" = ["at+jwt"])))]
    token_type: Option<String>,
    /// `cnf.x5t#S256` has to be the certificate of this connection (RFC 8705).
    #[serde(default)]
    require_certificate_binding: bool,
    /// The token stays in the request. Otherwise it is taken out of header, query and cookie.
    #[serde(default)]
    forward_original_token: bool,
    /// The payload as it was sent, base64url.
    output_payload_to_header: Option<HeaderName>,
    /// Claims that go to headers: as text, lists joined by commas, objects as JSON.
    #[serde(default)]
    output_claim_to_headers: Vec<outputs::ClaimConfig>,
    /// Of the challenge; without it the provider's name.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[ -~]{1,128}$")))]
    realm: Option<String>,
    /// Tokens that were verified.
    #[serde(default)]
    cache: CacheConfig,
}

/// `cache`: tokens that were verified.
#[derive(Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct CacheConfig {
    /// How many are kept per worker, up to 8 MiB; never past `exp`, and never past a change of keys.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1_000_000), extend("default" = 1024)))]
    max_entries: Option<u64>,
}

#[derive(Clone, Copy, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", transform = crate::schema::algorithm)
)]
struct AlgorithmName(Algorithm);

impl TryFrom<String> for AlgorithmName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Algorithm::parse(&name).map(Self).ok_or_else(|| {
            format!("{name:?} is not an algorithm (RS, PS, ES and HS, each with 256, 384 or 512, and EdDSA)")
        })
    }
}

/// The skew that Istio and Envoy allow.
const SKEW: Duration = Duration::from_secs(60);
/// Beyond this a skew would make `exp` worthless.
const LARGEST_SKEW: Duration = Duration::from_secs(600);
const ENTRIES: u64 = 1024;

impl Jwt {
    /// Compiles the block `jwt`.
    pub(crate) fn compile(mut config: Config, shop: &mut Workshop<'_>) -> Result<Self, ConfigError> {
        let places = tokens::places(
            config.from_headers.take(),
            config.from_params.take(),
            config.from_cookies.take(),
        )?;
        let outputs = Outputs::compile(
            config.output_payload_to_header.take(),
            std::mem::take(&mut config.output_claim_to_headers),
            shop.own,
        )?;
        let limits = key_limits(&config)?;
        let entries = match config.cache.max_entries.unwrap_or(ENTRIES) {
            entries @ 1..=1_000_000 => usize::try_from(entries).unwrap_or(usize::MAX),
            _ => return Err(ConfigError::at("cache.maxEntries", "this is from 1 to 1000000")),
        };
        Ok(Self {
            provider: shop.name.to_owned(),
            realm: checked_realm(config.realm.take().unwrap_or_else(|| shop.name.to_owned()))?,
            places: places.into(),
            algorithms: limits.algorithms.clone(),
            expectations: expectations(&config)?,
            bound: config.require_certificate_binding,
            forward: config.forward_original_token,
            outputs,
            hit: shop.counters.named("tollgate_token_cache", shop.name, "hit"),
            miss: shop.counters.named("tollgate_token_cache", shop.name, "miss"),
            keys: keys(config, limits, shop)?,
            printer: Printer::new(),
            seen: RefCell::new(Seen::new(entries)),
        })
    }
}

fn key_limits(config: &Config) -> Result<KeyLimits, ConfigError> {
    let mut limits = KeyLimits::default();
    if let Some(names) = &config.algorithms {
        if names.is_empty() {
            return Err(ConfigError::at("algorithms", "an empty list would refuse every token"));
        }
        limits.algorithms = names.iter().map(|name| name.0).collect();
    }
    if let Some(bits) = config.max_rsa_bits {
        limits.max_rsa_bits = match bits {
            2048..=16384 => usize::try_from(bits).unwrap_or(usize::MAX),
            _ => return Err(ConfigError::at("maxRsaBits", "this is from 2048 to 16384")),
        };
    }
    Ok(limits)
}

fn expectations(config: &Config) -> Result<Expectations, ConfigError> {
    if config.issuer.is_empty() {
        return Err(ConfigError::at("issuer", "name the issuer: it is what iss is compared with"));
    }
    let audiences = config.audiences.clone().unwrap_or_default();
    if audiences.iter().any(String::is_empty) || config.audiences.as_ref().is_some_and(Vec::is_empty) {
        return Err(ConfigError::at("audiences", "name an audience; leave the field out to take any"));
    }
    let clock_skew = config.clock_skew.map_or(SKEW, |span| span.0);
    if clock_skew > LARGEST_SKEW {
        return Err(ConfigError::at(
            "clockSkew",
            "this is at most 10m: clocks that differ by more need mending",
        ));
    }
    if config.max_lifetime.is_some_and(|span| span.0.is_zero()) {
        return Err(ConfigError::at("maxLifetime", "no token lives that short"));
    }
    if config.token_type.as_ref().is_some_and(String::is_empty) {
        return Err(ConfigError::at("tokenType", "write a type such as at+jwt, or leave it out"));
    }
    Ok(Expectations {
        issuer: config.issuer.clone(),
        audiences,
        clock_skew,
        require_expiration: config.require_expiration.unwrap_or(true),
        max_lifetime: config.max_lifetime.map(|span| span.0),
        token_type: config.token_type.clone(),
    })
}

fn keys(config: Config, limits: KeyLimits, shop: &mut Workshop<'_>) -> Result<Keys, ConfigError> {
    match (config.jwks, config.jwks_uri, config.discovery) {
        (Some(text), None, false) => {
            if config.jwks_refresh.is_some() {
                return Err(ConfigError::at("jwksRefresh", "keys that are written here are never fetched"));
            }
            let text = text.resolve(shop.environment).map_err(|error| error.under("jwks"))?;
            let parsed = super::parse(text.reveal().as_bytes(), &limits)
                .map_err(|message| ConfigError::at("jwks", message))?;
            Ok(Keys::Inline(Rc::new(parsed.keys)))
        }
        (None, uri, discovery) if uri.is_some() != discovery => {
            let remote = RemoteConfig {
                uri,
                discovery,
                issuer: config.issuer,
                cluster: config.cluster,
                refresh: config.jwks_refresh.unwrap_or_default(),
            };
            let parse = Box::new(move |text: &[u8]| super::parse(text, &limits));
            let source = KeySource::compile(remote, shop.slot, shop.name, parse, shop.counters)?;
            Ok(Keys::Remote(Box::new(source)))
        }
        _ => Err(ConfigError::at("", "give exactly one of jwksUri, jwks, discovery: true")),
    }
}
