//! What every document has: a kind, a version, a name.

use std::path::Path;

use super::mesh::{self, Known};
use super::reader::{Field, Reader};
use super::service::{self, DestinationRule, ServiceEntry};
use super::wasm_plugin::{self, Extension, Kind, Metadata, WasmPlugin};
use super::yaml::Node;
use crate::fault::{Code, Fault};

/// What a document turned out to be.
pub(super) enum Document {
    /// A WasmPlugin or a TrafficExtension.
    Plugin(Box<WasmPlugin>),
    /// A ServiceEntry.
    Service(ServiceEntry),
    /// A DestinationRule.
    Destination(DestinationRule),
    /// A TrafficExtension with a Lua script: a good one, of which there is nothing to serve.
    Script(String),
    /// Something else, which is passed over with this note, and what it tells of the mesh.
    Other(String, Option<Known>),
}

/// Whether a document is meant for Kubernetes at all: a limits file or a docker compose file is not.
fn is_object(document: &Node) -> bool {
    ["apiVersion", "kind", "spec"].iter().any(|field| document.field(field).is_some())
}

/// Reads a document; what could be read of it, and all that is wrong with it.
pub(super) fn read(file: &Path, document: Node) -> (Option<Document>, Vec<Fault>) {
    let note = |what: &str| format!("{}:{}: {what} passed over", file.display(), document.at.line);
    if !is_object(&document) {
        return (Some(Document::Other(note("what is no Kubernetes object"), None)), Vec::new());
    }
    let mut reader = Reader::new(file, &document);
    let root = reader.root();
    let kind = reader.required(&root, "kind", "WasmPlugin").and_then(|kind| reader.text(&kind));
    let plugin = match kind.as_deref() {
        Some("WasmPlugin") => Kind::WasmPlugin,
        Some("TrafficExtension") => Kind::TrafficExtension,
        other => {
            let read = match other {
                None => None,
                Some("ServiceEntry") => service::entry(&mut reader).map(Document::Service),
                Some("DestinationRule") => service::destination(&mut reader).map(Document::Destination),
                Some(kind) => {
                    no_kind(&mut reader, kind);
                    Some(Document::Other(note(kind), mesh::known(kind, &document)))
                }
            };
            return (read.filter(|_| reader.faults.is_empty()), reader.faults);
        }
    };
    let note = note("TrafficExtension with a Lua script");
    let (read, faults) = wasm_plugin::read(file, plugin, document);
    let read = read.map(|read| match read {
        Extension::Wasm(plugin) => Document::Plugin(plugin),
        Extension::Lua => Document::Script(note),
    });
    (read, faults)
}

/// What would be passed over without a word: nothing else is of the group of plugins, and a list has items.
fn no_kind(reader: &mut Reader<'_>, kind: &str) {
    if kind == "List" {
        let root = reader.root();
        reader.only(&root, &["apiVersion", "kind", "metadata", "items"]);
        reader.required(&root, "items", "the objects of the list");
    }
    let version = reader.root().node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    if version.starts_with("extensions.istio.io/") {
        let message = format!("{kind:?} is no kind of {version}: WasmPlugin or TrafficExtension");
        reader.fault(Code::WrongWord, "kind", message);
    }
}

/// The fields at the top, and a version that is one of these.
pub(super) fn top(reader: &mut Reader<'_>, root: &Field<'_>, versions: &[&str]) {
    reader.only(root, &["apiVersion", "kind", "metadata", "spec", "status"]);
    let wanted = versions.join(" or ");
    if let Some(version) = reader.required(root, "apiVersion", &wanted)
        && !version.node.text().is_some_and(|version| versions.contains(&version))
    {
        reader.fault(Code::ApiVersion, &version.path, format!("must be {wanted}"));
    }
}

/// `metadata`.
pub(super) fn named(reader: &mut Reader<'_>, root: &Field<'_>) -> Option<Metadata> {
    reader.required(root, "metadata", "at least a name").and_then(|field| metadata(reader, &field))
}

/// What `kubectl get -o yaml` may add to metadata; of no meaning here.
pub(crate) const OTHER_METADATA: [&str; 10] = [
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
    let mut known = vec!["name", "namespace", "creationTimestamp", "labels", "annotations"];
    known.extend(OTHER_METADATA);
    reader.only(field, &known);
    let name = reader.required(field, "name", "a DNS name").and_then(|name| dns_name(reader, &name));
    let namespace = match reader.optional(field, "namespace") {
        Some(namespace) => dns_name(reader, &namespace).filter(|name| is_one_label(reader, &namespace, name)),
        None => Some("default".to_owned()),
    };
    let created = reader.optional_text(field, "creationTimestamp");
    if created.as_deref().is_some_and(|created| !is_utc_timestamp(created)) {
        reader.fault(Code::Name, &field.child("creationTimestamp"), "must be like 2026-11-21T10:00:00Z");
    }
    for (key, value) in reader.texts(field, "labels") {
        if !is_label(&key, &value) {
            reader.fault(Code::Name, &format!("{}.{key}", field.child("labels")), NO_LABEL);
        }
    }
    let annotations = reader.texts(field, "annotations");
    Some(Metadata { name: name?, namespace: namespace?, creation_timestamp: created, annotations })
}

/// Why a label is none.
pub(super) const NO_LABEL: &str = "no label that a pod can have: letters, digits, \"-\", \"_\" and \".\", from a letter \
                                   or digit to a letter or digit, at most 63; the key may have a DNS name and \"/\" before it";

/// Whether Kubernetes takes a label.
pub(super) fn is_label(key: &str, value: &str) -> bool {
    let ends = |text: &str| {
        let is_good = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        is_good(text.bytes().next()) && is_good(text.bytes().next_back())
    };
    let part = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        text.len() <= 63 && ends(text) && text.bytes().all(allowed)
    };
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let dns = |prefix: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        prefix.len() <= 253 && ends(prefix) && prefix.bytes().all(allowed)
    };
    part(name) && prefix.is_none_or(dns) && (value.is_empty() || part(value))
}

/// A namespace is one label of a DNS name.
fn is_one_label(reader: &mut Reader<'_>, field: &Field<'_>, name: &str) -> bool {
    let good = name.len() <= 63 && !name.contains('.');
    if !good {
        reader.fault(Code::Name, &field.path, "a namespace has at most 63 bytes and no dot");
    }
    good
}

/// Names become parts of file names and of Envoy's stat names, so they are held to what Kubernetes allows.
fn dns_name(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<String> {
    let name = reader.text(field)?;
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(allowed)
    };
    if name.len() > 253 || !name.split('.').all(label) {
        let message = "must be a DNS name: lower-case letters, digits, \"-\" and \".\"";
        reader.fault(Code::Name, &field.path, message);
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
