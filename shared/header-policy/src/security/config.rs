//! The wire: strict serde, see the filter's README for each field.

use std::fmt;

use policy_core::HeaderName;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::directive::Directive;
use super::hsts::MaxAge;
use crate::name::Removal;

/// What an empty block could have named.
pub(super) const HEADERS: &str = "strictTransportSecurity, frameOptions, contentTypeOptions, referrerPolicy, \
    permissionsPolicy, crossOriginOpenerPolicy, crossOriginEmbedderPolicy, crossOriginResourcePolicy, \
    permittedCrossDomainPolicies, dnsPrefetchControl, contentSecurityPolicy, removeLeaking";

/// The `securityHeaders` block.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    pub(super) preset: Preset,
    pub(super) mode: Option<Mode>,
    pub(super) strict_transport_security: Option<HstsConfig>,
    pub(super) frame_options: Option<WordConfig>,
    pub(super) content_type_options: Option<WordConfig>,
    pub(super) referrer_policy: Option<WordConfig>,
    pub(super) permissions_policy: Option<PermissionsConfig>,
    pub(super) cross_origin_opener_policy: Option<WordConfig>,
    pub(super) cross_origin_embedder_policy: Option<WordConfig>,
    pub(super) cross_origin_resource_policy: Option<WordConfig>,
    pub(super) permitted_cross_domain_policies: Option<WordConfig>,
    pub(super) dns_prefetch_control: Option<PrefetchConfig>,
    pub(super) content_security_policy: Option<CspConfig>,
    pub(super) remove_leaking: Option<LeakingConfig>,
}

/// `strictTransportSecurity`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HstsConfig {
    pub(super) max_age: Option<MaxAge>,
    pub(super) include_sub_domains: Option<bool>,
    #[serde(default)]
    pub(super) preload: bool,
    #[serde(default)]
    pub(super) trust_forwarded_proto: bool,
    pub(super) mode: Option<Mode>,
}

/// A header whose value is a word, or for `referrerPolicy` several with commas between them.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WordConfig {
    pub(super) value: Option<String>,
    pub(super) mode: Option<Mode>,
}

/// `dnsPrefetchControl`: a flag, because an unquoted `on` or `off` is one to Kubernetes (YAML 1.1).
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PrefetchConfig {
    #[serde(default)]
    pub(super) allow: bool,
    pub(super) mode: Option<Mode>,
}

impl From<PrefetchConfig> for WordConfig {
    fn from(config: PrefetchConfig) -> Self {
        let value = if config.allow { "on" } else { "off" };
        Self { value: Some(value.to_owned()), mode: config.mode }
    }
}

/// `permissionsPolicy`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PermissionsConfig {
    pub(super) features: Option<Lists<String>>,
    pub(super) mode: Option<Mode>,
}

/// `contentSecurityPolicy`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CspConfig {
    pub(super) directives: Option<Lists<Directive>>,
    #[serde(default)]
    pub(super) report_only: bool,
    pub(super) nonce_header: Option<HeaderName>,
    pub(super) mode: Option<Mode>,
}

/// `removeLeaking`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LeakingConfig {
    pub(super) preset: Option<Preset>,
    #[serde(default)]
    pub(super) extra: Vec<Removal>,
    #[serde(default)]
    pub(super) keep: Vec<Removal>,
}

/// Which headers are there without being named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Preset {
    #[default]
    None,
    Owasp,
}

/// What the application's own header is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mode {
    /// It stays as it is.
    IfAbsent,
    /// It is replaced.
    Override,
    /// The stricter of the two stays.
    Merge,
    /// This header is not written.
    Off,
}

/// What the block says for headers that do not say it themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) mode: Mode,
    pub(super) owasp: bool,
}

impl Defaults {
    /// The header's own configuration, an empty one when the preset gives the header, or nothing.
    pub(super) fn fill<T: Default>(self, config: Option<T>) -> Option<T> {
        config.or_else(|| self.owasp.then(T::default))
    }
}

/// An object of lists, in the order it was written. No key is there twice: [`policy_core::config::parse`] sees to that.
#[derive(Debug)]
pub(super) struct Lists<K>(pub(super) Vec<(K, Vec<String>)>);

impl<'de, K: Deserialize<'de>> Deserialize<'de> for Lists<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<K>(Vec<(K, Vec<String>)>);
        impl<'de, K: Deserialize<'de>> Visitor<'de> for Reader<K> {
            type Value = Lists<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of lists")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Lists<K>, A::Error> {
                while let Some(key) = map.next_key()? {
                    self.0.push((key, map.next_value()?));
                }
                Ok(Lists(self.0))
            }
        }
        deserializer.deserialize_map(Reader(Vec::new()))
    }
}
