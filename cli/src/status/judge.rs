//! The verdict on each plugin.
//!
//! Envoy 1.40 keeps a refused configuration in its dump as if it had been taken, with its version and time, and goes on with the one
//! before. What gives it away is the version in the counters, which is that of the last configuration it took.

mod agent;
mod keys;

use serde_json::Value;

use super::dump::{Delivered, Dump, ListenerState, is_wasm, text};
use super::log;
use super::name::Name;
use crate::envoy::Stats;

pub(super) use agent::{Agent, agent};
pub(super) use keys::Key;

/// What a proxy has made of its plugins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    /// Envoy's version.
    pub(super) envoy: String,
    /// `LIVE` when it serves.
    pub(super) state: String,
    /// The node's id: in a mesh it names the pod.
    pub(super) node: String,
    /// Wasm VMs in the process, if counted.
    pub(super) vms: u64,
    /// The plugins, in the order in which requests pass them.
    pub(super) plugins: Vec<Plugin>,
    /// Chains: the listeners that have these plugins in this order, by their places in `plugins`.
    pub(super) chains: Vec<(Vec<String>, Vec<usize>)>,
    /// Listeners that Envoy refused, each with the reason and the time.
    pub(super) refused_listeners: Vec<(String, String, String)>,
    /// What istio-agent counts, if it was asked.
    pub(super) agent: Option<Agent>,
    /// What could not be found out.
    pub(super) notes: Vec<String>,
}

/// One plugin.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plugin {
    /// `namespace.name`.
    pub(super) name: String,
    /// The resource's full name, which is also the filter's.
    pub(super) resource: String,
    /// As what it was written, by its name.
    pub(super) kind: &'static str,
    pub(super) state: State,
    /// Why, when it does not serve.
    pub(super) reason: Option<String>,
    /// When this state began, RFC 3339, if known.
    pub(super) since: Option<String>,
    /// The version that serves: what the sender of the configuration calls it.
    pub(super) version: Option<String>,
    /// The version that was refused.
    pub(super) refused_version: Option<String>,
    /// As all below: of what was delivered last, also where that was refused.
    pub(super) module: Option<Module>,
    /// The name in the configuration, by which Envoy counts and logs.
    pub(super) config_name: Option<String>,
    pub(super) failure_policy: Option<String>,
    pub(super) counts: Counts,
    pub(super) keys: Vec<Key>,
}

/// What became of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Loaded, with what was delivered last.
    Loaded,
    /// What was delivered last was refused; what was there before serves.
    Refused,
    /// Nothing was ever taken: requests get a 500.
    RefusedWithNothingBefore,
    /// istio-agent could not fetch the module: every request gets a 403.
    DenyAll,
    /// istio-agent could not fetch the module, under FAIL_OPEN: every request passes.
    AllowAll,
    /// The listener waits for its configuration.
    Warming,
}

/// The code that a configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) file: String,
    /// The digest in the file's name: as istio-agent writes it, that of the image for `oci://`, of the module for others.
    pub(super) digest: Option<String>,
    /// That of the file, where it can be read from here.
    pub(super) sha256: Option<String>,
}

/// Envoy's counters; `None` where it does not keep them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Configurations that were taken, and refused.
    pub(super) taken: Option<u64>,
    pub(super) refused: Option<u64>,
    /// VMs that were made anew after a trap, and those that could not be.
    pub(super) reloads: Option<u64>,
    pub(super) failed_reloads: Option<u64>,
}

impl Status {
    /// Whether everything serves as it was delivered.
    pub(super) fn serving(&self) -> bool {
        self.refused_listeners.is_empty() && self.plugins.iter().all(|plugin| plugin.state == State::Loaded)
    }

    /// The same without what changes all the time.
    pub(super) fn without_ages(&self) -> Self {
        let mut same = self.clone();
        same.plugins.iter_mut().flat_map(|plugin| &mut plugin.keys).for_each(|key| key.age = None);
        same
    }
}

/// Puts the answers together.
pub(super) fn judge(server: &Value, dump: &Dump<'_>, stats: &Stats) -> Status {
    let version = text(server, "version").split('/').nth(1).unwrap_or_default();
    let mut status = Status {
        envoy: version.to_owned(),
        state: text(server, "state").to_owned(),
        node: server.get("node").map(|node| text(node, "id")).unwrap_or_default().to_owned(),
        vms: stats.number("wasm.wasm_vm_count"),
        plugins: Vec::new(),
        chains: Vec::new(),
        refused_listeners: Vec::new(),
        agent: None,
        notes: Vec::new(),
    };
    for listener in &dump.listeners {
        if let Some((why, when)) = listener.error {
            status.refused_listeners.push((listener.name.to_owned(), why.to_owned(), when.to_owned()));
        }
        let mut chain = Vec::new();
        for place in &listener.plugins {
            let known = status.plugins.iter().position(|plugin| plugin.resource == place.name);
            chain.push(known.unwrap_or(status.plugins.len()));
            if known.is_none() {
                let delivered = dump.delivered.iter().find(|delivered| delivered.name == place.name);
                status.plugins.push(plugin(place.name, place.inline, delivered, stats));
            }
            let waits = listener.state == ListenerState::Warming && place.inline.is_none();
            if let Some(plugin) = chain.last().and_then(|at| status.plugins.get_mut(*at)).filter(|_| waits)
                && !dump.delivered.iter().any(|delivered| delivered.name == place.name)
            {
                plugin.state = State::Warming;
            }
        }
        if !chain.is_empty() {
            let listener = listener.name.to_owned();
            match status.chains.iter_mut().find(|(_, known)| *known == chain) {
                Some((listeners, _)) => listeners.push(listener),
                None => status.chains.push((vec![listener], chain)),
            }
        }
    }
    if status.plugins.iter().any(|plugin| plugin.counts.taken.is_none() && plugin.version.is_some()) {
        let note = "this proxy keeps no extension_config_discovery counters, so a refused configuration cannot be told from one \
                    that serves; add `extension_config_discovery` to proxyStatsMatcher.inclusionPrefixes";
        status.notes.push(note.to_owned());
    }
    status
}

fn plugin(name: &str, inline: Option<&Value>, delivered: Option<&Delivered<'_>>, stats: &Stats) -> Plugin {
    let config = inline.or(delivered.map(|delivered| delivered.config));
    let wasm = config.filter(|config| is_wasm(text(config, "@type"))).and_then(|config| config.get("config"));
    let own =
        |what: &str| wasm.map(|wasm| text(wasm, what)).filter(|text| !text.is_empty()).map(str::to_owned);
    let config_name = own("name");
    let discovery = |what: &str| {
        ["http_filter", "tcp_listener_filter", "network_filter"]
            .iter()
            .map(|kind| format!("extension_config_discovery.{kind}.{name}.{what}"))
            .find(|name| stats.has(name))
    };
    let vm = |what: &str| {
        let name = format!("wasm.{}.{what}", config_name.as_deref().unwrap_or_default());
        stats.has(&name).then(|| stats.number(&name))
    };
    let count = |what: &str| discovery(what).map(|name| stats.number(&name));
    let taken_version = discovery("version_text").map(|name| stats.text(&name).to_owned());
    let counts = Counts {
        taken: count("update_success"),
        refused: count("update_rejected"),
        reloads: vm("vm_reload_success"),
        failed_reloads: vm("vm_reload_failure"),
    };
    let short = Name::of(name);
    let mut plugin = Plugin {
        name: short.short.to_owned(),
        resource: name.to_owned(),
        kind: short.kind,
        state: State::Loaded,
        reason: None,
        since: delivered.map(|delivered| delivered.updated.to_owned()),
        version: delivered.map(|delivered| delivered.version.to_owned()),
        refused_version: None,
        module: wasm.and_then(module),
        failure_policy: own("failure_policy").or_else(|| wasm.map(|_| "FAIL_CLOSED".to_owned())),
        keys: wasm.map(|wasm| keys::of(wasm, stats)).unwrap_or_default(),
        config_name,
        counts,
    };
    match (delivered, inline) {
        (None, None) => plugin.state = State::Warming,
        (Some(delivered), _) => verdict(&mut plugin, delivered, taken_version),
        (None, Some(_)) => {}
    }
    plugin
}

/// What was delivered last: taken, refused, or a filter of another kind under the plugin's name.
fn verdict(plugin: &mut Plugin, delivered: &Delivered<'_>, taken_version: Option<String>) {
    let rejected = plugin.counts.refused.is_some_and(|refused| refused > 0);
    let other = taken_version.as_ref().is_some_and(|version| version != delivered.version);
    if delivered.error.is_some() || (rejected && other) {
        let nothing_before = plugin.counts.taken == Some(0);
        plugin.state = if nothing_before { State::RefusedWithNothingBefore } else { State::Refused };
        plugin.reason = delivered.error.map(str::to_owned);
        plugin.refused_version = Some(delivered.version.to_owned());
        plugin.version = taken_version.filter(|version| !version.is_empty());
    } else if !is_wasm(text(delivered.config, "@type")) {
        // istio-agent's own words for the two: with rules that allow nothing, and without rules.
        let denies = delivered.config.get("rules").is_some();
        plugin.state = if denies { State::DenyAll } else { State::AllowAll };
        let log = "istio-agent could not fetch the module; its log says why: \"error in converting the wasm config to local\"";
        plugin.reason = Some(log.to_owned());
    }
}

fn module(wasm: &Value) -> Option<Module> {
    let code = wasm.get("vm_config")?.get("code")?;
    let file = match code.get("local") {
        Some(local) => text(local, "filename"),
        None => text(code.get("remote")?.get("http_uri")?, "uri"),
    };
    let stem = file.rsplit('/').next()?.strip_suffix(".wasm").unwrap_or_default();
    let digest =
        (stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| stem.to_owned());
    Some(Module { file: file.to_owned(), digest, sha256: None })
}

/// Adds the reasons that only the log has.
pub(super) fn explain(status: &mut Status, log: Option<&str>) {
    for plugin in &mut status.plugins {
        let refused = matches!(plugin.state, State::Refused | State::RefusedWithNothingBefore);
        if !refused || plugin.reason.is_some() {
            continue;
        }
        let name = plugin.config_name.as_deref().unwrap_or(&plugin.name);
        plugin.reason = log.and_then(|log| log::reason(log, name)).or_else(|| {
            Some("Envoy's log says why; its admin interface does not (give --log, or --pod)".to_owned())
        });
    }
}
