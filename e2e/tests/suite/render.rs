//! What `tollgate render` writes is taken by a real Envoy, and serves.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use e2e::{Request, eventually, local, send};
use serde_json::{Value, json};
use tokio::process::Command;
use tollgate::manifest::yaml;

use crate::support::{MACHINE, PATIENCE};

/// The shipped manifests in another form, in this folder.
async fn rendered(folder: &Path, arguments: &[&str]) {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/base");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
    command
        .arg("render")
        .args(arguments)
        .arg("--modules")
        .arg(local::dist())
        .arg("-o")
        .arg(folder)
        .arg(manifests);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn read(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    yaml::parse(&text)
        .unwrap_or_else(|error| panic!("{error:?}\n{text}"))
        .iter()
        .map(yaml::Node::to_json)
        .collect()
}

/// Envoy's own check: it loads the modules and gives them their configurations.
async fn validated(config: &Path) {
    let mut command = Command::new(local::envoy().unwrap());
    let output = command
        .args(["--mode", "validate", "--log-level", "error", "-c"])
        .arg(config)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}\n{}", config.display(), String::from_utf8_lossy(&output.stderr));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Writes JSON where Envoy takes it for YAML, which it is.
fn write(folder: &Path, content: &Value) -> PathBuf {
    let file = folder.join("config.yaml");
    std::fs::write(&file, content.to_string()).unwrap();
    file
}

#[tokio::test]
async fn an_envoy_without_a_control_plane_serves_the_shipped_manifests() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.yaml");
    let (port, stand_in) = (free_port(), free_port());
    rendered(&file, &["--to", "envoy", "--port", &port.to_string()]).await;
    // Two ports are the same for everyone who renders, and must not be for tests that run side by side.
    let text = std::fs::read_to_string(&file).unwrap();
    let own = text.replace("port_value: 9901", "port_value: 0").replace("18080", &stand_in.to_string());
    assert_ne!(own, text);
    std::fs::write(&file, own).unwrap();
    validated(&file).await;

    let mut envoy = Command::new(local::envoy().unwrap());
    envoy.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]).arg(&file);
    let admin = folder.path().join("admin");
    envoy.arg("--admin-address-path").arg(&admin);
    let mut envoy = envoy.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let request = Request::get("/api/x").host("shop.example.com");
    let served = eventually("an answer", PATIENCE, async || send(address, &request).await.ok());
    let answer = served.await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "the upstream got it\n"));
    assert_eq!(
        answer.headers.get("x-served-by").as_deref(),
        Some("upstream"),
        "the header filter's rule: {answer:?}"
    );
    let denied = send(address, &Request::get("/shop")).await.unwrap();
    assert_eq!(denied.status, 401, "the auth filter's rule: {denied:?}");

    // An Envoy without any discovery has a status too.
    let admin = std::fs::read_to_string(&admin).unwrap();
    let mut status = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
    let output = status.args(["status", "--admin", admin.trim()]).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("shop.auth-filter: loaded"), "{said}");
    envoy.kill().await.unwrap();
}

#[tokio::test]
async fn a_compose_folder_holds_what_an_envoy_takes() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    rendered(folder.path(), &["--to", "compose", "--upstream", "localhost:9"]).await;
    let compose = read(&folder.path().join("compose.yaml")).remove(0);
    assert_eq!(compose["services"]["envoy"]["image"], "envoyproxy/envoy:v1.40.0");
    // As the container would have it, in the place where its mounts come from.
    let file = folder.path().join("envoy.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("/etc/tollgate", folder.path().to_str().unwrap())).unwrap();
    validated(&file).await;
}

#[tokio::test]
async fn what_an_envoy_filter_delivers_is_a_configuration_that_envoy_takes() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filters.yaml");
    rendered(&file, &["--to", "envoy-filter"]).await;
    let documents = read(&file);
    assert_eq!(documents.len(), 3);
    let mut filters = Vec::new();
    for document in &documents {
        let mut delivered = document["spec"]["configPatches"][0]["patch"]["value"].clone();
        // What istio-agent does: it fetches the module and puts the file in place of where it was.
        let code = &mut delivered["typed_config"]["config"]["vm_config"]["code"];
        let uri = code["remote"]["http_uri"]["uri"].as_str().unwrap().to_owned();
        *code = json!({"local": {"filename": tollgate::module::Modules::new(local::dist()).locate(&uri)}});
        filters.push(delivered);
    }
    let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {"@type": router}}));
    let manager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    let config = json!({"static_resources": {"listeners": [{
        "name": "main",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {
            "@type": manager, "stat_prefix": "main", "route_config": {"name": "r"}, "http_filters": filters,
        }}]}],
    }]}});
    validated(&write(folder.path(), &config)).await;
}

#[tokio::test]
async fn traffic_extensions_of_the_shipped_manifests_name_their_modules() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extensions.yaml");
    rendered(&file, &["--to", "traffic-extension"]).await;
    let documents = read(&file);
    assert_eq!(documents.len(), 3);
    for document in documents {
        assert_eq!(document["kind"], "TrafficExtension");
        let spec = document["spec"].as_object().unwrap();
        assert!(spec["wasm"]["url"].as_str().unwrap().starts_with("oci://"), "{document}");
        assert!(
            spec["wasm"]["pluginConfig"].is_object()
                && spec.contains_key("phase")
                && !spec.contains_key("url")
        );
    }
}
