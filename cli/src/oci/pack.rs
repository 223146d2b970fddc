//! A module as an image that every istio-agent reads: one gzip layer with `plugin.wasm` ("OCI compat").

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use serde_json::json;

use super::manifest::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, digest};

/// The name by which istio-agent finds the module in a layer.
pub(crate) const FILE: &str = "plugin.wasm";

/// An image, ready to be pushed. The same module gives the same bytes, wherever and whenever it is packed with this
/// version of the tool.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    pub(crate) layer: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    /// Of the manifest, `sha256:…`: what `spec.sha256` and `@sha256:` of a WasmPlugin take.
    pub(crate) digest: String,
}

/// Packs a module.
pub(crate) fn pack(module: &[u8]) -> Result<Packed, String> {
    let failed = |error: io::Error| format!("cannot pack the module: {error}");
    let tar = archive(module).map_err(failed)?;
    let layer = compressed(&tar).map_err(failed)?;
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&tar)]},
    });
    let config = config.to_string().into_bytes();
    let descriptor = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, &config),
        "layers": [descriptor(OCI_LAYER, &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    Ok(Packed { digest: digest(&manifest), layer, config, manifest })
}

/// Without anything that differs from one machine or moment to another.
fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(u64::try_from(module.len()).unwrap_or(u64::MAX));
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, FILE, module)?;
    builder.into_inner()
}

fn compressed(tar: &[u8]) -> io::Result<Vec<u8>> {
    // 255 is "unknown": else the machine's operating system stands there.
    let mut encoder = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    encoder.write_all(tar)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_digest_is_the_same_on_every_machine() {
        // When this changes, every pinned digest of an operator who packs again changes with it: say so in CHANGELOG.
        assert_eq!(
            pack(MODULE).unwrap().digest,
            "sha256:373d8e46ff2847b9bdd6a4540eb8263558eb9da744e990733b597eeeb197634a"
        );
    }

    #[test]
    fn the_image_is_what_the_specification_says() {
        let packed = pack(MODULE).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&packed.manifest).unwrap();
        assert_eq!(json["layers"][0]["digest"], digest(&packed.layer));
        assert_eq!(json["config"]["digest"], digest(&packed.config));
        let mut tar = Vec::new();
        io::copy(&mut flate2::read::GzDecoder::new(packed.layer.as_slice()), &mut tar).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&packed.config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&tar));
        let mut archive = tar::Archive::new(tar.as_slice());
        let mut entries = archive.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.mode().unwrap()), (0, 0, 0o644));
        assert_eq!(entry.path().unwrap().to_str(), Some(FILE));
        let mut bytes = Vec::new();
        io::copy(&mut entry, &mut bytes).unwrap();
        assert_eq!(bytes, MODULE);
        assert!(entries.next().is_none());
    }

    #[test]
    fn other_modules_have_other_digests() {
        let other = pack(b"\0asm\x01\0\0\0\0\x02\x01x").unwrap();
        assert_ne!(other.digest, pack(MODULE).unwrap().digest);
    }
}
