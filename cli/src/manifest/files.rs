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
