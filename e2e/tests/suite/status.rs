//! `tollgate status` of a real Envoy, asked directly and as a pod.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{KeyServer, LocalEnvoy, Mesh as _, eventually, plugin};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::auth::world::{CORP, ISSUER, manifests};
use crate::support::{MACHINE, PATIENCE};

/// A header filter and an auth filter with its provider.
async fn mesh() -> (LocalEnvoy, KeyServer) {
    let key = Key::new("es", "ES256").unwrap();
    let server = KeyServer::start(ISSUER, &[&key]).await.unwrap();
    let header = plugin::header_filter("rules: [{request: {set: [{name: a, value: b}]}}]");
    let both = format!("{header}---\n{}", manifests(CORP, &server));
    (LocalEnvoy::start(&both, Setup::default()).await.unwrap(), server)
}

/// The tool's exit status, and what it said on both.
async fn ask(command: &mut Command) -> (i32, String, String) {
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn status(mesh: &LocalEnvoy) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
    command.args(["status", "--admin", &format!("http://{}", mesh.proxy().admin().address())]);
    command.arg("--log").arg(mesh.proxy().run_dir().log());
    command
}

async fn seen(mesh: &LocalEnvoy) -> (i32, Value) {
    let (code, out, err) = ask(status(mesh).args(["--format", "json"])).await;
    assert_eq!(err, "");
    (code, serde_json::from_str(&out).unwrap())
}

/// Waits until the tool sees a plugin in a state.
async fn until(mesh: &LocalEnvoy, plugin: usize, state: &str) -> Value {
    let there = eventually(state, PATIENCE, async || {
        let (code, seen) = seen(mesh).await;
        assert_eq!(code, i32::from(seen["serving"] != true), "{seen}");
        (seen["plugins"][plugin]["state"] == state).then_some(seen)
    });
    there.await.unwrap()
}

/// Delivers something else under a plugin's name, as istio-agent would: by a rename.
fn deliver(mesh: &LocalEnvoy, plugin: &str, version: &str, edit: impl FnOnce(&mut Value)) {
    let file = mesh.proxy().run_dir().root().join("ecds").join(plugin).join("ecds.json");
    let mut content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    content["version_info"] = json!(version);
    edit(&mut content["resources"][0]["typed_config"]);
    let draft = file.with_extension("draft");
    std::fs::write(&draft, serde_json::to_vec(&content).unwrap()).unwrap();
    std::fs::rename(&draft, &file).unwrap();
}

#[tokio::test]
async fn what_an_envoy_has_made_of_its_plugins_is_told() {
    let _machine = MACHINE.read().await;
    let (mesh, _server) = mesh().await;
    let seen = eventually("the keys", PATIENCE, async || {
        let (_, seen) = seen(&mesh).await;
        (seen["plugins"][1]["keys"][0]["count"] == 1).then_some(seen)
    });
    let seen = seen.await.unwrap();
    assert_eq!(seen["serving"], true, "{seen}");
    assert_eq!(
        seen["chains"],
        json!([{"listeners": ["main"], "plugins": ["test.header-filter", "test.auth-filter"]}])
    );
    for plugin in seen["plugins"].as_array().unwrap() {
        assert_eq!((&plugin["state"], &plugin["version"]), (&json!("loaded"), &json!("1")));
        assert_eq!(
            (&plugin["failurePolicy"], &plugin["kind"]),
            (&json!("FAIL_RELOAD"), &json!("WasmPlugin, Istio 1.30 and later"))
        );
        assert_eq!(plugin["configurations"], json!({"taken": 1, "refused": 0}));
        assert_eq!(plugin["afterTrap"], json!({"reloads": 0, "failed": 0}));
        let module = &plugin["module"];
        assert!(module["sha256"].is_string() && module["sha256"] == module["digestInName"], "{module}");
    }
    let age = seen["plugins"][1]["keys"][0]["ageSeconds"].as_u64().unwrap();
    assert!(age <= PATIENCE.as_secs(), "{age}");

    let refused = json!({"nope": 1}).to_string();
    deliver(&mesh, "test.auth-filter", "7", |config| {
        config["config"]["configuration"]["value"] = json!(refused)
    });
    let seen = until(&mesh, 1, "refused").await;
    let plugin = &seen["plugins"][1];
    assert_eq!((&plugin["version"], &plugin["refusedVersion"]), (&json!("1"), &json!("7")));
    assert!(plugin["reason"].as_str().unwrap().contains("nope: unknown field"), "{plugin}");
    assert_eq!(seen["plugins"][0]["state"], "loaded");

    let deny =
        json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC", "rules": {}});
    deliver(&mesh, "test.header-filter", "8", |config| *config = deny);
    let seen = until(&mesh, 0, "deny-all").await;
    assert_eq!(seen["plugins"][0]["version"], "8");
    assert_eq!(e2e::send(mesh.address(), &e2e::Request::get("/")).await.unwrap().status, 403);

    let (code, out, err) = ask(&mut status(&mesh)).await;
    assert_eq!((code, err.as_str()), (1, ""));
    for line in [
        "test.header-filter: REPLACED BY DENY-ALL: every request gets a 403",
        "test.auth-filter: REFUSED: what was there before",
    ] {
        assert!(out.contains(line), "{out}");
    }
}

#[tokio::test]
async fn a_plugin_that_was_never_delivered_is_warming() {
    let _machine = MACHINE.read().await;
    let (mesh, _server) = mesh().await;
    let root = mesh.proxy().run_dir().root();
    let file = root.join("lds/lds.json");
    let mut content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut late = content["resources"][0].clone();
    (late["name"], late["bind_to_port"], late["address"]["socket_address"]["port_value"]) =
        (json!("late"), json!(false), json!(2));
    let folder = root.join("ecds/late");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("ecds.json"), json!({"version_info": "0", "resources": []}).to_string())
        .unwrap();
    let filter = &mut late["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0];
    filter["name"] = json!("extensions.istio.io/wasmplugin/test.late");
    filter["config_discovery"]["config_source"]["path_config_source"] =
        json!({"path": folder.join("ecds.json"), "watched_directory": {"path": folder}});
    content["version_info"] = json!("late");
    content["resources"].as_array_mut().unwrap().push(late);
    std::fs::write(root.join("lds/draft"), content.to_string()).unwrap();
    std::fs::rename(root.join("lds/draft"), &file).unwrap();
    let seen = until(&mesh, 2, "warming").await;
    assert_eq!(seen["plugins"][2]["name"], "test.late");
    assert_eq!(seen["plugins"][2]["kind"], "WasmPlugin, Istio 1.29 and earlier");
}

/// A kubectl that asks the local Envoy for a pod's proxy, and writes down what it was called with.
fn kubectl(folder: &Path, mesh: &LocalEnvoy) {
    let (admin, log) = (mesh.proxy().admin().address(), mesh.proxy().run_dir().log());
    let script = format!(
        "#!/bin/sh
printf '%s\\n' \"$*\" >>{calls}
case \"$*\" in
    '--context ctx -n shop exec web-1 -c istio-proxy -- pilot-agent request GET '*)
        for last; do :; done
        exec python3 -c 'import sys, urllib.request as u; sys.stdout.write(u.urlopen(\"http://{admin}/\" + sys.argv[1]).read().decode())' \"$last\" ;;
    '--context ctx -n shop logs web-1 -c istio-proxy --tail=2000') exec cat {log} ;;
    '--context ctx -n shop get --raw /api/v1/namespaces/shop/pods/web-1:15020/proxy/stats/prometheus')
        echo 'istio_agent_wasm_remote_fetch_count{{result=\"download_failure\"}} 4' ;;
    *) echo \"pods \\\"web-2\\\" not found\" >&2; exit 1 ;;
esac
",
        calls = folder.join("calls").display(),
        log = log.display(),
    );
    let file = folder.join("kubectl");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_pod_is_asked_through_kubectl() {
    let _machine = MACHINE.read().await;
    let (mesh, _server) = mesh().await;
    let folder = tempfile::tempdir().unwrap();
    kubectl(folder.path(), &mesh);
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let of_pod = |pod: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
        command.env("PATH", &path).args(["status", "--pod", pod, "-n", "shop", "--context", "ctx"]);
        command
    };
    let (code, out, err) = ask(&mut of_pod("web-1")).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for line in
        ["test.auth-filter: loaded", "istio-agent: wasm_remote_fetch_count{result=\"download_failure\"} 4"]
    {
        assert!(out.contains(line), "{out}");
    }
    // The file is the pod's, whatever this machine has under its name.
    assert!(!out.contains("SHA-256"), "{out}");

    deliver(&mesh, "test.header-filter", "3", |config| {
        config["config"]["configuration"]["value"] = json!("{\"a\":1}")
    });
    let refused = eventually("the reason from the pod's log", PATIENCE, async || {
        let (code, out, _) = ask(&mut of_pod("web-1")).await;
        (code == 1
            && out.contains("reason          tollgate.header: configuration refused: a: unknown field"))
        .then_some(())
    });
    refused.await.unwrap();

    let (code, out, err) = ask(&mut of_pod("web-2")).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("kubectl exec web-2 -c istio-proxy -- pilot-agent request GET server_info: pods \"web-2\" not found"), "{err}");
}
