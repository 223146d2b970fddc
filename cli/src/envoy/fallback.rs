//! What istio-agent puts in a plugin's place when its module cannot be fetched.

use serde_json::{Value, json};

use super::translate::{Extension, RBAC};
use crate::manifest::FailStrategy;

/// Under the name of the plugin that was to be, a filter that refuses each request with 403; for `FAIL_OPEN`, and for
/// that only, one that lets each pass.
#[must_use]
pub fn fallback(wanted: Extension, strategy: FailStrategy) -> Extension {
    Extension { config: config(strategy), ..wanted }
}

fn config(strategy: FailStrategy) -> Value {
    match strategy {
        FailStrategy::Open => json!({"@type": RBAC, "rules_stat_prefix": "wasm-default-allow"}),
        // Rules that allow nothing in particular refuse everything.
        FailStrategy::Close | FailStrategy::Reload => {
            json!({"@type": RBAC, "rules": {}, "rules_stat_prefix": "wasm-default-deny"})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fail_open_lets_requests_pass() {
        let wanted =
            Extension { name: "n".to_owned(), plugin: "p".to_owned(), config: json!({"@type": "wasm"}) };
        for (strategy, rules, prefix) in [
            (FailStrategy::Open, None, "wasm-default-allow"),
            (FailStrategy::Close, Some(json!({})), "wasm-default-deny"),
            (FailStrategy::Reload, Some(json!({})), "wasm-default-deny"),
        ] {
            let fallback = fallback(wanted.clone(), strategy);
            assert_eq!((fallback.name.as_str(), fallback.plugin.as_str()), ("n", "p"));
            assert_eq!(fallback.config["@type"], RBAC);
            assert_eq!(fallback.config.get("rules"), rules.as_ref());
            assert_eq!(fallback.config["rules_stat_prefix"], prefix);
        }
    }
}
