//! What Envoy says that it has: configurations by ECDS, and the listeners' chains.

use serde_json::Value;

/// The parts of a dump that concern plugins.
#[derive(Debug, Default)]
pub(super) struct Dump<'d> {
    /// Each configuration that was delivered last, taken or not.
    pub(super) delivered: Vec<Delivered<'d>>,
    /// The listeners that have plugins, and those that were refused.
    pub(super) listeners: Vec<Listener<'d>>,
}

/// One ECDS resource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivered<'d> {
    pub(super) name: &'d str,
    pub(super) version: &'d str,
    /// RFC 3339.
    pub(super) updated: &'d str,
    pub(super) config: &'d Value,
    /// Envoy's word on why it was refused; 1.40 does not say it here.
    pub(super) error: Option<&'d str>,
}

/// One listener.
#[derive(Debug)]
pub(super) struct Listener<'d> {
    pub(super) name: &'d str,
    pub(super) state: ListenerState,
    /// Where a listener was refused: why, and when.
    pub(super) error: Option<(&'d str, &'d str)>,
    /// The plugins of all its chains, in the order in which requests pass them, each once.
    pub(super) plugins: Vec<Place<'d>>,
}

/// Whether a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerState {
    Active,
    Warming,
    /// Envoy never took it.
    None,
}

/// A plugin in a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'d> {
    pub(super) name: &'d str,
    /// The configuration, where it stands in the listener itself.
    pub(super) inline: Option<&'d Value>,
}

/// Reads `/config_dump`.
pub(super) fn read(whole: &Value) -> Dump<'_> {
    let mut dump = Dump::default();
    for part in items(whole, "configs") {
        dump.delivered.extend(items(part, "ecds_filters").filter_map(delivered));
        for listener in items(part, "static_listeners").filter_map(|entry| entry.get("listener")) {
            dump.listeners.extend(listener_of(
                text(listener, "name"),
                ListenerState::Active,
                Some(listener),
                None,
            ));
        }
        dump.listeners.extend(items(part, "dynamic_listeners").flat_map(dynamic));
    }
    dump
}

fn delivered(entry: &Value) -> Option<Delivered<'_>> {
    let filter = entry.get("ecds_filter")?;
    Some(Delivered {
        name: filter.get("name")?.as_str()?,
        version: text(entry, "version_info"),
        updated: text(entry, "last_updated"),
        config: filter.get("typed_config")?,
        error: entry.get("error_state").map(|error| text(error, "details")),
    })
}

/// A listener that xDS delivered can be there in several states at once; what does not serve yet counts beside what does.
fn dynamic(entry: &Value) -> Vec<Listener<'_>> {
    let name = text(entry, "name");
    let error =
        entry.get("error_state").map(|error| (text(error, "details"), text(error, "last_update_attempt")));
    let mut listeners = Vec::new();
    for (field, state) in [("active_state", ListenerState::Active), ("warming_state", ListenerState::Warming)]
    {
        if let Some(listener) = entry.get(field).and_then(|state| state.get("listener")) {
            listeners.extend(listener_of(name, state, Some(listener), None));
        }
    }
    if error.is_some() {
        listeners.extend(listener_of(name, ListenerState::None, None, error));
    }
    listeners
}

fn listener_of<'d>(
    name: &'d str,
    state: ListenerState,
    listener: Option<&'d Value>,
    error: Option<(&'d str, &'d str)>,
) -> Option<Listener<'d>> {
    let mut plugins: Vec<Place<'d>> = Vec::new();
    let chains = listener
        .into_iter()
        .flat_map(|listener| items(listener, "filter_chains").chain(listener.get("default_filter_chain")));
    for filter in chains.flat_map(|chain| items(chain, "filters")) {
        let inside = filter.get("typed_config").into_iter().flat_map(|config| items(config, "http_filters"));
        for place in std::iter::once(filter).chain(inside).filter_map(place) {
            if !plugins.iter().any(|known| known.name == place.name) {
                plugins.push(place);
            }
        }
    }
    (!plugins.is_empty() || error.is_some()).then_some(Listener { name, state, error, plugins })
}

/// A filter that is a plugin: a Wasm filter, or one that ECDS may make one.
fn place(filter: &Value) -> Option<Place<'_>> {
    let name = filter.get("name")?.as_str()?;
    let inline = filter.get("typed_config").filter(|config| is_wasm(text(config, "@type")));
    let discovered = filter
        .get("config_discovery")
        .is_some_and(|discovery| items(discovery, "type_urls").filter_map(Value::as_str).any(is_wasm));
    (inline.is_some() || discovered).then_some(Place { name, inline })
}

/// HTTP and network filters alike.
pub(super) fn is_wasm(type_url: &str) -> bool {
    type_url.ends_with(".wasm.v3.Wasm")
}

pub(super) fn text<'d>(value: &'d Value, field: &str) -> &'d str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn items<'d>(value: &'d Value, field: &str) -> impl Iterator<Item = &'d Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}
