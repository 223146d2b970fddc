//! What a proxy has made of a plugin, by its own word.

use serde_json::Value;
use tollgate::envoy::Stats;

/// The type of a plugin that runs; an agent that cannot fetch a module puts another in its place.
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A plugin as the proxy shall have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The name under which istiod delivers it.
    pub resource: String,
    /// Its configuration; nothing for none.
    pub configuration: Option<Value>,
    /// Part of the name of the module's file, which holds the image's digest; empty for any.
    pub module: String,
}

/// How far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not there yet, or in its former form.
    Waiting,
    /// There.
    Live,
    /// Something else is there in its place: its type.
    Replaced(String),
}

/// Looks for a plugin in `/config_dump?resource=ecds_filters`.
#[must_use]
pub fn state(dump: &Value, expected: &Expected) -> State {
    let configs = dump.get("configs").and_then(Value::as_array).into_iter().flatten();
    let mut filters = configs.filter_map(|config| config.get("ecds_filter"));
    let named = |filter: &&Value| filter.get("name").and_then(Value::as_str) == Some(&expected.resource);
    let Some(typed) = filters.find(named).and_then(|filter| filter.get("typed_config")) else {
        return State::Waiting;
    };
    let kind = typed.get("@type").and_then(Value::as_str).unwrap_or_default();
    if !kind.ends_with(WASM) {
        return State::Replaced(kind.rsplit('/').next().unwrap_or(kind).to_owned());
    }
    let found = typed.pointer("/config/configuration/value").and_then(Value::as_str);
    // As values: who writes the text is free to choose the order of keys and how characters are escaped.
    let found = found.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let file =
        typed.pointer("/config/vm_config/code/local/filename").and_then(Value::as_str).unwrap_or_default();
    let same = found == expected.configuration && file.contains(&expected.module);
    if same { State::Live } else { State::Waiting }
}

/// Whether the proxy has refused a configuration of it since `before`.
pub(super) fn refused(expected: &Expected, now: &Stats, before: &Stats) -> bool {
    let name = format!("extension_config_discovery.http_filter.{}.update_rejected", expected.resource);
    now.number(&name) > before.number(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected(configuration: Option<Value>, module: &str) -> Expected {
        Expected { resource: "r/shop.a".to_owned(), configuration, module: module.to_owned() }
    }

    fn dump(kind: &str, configuration: &Value) -> Value {
        let config = json!({"configuration": configuration, "vm_config": {"code": {"local": {"filename": "/d/00ff.wasm"}}}});
        let other = json!({"ecds_filter": {"name": "r/shop.b", "typed_config": {"@type": "x/other"}}});
        let typed = json!({"@type": format!("type.googleapis.com/{kind}"), "config": config});
        json!({"configs": [other, {"ecds_filter": {"name": "r/shop.a", "typed_config": typed}}]})
    }

    #[test]
    fn a_plugin_is_live_when_configuration_and_module_are_those_expected() {
        let text = json!({"@type": "StringValue", "value": "{\"b\": 1, \"a\": \"\\u003c\"}"});
        let config = Some(json!({"a": "<", "b": 1}));
        for (wanted, module, state) in [
            (config.clone(), "", State::Live),
            (config.clone(), "00ff", State::Live),
            (config, "ff00", State::Waiting),
            (Some(json!({"a": "<"})), "", State::Waiting),
            (None, "", State::Waiting),
        ] {
            assert_eq!(
                super::state(&dump(WASM, &text), &expected(wanted.clone(), module)),
                state,
                "{wanted:?} {module}"
            );
        }
        assert_eq!(state(&dump(WASM, &json!({})), &expected(None, "")), State::Live);
    }

    #[test]
    fn a_plugin_that_is_not_there_is_waited_for_and_one_that_was_replaced_is_not() {
        let missing = Expected { resource: "r/shop.c".to_owned(), ..expected(None, "") };
        assert_eq!(state(&dump(WASM, &json!({})), &missing), State::Waiting);
        assert_eq!(state(&json!({}), &missing), State::Waiting);
        let rbac = "envoy.extensions.filters.http.rbac.v3.RBAC";
        let replaced = State::Replaced(rbac.to_owned());
        assert_eq!(state(&dump(rbac, &json!({})), &expected(None, "")), replaced);
    }

    #[test]
    fn a_refusal_counts_when_it_is_new() {
        let stats = |count| {
            Stats::parse(&format!(
                "extension_config_discovery.http_filter.r/shop.a.update_rejected: {count}\n"
            ))
        };
        let expected = expected(None, "");
        assert!(refused(&expected, &stats(2), &stats(1)));
        assert!(!refused(&expected, &stats(1), &stats(1)));
        assert!(!refused(&expected, &Stats::default(), &Stats::default()));
    }
}
