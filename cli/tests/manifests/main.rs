//! What is shipped beside the modules: manifests, overlays, telemetry, workflows.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod base;
mod overlays;
mod telemetry;
mod workflows;

use std::path::{Path, PathBuf};

use tollgate::manifest::yaml;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All documents of a text, as JSON.
fn documents(text: &str) -> Vec<serde_json::Value> {
    let documents = yaml::parse(text).unwrap_or_else(|error| panic!("{error:?} in\n{text}"));
    documents.iter().map(yaml::Node::to_json).collect()
}

/// All files below a folder whose names end so.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
