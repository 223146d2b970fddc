//! Rules of the auth filter that are well written and do not say what was meant.

use super::config::part;
use crate::fault::{Code, Fault};
use crate::manifest::WasmPlugin;
use crate::manifest::yaml::{Node, Value};

pub(super) fn check(plugin: &WasmPlugin) -> Vec<Fault> {
    let Some((config, path)) = part(plugin, "auth-filter") else { return Vec::new() };
    let rules = config.get("rules").map(Node::items).unwrap_or_default();
    let mut found = Vec::new();
    if let Some(last) = rules.iter().position(decides_all) {
        for (index, rule) in rules.iter().enumerate().skip(last.saturating_add(1)) {
            let catch_all = rules.get(last).and_then(|rule| rule.get("name")).and_then(Node::text);
            let catch_all = catch_all.map_or_else(|| format!("rules[{last}]"), |name| format!("{name:?}"));
            let message = format!(
                "never reached: {catch_all} above concerns every request, and the first match decides"
            );
            if rule.get("enforcement").and_then(Node::text) != Some("shadow") {
                let fault = plugin.fault(&format!("{path}.rules[{index}]"), message);
                found.push(fault.coded(Code::RuleUnreachable));
            }
        }
    }
    for (index, rule) in rules.iter().enumerate() {
        found.extend(labels(plugin, config, rule, &format!("{path}.rules[{index}].authorize.labels")));
    }
    found
}

/// Whether the rule concerns every request, and is enforced for all of them.
fn decides_all(rule: &Node) -> bool {
    let enforced = match rule.get("enforcement").map(|node| &node.value) {
        None => true,
        Some(Value::Text(word)) => word == "enforce",
        Some(_) => false,
    };
    enforced && rule.get("percent").is_none() && rule.get("match").is_none_or(is_any)
}

fn is_any(matches: &Node) -> bool {
    let any_path = |path: &Node| {
        path.get("prefix").and_then(Node::text) == Some("/")
            || path.get("template").and_then(Node::text) == Some("/**")
    };
    let Value::Map(entries) = &matches.value else { return false };
    entries.iter().all(|entry| match entry.key.as_str() {
        "paths" => entry.value.items().iter().any(any_path),
        "hosts" => entry.value.items().iter().any(|host| host.text() == Some("*")),
        _ => entry.value.value == Value::Null,
    })
}

/// Only API keys have labels.
fn labels(plugin: &WasmPlugin, config: &Node, rule: &Node, path: &str) -> Option<Fault> {
    let given = rule.get("authorize")?.get("labels")?;
    let asks_for_none = matches!(&given.value, Value::Map(entries) if entries.is_empty());
    let mut names = Vec::new();
    texts(rule.get("require")?, &mut names);
    let providers = config.get("providers").map(Node::items).unwrap_or_default();
    let with_keys = |provider: &Node| {
        let name = provider.get("name").and_then(Node::text);
        provider.get("apiKey").is_some() && name.is_some_and(|name| names.contains(&name))
    };
    if asks_for_none || providers.iter().any(with_keys) {
        return None;
    }
    let message =
        "only API keys have labels, and none of this rule's providers is an apiKey: nobody can meet this";
    Some(plugin.fault(path, message).coded(Code::LabelsWithoutKey))
}

/// All texts in a tree: the names in `require`.
fn texts<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match &node.value {
        Value::Text(text) => found.push(text),
        Value::List(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Map(entries) => entries.iter().for_each(|entry| texts(&entry.value, found)),
        _ => {}
    }
}
