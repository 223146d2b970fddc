//! Which modules are fetched when, and what is remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::manifest::{Manifests, WasmPlugin};
use crate::module::Modules;
use crate::oci::testing::{Answer, Shelf};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const CONTENT: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// A registry whose tag `1` is moved on by a number: the nth image has n bytes more.
async fn registry(version: Arc<AtomicUsize>) -> Server {
    let images: Vec<Shelf> = (0..4)
        .map(|more| {
            let mut shelf = Shelf::default();
            let layers =
                [shelf.blob(CONTENT, &[MODULE, vec![0; more].as_slice()].concat()), shelf.blob("x/y", b"{}")];
            for tag in ["1", "latest"] {
                shelf.document(tag, OCI, &json!({"layers": layers}));
            }
            shelf
        })
        .collect();
    Server::start(move |seen, _| match version.load(Ordering::Relaxed) {
        usize::MAX => Answer::new(404, ""),
        version => images[version].answer(seen),
    })
    .await
}

fn plugins(server: &Server, spec: &str, note: &str) -> Vec<WasmPlugin> {
    let spec = spec.replace("HOST", &server.address.to_string());
    let text = format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
         metadata: {{name: a, annotations: {{note: \"{note}\"}}}}\nspec: {{{spec}}}\n"
    );
    Manifests::parse(Path::new("a.yaml"), &text).unwrap().plugins
}

/// How many bytes more than the least the module has, or why there is none.
async fn more(supply: &mut Supply, plugins: &[WasmPlugin]) -> Result<usize, String> {
    let modules: Modules = supply.modules(plugins).await;
    let module = modules.of(&plugins[0]).unwrap()?;
    assert!(module.is_fetched);
    Ok(module.bytes.len().saturating_sub(MODULE.len()))
}

fn supply() -> Supply {
    Supply::with(Path::new("/no/such/folder"), false, fetcher())
}

/// Moves the tag, changes the object, and says which module is there before and after both.
async fn check(spec: &str, expected: [usize; 3]) {
    let version = Arc::new(AtomicUsize::new(0));
    let server = registry(Arc::clone(&version)).await;
    let mut supply = supply();
    let first = more(&mut supply, &plugins(&server, spec, "first")).await;
    version.store(1, Ordering::Relaxed);
    let unchanged = more(&mut supply, &plugins(&server, spec, "first")).await;
    let changed = more(&mut supply, &plugins(&server, spec, "second")).await;
    assert_eq!([first, unchanged, changed], expected.map(Ok), "{spec}");
}

#[tokio::test]
async fn a_tag_that_moves_is_noticed_as_the_policy_says() {
    check("url: \"oci://HOST/r:1\"", [0, 0, 0]).await;
    check("url: \"oci://HOST/r\"", [0, 0, 0]).await;
    check("url: \"oci://HOST/r:latest\"", [0, 0, 1]).await;
    check("url: \"oci://HOST/r:1\", imagePullPolicy: Always", [0, 0, 1]).await;
    check("url: \"oci://HOST/r:latest\", imagePullPolicy: IfNotPresent", [0, 0, 0]).await;
}

#[tokio::test]
async fn another_tag_of_what_is_here_is_not_downloaded_again() {
    let server = registry(Arc::default()).await;
    let mut supply = supply();
    let blobs = || server.seen().iter().filter(|seen| seen.path.contains("/blobs/")).count();
    assert_eq!(more(&mut supply, &plugins(&server, "url: \"oci://HOST/r:1\"", "")).await, Ok(0));
    assert_eq!(blobs(), 1);
    assert_eq!(more(&mut supply, &plugins(&server, "url: \"oci://HOST/r:latest\"", "")).await, Ok(0));
    assert_eq!(blobs(), 1);
}

#[tokio::test]
async fn a_failed_fetch_is_tried_again_when_a_manifest_changes_or_when_asked_to() {
    let version = Arc::new(AtomicUsize::new(usize::MAX));
    let server = registry(Arc::clone(&version)).await;
    let spec = "url: \"oci://HOST/r:1\"";
    let mut supply = supply();
    let error = more(&mut supply, &plugins(&server, spec, "")).await.unwrap_err();
    assert!(error.starts_with("cannot fetch Wasm module oci://127.0.0.1:"), "{error}");
    assert!(supply.lacks());
    version.store(0, Ordering::Relaxed);
    let asked = server.seen().len();
    assert!(more(&mut supply, &plugins(&server, spec, "")).await.is_err());
    assert_eq!(server.seen().len(), asked);
    assert_eq!(more(&mut supply, &plugins(&server, spec, "changed")).await, Ok(0));

    version.store(usize::MAX, Ordering::Relaxed);
    let other = "url: \"oci://HOST/r:latest\"";
    assert!(more(&mut supply, &plugins(&server, other, "")).await.is_err());
    version.store(2, Ordering::Relaxed);
    supply.try_again();
    assert_eq!(more(&mut supply, &plugins(&server, other, "")).await, Ok(2));
    assert!(!supply.lacks());
}

#[tokio::test]
async fn the_folder_comes_first_unless_all_is_to_be_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.wasm");
    let server = registry(Arc::default()).await;
    let plugins = plugins(&server, "url: \"oci://HOST/r:1\"", "");
    std::fs::write(&file, MODULE).unwrap();
    let mut supply = Supply::with(folder.path(), false, fetcher());
    let module = supply.modules(&plugins).await.of(&plugins[0]).unwrap().unwrap();
    assert_eq!((module.is_fetched, server.seen().len()), (false, 0));
    // A build that replaces it takes it away for a moment.
    std::fs::remove_file(&file).unwrap();
    let error = supply.modules(&plugins).await.of(&plugins[0]).unwrap_err();
    assert!(error.contains("run `make build`"), "{error}");
    assert_eq!(server.seen().len(), 0);

    std::fs::write(&file, MODULE).unwrap();
    let mut supply = Supply::with(folder.path(), true, fetcher());
    assert_eq!(more(&mut supply, &plugins).await, Ok(0));
}

#[tokio::test]
async fn one_slow_registry_does_not_keep_the_others_for_ever() {
    let slow = Server::start(|_, _| Answer::new(200, "").after(Duration::from_secs(60))).await;
    let server = registry(Arc::default()).await;
    let mut both = plugins(&server, "url: \"oci://HOST/r:1\"", "");
    let mut other = plugins(&slow, "url: \"http://HOST/x\"", "").remove(0);
    other.metadata.name = "b".to_owned();
    both.push(other);
    let limits = Limits { whole: Duration::from_secs(2), ..limits() };
    let mut supply = Supply::with(Path::new("/none"), false, Fetcher::with(None, limits, access()));
    let modules = supply.modules(&both).await;
    assert!(modules.of(&both[0]).unwrap().is_ok());
    assert!(modules.of(&both[1]).unwrap().unwrap_err().contains("context deadline exceeded"));
}
