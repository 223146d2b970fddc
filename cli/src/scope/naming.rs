//! The names that Istio gives what it makes of a manifest.

use crate::manifest::WasmPlugin;

/// By which version of Istio things are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Naming {
    /// 1.30 and later: every WasmPlugin is turned into a TrafficExtension first.
    #[default]
    Current,
    /// 1.26 to 1.29.
    Legacy,
}

/// What istiod adds to the name of the TrafficExtension that it makes of a WasmPlugin.
const TRANSLATED: &str = "~istio-translated-wasmplugin";

impl Naming {
    /// The name of the object that istiod works with: what objects of one age are sorted by.
    #[must_use]
    pub fn object(self, plugin: &WasmPlugin) -> String {
        let name = &plugin.metadata.name;
        match self {
            Self::Current if !is_native(plugin) => format!("{name}{TRANSLATED}"),
            Self::Current | Self::Legacy => name.clone(),
        }
    }

    /// The plugin's name in Envoy (`plugin_name`).
    #[must_use]
    pub fn plugin(self, plugin: &WasmPlugin) -> String {
        format!("{}.{}", plugin.metadata.namespace, self.object(plugin))
    }

    /// The name of the ECDS resource and of the HTTP filter.
    #[must_use]
    pub fn resource(self, plugin: &WasmPlugin) -> String {
        let kind = match self {
            Self::Current => "trafficextension",
            Self::Legacy => "wasmplugin",
        };
        format!("extensions.istio.io/{kind}/{}", self.plugin(plugin))
    }
}

/// True for what was written as a TrafficExtension.
fn is_native(plugin: &WasmPlugin) -> bool {
    plugin.document.field("kind").is_some_and(|kind| kind.value.text() == Some("TrafficExtension"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::manifest::Manifests;
    use crate::manifest::yaml::Value;

    #[test]
    fn what_was_written_as_a_traffic_extension_keeps_its_name() {
        let text = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: jwt, namespace: shop}\n\
                    spec: {url: oci://x/y:1}\n";
        let mut plugin = Manifests::parse(Path::new("a.yaml"), text).unwrap().plugins.remove(0);
        let names = |plugin: &WasmPlugin, naming: Naming| (naming.resource(plugin), naming.plugin(plugin));
        let current = "shop.jwt~istio-translated-wasmplugin".to_owned();
        assert_eq!(
            names(&plugin, Naming::Current),
            (format!("extensions.istio.io/trafficextension/{current}"), current)
        );
        assert_eq!(
            names(&plugin, Naming::Legacy),
            ("extensions.istio.io/wasmplugin/shop.jwt".to_owned(), "shop.jwt".to_owned())
        );
        let Value::Map(entries) = &mut plugin.document.value else { panic!("a map") };
        let kind = entries.iter_mut().find(|entry| entry.key == "kind").unwrap();
        kind.value.value = Value::Text("TrafficExtension".to_owned());
        assert_eq!(
            names(&plugin, Naming::Current),
            ("extensions.istio.io/trafficextension/shop.jwt".to_owned(), "shop.jwt".to_owned())
        );
    }
}
