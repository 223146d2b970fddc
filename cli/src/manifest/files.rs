//! Finding the manifest files.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::whole;
use super::yaml::{self, Node, Value};
use crate::fault::Fault;

/// What stands for standard input, on the command line and in complaints.
const STANDARD_INPUT: &str = "-";

/// The files that are named, each once, and all manifests below the directories that are named; each directory sorted by name, as
/// `kubectl apply -R` goes through it. What a kustomization there takes for a patch is no manifest.
pub(super) fn manifests(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<Fault>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let mut found = Found::default();
            match below(path, &mut found) {
                Ok(()) => files.extend(found.manifests()),
                Err(fault) => faults.push(fault),
            }
        } else if path.exists() || path.as_os_str() == STANDARD_INPUT {
            files.push(path.clone());
        } else {
            faults.push(whole(path, "no such file or directory".to_owned()));
        }
    }
    let mut known = HashSet::new();
    files.retain(|file: &PathBuf| known.insert(std::fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    (files, faults)
}

/// Whether kustomize takes this directory for a base or an overlay.
pub(crate) fn has_kustomization(directory: &Path) -> bool {
    KUSTOMIZATIONS.iter().any(|name| directory.join(name).is_file())
}

/// Larger than any manifest: the API server takes a megabyte and a half.
const LARGEST: u64 = 4 << 20;

/// The text of a manifest.
///
/// An empty file is a fault: an editor that saves in place empties it first, and for that moment no plugin would guard
/// anything.
pub(super) fn read(file: &Path, standard_input: &mut dyn Read) -> Result<String, Fault> {
    let unreadable = |error| whole(file, format!("cannot be read: {error}"));
    let text = if file.as_os_str() == STANDARD_INPUT {
        bounded(standard_input).map_err(unreadable)?
    } else if std::fs::metadata(file).map_err(unreadable)?.is_file() {
        File::open(file).and_then(|mut file| bounded(&mut file)).map_err(unreadable)?
    } else {
        return Err(whole(file, "is no regular file".to_owned()));
    };
    let Some(text) = text else {
        return Err(whole(file, format!("is larger than {} MiB: no manifest is", LARGEST >> 20)));
    };
    if text.trim().is_empty() {
        return Err(whole(file, "is empty; to take its plugins away, delete it".to_owned()));
    }
    Ok(text)
}

/// `None` when there is more than any manifest has.
fn bounded(from: &mut dyn Read) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    from.take(LARGEST.saturating_add(1)).read_to_string(&mut text)?;
    Ok((u64::try_from(text.len()).is_ok_and(|length| length <= LARGEST)).then_some(text))
}

/// What lies below a directory.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    /// Files that kustomizations name as patches.
    patches: Vec<PathBuf>,
}

impl Found {
    fn manifests(self) -> impl Iterator<Item = PathBuf> {
        let Self { files, patches } = self;
        files.into_iter().filter(move |file| !patches.contains(&plain(file)))
    }
}

fn below(directory: &Path, found: &mut Found) -> Result<(), Fault> {
    let entries = std::fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| whole(directory, format!("cannot be read: {error}")))?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            below(&path, found)?;
        } else if is_kustomization(&path) {
            found.patches.extend(patches(directory, &path));
        } else if is_manifest(&path) {
            found.files.push(path);
        }
    }
    Ok(())
}

/// The files that a kustomization lays over manifests. Kustomize complains about one that cannot be read, not we.
fn patches(directory: &Path, kustomization: &Path) -> Vec<PathBuf> {
    let text = read(kustomization, &mut std::io::empty()).unwrap_or_default();
    let documents = yaml::read(&text).unwrap_or_default();
    let mut found = Vec::new();
    for field in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
        let lists = documents.iter().filter_map(|document| document.node.field(field));
        for entry in lists {
            let Value::List(items) = &entry.value.value else { continue };
            let path = |item: &Node| {
                let path = item.field("path").map_or(item.text(), |entry| entry.value.text())?;
                Some(plain(&directory.join(path)))
            };
            found.extend(items.iter().filter_map(path));
        }
    }
    found
}

/// The path without `.` and `..`: `a/../b` and `b` are one file.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// By all the names that kustomize knows.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// `kustomization.yaml`.
fn is_kustomization(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    KUSTOMIZATIONS.contains(&name)
}

/// By its name: YAML, no editor's hidden copy, and not kustomize's own file, which is no resource.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    yaml && !name.starts_with('.') && !is_kustomization(path)
}
