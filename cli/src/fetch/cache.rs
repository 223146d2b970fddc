//! What has been fetched: by name and checksum, and by url the checksum that was found there last.
//!
//! The index is in memory and the modules are files, as with istio-agent: a new start fetches again.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::Wanted;
use crate::module::sha256;
use crate::oci::name::Name;

/// What is looked up.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// The url, of an image without tag and digest: all its versions share what is equal.
    name: String,
    /// In hex; empty while it is not known.
    pub(super) checksum: String,
    pub(super) url: String,
    plugin: String,
    version: String,
}

impl Key {
    pub(super) fn new(url: &str, wanted: &Wanted) -> Self {
        let name = url.starts_with("oci://").then(|| Name::parse(url).ok()).flatten();
        Self {
            name: name.map_or_else(|| url.to_owned(), |name| name.without_version()),
            checksum: wanted.sha256.clone().unwrap_or_default(),
            url: url.to_owned(),
            plugin: wanted.plugin.clone(),
            version: wanted.version.clone(),
        }
    }

    /// Whether what the url leads to may change: that of an image without a digest.
    fn is_tagged(&self) -> bool {
        self.url.starts_with("oci://") && !self.url.contains('@')
    }

    fn digest(&self) -> Option<String> {
        let name = self.url.starts_with("oci://").then(|| Name::parse(&self.url).ok()).flatten()?;
        name.digest()?.strip_prefix("sha256:").map(str::to_owned)
    }
}

/// What a url has led to.
#[derive(Debug, Default)]
struct Known {
    checksum: String,
    /// By plugin, the version of its object that has last asked.
    versions: HashMap<String, String>,
}

/// The modules that are here.
#[derive(Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
    /// Made with the first module, when no folder is given.
    temporary: Option<TempDir>,
    modules: HashMap<(String, String), PathBuf>,
    known: HashMap<String, Known>,
}

impl Cache {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let folder = folder.map(Path::to_owned);
        Self { folder, temporary: None, modules: HashMap::new(), known: HashMap::new() }
    }

    /// The file with the module, when it is here. Fills in the checksum where the url or an earlier fetch tells it;
    /// the latter only for an object that has not changed, unless any version will do.
    pub(super) fn find(&mut self, key: &mut Key, any_version: bool) -> Option<PathBuf> {
        if key.checksum.is_empty() {
            if let Some(digest) = key.digest() {
                key.checksum = digest;
            } else if let Some(known) = self.known.get_mut(&key.url).filter(|_| key.is_tagged()) {
                if any_version || known.versions.get(&key.plugin) == Some(&key.version) {
                    key.checksum.clone_from(&known.checksum);
                }
                // Also when the fetch that follows fails: asking once more then finds what was there before.
                known.versions.insert(key.plugin.clone(), key.version.clone());
            }
        }
        self.modules.get(&(key.name.clone(), key.checksum.clone())).cloned()
    }

    /// Remembers what the url has led to.
    pub(super) fn touch(&mut self, key: &Key) {
        if key.is_tagged() {
            let known = self.known.entry(key.url.clone()).or_default();
            known.checksum.clone_from(&key.checksum);
            known.versions.insert(key.plugin.clone(), key.version.clone());
        }
    }

    /// Puts a module here.
    pub(super) fn add(&mut self, key: &Key, bytes: &[u8]) -> io::Result<PathBuf> {
        self.touch(key);
        let id = (key.name.clone(), key.checksum.clone());
        if let Some(path) = self.modules.get(&id) {
            return Ok(path.clone());
        }
        let folder = self.folder()?.join(sha256(key.name.as_bytes()));
        // The run directory may be made by this, and is nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let path = folder.join(format!("{}.wasm", key.checksum));
        std::fs::write(&path, bytes)?;
        self.modules.insert(id, path.clone());
        Ok(path)
    }

    fn folder(&mut self) -> io::Result<PathBuf> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let temporary = tempfile::Builder::new().prefix("tollgate-fetched-").tempdir()?;
        let folder = temporary.path().to_owned();
        self.temporary = Some(temporary);
        self.folder = Some(folder.clone());
        Ok(folder)
    }
}
