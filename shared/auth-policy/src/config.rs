//! `pluginConfig` of the auth filter, and how it is compiled.

use policy_core::config::{Environment, Wire};
use policy_core::format::Compiler;
use policy_core::{ConfigError, Counters, HeaderName, Plugin};

use crate::answer::Answers;
use crate::own_headers::OwnHeaders;
use crate::provider::{self, Provider, Workshop};
use crate::rule;
use crate::tally::Tally;
use crate::{AuthPlugin, AuthPolicy};

/// What the operator wrote. The README explains each field.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::config))]
pub struct Config {
    /// Who can vouch; names are unique.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_PROVIDERS)))]
    providers: Vec<provider::Config>,
    /// The first one that matches decides.
    #[serde(default)]
    rules: Vec<rule::Config>,
    /// What happens to a request that no rule concerns.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "deny")))]
    default: Default,
    /// Tells upstream who is calling, as JSON: `id`, `provider`, `kind`, `issuer`, `labels`, `scopes`.
    identity: Option<HeaderConfig>,
    /// Tells upstream what rules in shadow would have done: `admin=deny;expired`.
    shadow: Option<HeaderConfig>,
    /// `resource_metadata` of Bearer challenges (RFC 9728, 5.1).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^https://[!-~]*$")))]
    resource_metadata: Option<String>,
    /// What happens to a CORS preflight, which carries no credentials.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "allow")))]
    cors_preflight: CorsPreflight,
}

/// What happens to a request that no rule concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum Default {
    /// 403.
    #[default]
    Deny,
    /// It goes on, and nobody vouches for it.
    Allow,
}

/// What happens to a CORS preflight, which carries no credentials (Fetch standard, 3.3.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum CorsPreflight {
    /// It goes on.
    #[default]
    Allow,
    /// It is treated like any other request.
    Check,
}

#[derive(Wire)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct HeaderConfig {
    /// The header that is written. A client's own of this name is removed.
    header: HeaderName,
}

/// Errands name their provider in one byte.
const MAX_PROVIDERS: usize = 255;

/// Compiles a configuration.
pub(crate) fn compile(config: Config, environment: Environment<'_>) -> Result<AuthPolicy, ConfigError> {
    let mut counters = Counters::new(AuthPlugin::NAME);
    let mut own = OwnHeaders::default();
    if let Some(identity) = &config.identity {
        own.add(&identity.header).map_err(|error| error.under("identity.header"))?;
    }
    if let Some(shadow) = &config.shadow {
        own.add(&shadow.header).map_err(|error| error.under("shadow.header"))?;
        if config.identity.as_ref().is_some_and(|identity| identity.header == shadow.header) {
            return Err(ConfigError::at("shadow.header", "this is the identity's header already"));
        }
    }
    let providers = providers(config.providers, environment, &mut counters, &mut own)?;
    let mut compiler = Compiler::new(HeaderName::REQUEST_ID);
    let ranks: Vec<(&str, u8)> = providers.iter().map(|p| (p.name.as_str(), p.rank())).collect();
    let mut context = rule::Context { providers: &ranks, compiler: &mut compiler, counters: &mut counters };
    let rules = rule::compile_all(config.rules, &mut context)?;
    if rules.is_empty() && config.default == Default::Deny {
        return Err(ConfigError::at(
            "rules",
            "without rules everything is refused; say default: allow if not",
        ));
    }
    let is_address =
        |uri: &String| uri.starts_with("https://") && uri.bytes().all(|byte| byte.is_ascii_graphic());
    if config.resource_metadata.as_ref().is_some_and(|uri| !is_address(uri)) {
        return Err(ConfigError::at("resourceMetadata", "this is an https:// address (RFC 9728, 3)"));
    }
    Ok(AuthPolicy {
        providers,
        rules,
        default: config.default,
        unmatched: Tally::new("default", &mut counters),
        preflights: counters.requests("preflight", "allowed"),
        cors_preflight: config.cors_preflight,
        identity_header: config.identity.map(|identity| identity.header),
        shadow_header: config.shadow.map(|shadow| shadow.header),
        own,
        answers: Answers::new(AuthPlugin::NAME, config.resource_metadata),
        counters,
    })
}

fn providers(
    configs: Vec<provider::Config>,
    environment: Environment<'_>,
    counters: &mut Counters,
    own: &mut OwnHeaders,
) -> Result<Vec<Provider>, ConfigError> {
    if configs.len() > MAX_PROVIDERS {
        return Err(ConfigError::at("providers", "there are at most 255"));
    }
    let mut providers: Vec<Provider> = Vec::with_capacity(configs.len());
    for (index, config) in configs.into_iter().enumerate() {
        let name = config.name.as_str().to_owned();
        if providers.iter().any(|provider| provider.name == name) {
            let message = format!("there are two providers named {name:?}");
            return Err(ConfigError::at("name", message).under_item("providers", index));
        }
        let slot = u8::try_from(index).unwrap_or(u8::MAX);
        let shop = Workshop { name: &name, slot, environment, counters, own };
        let provider =
            Provider::compile(config, shop).map_err(|error| error.under_item("providers", index))?;
        providers.push(provider);
    }
    // Only now is it known what is stripped.
    for (index, provider) in providers.iter().enumerate() {
        provider::tokens::none_is_ours(provider.places(), own)
            .map_err(|error| error.under_item("providers", index))?;
    }
    Ok(providers)
}
