//! Finding the manifest files.

use std::path::{Path, PathBuf};

use super::whole;
use crate::fault::Fault;

/// The files that are named, and all manifests below the directories that are named; each directory sorted by name, as
/// `kubectl apply -R` goes through it.
pub(super) fn manifests(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut files)?;
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(whole(path, "no such file or directory".to_owned()));
        }
    }
    Ok(files)
}

/// Larger than any manifest: the API server takes a megabyte and a half.
const LARGEST: u64 = 4 << 20;

/// The text of a manifest.
///
/// An empty file is a fault: an editor that saves in place empties it first, and for that moment no plugin would guard
/// anything.
pub(super) fn read(file: &Path) -> Result<String, Fault> {
    let unreadable = |error| whole(file, format!("cannot be read: {error}"));
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(whole(file, "is no regular file".to_owned()));
    }
    if metadata.len() > LARGEST {
        return Err(whole(file, format!("is larger than {} MiB: no manifest is", LARGEST >> 20)));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    if text.trim().is_empty() {
        return Err(whole(file, "is empty; to take its plugins away, delete it".to_owned()));
    }
    Ok(text)
}

fn below(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| whole(directory, format!("cannot be read: {error}")))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, files)?;
        } else if is_manifest(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// By its name: YAML, no editor's hidden copy, and not kustomize's own file, which is no resource.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    yaml && !name.starts_with('.') && !matches!(name, "kustomization.yaml" | "kustomization.yml")
}
