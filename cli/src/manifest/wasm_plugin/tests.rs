//! Both kinds become one type, and what the API server's own rules refuse is refused.

use std::path::Path;

use super::super::*;

fn faults(text: &str) -> String {
    match Manifests::parse(Path::new("a.yaml"), text) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

fn extension(spec: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: TrafficExtension\nmetadata: {{name: a}}\nspec:\n{spec}"
    )
}

#[test]
fn a_traffic_extension_is_the_same_plugin_with_other_paths() {
    let spec = "  phase: UNSPECIFIED\n  priority: 3\n  targetRefs: [{kind: Service, name: web}]\n  wasm:\n    \
                url: oci://x/y:1\n    pluginConfig: {rules: []}\n    failStrategy: FAIL_RELOAD\n    \
                vmConfig: {env: [{name: A, value: b}]}\n    verificationKey: x\n";
    let plugin = Manifests::parse(Path::new("a.yaml"), &extension(spec)).unwrap().plugins.remove(0);
    assert_eq!((plugin.kind, plugin.spec.priority), (Kind::TrafficExtension, Some(3)));
    assert_eq!(plugin.spec.fail_strategy, FailStrategy::Reload);
    assert_eq!((plugin.spec.env.len(), plugin.spec.target_refs.len()), (1, 1));
    let fault = plugin.fault(&plugin.module_path("pluginConfig.rules"), "bad");
    assert_eq!(fault.to_string(), "a.yaml:10:20: spec.wasm.pluginConfig.rules: bad");
}

#[test]
fn a_traffic_extension_has_exactly_one_module_or_script() {
    for (spec, expected) in [
        ("  lua: {inlineCode: x}\n", ""),
        ("  lua: {inlineCode: ''}\n", "a.yaml:5:9: spec.lua.inlineCode: must have 1 to 65536 bytes"),
        ("  priority: 1\n", "a.yaml:4:1: spec: exactly one of wasm or lua must be set"),
        (
            "  lua: {inlineCode: x}\n  wasm: {url: oci://x/y}\n",
            "a.yaml:4:1: spec: exactly one of wasm or lua must be set",
        ),
        (
            "  pluginName: x\n  wasm: {url: oci://x/y}\n",
            "a.yaml:5:3: spec.pluginName: move pluginName under spec.wasm",
        ),
        (
            "  phase: UNSPECIFIED_PHASE\n  wasm: {url: oci://x/y}\n",
            "a.yaml:5:3: spec.phase: WasmPlugin spells this UNSPECIFIED_PHASE, TrafficExtension UNSPECIFIED",
        ),
    ] {
        assert_eq!(faults(&extension(spec)), expected, "{spec}");
    }
}

#[test]
fn what_the_api_server_refuses_is_refused() {
    let long = "x".repeat(64);
    let targets = vec!["{kind: Service, name: x}"; 17].join(", ");
    for (spec, path, message) in [
        (
            "imagePullSecret: other/regcred",
            "imagePullSecret",
            "must be a plain Secret name in the plugin's own namespace",
        ),
        ("pluginName: ''", "pluginName", "must have 1 to 256 bytes"),
        (
            "selector: {matchLabels: {app: '*'}}",
            "selector.matchLabels.app",
            "wildcard not allowed in label value match",
        ),
        (
            "selector: {matchLabels: {'*': a}}",
            "selector.matchLabels.*",
            "wildcard not allowed in label key match",
        ),
        (
            &format!("selector: {{matchLabels: {{a: {long}}}}}"),
            "selector.matchLabels.a",
            "a label's value has at most 63 bytes",
        ),
        (&format!("targetRefs: [{targets}]"), "targetRefs", "at most 16 targetRefs"),
        (
            "targetRefs: [{group: apps, kind: Deployment, name: x}]",
            "targetRefs[0].kind",
            "targetRefs apply to Gateway API gateways and waypoints only; sidecars need selector.matchLabels",
        ),
        (
            "vmConfig: {env: [{name: A, valueFrom: {secretKeyRef: {name: x}}}]}",
            "vmConfig.env[0].valueFrom",
            "valueFrom is INLINE or HOST; put the secret into the proxy's environment and use HOST",
        ),
        (
            "selector: {}\n  targetRef: {kind: Service, name: x}",
            "targetRef",
            "only one of targetRefs or selector can be set",
        ),
    ] {
        let text = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: a}}\nspec:\n  \
             url: oci://x/y:1\n  {spec}\n"
        );
        let shown = faults(&text);
        assert!(shown.ends_with(&format!(" spec.{path}: {message}")), "{spec}: {shown}");
    }
}
