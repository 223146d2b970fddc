//! How old the keys of an auth filter's providers are, as the filter itself counts.

use serde_json::Value;

use super::super::dump::{items, text};
use crate::envoy::Stats;

/// The keys of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Key {
    pub(in super::super) provider: String,
    /// Seconds since they were fetched; `None` while there are none.
    pub(in super::super) age: Option<u64>,
    /// How many there are.
    pub(in super::super) count: u64,
}

/// The providers that a configuration names and that fetch their keys.
pub(super) fn of(wasm: &Value, stats: &Stats) -> Vec<Key> {
    let configuration = wasm.get("configuration").map(|any| text(any, "value")).unwrap_or_default();
    let Ok(configuration) = serde_json::from_str::<Value>(configuration) else { return Vec::new() };
    // In the edge filter it is one part of several.
    let configuration = configuration.get("auth").unwrap_or(&configuration);
    let fetches = |provider: &&Value| {
        let jwt = provider.get("jwt");
        jwt.is_some_and(|jwt| jwt.get("jwksUri").is_some() || jwt.get("discovery").is_some())
    };
    let mut keys = Vec::new();
    for provider in items(configuration, "providers").filter(fetches).map(|provider| text(provider, "name")) {
        let gauge = |what: &str| format!("wasmcustom.wasm_filter.auth.component.{provider}.{what}");
        if stats.has(&gauge("tollgate_keys")) {
            let count = stats.number(&gauge("tollgate_keys"));
            let age = (count > 0).then(|| stats.number(&gauge("tollgate_key_age_seconds")));
            keys.push(Key { provider: provider.to_owned(), age, count });
        }
    }
    keys
}
