//! An image in a registry, read by istio-agent's rules.

use std::io::{self, Read as _};

use flate2::read::MultiGzDecoder;

use super::manifest::{self, DOCKER_LAYER, DOCKER_MANIFEST, Descriptor, Manifest, OCI_LAYER, WASM_LAYER};
use super::name::Name;
use super::pack::FILE;
use super::registry::{Document, Registry};

/// An image that has been found. Its layers are still where they are.
#[derive(Debug)]
pub(crate) struct Image {
    /// Of the image's manifest, also where the name is that of an index.
    pub(crate) digest: String,
    pub(crate) media_type: String,
    /// The digest of the index that led here.
    pub(crate) index: Option<String>,
    pub(crate) manifest: Manifest,
}

/// The three ways in which a module may lie in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Docker,
    Compat,
    Artifact,
}

impl Layout {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker image",
            Self::Compat => "OCI image (compat)",
            Self::Artifact => "OCI artifact",
        }
    }
}

impl Image {
    /// Finds the image that a name leads to: of an index, its image for linux/amd64.
    pub(crate) async fn find(registry: &Registry, name: &Name) -> Result<Self, String> {
        let failed = |error: String| format!("could not fetch manifest: {error}");
        let document = registry.document(name.identifier()).await.map_err(failed)?;
        if !manifest::is_index(&document.media_type) {
            return Self::read(document, None);
        }
        let failed = |error: String| format!("could not fetch image: {error}");
        let child = manifest::child(&document.bytes).map_err(failed)?;
        let child = child.ok_or_else(|| {
            failed(format!("no child with platform linux/amd64 in index {}", document.digest))
        })?;
        let image = registry.document(&child.digest).await.map_err(failed)?;
        Self::read(image, Some(document.digest))
    }

    fn read(document: Document, index: Option<String>) -> Result<Self, String> {
        let manifest = Manifest::parse(&document.bytes);
        let manifest = manifest.map_err(|error| format!("could not fetch image: {error}"))?;
        let Document { media_type, digest, .. } = document;
        Ok(Self { digest, media_type, index, manifest })
    }

    /// The layer with the module, and how it lies in there.
    ///
    /// As in istio-agent a docker image is nothing else; all others are tried as a compat image first.
    pub(crate) fn layer(&self) -> Result<(Layout, &Descriptor), String> {
        let layers = &self.manifest.layers;
        if self.manifest.media_type.as_deref() == Some(DOCKER_MANIFEST) {
            let layer = last(layers, DOCKER_LAYER);
            let layer = layer.map_err(|error| {
                format!("could not extract Wasm file from the image as Docker container {error}")
            })?;
            return Ok((Layout::Docker, layer));
        }
        let compat = match last(layers, OCI_LAYER) {
            Ok(layer) => return Ok((Layout::Compat, layer)),
            Err(error) => error,
        };
        match artifact(layers) {
            Ok(layer) => Ok((Layout::Artifact, layer)),
            Err(error) => Err(invalid(&compat, &error)),
        }
    }

    /// Gets the module.
    pub(crate) async fn module(&self, registry: &Registry) -> Result<Vec<u8>, String> {
        let (layout, layer) = self.layer()?;
        let blob = registry.blob(layer).await;
        let blob = blob.map_err(|error| format!("could not get layer content: {error}"))?;
        if layout == Layout::Artifact {
            return Ok(blob);
        }
        let most = registry.access.most;
        let found = tokio::task::spawn_blocking(move || plugin(&blob, most)).await;
        let found = found.map_err(|error| error.to_string())?;
        found.map_err(|error| {
            let error = format!("could not extract wasm binary: {error}");
            match layout {
                Layout::Docker => {
                    format!("could not extract Wasm file from the image as Docker container {error}")
                }
                _ => invalid(&error, &artifact(&self.manifest.layers).err().unwrap_or_default()),
            }
        })
    }
}

fn invalid(compat: &str, artifact: &str) -> String {
    format!(
        "the given image is in invalid format as an OCI image: could not parse as compat variant: {compat}; \
         could not parse as oci variant: {artifact}"
    )
}

fn last<'l>(layers: &'l [Descriptor], media_type: &str) -> Result<&'l Descriptor, String> {
    let layer = layers.last().ok_or("number of layers must be greater than zero")?;
    if layer.media_type != media_type {
        let found = super::web::shown(&layer.media_type);
        return Err(format!("invalid media type {found} (expect {media_type})"));
    }
    Ok(layer)
}

fn artifact(layers: &[Descriptor]) -> Result<&Descriptor, String> {
    if layers.len() != 2 {
        return Err(format!("number of layers must be 2 but got {}", layers.len()));
    }
    let found = layers.iter().find(|layer| layer.media_type == WASM_LAYER);
    found.ok_or_else(|| format!("could not find the layer of type {WASM_LAYER}"))
}

/// The first file of that name in a compressed archive, in whatever folder.
fn plugin(layer: &[u8], most: u64) -> Result<Vec<u8>, String> {
    // One more, so that what is too long is not cut into something that looks fine.
    let limit = most.saturating_add(1);
    // The archive's own blocks come on top of the module.
    let unpacked = MultiGzDecoder::new(layer).take(limit.saturating_add(1 << 20));
    let mut archive = tar::Archive::new(unpacked);
    let broken = |error: io::Error| format!("failed to parse layer as tar.gz: {error}");
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = entry.path_bytes();
        if path.rsplit(|byte| *byte == b'/').next() != Some(FILE.as_bytes()) {
            continue;
        }
        let size = entry.size();
        let mut bytes = Vec::new();
        let read = entry.take(limit).read_to_end(&mut bytes);
        read.map_err(|error| format!("failed to read {FILE}: {error}"))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return match length {
            length if length > most => Err(format!("{FILE} exceeds the limit of {most} bytes")),
            length if length < size => Err(format!("failed to read {FILE}: unexpected EOF")),
            _ => Ok(bytes),
        };
    }
    Err(format!("{FILE} not found in the archive"))
}
