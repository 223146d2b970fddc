//! The order in which Istio chains plugins.

use std::cmp::Reverse;

use super::{Phase, WasmPlugin};

/// Sorts as istiod does, where all plugins are of one namespace.
#[must_use]
pub fn in_chain_order(plugins: Vec<WasmPlugin>) -> Vec<WasmPlugin> {
    in_chain_order_by(plugins, |_| 0, |plugin| plugin.metadata.name.clone())
}

/// Sorts as istiod does: by phase, then priority from high to low with an unset one below all others, then the rank of the
/// namespace, then age, then name and namespace.
///
/// `name` is the name that istiod compares. Without `creationTimestamp`, which only the cluster sets, equals keep the order
/// of the documents, as if they had been applied one after the other.
#[must_use]
pub fn in_chain_order_by(
    mut plugins: Vec<WasmPlugin>,
    rank: impl Fn(&str) -> usize,
    name: impl Fn(&WasmPlugin) -> String,
) -> Vec<WasmPlugin> {
    plugins.sort_by_cached_key(|plugin| {
        let phase = match plugin.spec.phase {
            Phase::Authn => 0,
            Phase::Authz => 1,
            Phase::Stats => 2,
            Phase::Unspecified => 3,
        };
        let priority = plugin.spec.priority.map_or(i64::MIN, i64::from);
        let namespace = &plugin.metadata.namespace;
        // RFC 3339 in UTC sorts as text; what has no age yet is the youngest.
        let age = plugin.metadata.creation_timestamp.clone();
        let names = age.as_ref().map(|_| (name(plugin), namespace.clone()));
        (phase, Reverse(priority), rank(namespace), age.is_none(), age, names)
    });
    plugins
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::Manifests;

    /// Plugins given as `name phase priority age`, `-` for unset.
    fn check(given: &[&str], expected: &[&str]) {
        let mut text = String::new();
        for plugin in given {
            let words: Vec<&str> = plugin.split(' ').collect();
            let [name, phase, priority, age] = words.as_slice() else { panic!("{plugin}") };
            text.push_str("---\napiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n");
            text.push_str(&format!("metadata:\n  name: {name}\n"));
            if *age != "-" {
                text.push_str(&format!("  creationTimestamp: {age}\n"));
            }
            text.push_str("spec:\n  url: oci://x/y:1\n");
            for (key, value) in [("phase", phase), ("priority", priority)] {
                if *value != "-" {
                    text.push_str(&format!("  {key}: {value}\n"));
                }
            }
        }
        let plugins = Manifests::parse(Path::new("x.yaml"), &text).unwrap().plugins;
        let sorted = in_chain_order(plugins);
        let names: Vec<&str> = sorted.iter().map(|plugin| plugin.metadata.name.as_str()).collect();
        assert_eq!(names, expected, "{given:?}");
    }

    #[test]
    fn phases_come_first() {
        check(
            &[
                "none - 9 -",
                "stats STATS 9 -",
                "authz AUTHZ 1 -",
                "authn AUTHN 1 -",
                "zero UNSPECIFIED_PHASE 1 -",
            ],
            &["authn", "authz", "stats", "none", "zero"],
        );
    }

    #[test]
    fn within_a_phase_the_higher_priority_comes_first_and_an_unset_one_last() {
        check(
            &["unset AUTHN - -", "minus AUTHN -5 -", "ten AUTHN 10 -", "zero AUTHN 0 -"],
            &["ten", "zero", "minus", "unset"],
        );
    }

    #[test]
    fn equals_of_one_age_go_by_name() {
        let age = "2026-02-01T00:00:00Z";
        let given = ["c", "a", "b"].map(|name| format!("{name} AUTHN 1 {age}"));
        check(&given.each_ref().map(String::as_str), &["a", "b", "c"]);
    }

    #[test]
    fn equals_go_by_age_and_without_an_age_by_document() {
        check(
            &[
                "b AUTHN 1 -",
                "young AUTHN 1 2026-02-01T00:00:00Z",
                "a AUTHN 1 -",
                "old AUTHN 1 2025-02-01T00:00:00Z",
            ],
            &["old", "young", "b", "a"],
        );
    }
}
