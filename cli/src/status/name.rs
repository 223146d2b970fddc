//! Istio's names of a plugin, which changed with 1.30.

/// What a resource's name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'n> {
    /// `namespace.name`, or the whole name when it is not Istio's.
    pub(super) short: &'n str,
    /// As what the plugin was written, and for which Istio.
    pub(super) kind: &'static str,
}

const TRANSLATED: &str = "~istio-translated-wasmplugin";

impl<'n> Name<'n> {
    pub(super) fn of(resource: &'n str) -> Self {
        if let Some(name) = resource.strip_prefix("extensions.istio.io/trafficextension/") {
            return match name.strip_suffix(TRANSLATED) {
                Some(short) => Self { short, kind: "WasmPlugin, Istio 1.30 and later" },
                None => Self { short: name, kind: "TrafficExtension" },
            };
        }
        match resource.strip_prefix("extensions.istio.io/wasmplugin/") {
            Some(short) => Self { short, kind: "WasmPlugin, Istio 1.29 and earlier" },
            None => Self {
                short: resource.strip_suffix(TRANSLATED).unwrap_or(resource),
                kind: "no plugin of Istio's",
            },
        }
    }
}
