//! One document that says it is a WasmPlugin.

use std::path::Path;

use super::super::head;
use super::super::reader::Reader;
use super::super::yaml::Node;
use super::{WasmPlugin, spec};
use crate::fault::Fault;

const API_VERSION: &str = "extensions.istio.io/v1alpha1";

/// Reads it.
pub(in super::super) fn read(file: &Path, document: Node) -> Result<WasmPlugin, Vec<Fault>> {
    let mut reader = Reader::new(file, &document);
    let root = reader.root();
    head::top(&mut reader, &root, &[API_VERSION]);
    let metadata = head::named(&mut reader, &root);
    let spec =
        reader.required(&root, "spec", "at least a url").and_then(|field| spec::read(&mut reader, &field));
    let faults = std::mem::take(&mut reader.faults);
    match (metadata, spec) {
        (Some(metadata), Some(spec)) if faults.is_empty() => {
            Ok(WasmPlugin { file: file.to_owned(), metadata, spec, document })
        }
        _ => Err(faults),
    }
}
