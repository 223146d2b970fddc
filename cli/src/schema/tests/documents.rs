//! Whole documents: what is around `pluginConfig`.

use std::path::Path;

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::mutants::{Change, Keys, collect, mutants};
use super::{Filter, SINGLE, complaints, good, validator};
use crate::manifest::Manifests;
use crate::plan::config_json;

/// Where the schema has the API server's own bounds, of which the reader of `tollgate run` knows nothing.
const BOUNDED: [&str; 7] = [
    "/imagePullSecret",
    "/verificationKey",
    "/pluginName",
    "/env/",
    "/matchLabels",
    "/targetRefs/",
    "/metadata/labels",
];

/// What `tollgate` says of a document: its shape, then its configuration.
fn read(filter: Filter, document: &Value) -> Result<(), String> {
    // JSON is YAML.
    let manifests =
        Manifests::parse(Path::new("a.yaml"), &document.to_string()).map_err(|faults| faults.to_string())?;
    for plugin in &manifests.plugins {
        let config: Value = config_json(plugin).map_or(json!({}), |text| text.parse().unwrap());
        good::compile(filter, &config)?;
    }
    Ok(())
}

/// A manifest with every field of `spec`, of which two exclude each other.
fn full(filter: Filter) -> [Value; 2] {
    let (_, mut document) = good::documents(filter).swap_remove(0);
    let spec = document["spec"].as_object_mut().unwrap();
    let more = json!({
        "sha256": "ca6f2e39b2ff141859b18bb5283aadd5093c8ede2869f3656231a054e54bfc22",
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecret": "registry",
        "verificationKey": "none",
        "pluginName": "name",
        "type": "HTTP",
        "vmConfig": { "env": [{ "name": "A", "value": "1" }, { "name": "B", "valueFrom": "HOST" }, { "name": "C", "value": "", "valueFrom": "INLINE" }] },
        "match": [{ "mode": "SERVER", "ports": [{ "number": 80 }] }, { "mode": "CLIENT" }],
    });
    spec.extend(more.as_object().unwrap().clone());
    let mut attached = document.clone();
    attached["spec"]["targetRefs"] = json!([{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint" }, { "kind": "Service", "name": "shop" }]);
    document["spec"]["selector"] = json!({ "matchLabels": { "app": "shop" } });
    document["metadata"]["creationTimestamp"] = json!("2026-11-21T10:00:00Z");
    document["metadata"]["labels"] = json!({ "a": "b" });
    [document, attached]
}

#[test]
fn the_shipped_manifests_are_as_the_schemas_have_them() {
    for filter in Filter::value_variants() {
        let validator = validator(*filter);
        let documents = good::documents(*filter);
        assert!(!documents.is_empty(), "{}", filter.name());
        for (place, document) in documents {
            assert_eq!(complaints(&validator, &document), Vec::<String>::new(), "{place}");
        }
    }
}

#[test]
fn a_document_that_tollgate_reads_is_as_the_schema_has_it() {
    for filter in &SINGLE {
        let validator = validator(*filter);
        let mut keys = Keys::new();
        full(*filter).iter().for_each(|document| collect(document, "", &mut keys));
        let (mut taken, mut refused, mut by_both) = (0, 0, 0);
        for document in full(*filter) {
            assert_eq!(read(*filter, &document), Ok(()));
            for (change, place, mutant) in mutants(&document, &keys) {
                // To the API server a null is as good as nothing; whoever writes one has forgotten something.
                // What is no document of ours at all is passed over by the reader.
                if place.is_empty() || place.starts_with("/spec/pluginConfig/") || change == Change::Null {
                    continue;
                }
                match (read(*filter, &mutant), validator.is_valid(&mutant)) {
                    (Ok(()), true) => taken += 1,
                    (Ok(()), false) if BOUNDED.iter().any(|bounded| place.contains(bounded)) => {}
                    (Ok(()), false) => panic!(
                        "{place}: {change:?}: {:?}\n{}",
                        complaints(&validator, &mutant),
                        mutant["spec"]
                    ),
                    (Err(reason), true) => {
                        assert_ne!(change, Change::Unknown, "{place}: {reason}");
                        refused += 1;
                    }
                    (Err(_), false) => {
                        refused += 1;
                        by_both += 1;
                    }
                }
            }
        }
        assert!(taken > 100 && by_both > 400 && by_both * 100 >= refused * 95, "{taken} {refused} {by_both}");
    }
}

#[test]
fn a_traffic_extension_has_the_module_under_wasm() {
    let validator = validator(Filter::Header);
    let (_, document) = good::documents(Filter::Header).swap_remove(0);
    let mut spec = document["spec"].as_object().unwrap().clone();
    let module = ["url", "pluginConfig", "failStrategy", "vmConfig"]
        .map(|key| (key.to_owned(), spec.remove(key).unwrap()));
    spec.insert("wasm".to_owned(), Value::Object(module.into_iter().collect()));
    let mut extension = document.clone();
    extension["kind"] = json!("TrafficExtension");
    extension["spec"] = spec.into();
    assert_eq!(complaints(&validator, &extension), Vec::<String>::new());
    let broken = |pointer: &str, key: &str, value: Value| {
        let mut broken = extension.clone();
        broken.pointer_mut(pointer).unwrap()[key] = value;
        !validator.is_valid(&broken)
    };
    assert!(broken("/spec", "url", json!("oci://x/y:1")), "the module's fields at the top");
    assert!(broken("/spec", "phase", json!("UNSPECIFIED_PHASE")), "WasmPlugin's word");
    assert!(!broken("/spec", "phase", json!("UNSPECIFIED")));
    assert!(broken("/spec", "lua", json!({ "inlineCode": "x" })), "both");
    assert!(broken("/spec", "targetRef", json!({ "kind": "Gateway", "name": "a" })), "the old form");
    assert!(broken("/spec/wasm/pluginConfig", "rulez", json!([])));
    extension["kind"] = json!("WasmPlugin");
    assert!(!validator.is_valid(&extension), "its fields belong to spec");
}

#[test]
fn other_kinds_in_the_same_file_pass() {
    let entry =
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "spec": { "hosts": ["a"] } });
    for filter in Filter::value_variants() {
        assert!(validator(*filter).is_valid(&entry));
        assert!(!validator(*filter).is_valid(&json!({ "spec": {} })), "no kind at all");
    }
}
