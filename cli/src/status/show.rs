//! The status in words, and as JSON.

use serde_json::{Value, json};

use super::judge::{Key, Plugin, State, Status};
use crate::report::Reporter;

impl State {
    /// A word for programs.
    fn word(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "refused",
            Self::RefusedWithNothingBefore => "refused-nothing-serves",
            Self::DenyAll => "deny-all",
            Self::AllowAll => "allow-all",
            Self::Warming => "warming",
        }
    }

    /// The same for people.
    fn sentence(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Refused => "REFUSED: what was there before goes on serving",
            Self::RefusedWithNothingBefore => "REFUSED, and there was nothing before: requests get a 500",
            Self::DenyAll => "REPLACED BY DENY-ALL: every request gets a 403",
            Self::AllowAll => "REPLACED BY ALLOW-ALL: every request passes unfiltered",
            Self::Warming => "WARMING: its listener waits for the configuration",
        }
    }
}

/// Writes it for people.
pub(super) fn text(status: &Status, out: &mut Reporter) {
    out.line(&format!(
        "Envoy {} ({}), node {}, {} Wasm VMs",
        status.envoy, status.state, status.node, status.vms
    ));
    if status.plugins.is_empty() {
        out.note("no listener has a Wasm plugin");
    }
    for plugin in &status.plugins {
        let line = format!("{}: {}", plugin.name, plugin.state.sentence());
        if plugin.state == State::Loaded {
            out.good(&line)
        } else {
            out.bad(&line)
        }
        for detail in details(plugin) {
            out.line(&format!("    {detail}"));
        }
    }
    for (listeners, chain) in &status.chains {
        let names: Vec<&str> = chain
            .iter()
            .filter_map(|at| status.plugins.get(*at))
            .map(|plugin| plugin.name.as_str())
            .collect();
        out.line(&format!("chain of {}: {}", listeners.join(", "), names.join(" > ")));
    }
    for (listener, why, when) in &status.refused_listeners {
        out.bad(&format!("listener {listener}: REFUSED on {when}: {why}"));
    }
    for (counter, value) in status.agent.iter().flat_map(|agent| &agent.counters) {
        out.line(&format!("istio-agent: {counter} {value}"));
    }
    for note in &status.notes {
        out.note(note);
    }
}

fn details(plugin: &Plugin) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(plugin.reason.as_ref().map(|reason| format!("reason          {reason}")));
    let since = plugin.since.as_ref().map(|since| format!(" since {since}")).unwrap_or_default();
    if let Some(refused) = &plugin.refused_version {
        lines.push(format!("refused         version {refused}{since}"));
        lines.extend(plugin.version.as_ref().map(|version| format!("serves          version {version}")));
    } else if let Some(version) = &plugin.version {
        lines.push(format!("serves          version {version}{since}"));
    }
    // Envoy shows what it refused, and no longer what serves in its place.
    let whose = if plugin.refused_version.is_some() { " (of what was refused)" } else { "" };
    if let Some(module) = &plugin.module {
        lines.push(format!("module          {}{whose}", module.file));
        let other = module.sha256.as_ref().filter(|sha256| module.digest.as_ref() != Some(sha256));
        lines.extend(other.map(|sha256| format!("SHA-256         {sha256}")));
    }
    lines.extend(plugin.failure_policy.as_ref().map(|policy| format!("failure policy  {policy}{whose}")));
    let counts = plugin.counts;
    if let (Some(taken), Some(refused)) = (counts.taken, counts.refused) {
        lines.push(format!("configurations  {taken} taken, {refused} refused"));
    }
    if let (Some(reloads), Some(failed)) = (counts.reloads, counts.failed_reloads) {
        lines.push(format!("after a trap    {reloads} reloads, {failed} failed"));
    }
    lines.extend(plugin.keys.iter().map(keys));
    lines.push(format!("resource        {} ({})", plugin.resource, plugin.kind));
    lines
}

fn keys(key: &Key) -> String {
    match key.age {
        Some(age) => format!("keys of {}    {}, fetched {age} s ago", key.provider, key.count),
        None => format!("keys of {}    none yet", key.provider),
    }
}

/// Writes it for programs. What is not known is null.
pub(super) fn json(status: &Status) -> Value {
    let chain = |(listeners, chain): &(Vec<String>, Vec<usize>)| {
        let names: Vec<&str> = chain
            .iter()
            .filter_map(|at| status.plugins.get(*at))
            .map(|plugin| plugin.name.as_str())
            .collect();
        json!({"listeners": listeners, "plugins": names})
    };
    let listener = |(name, why, when): &(String, String, String)| json!({"listener": name, "reason": why, "since": when});
    let counters = |agent: &super::judge::Agent| {
        agent.counters.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()
    };
    json!({
        "envoy": {"version": status.envoy, "state": status.state, "node": status.node, "wasmVms": status.vms},
        "serving": status.serving(),
        "plugins": status.plugins.iter().map(plugin).collect::<Vec<_>>(),
        "chains": status.chains.iter().map(chain).collect::<Vec<_>>(),
        "refusedListeners": status.refused_listeners.iter().map(listener).collect::<Vec<_>>(),
        "agent": status.agent.as_ref().map(counters),
        "notes": status.notes,
    })
}

fn plugin(plugin: &Plugin) -> Value {
    let module = plugin
        .module
        .as_ref()
        .map(|module| json!({"file": module.file, "digestInName": module.digest, "sha256": module.sha256}));
    let key = |key: &Key| json!({"provider": key.provider, "count": key.count, "ageSeconds": key.age});
    json!({
        "name": plugin.name,
        "resource": plugin.resource,
        "kind": plugin.kind,
        "state": plugin.state.word(),
        "reason": plugin.reason,
        "since": plugin.since,
        "version": plugin.version,
        "refusedVersion": plugin.refused_version,
        "module": module,
        "failurePolicy": plugin.failure_policy,
        "configurations": {"taken": plugin.counts.taken, "refused": plugin.counts.refused},
        "afterTrap": {"reloads": plugin.counts.reloads, "failed": plugin.counts.failed_reloads},
        "keys": plugin.keys.iter().map(key).collect::<Vec<_>>(),
    })
}
