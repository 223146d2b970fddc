//! A WasmPlugin as a TrafficExtension, as Istio 1.30 and later translate it: what concerns the module moves under `wasm`, the
//! rest stays. The order of fields is the writer's; comments are lost.

use super::yaml::{entry, tree};
use crate::manifest::WasmPlugin;
use crate::manifest::yaml::{Entry, Node, Value};

/// What concerns where the plugin runs, not what it is.
const PLACEMENT: [&str; 5] = ["selector", "targetRefs", "phase", "priority", "match"];

/// Each plugin as a document. One that is a TrafficExtension already stays what it is.
pub(super) fn documents(plugins: &[WasmPlugin]) -> Vec<Node> {
    plugins.iter().map(|plugin| document(&plugin.document)).collect()
}

fn document(document: &Node) -> Node {
    let is_one = document.field("kind").and_then(|kind| kind.value.text()) == Some("TrafficExtension");
    let Value::Map(fields) = &document.value else { return document.clone() };
    let field = |field: &Entry| match field.key.as_str() {
        // A cluster's own; of no meaning for a new object, or refused in one.
        "status" => None,
        "metadata" => Some(entry("metadata", metadata(&field.value))),
        _ if is_one => Some(field.clone()),
        "kind" => Some(entry("kind", tree(Value::Text("TrafficExtension".to_owned())))),
        "spec" => Some(entry("spec", spec(&field.value))),
        _ => Some(field.clone()),
    };
    tree(Value::Map(fields.iter().filter_map(field).collect()))
}

/// What kubectl keeps there is the other kind's.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Without what the cluster has written.
fn metadata(metadata: &Node) -> Node {
    let Value::Map(fields) = &metadata.value else { return metadata.clone() };
    let written =
        |field: &&Entry| ["name", "namespace", "labels", "annotations"].contains(&field.key.as_str());
    let clean = |field: &Entry| match &field.value.value {
        Value::Map(texts) if field.key == "annotations" => {
            let kept: Vec<Entry> = texts.iter().filter(|text| text.key != LAST_APPLIED).cloned().collect();
            (!kept.is_empty()).then(|| entry("annotations", tree(Value::Map(kept))))
        }
        _ => Some(field.clone()),
    };
    tree(Value::Map(fields.iter().filter(written).filter_map(clean).collect()))
}

fn spec(spec: &Node) -> Node {
    let Value::Map(fields) = &spec.value else { return spec.clone() };
    let (mut placement, mut wasm) = (Vec::new(), Vec::new());
    for field in fields {
        match field.key.as_str() {
            // Istio accepts it and never used it.
            "verificationKey" => {}
            "phase" => placement.push(entry("phase", phase(&field.value))),
            // The singular is an older way to write the same; Istio reads it only where the plural is empty.
            "targetRef" if spec.field("targetRefs").is_none() => {
                placement.push(entry("targetRefs", tree(Value::List(vec![field.value.clone()]))));
            }
            "targetRef" => {}
            key if PLACEMENT.contains(&key) => placement.push(field.clone()),
            _ => wasm.push(field.clone()),
        }
    }
    placement.push(entry("wasm", tree(Value::Map(wasm))));
    tree(Value::Map(placement))
}

/// The two kinds spell the same value differently.
fn phase(phase: &Node) -> Node {
    match phase.text() {
        Some("UNSPECIFIED_PHASE") => tree(Value::Text("UNSPECIFIED".to_owned())),
        _ => phase.clone(),
    }
}
