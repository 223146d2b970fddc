//! The header, auth and rate limit policies as one: the request passes them in this order, the response the other way round.
//!
//! It adds nothing of its own: [`policy_core::chain`] makes one policy of several, and each part is configured, counts and answers as
//! it does in its own filter.

use auth_policy::{AuthPlugin, AuthPolicy};
use header_policy::{HeaderPlugin, HeaderPolicy};
use policy_core::config::{Environment, Wire};
use policy_core::{Callbacks, Chain, ConfigError, Part, Plugin};
use ratelimit_policy::{RateLimitPlugin, RateLimitPolicy};

/// The edge filter's plugin.
pub enum EdgePlugin {}

/// `pluginConfig` of the edge filter: each part is the whole `pluginConfig` of the filter that it replaces.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = one_at_least))]
pub struct Config {
    /// As the header filter's.
    pub headers: Option<header_policy::Config>,
    /// As the auth filter's.
    pub auth: Option<auth_policy::Config>,
    /// As the rate limit filter's.
    pub rate_limit: Option<ratelimit_policy::Config>,
}

/// A compiled configuration of the edge filter.
pub type EdgePolicy = Chain<Chain<Part<HeaderPolicy>, Part<AuthPolicy>>, Part<RateLimitPolicy>>;

impl Plugin for EdgePlugin {
    const NAME: &'static str = "edge";
    const STORE: &'static str = "";
    const CALLBACKS: Callbacks =
        HeaderPlugin::CALLBACKS.and(AuthPlugin::CALLBACKS).and(RateLimitPlugin::CALLBACKS);
    type Config = Config;
    type Policy = EdgePolicy;

    fn compile(config: Config, environment: Environment<'_>) -> Result<EdgePolicy, ConfigError> {
        let Config { headers, auth, rate_limit } = config;
        if headers.is_none() && auth.is_none() && rate_limit.is_none() {
            let message =
                "without a part everything passes; give headers, auth, rateLimit, or several of them";
            return Err(ConfigError::at("", message));
        }
        let headers = part::<HeaderPlugin>("headers", headers, environment)?;
        let auth = part::<AuthPlugin>("auth", auth, environment)?;
        let rate_limit = part::<RateLimitPlugin>("rateLimit", rate_limit, environment)?;
        Ok(Chain::new(Chain::new(headers, auth), rate_limit))
    }
}

/// What the JSON Schema says across fields.
#[cfg(feature = "schema")]
fn one_at_least(schema: &mut schemars::Schema) {
    policy_core::schema::at_least_one(
        schema,
        ["headers", "auth", "rateLimit"].map(policy_core::schema::given),
    );
}

/// The part under this field, if it is there.
fn part<P: Plugin>(
    field: &str,
    config: Option<P::Config>,
    environment: Environment<'_>,
) -> Result<Part<P::Policy>, ConfigError> {
    let policy = config.map(|config| P::compile(config, environment)).transpose();
    Ok(Part::new(P::STORE, policy.map_err(|error| error.under(field))?))
}
