//! What kustomize makes of the overlays. Without kubectl these tests say so and pass: `make check` says SKIPPED as well.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tollgate::filters::Filters;
use tollgate::manifest::Manifests;
use tollgate::module::{Modules, stem};
use tollgate::plan::Plan;

use crate::{documents, files, read, root};

const OVERLAYS: [&str; 5] =
    ["local", "kind", "production/gateway", "production/sidecar", "production/ambient"];

/// What `kubectl kustomize` writes; nothing where there is no kubectl.
fn built(folder: &Path) -> Option<String> {
    let output = match Command::new("kubectl").arg("kustomize").arg(folder).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED {}: kubectl does not run: {error}", folder.display());
            return None;
        }
    };
    assert!(output.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn overlay(name: &str) -> Option<String> {
    built(&root().join("manifests/overlays").join(name))
}

fn of_kind(text: &str, kind: &str) -> Vec<Value> {
    documents(text).into_iter().filter(|document| document["kind"] == kind).collect()
}

#[test]
fn every_kustomization_builds() {
    let kustomizations = files("manifests", "kustomization.yaml");
    assert!(kustomizations.len() > 10, "{kustomizations:?}");
    for file in kustomizations {
        let component = std::fs::read_to_string(&file).unwrap().contains("kind: Component");
        if !component && let Some(text) = built(file.parent().unwrap()) {
            assert!(!documents(&text).is_empty(), "{}", file.display());
        }
    }
}

#[test]
fn every_overlay_has_all_plugins_with_configurations_that_compile() {
    for name in OVERLAYS {
        let Some(text) = overlay(name) else { continue };
        let manifests = Manifests::parse(Path::new(name), &text).unwrap();
        assert_eq!(manifests.plugins.len(), 4, "{name}");
        let modules = tempfile::tempdir().unwrap();
        for plugin in &manifests.plugins {
            let file = modules.path().join(format!("{}.wasm", stem(&plugin.spec.url)));
            std::fs::write(file, b"\0asm\x01\0\0\0").unwrap();
        }
        let plan = Plan::compile(manifests, &Modules::new(modules.path()), &Filters::builtin());
        assert!(plan.is_ok(), "{name}: {}", plan.unwrap_err());
    }
}

#[test]
fn each_production_overlay_says_where_as_its_kind_of_proxy_reads_it() {
    let gateway =
        serde_json::json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "shop"}]);
    let waypoint =
        serde_json::json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}]);
    let labels = serde_json::json!({"matchLabels": {"app": "shop"}});
    for (name, selector, targets, mode) in [
        ("gateway", Value::Null, gateway, "CLIENT"),
        ("sidecar", labels, Value::Null, "SERVER"),
        ("ambient", Value::Null, waypoint, "SERVER"),
    ] {
        let Some(text) = overlay(&format!("production/{name}")) else { continue };
        for plugin in of_kind(&text, "WasmPlugin") {
            let spec = &plugin["spec"];
            assert_eq!(spec["selector"], selector, "{name}: {plugin}");
            assert_eq!(spec["targetRefs"], targets, "{name}: {plugin}");
            assert_eq!(spec["match"], serde_json::json!([{"mode": mode}]), "{name}: {plugin}");
        }
    }
}

#[test]
fn nothing_of_the_demonstration_is_left_in_production() {
    let demonstration = read("manifests/base/auth-filter.yaml");
    let secrets = [
        "demo-api-key",
        "demo-password",
        "tollgate.dev/try",
        "TollgateDemoSalt",
        "ca6f2e39b2ff",
        "fZV4YGLcvaoa",
    ];
    for secret in secrets {
        assert!(demonstration.contains(secret), "{secret} is not what the demonstration has");
        for name in ["gateway", "sidecar", "ambient"] {
            let Some(text) = overlay(&format!("production/{name}")) else { continue };
            assert!(!text.contains(secret), "{name} has {secret}");
        }
    }
}

#[test]
fn limitador_is_deployed_where_the_quota_looks_for_it() {
    for name in ["kind", "production/gateway", "production/sidecar", "production/ambient"] {
        let Some(text) = overlay(name) else { continue };
        let services = of_kind(&text, "Service");
        let limitador = services.iter().find(|service| service["metadata"]["name"] == "limitador").unwrap();
        let port =
            limitador["spec"]["ports"].as_array().unwrap().iter().find(|port| port["port"] == 8081).unwrap();
        // By this name Istio knows the protocol, without which the cluster would speak HTTP/1.1.
        assert!(port["name"].as_str().unwrap().starts_with("grpc"), "{name}: {port}");
        let namespace = limitador["metadata"]["namespace"].as_str().unwrap();
        let cluster = format!("outbound|8081||limitador.{namespace}.svc.cluster.local");
        let quota =
            of_kind(&text, "WasmPlugin").into_iter().find(|plugin| plugin["metadata"]["name"] == "quota");
        assert_eq!(quota.unwrap()["spec"]["pluginConfig"]["global"]["cluster"], cluster.as_str(), "{name}");
        let limits = of_kind(&text, "ConfigMap").remove(0);
        let mounted =
            &of_kind(&text, "Deployment")[0]["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"];
        assert_eq!(*mounted, limits["metadata"]["name"], "{name}");
        assert_eq!(
            limits["data"]["limits.yaml"],
            read("manifests/components/limitador/limits.conf").as_str()
        );
    }
}

/// What `tollgate check` and editors go by: whatever is no whole manifest is named as a patch.
#[test]
fn files_that_are_no_manifests_are_named_as_patches() {
    for file in files("manifests", ".yaml") {
        let (folder, name) = (file.parent().unwrap(), file.file_name().unwrap().to_str().unwrap());
        if name == "kustomization.yaml" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let whole = documents(&text).iter().all(|document| {
            let plugin = document["kind"] == "WasmPlugin";
            document["metadata"]["name"].is_string() && (!plugin || document["spec"]["phase"].is_string())
        });
        let listed = std::fs::read_to_string(folder.join("kustomization.yaml")).unwrap_or_default();
        assert!(whole || listed.contains(&format!("- path: {name}")), "{}", file.display());
    }
}
