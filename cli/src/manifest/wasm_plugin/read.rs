//! One document that says it is a WasmPlugin or a TrafficExtension.

use std::path::Path;

use super::super::head;
use super::super::reader::Reader;
use super::super::yaml::Node;
use super::{Kind, WasmPlugin, spec};
use crate::fault::Fault;

const API_VERSION: &str = "extensions.istio.io/v1alpha1";

/// What a document of these kinds may hold.
pub(in super::super) enum Extension {
    /// A module.
    Wasm(Box<WasmPlugin>),
    /// A Lua script, of which there is nothing to say but the place.
    Lua,
}

/// Reads it. With faults it is there nevertheless when as much of it could be read as names it and its module, so that
/// the rest of it can be looked at, too; it must not be served then.
pub(in super::super) fn read(file: &Path, kind: Kind, document: Node) -> (Option<Extension>, Vec<Fault>) {
    let mut reader = Reader::new(file, &document);
    let root = reader.root();
    head::top(&mut reader, &root, &[API_VERSION]);
    let metadata = head::named(&mut reader, &root);
    let field = reader.required(&root, "spec", "at least a url");
    let spec = field.and_then(|field| spec::read(&mut reader, kind, &field));
    let faults = std::mem::take(&mut reader.faults);
    let read = match (metadata, spec) {
        (Some(metadata), Some(spec::Content::Wasm(spec))) => {
            let plugin = WasmPlugin { file: file.to_owned(), document, kind, metadata, spec: *spec };
            Some(Extension::Wasm(Box::new(plugin)))
        }
        (Some(_), Some(spec::Content::Lua)) => Some(Extension::Lua),
        _ => None,
    };
    (read, faults)
}
