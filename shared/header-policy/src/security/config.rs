//! The wire: read strictly, see the filter's README for each field.

use policy_core::HeaderName;
use policy_core::config::{Members, Reader, Wire};
use policy_core::json::Json;

use super::directive::{DIRECTIVES, Directive};
use super::hsts::MaxAge;
use crate::name::Removal;

/// What an empty block could have named.
pub(super) const HEADERS: &str = "strictTransportSecurity, frameOptions, contentTypeOptions, referrerPolicy, \
    permissionsPolicy, crossOriginOpenerPolicy, crossOriginEmbedderPolicy, crossOriginResourcePolicy, \
    permittedCrossDomainPolicies, dnsPrefetchControl, contentSecurityPolicy, removeLeaking";

/// The `securityHeaders` block.
#[derive(Debug, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// `owasp` gives every header of this block with its default, and `removeLeaking` with OWASP's list.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "none")))]
    pub(super) preset: Preset,
    /// What the application's own header is worth, for each header that has no `mode` of its own.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::without_off, extend("default" = "ifAbsent"))
    )]
    pub(super) mode: Option<Mode>,
    /// `Strict-Transport-Security` (RFC 6797), on responses over TLS only.
    pub(super) strict_transport_security: Option<HstsConfig>,
    /// `X-Frame-Options`.
    #[cfg_attr(feature = "schema", schemars(transform = super::schema::Words(&super::words::FRAME_OPTIONS)))]
    pub(super) frame_options: Option<WordConfig>,
    /// `X-Content-Type-Options`.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::Words(&super::words::CONTENT_TYPE_OPTIONS))
    )]
    pub(super) content_type_options: Option<WordConfig>,
    /// `Referrer-Policy`.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::Words(&super::words::REFERRER_POLICY))
    )]
    pub(super) referrer_policy: Option<WordConfig>,
    /// `Permissions-Policy`.
    pub(super) permissions_policy: Option<PermissionsConfig>,
    /// `Cross-Origin-Opener-Policy`.
    #[cfg_attr(feature = "schema", schemars(transform = super::schema::Words(&super::words::OPENER_POLICY)))]
    pub(super) cross_origin_opener_policy: Option<WordConfig>,
    /// `Cross-Origin-Embedder-Policy`.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::Words(&super::words::EMBEDDER_POLICY))
    )]
    pub(super) cross_origin_embedder_policy: Option<WordConfig>,
    /// `Cross-Origin-Resource-Policy`.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::Words(&super::words::RESOURCE_POLICY))
    )]
    pub(super) cross_origin_resource_policy: Option<WordConfig>,
    /// `X-Permitted-Cross-Domain-Policies`.
    #[cfg_attr(
        feature = "schema",
        schemars(transform = super::schema::Words(&super::words::CROSS_DOMAIN_POLICIES))
    )]
    pub(super) permitted_cross_domain_policies: Option<WordConfig>,
    /// `X-DNS-Prefetch-Control`.
    pub(super) dns_prefetch_control: Option<PrefetchConfig>,
    /// `Content-Security-Policy` (CSP3), on HTML only.
    pub(super) content_security_policy: Option<CspConfig>,
    /// Headers that tell a client what runs behind the proxy.
    pub(super) remove_leaking: Option<LeakingConfig>,
}

/// `strictTransportSecurity`.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct HstsConfig {
    /// For how long; `0s` makes browsers forget the host.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "365d")))]
    pub(super) max_age: Option<MaxAge>,
    /// For the hosts below too.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub(super) include_sub_domains: Option<bool>,
    /// For browsers' built-in lists; needs `includeSubDomains` and at least `365d`.
    #[serde(default)]
    pub(super) preload: bool,
    /// Also when the request said `x-forwarded-proto: https`; for proxies behind one that ends TLS.
    #[serde(default)]
    pub(super) trust_forwarded_proto: bool,
    /// What the application's own header is worth.
    pub(super) mode: Option<Mode>,
}

/// A header whose value is a word, or for `referrerPolicy` several with commas between them.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct WordConfig {
    /// The header's value.
    pub(super) value: Option<String>,
    /// What the application's own header is worth.
    pub(super) mode: Option<Mode>,
}

/// `dnsPrefetchControl`: a flag, because an unquoted `on` or `off` is one to Kubernetes (YAML 1.1).
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct PrefetchConfig {
    /// `on`; otherwise `off`.
    #[serde(default)]
    pub(super) allow: bool,
    /// What the application's own header is worth.
    pub(super) mode: Option<Mode>,
}

impl From<PrefetchConfig> for WordConfig {
    fn from(config: PrefetchConfig) -> Self {
        let value = if config.allow { "on" } else { "off" };
        Self { value: Some(value.to_owned()), mode: config.mode }
    }
}

/// `permissionsPolicy`.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct PermissionsConfig {
    /// Features, each with the origins that may use it; `[]` for none.
    pub(super) features: Option<Lists<String>>,
    /// What the application's own header is worth.
    pub(super) mode: Option<Mode>,
}

/// `contentSecurityPolicy`.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct CspConfig {
    /// Directives, each with its sources; `nonce` stands for a fresh one per response.
    pub(super) directives: Option<Lists<Directive>>,
    /// Writes `Content-Security-Policy-Report-Only` instead.
    #[serde(default)]
    pub(super) report_only: bool,
    /// The request header that gives the nonce to the upstream.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "x-csp-nonce")))]
    pub(super) nonce_header: Option<HeaderName>,
    /// What the application's own header is worth.
    pub(super) mode: Option<Mode>,
}

/// `removeLeaking`.
#[derive(Debug, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) struct LeakingConfig {
    /// OWASP's list of headers to remove; without it that of `securityHeaders`.
    pub(super) preset: Option<Preset>,
    /// Removed too: a name, `x-int-*` or `*-debug`.
    #[serde(default)]
    pub(super) extra: Vec<Removal>,
    /// Not removed, whatever the lists say.
    #[serde(default)]
    pub(super) keep: Vec<Removal>,
}

/// Which headers are there without being named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(super) enum Preset {
    #[default]
    None,
    Owasp,
}

/// What the application's own header is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Wire for Lists<Directive> {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let members = reader.members(json, LISTS, DIRECTIVES)?;
        lists(members, reader, Directive::named)
    }
}

impl Wire for Lists<String> {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let members = reader.object(json, LISTS)?;
        lists(members, reader, |name| Some(name.to_owned()))
    }
}

const LISTS: &str = "an object of lists";

fn lists<K>(members: Members<'_>, reader: &mut Reader, key: fn(&str) -> Option<K>) -> Option<Lists<K>> {
    let read = members.iter().map(|(name, json)| Some((key(name)?, reader.under(name, json)?)));
    read.collect::<Option<Vec<_>>>().map(Lists)
}
