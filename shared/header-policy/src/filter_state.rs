//! `toFilterState`: a request header, published as filter state `wasm.<key>`.
//!
//! What Istio's header-to-metadata example does, as a filter. Wasm cannot write dynamic metadata
//! (envoyproxy/envoy#15148); access logs, CEL and RBAC read filter state just as well.

use policy_core::config::Wire;
use policy_core::regex::{Regex, Substitution};
use policy_core::{ConfigError, Exchange, HeaderName, HeaderValue};

use crate::request_id::RequestId;

/// Replacing takes up to the square of the length: a longer value, in bytes, counts as absent where it is rewritten.
const LONGEST_REWRITTEN: usize = 4096;

/// One entry as it is written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// What is read, before the rules; several values are joined by a comma.
    header: HeaderName,
    /// It becomes filter state `wasm.<key>`.
    key: StateKey,
    /// Replaces every match, in values of up to 4096 bytes; a longer one counts as absent.
    rewrite: Option<Rewrite>,
    /// Published when the header is absent or empty.
    #[cfg_attr(feature = "schema", schemars(transform = policy_core::schema::header_value))]
    default: Option<String>,
}

/// `substitution` for every match of `pattern`, as in Envoy's `regex_value_rewrite`.
#[derive(Wire)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Rewrite {
    /// What is replaced.
    pattern: Regex,
    /// What it is replaced with; `\1` to `\9` are groups.
    substitution: Substitution,
}

/// The part of a filter state key after `wasm.`.
#[derive(Clone, PartialEq, Eq, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r#"^(?!wasm\.)[A-Za-z0-9_.-]{1,128}$"#))
)]
pub(crate) struct StateKey(String);

impl StateKey {
    /// The key without the prefix.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StateKey {
    type Error = &'static str;

    fn try_from(key: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if key.starts_with("wasm.") {
            return Err("leave out the prefix wasm.: Envoy adds it");
        }
        if key.is_empty() || key.len() > 128 || !key.bytes().all(plain) {
            return Err("a filter state key has 1 to 128 letters, digits, -, _ and .");
        }
        Ok(Self(key))
    }
}

/// A compiled entry.
pub(crate) struct ToFilterState {
    header: HeaderName,
    key: StateKey,
    rewrite: Option<Rewrite>,
    default: Option<HeaderValue>,
}

/// Compiles all entries.
pub(crate) fn compile_all(
    configs: Vec<Config>,
    request_id: Option<&RequestId>,
) -> Result<Vec<ToFilterState>, ConfigError> {
    let mut entries: Vec<ToFilterState> = Vec::with_capacity(configs.len());
    for (index, config) in configs.into_iter().enumerate() {
        let entry = compile(config).map_err(|error| error.under_item("toFilterState", index))?;
        let of_request_id = request_id.and_then(RequestId::filter_state).is_some_and(|key| *key == entry.key);
        if of_request_id || entries.iter().any(|known| known.key == entry.key) {
            let message = if of_request_id { "requestId has this key" } else { "another entry has this key" };
            return Err(ConfigError::at("key", message).under_item("toFilterState", index));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn compile(config: Config) -> Result<ToFilterState, ConfigError> {
    if let Some(Rewrite { pattern, substitution }) = &config.rewrite {
        pattern.check(substitution).map_err(|message| ConfigError::at("rewrite.substitution", message))?;
    }
    let default = config.default.as_deref().map(HeaderValue::parse).transpose();
    Ok(ToFilterState {
        default: default.map_err(|message| ConfigError::at("default", message))?,
        header: config.header,
        key: config.key,
        rewrite: config.rewrite,
    })
}

impl ToFilterState {
    /// Publishes the header's value (several joined by a comma), or the default when it is absent, empty or too long to
    /// rewrite.
    pub(crate) fn publish(&self, exchange: &mut Exchange<'_>) {
        let value = exchange.headers.joined(&self.header).filter(|value| !value.is_empty());
        let value = match (value, &self.rewrite, &self.default) {
            (Some(value), Some(rewrite), _) if value.len() <= LONGEST_REWRITTEN => {
                HeaderValue::escaped(&rewrite.pattern.replace_all(&value, &rewrite.substitution))
            }
            (Some(value), None, _) => HeaderValue::escaped(&value),
            (_, _, Some(default)) => default.clone(),
            (_, _, None) => return,
        };
        exchange.publish(self.key.as_str(), value);
    }
}
