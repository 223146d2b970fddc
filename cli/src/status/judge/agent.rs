//! What istio-agent counts of fetching modules.

/// The counters that are there, by name and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Agent {
    /// `wasm_remote_fetch_count{result="download_failure"}` and so on, with their values.
    pub(in super::super) counters: Vec<(String, String)>,
}

/// The counters about modules among an agent's metrics; `None` when it has none, which is when it never had to do with any.
pub(in super::super) fn agent(metrics: &str) -> Option<Agent> {
    let wanted = [
        "wasm_cache_entries",
        "wasm_cache_lookup_count",
        "wasm_remote_fetch_count",
        "wasm_config_conversion_count",
    ];
    let mut counters = Vec::new();
    for line in metrics.lines() {
        let Some(counter) = line.strip_prefix("istio_agent_") else { continue };
        if let Some((name, value)) = counter.rsplit_once(' ')
            && wanted.iter().any(|wanted| name.split('{').next() == Some(wanted))
        {
            counters.push((name.to_owned(), value.to_owned()));
        }
    }
    (!counters.is_empty()).then_some(Agent { counters })
}
