//! Which proxies a plugin is for: `selector` or `targetRefs`.

use super::super::head;
use super::super::mesh::GATEWAY_API;
use super::super::reader::{Field, Reader};
use super::{Labels, TargetRef};
use crate::fault::Code;

/// What the API server takes.
const MOST_TARGETS: usize = 16;
const MOST_LABELS: usize = 4096;
const LONGEST_LABEL: usize = 63;

/// Groups and kinds that can be targeted; no group is the same as `core`.
const TARGETS: [(&str, &str); 5] = [
    ("", "Service"),
    ("core", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    (GATEWAY_API, "Gateway"),
    (GATEWAY_API, "GatewayClass"),
];

/// Kinds that run a sidecar.
const WORKLOADS: [&str; 8] =
    ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet", "WorkloadEntry"];

pub(super) fn selector(reader: &mut Reader<'_>, spec: &Field<'_>) -> Option<Labels> {
    let field = reader.optional(spec, "selector")?;
    reader.only_or(&field, &["matchLabels"], &|key| {
        let message = "unknown field selector.labels is dropped, so the plugin would apply to all workloads; \
                       use matchLabels";
        (key == "labels").then(|| message.to_owned())
    });
    let labels = reader.texts(&field, "matchLabels");
    if labels.len() > MOST_LABELS {
        reader.fault(Code::OutOfRange, &field.child("matchLabels"), format!("at most {MOST_LABELS} labels"));
    }
    for (key, value) in &labels {
        let path = format!("{}.matchLabels.{key}", field.path);
        if key.is_empty() {
            reader.fault(Code::Required, &field.child("matchLabels"), "key must not be empty");
        }
        if key.contains('*') {
            reader.fault(Code::Wildcard, &path, "wildcard not allowed in label key match");
        }
        if value.contains('*') {
            reader.fault(Code::Wildcard, &path, "wildcard not allowed in label value match");
        }
        if value.len() > LONGEST_LABEL {
            reader.fault(Code::OutOfRange, &path, "a label's value has at most 63 bytes");
        } else if !key.is_empty() && !key.contains('*') && !value.contains('*') && !head::is_label(key, value)
        {
            reader.fault(Code::Name, &path, head::NO_LABEL);
        }
    }
    Some(labels)
}

pub(super) fn target_refs(reader: &mut Reader<'_>, spec: &Field<'_>) -> Vec<TargetRef> {
    let mut items = reader.items(spec, "targetRefs");
    if items.len() > MOST_TARGETS {
        reader.fault(
            Code::OutOfRange,
            &spec.child("targetRefs"),
            format!("at most {MOST_TARGETS} targetRefs"),
        );
    }
    if items.is_empty() {
        // The older form, of one; Istio reads it only where the newer one is not given.
        items.extend(reader.optional(spec, "targetRef"));
    }
    items.iter().filter_map(|item| target(reader, item)).collect()
}

fn target(reader: &mut Reader<'_>, item: &Field<'_>) -> Option<TargetRef> {
    reader.only(item, &["group", "kind", "name", "namespace"]);
    if reader.optional_text(item, "namespace").is_some_and(|namespace| !namespace.is_empty()) {
        let message =
            "cross namespace referencing is not currently supported; put the object in that namespace";
        reader.fault(Code::CrossNamespace, &item.child("namespace"), message);
    }
    let group = reader.optional_text(item, "group").unwrap_or_default();
    let kind = reader.required(item, "kind", "Gateway, Service, …").and_then(|kind| reader.text(&kind));
    let name = reader.required(item, "name", "the target's name").and_then(|name| reader.text(&name));
    let (kind, name) = (kind?, name?);
    if name.is_empty() || name.len() > 253 {
        reader.fault(Code::OutOfRange, &item.child("name"), "must have 1 to 253 bytes");
    }
    if WORKLOADS.contains(&kind.as_str()) {
        let message =
            "targetRefs apply to Gateway API gateways and waypoints only; sidecars need selector.matchLabels";
        reader.fault(Code::Target, &item.child("kind"), message);
    } else if !TARGETS.contains(&(group.as_str(), kind.as_str())) {
        let message = format!(
            "{group}/{kind} cannot be targeted; allowed: Service, ServiceEntry (networking.istio.io), Gateway and \
             GatewayClass (gateway.networking.k8s.io)"
        );
        reader.fault(Code::Target, &item.child("kind"), message);
    }
    Some(TargetRef { group, kind, name })
}
