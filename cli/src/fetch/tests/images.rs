//! Modules from registries.

use serde_json::{Value, json};

use super::*;
use crate::oci::testing::{Answer, Shelf};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
const CONFIG: &str = "application/vnd.module.wasm.config.v1+json";

fn manifest(media_type: Option<&str>, layers: &[Value]) -> Value {
    let mut json = json!({"schemaVersion": 2, "layers": layers});
    if let Some(media_type) = media_type {
        json["mediaType"] = json!(media_type);
    }
    json
}

/// A shelf with one image of these layers under the tag 1, and the image's digest.
fn image(media_type: &str, named: Option<&str>, layers: &[(&str, Vec<u8>)]) -> (Shelf, String) {
    let mut shelf = Shelf::default();
    let layers: Vec<Value> = layers.iter().map(|(media_type, bytes)| shelf.blob(media_type, bytes)).collect();
    let digest = shelf.document("1", media_type, &manifest(named, &layers));
    (shelf, digest)
}

fn packed() -> Vec<u8> {
    gzip(&tar(&[("x", b"other"), ("deep/down/plugin.wasm", MODULE)]))
}

fn compat() -> (Shelf, String) {
    image(OCI, Some(OCI), &[(OCI_LAYER, packed())])
}

#[tokio::test]
async fn all_layouts_of_the_agent_are_read() {
    let empty = gzip(&tar(&[]));
    let config = || (CONFIG, b"{}".to_vec());
    let raw = || (CONTENT, MODULE.to_vec());
    for (media_type, named, layers) in [
        (DOCKER, Some(DOCKER), vec![(DOCKER_LAYER, packed())]),
        (DOCKER, Some(DOCKER), vec![(DOCKER_LAYER, empty.clone()), (DOCKER_LAYER, packed())]),
        (OCI, Some(OCI), vec![(OCI_LAYER, packed())]),
        (OCI, None, vec![("any/thing", empty), (OCI_LAYER, packed())]),
        (OCI, None, vec![config(), raw()]),
        (OCI, Some(OCI), vec![raw(), config()]),
    ] {
        let server = image(media_type, named, &layers).0.serve().await;
        assert_eq!(get(&server, "oci://HOST/r:1", None).await, Ok(MODULE.to_vec()), "{layers:?}");
    }
}

#[tokio::test]
async fn other_layouts_are_refused_in_the_agents_words() {
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    let raw = || (CONTENT, MODULE.to_vec());
    let without = gzip(&tar(&[("other.wasm", MODULE)]));
    for (named, layers, expected) in [
        (DOCKER, vec![(OCI_LAYER, packed())], "as Docker container invalid media type"),
        (DOCKER, vec![], "number of layers must be greater than zero"),
        (
            OCI,
            vec![(zstd, packed())],
            "invalid media type application/vnd.oci.image.layer.v1.tar+zstd (expect",
        ),
        (OCI, vec![raw()], "could not parse as oci variant: number of layers must be 2 but got 1"),
        (
            OCI,
            vec![(CONFIG, b"{}".to_vec()), ("application/wasm", MODULE.to_vec())],
            "could not find the layer of type",
        ),
        (OCI, vec![], "number of layers must be greater than zero"),
        (OCI, vec![(OCI_LAYER, without)], "plugin.wasm not found in the archive"),
        (OCI, vec![(OCI_LAYER, tar(&[("plugin.wasm", MODULE)]))], "failed to parse layer as tar.gz"),
        (OCI, vec![(OCI_LAYER, packed()[..40].to_vec())], "could not extract wasm binary"),
        (
            OCI,
            vec![(OCI_LAYER, gzip(&tar(&[("plugin.wasm", b"hello")])))],
            "fetched Wasm binary from oci://HOST/r:1 is invalid",
        ),
    ] {
        let server = image(named, Some(named), &layers).0.serve().await;
        let error = get(&server, "oci://HOST/r:1", None).await.unwrap_err();
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[tokio::test]
async fn a_layer_that_unpacks_to_too_much_is_not_unpacked() {
    let mut long = MODULE.to_vec();
    long.resize(usize::try_from(FEW).unwrap() + 1, 0);
    let bomb = gzip(&tar(&[("plugin.wasm", &long)]));
    let server = image(OCI, None, &[(OCI_LAYER, bomb)]).0.serve().await;
    let error = get(&server, "oci://HOST/r:1", None).await.unwrap_err();
    assert!(error.contains("plugin.wasm exceeds the limit of 65536 bytes"), "{error}");
    let server = image(OCI, None, &[(OCI_LAYER, long)]).0.serve().await;
    let error = get(&server, "oci://HOST/r:1", None).await.unwrap_err();
    assert!(error.contains("exceeds the limit of 65536 bytes"), "{error}");
}

#[tokio::test]
async fn an_index_leads_to_linux_amd64_and_cannot_be_pinned() {
    let (mut shelf, child) = compat();
    let entry = |arch: &str, digest: &str| json!({"mediaType": OCI, "digest": digest, "size": 1, "platform": {"os": "linux", "architecture": arch}});
    let none = format!("sha256:{}", "0".repeat(64));
    let both = json!({"manifests": [entry("arm64", &none), entry("amd64", &child)]});
    let index = shelf.document("both", INDEX, &both);
    shelf.document("arm", INDEX, &json!({"manifests": [entry("arm64", &none)]}));
    let server = shelf.serve().await;
    assert_eq!(get(&server, "oci://HOST/r:both", None).await, Ok(MODULE.to_vec()));
    let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    assert_eq!(get(&server, "oci://HOST/r:both", Some(&hex(&child))).await, Ok(MODULE.to_vec()));
    let error = get(&server, &format!("oci://HOST/r:both@{index}"), None).await.unwrap_err();
    let expected = format!("has checksum {}, which does not match: {}", hex(&child), hex(&index));
    assert!(error.ends_with(&expected), "{error}");
    let error = get(&server, "oci://HOST/r:arm", None).await.unwrap_err();
    assert!(error.contains("no child with platform linux/amd64 in index sha256:"), "{error}");
}

#[tokio::test]
async fn the_checksum_of_an_image_is_its_manifests_digest() {
    let (shelf, digest) = compat();
    let server = shelf.serve().await;
    let hex = digest.trim_start_matches("sha256:");
    assert_eq!(get(&server, &format!("oci://HOST/r:1@{digest}"), None).await, Ok(MODULE.to_vec()));
    assert_eq!(get(&server, "oci://HOST/r:1", Some(hex)).await, Ok(MODULE.to_vec()));
    let module = sha256(MODULE);
    let error = get(&server, "oci://HOST/r:1", Some(&module)).await.unwrap_err();
    let expected =
        format!("module downloaded from oci://HOST/r:1 has checksum {hex}, which does not match: {module}");
    assert_eq!(error, expected);
}

#[tokio::test]
async fn a_registry_that_gives_something_else_than_was_asked_for_is_found_out() {
    let (mut shelf, digest) = compat();
    shelf.put(&format!("r/manifests/{digest}"), OCI, b"{}");
    let server = shelf.serve().await;
    let error = get(&server, &format!("oci://HOST/r@{digest}"), None).await.unwrap_err();
    assert!(error.contains("does not match requested digest"), "{error}");

    let (mut shelf, _) = compat();
    let other: Vec<u8> = packed().iter().map(|byte| byte ^ 1).collect();
    let blob = crate::oci::testing::digest_of(&packed());
    shelf.put(&format!("r/blobs/{blob}"), "x/y", &other);
    let server = shelf.serve().await;
    let error = get(&server, "oci://HOST/r:1", None).await.unwrap_err();
    assert!(error.contains("error verifying sha256 checksum"), "{error}");
}

#[tokio::test]
async fn nonsense_from_a_registry_is_an_error_and_no_more() {
    let huge = vec![b' '; (4 << 20) + 1];
    for body in [b"".to_vec(), b"<html>".to_vec(), b"[1]".to_vec(), b"{\"layers\": 7}".to_vec(), huge] {
        let server = Server::start(move |seen, _| {
            Answer::new(200, if seen.path == "/v2/" { Vec::new() } else { body.clone() })
        });
        assert!(get(&server.await, "oci://HOST/r:1", None).await.is_err());
    }
    let missing = Shelf::default().serve().await;
    assert_eq!(
        get(&missing, "oci://HOST/r:1", None).await.unwrap_err(),
        "could not fetch Wasm OCI image: could not fetch manifest: \
         GET http://HOST/v2/r/manifests/1: MANIFEST_UNKNOWN: manifest unknown"
    );
}

#[tokio::test]
async fn passing_trouble_of_a_registry_is_waited_out() {
    for (status, asked, fine) in [(503, 4, true), (429, 4, true), (404, 2, false), (403, 2, false)] {
        let (shelf, _) = compat();
        // The first is the question whether anybody is there.
        let server = Server::start(
            move |seen, nth| {
                if nth == 1 { Answer::new(status, "") } else { shelf.answer(seen) }
            },
        );
        let server = server.await;
        assert_eq!(get(&server, "oci://HOST/r:1", None).await.is_ok(), fine, "{status}");
        assert_eq!(server.seen().len(), asked, "{status}");
    }
    let server = Server::start(|seen, _| {
        if seen.path == "/v2/" { Answer::new(200, "") } else { Answer::new(503, "busy\x1b[2J") }
    });
    let error = get(&server.await, "oci://HOST/r:1", None).await.unwrap_err();
    assert!(error.ends_with("unexpected status code 503 Service Unavailable: busy [2J"), "{error}");
}
