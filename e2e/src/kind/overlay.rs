//! What makes a case's manifests fit for a cluster: a kustomization over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate::manifest::WasmPlugin;
use tollgate::module::stem;
use tollgate::plan::config_json;

use super::delivered::Expected;

/// The label by which a case's objects are told from others.
const LABEL: &str = "tollgate.dev/case";

/// Where agents fetch modules, by the module's name: `oci://kind-registry:5000/tollgate/x:1@sha256:...`.
#[derive(Debug, Clone, Default)]
pub struct Modules(BTreeMap<String, String>);

impl Modules {
    /// Those that `scripts/kind.sh push` has written down: `E2E_KIND_MODULES`.
    ///
    /// # Errors
    /// When there are none.
    pub fn of_environment() -> Result<Self, String> {
        let file = std::env::var_os("E2E_KIND_MODULES")
            .ok_or("E2E_KIND_MODULES names no file: run `make e2e-kind`")?;
        let text = fs::read_to_string(&file).map_err(|error| {
            format!("{}: {error}: run `scripts/kind.sh push`", Path::new(&file).display())
        })?;
        Self::parse(&text)
    }

    /// Reads lines of a name and a reference.
    ///
    /// # Errors
    /// When a line is something else, or a reference is not pinned.
    pub fn parse(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let pair = line.split_once(' ').map(|(name, url)| (name.to_owned(), url.trim().to_owned()));
            pair.filter(|(_, url)| url.starts_with("oci://") && url.contains("@sha256:"))
                .ok_or_else(|| format!("{line:?} is not a module's name and its pinned reference"))
        };
        text.lines().filter(|text| !text.trim().is_empty()).map(line).collect::<Result<_, _>>().map(Self)
    }

    /// The reference that stands for the module of a url.
    #[must_use]
    pub fn reference(&self, url: &str) -> Option<&str> {
        self.0.get(stem(url)).map(String::as_str)
    }
}

/// Where a case's plugins go.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'o> {
    /// The label `app` of the pods.
    pub workload: &'o str,
    /// Their namespace.
    pub namespace: &'o str,
    /// Where agents fetch modules.
    pub modules: &'o Modules,
}

impl Overlay<'_> {
    /// Writes the manifests and the kustomization into a folder.
    ///
    /// # Errors
    /// When a module was not pushed, or the folder cannot be written.
    pub fn write(&self, folder: &Path, manifests: &str, plugins: &[WasmPlugin]) -> Result<(), String> {
        let patches = plugins.iter().map(|plugin| self.patch(plugin)).collect::<Result<Vec<_>, _>>()?;
        let kustomization = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self.namespace,
            "namePrefix": format!("{}-", self.workload),
            "labels": [{"pairs": {LABEL: self.workload}}],
            "resources": ["manifests.yaml"],
            "patches": patches,
        });
        let write = |file: &str, text: &str| {
            let file = folder.join(file);
            fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
        };
        write("manifests.yaml", manifests)?;
        write("kustomization.yaml", &kustomization.to_string())
    }

    /// kubectl's words for it. What an earlier case had and this one has not goes away.
    #[must_use]
    pub fn apply_arguments(&self, folder: &Path) -> Vec<String> {
        [
            "apply".to_owned(),
            "-k".to_owned(),
            folder.display().to_string(),
            "--prune".to_owned(),
            "-l".to_owned(),
            format!("{LABEL}={}", self.workload),
            "--prune-allowlist=extensions.istio.io/v1alpha1/WasmPlugin".to_owned(),
            "--prune-allowlist=networking.istio.io/v1/ServiceEntry".to_owned(),
        ]
        .into()
    }

    /// What the proxy shall have of a plugin then.
    #[must_use]
    pub fn expected(&self, plugin: &WasmPlugin) -> Expected {
        let name = format!("{}.{}-{}", self.namespace, self.workload, plugin.metadata.name);
        let digest = self.modules.reference(&plugin.spec.url).and_then(|url| url.split_once("@sha256:"));
        Expected {
            resource: format!("extensions.istio.io/trafficextension/{name}~istio-translated-wasmplugin"),
            configuration: config_json(plugin).and_then(|text| serde_json::from_str(&text).ok()),
            module: digest.map(|(_, digest)| digest.to_owned()).unwrap_or_default(),
        }
    }

    fn patch(&self, plugin: &WasmPlugin) -> Result<Value, String> {
        let url = self.modules.reference(&plugin.spec.url).ok_or_else(|| {
            format!("no module {} has been pushed: scripts/kind.sh push", stem(&plugin.spec.url))
        })?;
        let operations = json!([
            {"op": "add", "path": "/spec/selector", "value": {"matchLabels": {"app": self.workload}}},
            {"op": "replace", "path": "/spec/url", "value": url},
        ]);
        let target = json!({"kind": "WasmPlugin", "name": format!("^{}$", plugin.metadata.name)});
        Ok(json!({"target": target, "patch": operations.to_string()}))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tollgate::manifest::Manifests;

    use super::*;
    use crate::plugin;

    const DIGEST: &str = "0011223344556677889900112233445566778899001122334455667788990011";

    fn modules() -> Modules {
        Modules::parse(&format!(
            "header-filter oci://kind-registry:5000/tollgate/header-filter:1@sha256:{DIGEST}\n"
        ))
        .unwrap()
    }

    fn plugins(text: &str) -> Vec<WasmPlugin> {
        Manifests::parse(Path::new("a.yaml"), text).unwrap().plugins
    }

    #[test]
    fn modules_are_read_by_name_and_must_be_pinned() {
        let modules = modules();
        let reference = modules.reference("oci://ghcr.io/tollgate/header-filter:0.1.0").unwrap();
        assert!(reference.starts_with("oci://kind-registry:5000/") && reference.ends_with(DIGEST));
        assert_eq!(modules.reference("oci://x/auth-filter:1"), None);
        for line in ["header-filter", "header-filter oci://x/header-filter:1", "header-filter x@sha256:00"] {
            assert!(Modules::parse(line).unwrap_err().contains("pinned reference"), "{line}");
        }
    }

    #[test]
    fn the_names_and_configurations_that_istiod_will_deliver_are_foreseen() {
        let modules = modules();
        let overlay = Overlay { workload: "case-0", namespace: "shop", modules: &modules };
        let expected = overlay.expected(&plugins(&plugin::header_filter("requestId: {mode: keep}"))[0]);
        let resource =
            "extensions.istio.io/trafficextension/shop.case-0-header-filter~istio-translated-wasmplugin";
        assert_eq!(expected.resource, resource);
        assert_eq!(expected.configuration, Some(json!({"requestId": {"mode": "keep"}})));
        assert_eq!(expected.module, DIGEST);
        assert_eq!(overlay.expected(&plugins(&plugin::header_filter(""))[0]).configuration, None);
    }

    #[test]
    fn a_module_that_was_not_pushed_is_named() {
        let modules = modules();
        let overlay = Overlay { workload: "case-0", namespace: "shop", modules: &modules };
        let folder = tempfile::tempdir().unwrap();
        let text = plugin::auth_filter("rules: []");
        let error = overlay.write(folder.path(), &text, &plugins(&text)).unwrap_err();
        assert_eq!(error, "no module auth-filter has been pushed: scripts/kind.sh push");
    }

    /// Needs kubectl, as a cluster does; where it is missing, `make e2e-kind` cannot be run either.
    #[test]
    fn kubectl_makes_of_it_plugins_that_the_tool_reads_again() {
        let modules = modules();
        let overlay = Overlay { workload: "case-1", namespace: "shop", modules: &modules };
        let folder = tempfile::tempdir().unwrap();
        let second = plugin::wasm_plugin("second", "oci://x/header-filter:1", "requestId: {mode: keep}");
        let service = plugin::service_entry("idp.example.com", 443, ([10, 0, 0, 1], 80).into());
        let text = format!("{}---\n{second}{service}", plugin::header_filter("rules: []"));
        overlay.write(folder.path(), &text, &plugins(&text)).unwrap();
        let Ok(output) = Command::new("kubectl").arg("kustomize").arg(folder.path()).output() else {
            return;
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made = String::from_utf8(output.stdout).unwrap();
        let manifests = Manifests::parse(Path::new("made.yaml"), &made).unwrap();
        let names: Vec<String> = manifests.plugins.iter().map(WasmPlugin::full_name).collect();
        assert_eq!(names, ["shop.case-1-header-filter", "shop.case-1-second"]);
        for plugin in &manifests.plugins {
            assert!(plugin.spec.url.ends_with(DIGEST), "{made}");
        }
        assert_eq!(made.matches("app: case-1").count(), 2, "{made}");
        assert_eq!(made.matches("tollgate.dev/case: case-1").count(), 3, "{made}");
        assert_eq!(manifests.services.len(), 1, "{made}");
    }
}
