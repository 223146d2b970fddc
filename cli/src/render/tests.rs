//! Manifests in, files or the reason why not out.

mod envoy_filter;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clap::Parser as _;
use serde_json::{Value, json};

use super::*;
use crate::args::Command;
use crate::manifest::yaml as reader;

const PLUGIN: &str = "apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: headers, namespace: shop}
spec:
  url: oci://r.example.com/header-filter:1
  sha256: abababababababababababababababababababababababababababababababab
  imagePullPolicy: Always
  verificationKey: unused
  phase: AUTHN
  priority: 7
  selector: {matchLabels: {app: web}}
  match: [{mode: SERVER, ports: [{number: 8080}]}]
  failStrategy: FAIL_RELOAD
  vmConfig: {env: [{name: MODE, value: \"no\"}, {name: HOME, valueFrom: HOST}]}
  pluginConfig: {rules: [{response: {set: [{name: x-a, value: \"1.0\"}]}}]}
";

/// What was reported.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<String>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut said = self.0.lock().unwrap();
        write!(said, "{}", String::from_utf8_lossy(bytes)).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A folder with one manifest and a module that is good enough for a plan.
fn folder(manifest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifest).unwrap();
    fs::write(folder.path().join("header-filter.wasm"), b"\0asm\x01\0\0\0").unwrap();
    folder
}

/// Runs the command line in a folder: the exit code as text, what was written and what was said.
fn run(folder: &Path, arguments: &[&str]) -> (String, String, String) {
    let modules = folder.to_str().unwrap();
    let manifest = folder.join("a.yaml");
    let mut line = vec!["tollgate", "render", "--modules", modules, manifest.to_str().unwrap()];
    line.extend(arguments);
    let Command::Render(args) = crate::args::Args::try_parse_from(line).unwrap().command else {
        panic!("{arguments:?}")
    };
    let (mut out, report) = (Vec::new(), Said::default());
    let code = render(&args, &mut out, &mut Reporter::new(report.clone()));
    let said = report.0.lock().unwrap().clone();
    (format!("{code:?}"), String::from_utf8(out).unwrap(), said)
}

/// What is written of a manifest, read again.
fn written(manifest: &str, arguments: &[&str]) -> Vec<Value> {
    let folder = folder(manifest);
    let (code, out, said) = run(folder.path(), arguments);
    assert_eq!(code, format!("{:?}", ExitCode::SUCCESS));
    // Whom an EnvoyFilter displaces is told, and nothing else.
    assert_eq!(said.contains("spec.phase: phase AUTHZ"), !said.is_empty(), "{said}");
    assert_eq!(
        !said.is_empty(),
        manifest.contains("phase: AUTHZ") && arguments.contains(&"envoy-filter"),
        "{said}"
    );
    reader::parse(&out)
        .unwrap_or_else(|error| panic!("{error:?}\n{out}"))
        .iter()
        .map(reader::Node::to_json)
        .collect()
}

fn only<T>(mut items: Vec<T>) -> T {
    assert_eq!(items.len(), 1);
    items.remove(0)
}

#[test]
fn the_module_moves_under_wasm_and_nothing_else_changes() {
    let read = only(written(PLUGIN, &["--to", "traffic-extension"]));
    let source = only(reader::parse(PLUGIN).unwrap()).to_json();
    assert_eq!((&read["apiVersion"], &read["kind"]), (&source["apiVersion"], &json!("TrafficExtension")));
    assert_eq!(read["metadata"], source["metadata"]);
    let mut back = read["spec"].as_object().unwrap().clone();
    let wasm = back.remove("wasm").unwrap();
    assert!(back.keys().eq(["match", "phase", "priority", "selector"]), "{back:?}");
    // Laid together again it is the WasmPlugin, less what Istio never used.
    back.extend(wasm.as_object().unwrap().clone());
    let mut expected = source["spec"].as_object().unwrap().clone();
    expected.remove("verificationKey").unwrap();
    assert_eq!(back, expected);
}

#[test]
fn what_the_two_kinds_spell_differently_is_spelled_anew() {
    let manifest = PLUGIN
        .replace("phase: AUTHN", "phase: UNSPECIFIED_PHASE")
        .replace("selector: {matchLabels: {app: web}}", "targetRef: {kind: Service, name: web}");
    let read = only(written(&manifest, &["--to", "traffic-extension"]));
    assert_eq!(read["spec"]["phase"], "UNSPECIFIED");
    assert_eq!(read["spec"]["targetRefs"], json!([{"kind": "Service", "name": "web"}]));
    assert_eq!(read["spec"].get("targetRef"), None);
}

#[test]
fn what_a_cluster_has_written_is_not_applied_again() {
    let manifest = PLUGIN.replacen(
        "namespace: shop}",
        "namespace: shop, uid: u, resourceVersion: '7', managedFields: [], labels: {team: web}, annotations: {mine: x, \
         kubectl.kubernetes.io/last-applied-configuration: '{}'}}\nstatus: {}",
        1,
    );
    let read = only(written(&manifest, &["--to", "traffic-extension"]));
    let metadata = &read["metadata"];
    assert_eq!(metadata["labels"], json!({"team": "web"}));
    assert_eq!(metadata["annotations"], json!({"mine": "x"}));
    let mut names: Vec<&String> = metadata.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["annotations", "labels", "name", "namespace"]);
    assert_eq!(read.get("status"), None);
}

#[test]
fn an_envoy_gets_everything_in_one_file() {
    let folder = folder(PLUGIN);
    for (more, listeners, upstream, kind) in [
        (&[][..], 2, "127.0.0.1", "STATIC"),
        (&["--upstream", "web.shop:80"], 1, "web.shop", "STRICT_DNS"),
        (&["--upstream", "[::1]:80"], 1, "::1", "STATIC"),
    ] {
        let (code, out, said) = run(folder.path(), &[&["--to", "envoy", "--port", "9000"], more].concat());
        assert_eq!(code, format!("{:?}", ExitCode::SUCCESS));
        assert!(said.contains("is taken, whose digest is") && said.lines().count() == 1, "{said}");
        let read = only(reader::parse(&out).unwrap()).to_json();
        assert_eq!(read["admin"]["address"]["socket_address"]["address"], "127.0.0.1");
        let resources = &read["static_resources"];
        assert_eq!(resources["listeners"].as_array().unwrap().len(), listeners, "{more:?}");
        let main = &resources["listeners"][0];
        assert_eq!(main["address"]["socket_address"], json!({"address": "0.0.0.0", "port_value": 9000}));
        let manager = &main["filter_chains"][0]["filters"][0]["typed_config"];
        let code = &manager["http_filters"][0]["typed_config"]["config"]["vm_config"]["code"];
        assert_eq!(code["local"]["filename"], json!(folder.path().join("header-filter.wasm")));
        let cluster = resources["clusters"].as_array().unwrap().last().unwrap();
        assert_eq!(cluster["type"], kind, "{more:?}");
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(endpoint["address"]["socket_address"]["address"], upstream);
        assert!(
            !out.contains("config_discovery") && !out.contains("\"@type\": type.googleapis.com/envoy.config"),
            "{out}"
        );
    }
}

#[test]
fn a_compose_folder_has_all_that_it_names() {
    let folder = folder(PLUGIN);
    let to = folder.path().join("out/try");
    let (code, out, said) = run(folder.path(), &["--to", "compose", "-o", to.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (format!("{:?}", ExitCode::SUCCESS), ""));
    assert!(said.contains("is taken, whose digest is"), "{said}");
    let read =
        |name: &str| only(reader::parse(&fs::read_to_string(to.join(name)).unwrap()).unwrap()).to_json();
    let envoy = &read("compose.yaml")["services"]["envoy"];
    assert_eq!(envoy["environment"], json!(["HOME"]));
    let mounts: Vec<&str> =
        envoy["volumes"].as_array().unwrap().iter().map(|mount| mount.as_str().unwrap()).collect();
    assert_eq!(mounts, ["./envoy.yaml:/etc/tollgate/envoy.yaml:ro", "./modules:/etc/tollgate/modules:ro"]);
    let manager = &read("envoy.yaml")["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let code =
        &manager["http_filters"][0]["typed_config"]["config"]["vm_config"]["code"]["local"]["filename"];
    let module = code.as_str().unwrap().strip_prefix("/etc/tollgate/").unwrap();
    assert_eq!(fs::read(to.join(module)).unwrap(), b"\0asm\x01\0\0\0");
}

#[test]
fn what_cannot_be_rendered_is_said_with_its_place() {
    let bad = format!("{:?}", ExitCode::from(BAD_MANIFESTS));
    let nothing = format!("{:?}", ExitCode::FAILURE);
    let selector = "selector: {matchLabels: {app: web}}";
    for (from, to, arguments, code, expected) in [
        ("namespace: shop", "namespaze: shop", &["--to", "envoy"][..], &bad, "unknown field"),
        (
            "rules:",
            "rulez:",
            &["--to", "envoy"],
            &bad,
            "a.yaml:15:18: spec.pluginConfig.rulez: unknown field",
        ),
        ("rules:", "rulez:", &["--to", "traffic-extension"], &bad, "spec.pluginConfig.rulez: unknown field"),
        ("rules:", "rulez:", &["--to", "envoy-filter"], &bad, "spec.pluginConfig.rulez: unknown field"),
        (
            selector,
            "targetRefs: [{kind: Service, name: a}]",
            &["--to", "envoy-filter"],
            &bad,
            "a.yaml:11:3: spec.targetRefs: ",
        ),
        (
            "priority: 7",
            "imagePullSecret: s",
            &["--to", "envoy-filter"],
            &bad,
            "a.yaml:10:3: spec.imagePullSecret: ",
        ),
        ("priority: 7", "type: NETWORK", &["--to", "envoy-filter"], &bad, "a.yaml:10:3: spec.type: "),
        (
            "",
            "",
            &["--to", "envoy", "--upstream", "here"],
            &nothing,
            "--upstream here: write a host and a port",
        ),
        ("", "", &["--to", "envoy", "--upstream", "here:0"], &nothing, "--upstream here:0: write"),
        ("", "", &["--to", "compose"], &nothing, "give a directory with -o"),
        (
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin",
            "apiVersion: v1\nkind: Secret",
            &["--to", "traffic-extension"],
            &nothing,
            "there is no plugin in these",
        ),
        (
            "",
            "",
            &["--to", "limitador"],
            &nothing,
            "there is no WasmPlugin with a ratelimit-filter or an edge-filter here",
        ),
        ("", "", &["--to", "envoy", "-o", "/dev/null/x"], &nothing, "cannot write /dev/null/x: "),
    ] {
        let folder = folder(&PLUGIN.replacen(from, to, 1));
        let (got, out, said) = run(folder.path(), arguments);
        assert_eq!((&got, out.as_str()), (code, ""), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
