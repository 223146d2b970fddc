//! What every document has: a kind, a version, a name.

use std::path::Path;

use super::reader::{Field, Reader};
use super::service::{self, DestinationRule, ServiceEntry};
use super::wasm_plugin::{self, Metadata, WasmPlugin};
use super::yaml::{Node, Value};
use crate::fault::Fault;

/// What a document turned out to be.
pub(super) enum Document {
    /// A WasmPlugin.
    Plugin(Box<WasmPlugin>),
    /// A ServiceEntry.
    Service(ServiceEntry),
    /// A DestinationRule.
    Destination(DestinationRule),
    /// Something else, which is passed over with this note.
    Other(String),
}

/// Reads a document.
pub(super) fn read(file: &Path, document: Node) -> Result<Document, Vec<Fault>> {
    let mut reader = Reader::new(file, &document);
    let root = reader.root();
    if !matches!(root.node.value, Value::Map(_)) {
        reader.expected(&root, "a Kubernetes object");
        return Err(reader.faults);
    }
    let kind = reader.required(&root, "kind", "WasmPlugin").and_then(|kind| reader.text(&kind));
    let read = match kind.as_deref() {
        None => None,
        Some("WasmPlugin") => {
            return wasm_plugin::read(file, document).map(|plugin| Document::Plugin(Box::new(plugin)));
        }
        Some("ServiceEntry") => service::entry(&mut reader).map(Document::Service),
        Some("DestinationRule") => service::destination(&mut reader).map(Document::Destination),
        Some(kind) => {
            let line = document.at.line;
            Some(Document::Other(format!("{}:{line}: {kind} passed over", file.display())))
        }
    };
    match read {
        Some(read) if reader.faults.is_empty() => Ok(read),
        _ => Err(reader.faults),
    }
}

/// The fields at the top, and a version that is one of these.
pub(super) fn top(reader: &mut Reader<'_>, root: &Field<'_>, versions: &[&str]) {
    reader.only(root, &["apiVersion", "kind", "metadata", "spec", "status"]);
    let wanted = versions.join(" or ");
    if let Some(version) = reader.required(root, "apiVersion", &wanted)
        && !version.node.text().is_some_and(|version| versions.contains(&version))
    {
        reader.fault(&version.path, format!("must be {wanted}"));
    }
}

/// `metadata`.
pub(super) fn named(reader: &mut Reader<'_>, root: &Field<'_>) -> Option<Metadata> {
    reader.required(root, "metadata", "at least a name").and_then(|field| metadata(reader, &field))
}

/// What `kubectl get -o yaml` may add to metadata; of no meaning here.
const OTHER_METADATA: [&str; 11] = [
    "labels",
    "generateName",
    "generation",
    "resourceVersion",
    "uid",
    "managedFields",
    "finalizers",
    "ownerReferences",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

fn metadata(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Metadata> {
    let mut known = vec!["name", "namespace", "creationTimestamp", "annotations"];
    known.extend(OTHER_METADATA);
    reader.only(field, &known);
    let name = reader.required(field, "name", "a DNS name").and_then(|name| dns_name(reader, &name));
    let namespace = match reader.optional(field, "namespace") {
        Some(namespace) => dns_name(reader, &namespace),
        None => Some("default".to_owned()),
    };
    let created = reader.optional_text(field, "creationTimestamp");
    if created.as_deref().is_some_and(|created| !is_utc_timestamp(created)) {
        reader.fault(&field.child("creationTimestamp"), "must be like 2026-11-21T10:00:00Z");
    }
    let annotations = reader.texts(field, "annotations");
    Some(Metadata { name: name?, namespace: namespace?, creation_timestamp: created, annotations })
}

/// Names become parts of file names and of Envoy's stat names, so they are held to what Kubernetes allows.
fn dns_name(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let name = reader.text(field)?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(allowed)
    };
    if name.len() > 253 || !name.split('.').all(label) {
        reader.fault(&field.path, "must be a DNS name: lower-case letters, digits, \"-\" and \".\"");
        return None;
    }
    Some(name)
}

fn is_utc_timestamp(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00Z";
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape)
            .all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape })
}
