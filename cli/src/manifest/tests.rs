//! Every refusal names file, line, column and path.

use std::path::Path;

use super::*;

const HEAD: &str = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: header}\n";

/// The faults of a text, one per line; its notes when there are none.
fn check(text: &str, expected: &str) {
    let shown = match Manifests::parse(Path::new("a.yaml"), text) {
        Ok(read) => read.notes.join("\n"),
        Err(faults) => faults.to_string(),
    };
    assert_eq!(shown, expected, "{text}");
}

/// The same for the lines of a `spec`, the first of which is line 6.
fn check_spec(spec: &str, expected: &str) {
    check(&format!("{HEAD}spec:\n  url: oci://x/header-filter:1\n{spec}"), expected);
}

#[test]
fn a_whole_plugin_is_read() {
    let text = "
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata:
  name: header
  namespace: shop
  creationTimestamp: 2026-11-21T10:00:00Z
  labels: {app: x}
  annotations: {tollgate.dev/try: curl}
spec:
  url: oci://ghcr.io/tollgate/header-filter:0.1.0
  sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  imagePullPolicy: IfNotPresent
  imagePullSecret: registry
  pluginConfig: {rules: []}
  pluginName: header
  phase: AUTHN
  priority: -3
  failStrategy: FAIL_RELOAD
  vmConfig: {env: [{name: A, value: b}, {name: C, valueFrom: HOST}]}
  match: [{mode: SERVER, ports: [{number: 80}]}]
  selector: {matchLabels: {app: web}}
  type: HTTP
";
    let mut read = Manifests::parse(Path::new("a.yaml"), text).unwrap();
    let plugin = read.plugins.remove(0);
    assert_eq!(plugin.full_name(), "shop.header");
    let spec = plugin.spec;
    assert_eq!((spec.phase, spec.priority), (Phase::Authn, Some(-3)));
    assert_eq!((spec.fail_strategy, spec.plugin_type), (FailStrategy::Reload, PluginType::Http));
    assert_eq!(spec.plugin_name.as_deref(), Some("header"));
    assert_eq!(spec.env.len(), 2);
    assert_eq!(spec.env[1].value, EnvValue::Host);
    assert_eq!(spec.matches, [TrafficMatch { mode: Mode::Server, ports: vec![80] }]);
    assert_eq!(spec.plugin_config.unwrap().to_json().to_string(), r#"{"rules":[]}"#);
}

#[test]
fn other_kinds_are_passed_over_with_a_note() {
    check(
        "kind: Namespace\n---\nkind: Service\ndefaultMode: 0644\n---\n- limit\n---\nservices: {on: 1}\n",
        "a.yaml:1: Namespace passed over\na.yaml:3: Service passed over\n\
         a.yaml:6: what is no Kubernetes object passed over\na.yaml:8: what is no Kubernetes object passed over",
    );
    check("", "");
}

#[test]
fn the_head_is_strict() {
    check("apiVersion: v1\n", "a.yaml:1:1: kind: is required: WasmPlugin");
    check(
        &format!("{HEAD}kind: Other\nspec: {{url: x}}\n"),
        "a.yaml:4:1: \"kind\" is given twice, first in line 2",
    );
    check(
        "apiVersion: extensions.istio.io/v1beta1\nkind: WasmPlugin\nmetadata: {}\nspc: {}\n",
        "a.yaml:4:1: spc: unknown field \"spc\", did you mean \"spec\"? (allowed: apiVersion, kind, metadata, spec, status)\n\
         a.yaml:1:1: apiVersion: must be extensions.istio.io/v1alpha1\n\
         a.yaml:3:1: metadata.name: is required: a DNS name\n\
         a.yaml:1:1: spec: is required: at least a url",
    );
    check(
        &format!("{}spec: {{url: x}}\n", HEAD.replace("header}", "../etc, creationTimestamp: today}")),
        "a.yaml:3:12: metadata.name: must be a DNS name: lower-case letters, digits, \"-\" and \".\"\n\
         a.yaml:3:26: metadata.creationTimestamp: must be like 2026-11-21T10:00:00Z",
    );
    check(
        &format!("{HEAD}spec: {{url: x}}\n---\n{HEAD}spec: {{url: x}}\n"),
        "a.yaml:8:12: metadata.name: default.header is given twice, first in a.yaml:3",
    );
}

#[test]
fn an_unknown_field_names_the_nearest() {
    check_spec(
        "  failStratgy: FAIL_OPEN\n",
        "a.yaml:6:3: spec.failStratgy: unknown field \"failStratgy\", did you mean \"failStrategy\"? \
         (allowed: url, sha256, imagePullPolicy, imagePullSecret, verificationKey, pluginConfig, pluginName, \
         failStrategy, vmConfig, type, phase, priority, match, selector, targetRefs, targetRef)",
    );
    check_spec(
        "  selector: {labels: {a: b}}\n",
        "a.yaml:6:14: spec.selector.labels: unknown field selector.labels is dropped, so the plugin would apply to all \
         workloads; use matchLabels",
    );
}

#[test]
fn a_wrong_value_says_what_is_allowed() {
    for (spec, expected) in [
        (
            "phase: authn",
            "spec.phase: \"authn\" is not one of AUTHN, AUTHZ, STATS, UNSPECIFIED_PHASE; did you mean AUTHN?",
        ),
        (
            "failStrategy: FAIL_CLOSED",
            "spec.failStrategy: \"FAIL_CLOSED\" is not one of FAIL_CLOSE, FAIL_OPEN, FAIL_RELOAD; did you mean FAIL_CLOSE?",
        ),
        ("priority: \"10\"", "spec.priority: must be a 32-bit integer"),
        ("priority: 3000000000", "spec.priority: must be a 32-bit integer"),
        (
            "pluginConfig: \"rules: []\"",
            "spec.pluginConfig: must be an object, found text; Istio turns it into JSON itself",
        ),
        ("pluginName: 7", "spec.pluginName: expected text, found a number (put it in quotes)"),
        ("sha256: sha256:abc", "spec.sha256: must be 64 lower-case hex digits without a \"sha256:\" prefix"),
    ] {
        check_spec(&format!("  {spec}\n"), &format!("a.yaml:6:3: {expected}"));
    }
    check_spec("  priority: null\n  pluginConfig:\n", "");
}

#[test]
fn lists_name_the_item() {
    for (spec, expected) in [
        ("vmConfig: {env: [{name: A}, {name: A}]}", "a.yaml:6:32: spec.vmConfig.env[1].name: is given twice"),
        (
            "vmConfig: {env: [{value: A}]}",
            "a.yaml:6:20: spec.vmConfig.env[0].name: is required: the variable's name",
        ),
        (
            "vmConfig: {env: [{name: A, value: b, valueFrom: HOST}]}",
            "a.yaml:6:30: spec.vmConfig.env[0].value: value may only be set when valueFrom is INLINE",
        ),
        (
            "match: [{ports: [8080]}]",
            "a.yaml:6:20: spec.match[0].ports[0].number: must be 1–65535 and unique, written as {number: N}",
        ),
        ("match: {mode: SERVER}", "a.yaml:6:3: spec.match: expected a list, found an object"),
        (
            "targetRefs: [{kind: Service, name: g, namespace: other}]",
            "a.yaml:6:41: spec.targetRefs[0].namespace: cross namespace referencing is not currently supported; put the object in that \
             namespace",
        ),
    ] {
        check_spec(&format!("  {spec}\n"), expected);
    }
}

const FILE: &str = "file URLs need exactly file:///absolute/path (istiod cuts the literal \"file://\")";

#[test]
fn a_url_must_be_one_that_istio_takes() {
    for (url, expected) in [
        ("ghcr.io/tollgate/header-filter", ""),
        ("https://example.com/header-filter.wasm", ""),
        ("file:///tmp/header-filter.wasm", ""),
        ("docker://x/y", "scheme \"docker\" is not supported; use one of http, https, file, oci"),
        ("localhost:5000/x:1", "\"localhost\" is read as a URL scheme; write oci://localhost:5000/x:1"),
        (
            "10.0.0.5:5000/x:1",
            "the API server accepts this, but istiod drops it (\"first path segment in URL cannot contain colon\"); \
             write oci://10.0.0.5:5000/x:1",
        ),
        ("file://x.wasm", FILE),
        ("file:/x.wasm", FILE),
        ("FILE:///x.wasm", FILE),
        ("oci:///x", "names no module"),
        ("oci://x/a b", "has a blank or a control character in it"),
        ("oci://", "names no module"),
    ] {
        let expected =
            if expected.is_empty() { String::new() } else { format!("a.yaml:4:8: spec.url: {expected}") };
        check(&format!("{HEAD}spec: {{url: \"{url}\"}}\n"), &expected);
    }
}

#[test]
fn directories_are_read_in_order_and_other_files_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = |name: &str| format!("{}spec: {{url: x}}\n", HEAD.replace("header", name));
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    for (file, text) in [
        ("b.yml", plugin("b")),
        ("a.yaml", plugin("a")),
        ("sub/c.yaml", plugin("c")),
        (
            "kustomization.yaml",
            "resources: [a.yaml]\npatches: [{path: sub/patch.yaml}, {path: ./p/../q.yaml}]".to_owned(),
        ),
        ("sub/patch.yaml", "apiVersion: incomplete".to_owned()),
        ("q.yaml", "[{op: replace}]".to_owned()),
        (".a.yaml.swp.yaml", "{{".to_owned()),
        ("README.md", "# no".to_owned()),
    ] {
        std::fs::write(directory.path().join(file), text).unwrap();
    }
    let read = Manifests::load(&[directory.path().to_owned()]).unwrap();
    let names: Vec<&str> = read.plugins.iter().map(|plugin| plugin.metadata.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let missing = Manifests::load(&[PathBuf::from("/nowhere")]).unwrap_err();
    assert_eq!(missing.to_string(), "/nowhere: no such file or directory");
}

#[test]
fn a_file_that_is_no_manifest_at_all_is_refused_and_not_read_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.yaml");
    std::fs::write(&empty, " \n").unwrap();
    let huge = directory.path().join("huge.yaml");
    std::fs::File::create(&huge).unwrap().set_len(5 << 20).unwrap();
    let endless = directory.path().join("zero.yaml");
    std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
    for (file, message) in [
        (&empty, "is empty; to take its plugins away, delete it"),
        (&huge, "is larger than 4 MiB: no manifest is"),
        (&endless, "is no regular file"),
    ] {
        let faults = Manifests::load(std::slice::from_ref(file)).unwrap_err();
        assert_eq!(faults.to_string(), format!("{}: {message}", file.display()));
    }
}

#[test]
fn what_a_file_says_cannot_feign_a_line_on_the_terminal() {
    let faults = Manifests::parse(
        Path::new("a.yaml"),
        "kind: A\n---\napiVersion: x\n\"\\e[31mRED\\nb.yaml: live\": 1\n",
    )
    .unwrap_err();
    assert!(!faults.to_string().contains(['\u{1b}', '\n']), "{faults}");
}
