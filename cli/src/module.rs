//! Finding a plugin's module on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::manifest::WasmPlugin;
use crate::oci;

/// What has been fetched, by plugin (`namespace.name`): the module, or why there is none.
pub type Fetched = BTreeMap<String, Result<Module, String>>;

/// Where modules are looked up that a manifest names by registry.
#[derive(Debug, Clone)]
pub struct Modules {
    directory: PathBuf,
    fetched: Fetched,
}

/// A module that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The file.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// The SHA-256 of the content, in hex.
    pub digest: String,
    /// Whether it has come from the plugin's url, and not from a folder here.
    pub is_fetched: bool,
}

impl Module {
    /// The digest that a manifest pins, and this module's own of the same kind: an image's for `oci://`, the file's for
    /// `http(s)://`, in hex. `None` where nothing is pinned, and for files, which istio-agent does not compare.
    #[must_use]
    pub fn pinned(&self, plugin: &WasmPlugin) -> Option<(String, String)> {
        let sha256 = plugin.spec.sha256.clone();
        if plugin.spec.url.starts_with("file://") {
            return None;
        }
        if !plugin.is_image() {
            return Some((sha256?, self.digest.clone()));
        }
        // Packing takes a while: not where nobody asks.
        let pinned = sha256.or_else(|| plugin.digest_in_url().map(str::to_owned))?;
        let image = oci::digest(&self.bytes).ok()?;
        Some((pinned, image.trim_start_matches("sha256:").to_owned()))
    }
}

impl Modules {
    /// Modules from a directory, usually `dist`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), fetched: Fetched::new() }
    }

    /// The same directory, and modules that have been fetched.
    #[must_use]
    pub fn with(self, fetched: Fetched) -> Self {
        Self { fetched, ..self }
    }

    /// The module of a plugin, or why it could not be fetched; what was fetched comes before the directory.
    ///
    /// # Errors
    /// When nobody tried to fetch it and the directory does not have it.
    pub fn of(&self, plugin: &WasmPlugin) -> Result<Result<Module, String>, String> {
        match self.fetched.get(&plugin.full_name()) {
            Some(fetched) => Ok(fetched.clone()),
            None => self.load(&plugin.spec.url).map(Ok),
        }
    }

    /// The file that stands for a URL: an absolute `file://` path is taken as it is; of all others the last segment
    /// names the file, so `oci://ghcr.io/tollgate/header-filter:0.1.0` is `header-filter.wasm` in the directory.
    #[must_use]
    pub fn locate(&self, url: &str) -> PathBuf {
        if let Some(path) = url.strip_prefix("file://") {
            return PathBuf::from(path);
        }
        self.directory.join(format!("{}.wasm", stem(url)))
    }

    /// Reads the module that stands for a URL.
    ///
    /// # Errors
    /// Says what is missing and what to do about it.
    pub fn load(&self, url: &str) -> Result<Module, String> {
        let path = self.locate(url);
        let bytes = std::fs::read(&path).map_err(|error| self.missing(url, &path, &error))?;
        if !is_wasm(&bytes) {
            return Err(format!("{} is not a WebAssembly module", path.display()));
        }
        Ok(Module { path, digest: sha256(&bytes), bytes, is_fetched: false })
    }

    fn missing(&self, url: &str, path: &Path, error: &std::io::Error) -> String {
        let path = path.display();
        if url.starts_with("file://") || error.kind() != std::io::ErrorKind::NotFound {
            return format!("{path} cannot be read: {error}");
        }
        format!("there is no {path}: run `make build`, or name the modules' directory with --modules")
    }
}

/// Whether bytes begin as a module does: as much as istio-agent looks at.
pub(crate) fn is_wasm(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm") && bytes.len() >= 8
}

/// Whether a text is a SHA-256 as [`sha256`] writes it.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The SHA-256 of bytes, in hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The name of the module that a URL ends in: without tag, digest and `.wasm`.
#[must_use]
pub fn stem(url: &str) -> &str {
    let last = url.rsplit('/').next().unwrap_or(url);
    let name = last.split(['@', ':', '?', '#']).next().unwrap_or(last);
    name.strip_suffix(".wasm").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_a_file() {
        let modules = Modules::new("dist");
        for (url, path) in [
            ("oci://ghcr.io/tollgate/header-filter:0.1.0", "dist/header-filter.wasm"),
            ("oci://localhost:5000/header-filter", "dist/header-filter.wasm"),
            ("ghcr.io/tollgate/auth-filter@sha256:00ff", "dist/auth-filter.wasm"),
            ("oci://r/x/auth-filter:1.0@sha256:00ff", "dist/auth-filter.wasm"),
            ("https://example.com/f/header-filter.wasm", "dist/header-filter.wasm"),
            ("file:///opt/header-filter.wasm", "/opt/header-filter.wasm"),
        ] {
            assert_eq!(modules.locate(url), Path::new(path), "{url}");
        }
    }

    #[test]
    fn a_missing_module_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let modules = Modules::new(directory.path());
        let message = modules.load("oci://x/header-filter:1").unwrap_err();
        assert!(message.ends_with(
            "header-filter.wasm: run `make build`, or name the modules' directory with --modules"
        ));
        std::fs::write(directory.path().join("header-filter.wasm"), "not wasm").unwrap();
        let message = modules.load("oci://x/header-filter:1").unwrap_err();
        assert!(message.ends_with("is not a WebAssembly module"));
    }

    #[test]
    fn a_module_is_known_by_its_digest() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.wasm"), b"\0asm\x01\0\0\0").unwrap();
        let module = Modules::new(directory.path()).load("oci://r/x:1").unwrap();
        assert_eq!(module.digest, "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476");
    }
}
