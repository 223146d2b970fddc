//! What a registry says of an image: manifests and indexes, as far as istio-agent reads them.

use serde_json::Value;

/// Media types, and the bounds of what is read.
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
pub(crate) const WASM_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// The longest manifest that is read, in bytes.
pub(crate) const MOST_MANIFEST: u64 = 4 << 20;
/// The most layers or children that are looked at.
const MOST_ITEMS: usize = 1000;

/// One thing that a manifest or an index points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    /// `sha256:…`
    pub(crate) digest: String,
    /// In bytes.
    pub(crate) size: u64,
    /// `os/architecture`, in an index.
    pub(crate) platform: Option<String>,
}

/// The manifest of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// What it says of itself; OCI images need not.
    pub(crate) media_type: Option<String>,
    pub(crate) layers: Vec<Descriptor>,
}

impl Manifest {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let json = json(bytes)?;
        Ok(Self { media_type: text(&json, "mediaType"), layers: descriptors(&json, "layers")? })
    }
}

/// Whether a document of this media type is an index: a list of images, by platform.
pub(crate) fn is_index(media_type: &str) -> bool {
    [OCI_INDEX, DOCKER_INDEX].contains(&media_type)
}

/// The image for linux/amd64 in an index, whatever machine this is: go-containerregistry's default, and so Istio's.
/// One without a platform is taken for that.
pub(crate) fn child(bytes: &[u8]) -> Result<Option<Descriptor>, String> {
    let children = descriptors(&json(bytes)?, "manifests")?;
    let fits = |platform: Option<&str>| platform.is_none_or(|platform| platform == "linux/amd64");
    Ok(children.into_iter().find(|child| fits(child.platform.as_deref())))
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("the manifest is no JSON: {error}"))
}

fn text(json: &Value, field: &str) -> Option<String> {
    json.get(field)?.as_str().map(str::to_owned)
}

fn descriptors(json: &Value, field: &str) -> Result<Vec<Descriptor>, String> {
    let items = json.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if items.len() > MOST_ITEMS {
        return Err(format!("the manifest has more than {MOST_ITEMS} {field}"));
    }
    let read = |item| descriptor(item).ok_or_else(|| format!("the manifest's {field} are not descriptors"));
    items.iter().map(read).collect()
}

fn descriptor(json: &Value) -> Option<Descriptor> {
    let platform = json.get("platform").and_then(|platform| {
        let (os, architecture) = (text(platform, "os")?, text(platform, "architecture")?);
        Some(format!("{os}/{architecture}"))
    });
    let digest = text(json, "digest").filter(|digest| is_sha256(digest))?;
    let media_type = text(json, "mediaType").unwrap_or_default();
    Some(Descriptor { media_type, digest, size: json.get("size")?.as_u64()?, platform })
}

/// Whether this is `sha256:` and 64 lower-case hex digits, which is safe to put into a URL.
pub(crate) fn is_sha256(digest: &str) -> bool {
    digest.strip_prefix("sha256:").is_some_and(crate::module::is_sha256)
}

/// The digest of bytes, `sha256:…`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", crate::module::sha256(bytes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn child_of(manifests: Value) -> Result<Option<String>, String> {
        let index = json!({"manifests": manifests}).to_string();
        child(index.as_bytes()).map(|child| child.map(|child| child.digest))
    }

    #[test]
    fn the_child_for_linux_amd64_is_taken() {
        let digest = |c: &str| format!("sha256:{}", c.repeat(64));
        let entry = |c: &str, os: &str, arch: &str| {
            json!({"mediaType": OCI_MANIFEST, "digest": digest(c), "size": 3,
                   "platform": {"os": os, "architecture": arch}})
        };
        let bare = json!({"digest": digest("d"), "size": 3});
        let arm = entry("a", "linux", "arm64");
        let amd = entry("b", "linux", "amd64");
        let attestation = entry("c", "unknown", "unknown");
        assert_eq!(child_of(json!([arm, attestation, amd])), Ok(Some(digest("b"))));
        assert_eq!(child_of(json!([arm, bare, amd])), Ok(Some(digest("d"))));
        assert_eq!(child_of(json!([arm, attestation])), Ok(None));
    }

    #[test]
    fn manifests_that_are_none_are_refused() {
        let hex = "a".repeat(64);
        for layers in [
            json!([{"digest": "sha256:../../x", "size": 1}]),
            json!([{"digest": format!("sha512:{hex}"), "size": 1}]),
            json!([{"digest": format!("sha256:{hex}"), "size": -1}]),
            json!(["x"]),
            Value::Array(vec![json!({}); 1001]),
        ] {
            assert!(Manifest::parse(json!({"layers": layers}).to_string().as_bytes()).is_err(), "{layers}");
        }
        assert!(Manifest::parse(b"<html>").is_err());
        assert_eq!(Manifest::parse(b"[]").unwrap().layers, []);
    }
}
