//! The module itself, where it is at hand (`--modules`): whether Envoy can load it, and as what.

use crate::fault::{Code, Fault};
use crate::manifest::{PluginType, WasmPlugin};
use crate::module::{Module, Modules};
use crate::oci::{
    self,
    wasm::{Facts, VERSIONS},
};

const HTTP: [&str; 6] = [
    "proxy_on_request_headers",
    "proxy_on_request_body",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_body",
    "proxy_on_response_trailers",
];
const NETWORK: [&str; 5] = [
    "proxy_on_new_connection",
    "proxy_on_downstream_data",
    "proxy_on_upstream_data",
    "proxy_on_downstream_connection_close",
    "proxy_on_upstream_connection_close",
];

pub(super) fn check(plugin: &WasmPlugin, modules: &Modules) -> Vec<Fault> {
    let url = plugin.module_path("url");
    let read = modules.load(&plugin.spec.url);
    let module = match read {
        Ok(module) => module,
        Err(message) => return vec![plugin.fault(&url, message).coded(Code::ModuleMissing)],
    };
    let facts = match Facts::read(&module.bytes) {
        Ok(facts) => facts,
        Err(reason) => {
            let message = format!("{} {reason}", module.path.display());
            return vec![plugin.fault(&url, message).coded(Code::ModuleMissing)];
        }
    };
    let mut found = loadable(plugin, &facts);
    found.extend(callbacks(plugin, &facts));
    found.extend(digest(plugin, &module).or_else(|| other(plugin, &module)));
    found
}

fn loadable(plugin: &WasmPlugin, facts: &Facts) -> Vec<Fault> {
    let url = plugin.module_path("url");
    let refused = |message: String| plugin.fault(&url, message).coded(Code::ModuleRefused);
    let mut found: Vec<Fault> = facts
        .unknown
        .iter()
        .map(|import| {
            refused(format!(
                "module imports {import}, unknown to Envoy: the listener update will be rejected even with FAIL_OPEN"
            ))
        })
        .collect();
    if !facts.abi.as_deref().is_some_and(|version| VERSIONS.contains(&version)) {
        let message = "module exports no proxy_abi_version_… that Envoy takes (0.1.0, 0.2.0, 0.2.1): it is no \
                       proxy-wasm module, or of another version";
        found.push(refused(message.to_owned()));
    }
    found
}

fn callbacks(plugin: &WasmPlugin, facts: &Facts) -> Option<Fault> {
    let has = |wanted: &[&str]| facts.callbacks.iter().any(|name| wanted.contains(&name.as_str()));
    let message = match plugin.spec.plugin_type {
        PluginType::Network if !has(&NETWORK) => "module exports no stream callbacks; use type HTTP",
        PluginType::Http if !has(&HTTP) && has(&NETWORK) => {
            "module exports no HTTP callbacks; use type NETWORK"
        }
        PluginType::Http if !has(&HTTP) => "module exports no HTTP callbacks: it is no filter",
        _ => return None,
    };
    Some(plugin.fault(&plugin.module_path("type"), message).coded(Code::ModuleType))
}

/// Another build than the one that is pinned: what was found in it need not be so of that one.
fn other(plugin: &WasmPlugin, module: &Module) -> Option<Fault> {
    let (pinned, ours) = module.pinned(plugin)?;
    let message = format!(
        "{} has the digest {ours}, and {pinned} is pinned: what is said of the module is said of another one",
        module.path.display()
    );
    let field = if plugin.spec.sha256.is_some() { "sha256" } else { "url" };
    (pinned != ours).then(|| plugin.fault(&plugin.module_path(field), message).coded(Code::ModuleOther))
}

/// The file's hash where the image's is meant, or the other way round.
fn digest(plugin: &WasmPlugin, module: &Module) -> Option<Fault> {
    if !plugin.is_image() {
        let sha256 = plugin.spec.sha256.as_deref()?;
        let manifest = oci::digest(&module.bytes).ok()?;
        let message =
            "for http(s) it is the hash of the unpacked .wasm, not the digest of an image's manifest";
        return (manifest.strip_prefix("sha256:") == Some(sha256))
            .then(|| plugin.fault(&plugin.module_path("sha256"), message).coded(Code::DigestMismatch));
    }
    let field = match (plugin.spec.sha256.as_deref(), plugin.digest_in_url()) {
        (Some(digest), _) if digest == module.digest => "sha256",
        (_, Some(digest)) if digest == module.digest => "url",
        _ => return None,
    };
    let message = "for OCI the digest is that of the image's manifest (`tollgate push` prints it), not the hash of plugin.wasm";
    Some(plugin.fault(&plugin.module_path(field), message).coded(Code::DigestMismatch))
}
