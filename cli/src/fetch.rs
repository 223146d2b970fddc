//! Getting a module from its url, as istio-agent does (`pkg/wasm` of Istio): the same images, the same retries, the
//! same cache, and errors in the same words, so that who searches for one finds what others have met.
//!
//! Two things differ. What is private stays so: a credential is not sent in the clear to a registry elsewhere. And
//! credentials are those of the docker configuration, for there is no Secret here.

mod cache;
mod http;
mod supply;
mod unwrap;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::manifest::PullPolicy;
use crate::module::{Module, is_wasm, sha256};
use crate::oci::image::Image;
use crate::oci::name::Name;
use crate::oci::registry::{Access, Registry, Right};

use cache::{Cache, Key};
pub use supply::Supply;

/// The longest module, in bytes: Istio's default of `ISTIO_WASM_MAX_BINARY_SIZE_BYTES`.
pub const MOST: u64 = 256 << 20;

/// How long things may take, with Istio's defaults.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// One fetch with all its attempts.
    pub(crate) whole: Duration,
    /// One request by http(s).
    pub(crate) attempt: Duration,
    /// Attempts by http(s).
    pub(crate) attempts: u32,
    /// Before the second attempt; half as long again before each further one.
    pub(crate) pause: Duration,
    /// The longest module, in bytes.
    pub(crate) most: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            whole: Duration::from_secs(30),
            attempt: Duration::from_secs(15),
            attempts: 5,
            pause: Duration::from_millis(500),
            most: MOST,
        }
    }
}

/// A module that a plugin asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// `oci://`, `http://`, `https://`, or `file:///`; without a scheme it is `oci://`.
    pub url: String,
    /// `spec.sha256`, in hex: of an image the digest of its manifest, of a file that of the module.
    pub sha256: Option<String>,
    /// `imagePullPolicy`.
    pub policy: PullPolicy,
    /// The plugin, `namespace.name`.
    pub plugin: String,
    /// Changes whenever the plugin's object changes.
    pub version: String,
}

impl Wanted {
    /// A module that nobody has asked for before.
    #[must_use]
    pub fn once(url: &str) -> Self {
        let policy = PullPolicy::Unspecified;
        Self { url: url.to_owned(), sha256: None, policy, plugin: String::new(), version: String::new() }
    }
}

/// What gets modules, and remembers them.
#[derive(Debug)]
pub struct Fetcher {
    limits: Limits,
    access: Access,
    cache: Mutex<Cache>,
}

impl Fetcher {
    /// A fetcher that keeps what it gets in a folder, or in a temporary one.
    #[must_use]
    pub fn new(folder: Option<&Path>) -> Self {
        Self::with(folder, Limits::default(), Access::agent())
    }

    pub(crate) fn with(folder: Option<&Path>, limits: Limits, access: Access) -> Self {
        let access = Access { most: limits.most, ..access };
        Self { limits, access, cache: Mutex::new(Cache::new(folder)) }
    }

    /// Gets a module: within half a minute, or not at all.
    ///
    /// # Errors
    /// In istio-agent's words.
    pub async fn get(&self, wanted: &Wanted) -> Result<Module, String> {
        let url = with_scheme(&wanted.url);
        // As on a cluster, nothing is checked here: Envoy gets the file as it is.
        if let Some(path) = url.strip_prefix("file://") {
            return read(Path::new(path));
        }
        let fetched = tokio::time::timeout(self.limits.whole, self.fetch(&url, wanted)).await;
        fetched.unwrap_or_else(|_| {
            let seconds = self.limits.whole.as_secs();
            Err(format!("could not fetch {url}: context deadline exceeded: no module within {seconds} s"))
        })
    }

    async fn fetch(&self, url: &str, wanted: &Wanted) -> Result<Module, String> {
        let mut key = Key::new(url, wanted);
        let found = self.cache().find(&mut key, if_not_present(url, wanted.policy));
        if let Some(path) = found {
            self.cache().touch(&key);
            return read(&path);
        }
        match url.split_once("://") {
            Some(("oci", _)) => self.image(key).await,
            Some(("http" | "https", _)) => {
                let bytes = http::get(url, &self.limits).await?;
                let checksum = sha256(&bytes);
                if let Some(path) = self.checked(&mut key, checksum)? {
                    return read(&path);
                }
                self.keep(&key, &bytes)
            }
            _ => Err(format!("unsupported Wasm module downloading URL scheme: {url}")),
        }
    }

    async fn image(&self, mut key: Key) -> Result<Module, String> {
        let failed = |error: String| format!("could not fetch Wasm OCI image: {error}");
        let name = Name::parse(&key.url);
        let name =
            name.map_err(|error| failed(format!("could not parse url in image reference: {error}")))?;
        let registry = Registry::open(&name, &self.access, Right::Pull).await;
        let registry = registry.map_err(|error| failed(format!("could not fetch manifest: {error}")))?;
        let image = Image::find(&registry, &name).await.map_err(failed)?;
        let checksum = image.digest.trim_start_matches("sha256:").to_owned();
        if let Some(path) = self.checked(&mut key, checksum)? {
            return read(&path);
        }
        let bytes = image.module(&registry).await;
        let bytes = bytes.map_err(|error| format!("could not fetch Wasm binary: {error}"))?;
        self.keep(&key, &bytes)
    }

    /// Holds what was found to what was asked for, and looks whether it is here already.
    fn checked(&self, key: &mut Key, checksum: String) -> Result<Option<std::path::PathBuf>, String> {
        if key.checksum.is_empty() {
            key.checksum = checksum;
            let mut cache = self.cache();
            let found = cache.find(key, true);
            if found.is_some() {
                cache.touch(key);
            }
            return Ok(found);
        }
        if key.checksum == checksum {
            return Ok(None);
        }
        let (url, wanted) = (&key.url, &key.checksum);
        Err(format!("module downloaded from {url} has checksum {checksum}, which does not match: {wanted}"))
    }

    fn keep(&self, key: &Key, bytes: &[u8]) -> Result<Module, String> {
        if !is_wasm(bytes) {
            return Err(format!("fetched Wasm binary from {} is invalid", key.url));
        }
        let path = self.cache().add(key, bytes);
        let path = path.map_err(|error| format!("the folder for fetched modules: {error}"))?;
        Ok(Module { path, bytes: bytes.to_vec(), digest: sha256(bytes), is_fetched: true })
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// istiod takes a url without a scheme for an image.
pub(crate) fn with_scheme(url: &str) -> String {
    if url.contains("://") { url.to_owned() } else { format!("oci://{url}") }
}

/// Whether what is known of a url stands, whatever happens to the plugin's object.
fn if_not_present(url: &str, policy: PullPolicy) -> bool {
    url.starts_with("oci://")
        && match policy {
            PullPolicy::Always => false,
            PullPolicy::IfNotPresent => true,
            PullPolicy::Unspecified => !url.ends_with(":latest"),
        }
}

fn read(path: &Path) -> Result<Module, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(Module { path: path.to_owned(), digest: sha256(&bytes), bytes, is_fetched: true })
}

#[cfg(test)]
mod tests;
