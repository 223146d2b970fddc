//! What a filter refuses is shown where it stands in the YAML.

use std::path::Path;

use super::*;

const HEAD: &str =
    "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: header}\nspec:\n";

fn compile(spec: &str) -> Result<Plan, Faults> {
    let directory = tempfile::tempdir().unwrap();
    for module in ["header-filter", "other"] {
        std::fs::write(directory.path().join(format!("{module}.wasm")), b"\0asm\x01\0\0\0").unwrap();
    }
    let manifests = Manifests::parse(Path::new("a.yaml"), &format!("{HEAD}{spec}")).unwrap();
    Plan::compile(manifests, &Modules::new(directory.path()), &Filters::builtin())
}

/// The fault of a config whose first line is line 7.
fn check(config: &str, expected: &str) {
    let shown = match compile(&format!("  url: oci://x/header-filter:1\n  pluginConfig:\n{config}")) {
        Ok(_) => "fine".to_owned(),
        Err(faults) => faults.to_string(),
    };
    assert!(shown.starts_with(expected), "{config}\n{shown}");
}

#[test]
fn a_fault_in_the_config_is_shown_where_it_stands() {
    check(
        "    rules:\n    - name: tag\n      request:\n        set: [{nam: x-env, value: prod}]\n",
        "a.yaml:10:16: spec.pluginConfig.rules[0].request.set[0].nam: unknown field \"nam\", did you mean \"name\"?",
    );
    check(
        "    rules:\n    - name: tag\n      request:\n        set: prod\n",
        "a.yaml:10:9: spec.pluginConfig.rules[0].request.set: expected ",
    );
    check("    rules: 7\n", "a.yaml:7:5: spec.pluginConfig.rules: expected ");
    check(
        "    rulez: []\n",
        "a.yaml:7:5: spec.pluginConfig.rulez: unknown field \"rulez\", did you mean \"rules\"?",
    );
}

#[test]
fn a_good_config_is_fine() {
    check("    rules:\n    - name: tag\n      request:\n        set: [{name: x-env, value: prod}]\n", "fine");
}

#[test]
fn a_missing_module_is_shown_at_the_url() {
    let faults = compile("  url: oci://x/absent:1\n").unwrap_err().to_string();
    assert!(faults.starts_with("a.yaml:5:3: spec.url: there is no "), "{faults}");
}

#[test]
fn a_foreign_module_is_served_unchecked_with_a_note() {
    let plan = compile("  url: oci://x/other:1\n  pluginConfig: {any: thing}\n").unwrap();
    assert_eq!(
        plan.notes,
        ["default.header: other is not one of Tollgate's filters, its pluginConfig is not checked here"]
    );
}

#[test]
fn a_host_variable_that_is_not_set_is_noted() {
    let spec = "  url: oci://x/other:1\n  vmConfig: {env: [{name: TOLLGATE_NO_SUCH, valueFrom: HOST}]}\n";
    let plan = compile(spec).unwrap();
    assert!(plan.notes.iter().any(|note| note.contains("TOLLGATE_NO_SUCH is not set")), "{:?}", plan.notes);
}

#[test]
fn a_cluster_that_no_service_entry_gives_is_noted_once() {
    let spec = "  url: oci://x/other:1\n  pluginConfig: {a: [{cluster: outbound|1||x}, {b: {cluster: outbound|1||x}}]}\n";
    let note = "default.header: no ServiceEntry here gives the cluster outbound|1||x, calls to it will fail";
    let notes = compile(spec).unwrap().notes;
    assert_eq!(notes.iter().filter(|said| *said == note).count(), 1, "{notes:?}");
    let entry = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\n\
                 spec: {hosts: [x], ports: [{number: 1, name: a}], resolution: DNS}\n";
    let plan = compile(&format!("{spec}{entry}")).unwrap();
    assert_eq!(plan.clusters[0].name, "outbound|1||x");
    assert!(!plan.notes.iter().any(|said| said == note), "{:?}", plan.notes);
}

#[test]
fn network_plugins_are_refused() {
    let faults = compile("  url: oci://x/other:1\n  type: NETWORK\n").unwrap_err().to_string();
    assert_eq!(faults, "a.yaml:6:3: spec.type: NETWORK plugins cannot be run here: only HTTP");
}

#[test]
fn an_empty_config_is_no_config() {
    for (config, expected) in
        [("", None), ("  pluginConfig: {}\n", None), ("  pluginConfig: {a: 1.0}\n", Some(r#"{"a":1}"#))]
    {
        let plan = compile(&format!("  url: oci://x/other:1\n{config}")).unwrap();
        assert_eq!(config_json(&plan.plugins[0].plugin).as_deref(), expected);
    }
}

#[test]
fn a_module_of_the_folder_that_is_not_the_pinned_one_is_noted() {
    let module = b"\0asm\x01\0\0\0";
    let (image, file) = (crate::oci::digest(module).unwrap(), crate::module::sha256(module));
    let hex = image.trim_start_matches("sha256:");
    let other = "a".repeat(64);
    for (url, sha256, noted) in [
        ("oci://x/other:1".to_owned(), None, false),
        (format!("oci://x/other:1@{image}"), None, false),
        (format!("oci://x/other@sha256:{other}"), None, true),
        ("oci://x/other:1".to_owned(), Some(hex), false),
        ("oci://x/other:1".to_owned(), Some(file.as_str()), true),
        ("https://x/other.wasm".to_owned(), Some(file.as_str()), false),
        ("https://x/other.wasm".to_owned(), Some(hex), true),
    ] {
        let sha256 = sha256.map(|sha256| format!("  sha256: \"{sha256}\"\n")).unwrap_or_default();
        let plan = compile(&format!("  url: \"{url}\"\n{sha256}")).unwrap();
        let said = plan.notes.iter().any(|note| note.ends_with("--fetch takes that one"));
        assert_eq!(said, noted, "{url} {sha256}: {:?}", plan.notes);
    }
}

#[test]
fn a_module_that_could_not_be_fetched_is_no_fault_of_the_manifest() {
    let text = format!("{HEAD}  url: oci://x/absent:1\n");
    let manifests = Manifests::parse(Path::new("a.yaml"), &text).unwrap();
    let failed = [("default.header".to_owned(), Err("no such image".to_owned()))].into();
    let plan = Plan::compile(manifests, &Modules::new("/none").with(failed), &Filters::builtin()).unwrap();
    assert_eq!(plan.plugins[0].module, Err("no such image".to_owned()));
}
