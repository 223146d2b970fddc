//! The WasmPlugins that operators begin with.

use std::collections::BTreeSet;

use tollgate::filters::Filters;
use tollgate::manifest::{EnvValue, FailStrategy, Manifests, Mode, Phase, WasmPlugin};
use tollgate::module::{Modules, stem};
use tollgate::plan::Plan;
use tollgate::render;
use tollgate::report::Reporter;

use crate::{files, read, root};

/// The files that have a whole plugin in them; patches are elsewhere.
const PLUGINS: [&str; 4] = [
    "manifests/base/auth-filter.yaml",
    "manifests/base/header-filter.yaml",
    "manifests/base/ratelimit-filter.yaml",
    "manifests/components/quota/quota.yaml",
];

fn plugin(file: &str) -> WasmPlugin {
    let mut plugins = Manifests::load(&[root().join(file)]).unwrap().plugins;
    assert_eq!(plugins.len(), 1, "{file}");
    plugins.remove(0)
}

/// Does the work of the three, and would do it once more beside them.
const NOT_IN_BASE: &str = "edge-filter";

#[test]
fn every_filter_has_a_plugin_and_a_place_in_the_base() {
    let shipped: BTreeSet<String> = PLUGINS.map(|file| stem(&plugin(file).spec.url).to_owned()).into();
    let filters = std::fs::read_dir(root().join("filters")).unwrap();
    for filter in filters.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        if filter == NOT_IN_BASE {
            continue;
        }
        assert!(shipped.contains(&filter), "no manifest for {filter}");
        assert!(read("manifests/base/kustomization.yaml").contains(&format!("- {filter}.yaml")), "{filter}");
    }
}

#[test]
fn plugins_say_where_they_stand_and_what_happens_when_they_crash() {
    let mut places = BTreeSet::new();
    for file in PLUGINS {
        let spec = plugin(file).spec;
        assert!(spec.phase != Phase::Unspecified, "{file}: phase");
        assert!(
            places.insert((format!("{:?}", spec.phase), spec.priority.unwrap())),
            "{file}: equal priority"
        );
        assert_eq!(spec.fail_strategy, FailStrategy::Reload, "{file}: failStrategy");
        assert!(spec.matches.iter().all(|traffic| traffic.mode == Mode::Server), "{file}: match");
        assert!(!spec.matches.is_empty(), "{file}: match");
    }
}

#[test]
fn no_two_plugins_share_a_vm() {
    let mut environments = BTreeSet::new();
    for file in PLUGINS {
        let plugin = plugin(file);
        let name = plugin.spec.env.iter().find(|variable| variable.name == "TOLLGATE_PLUGIN").unwrap();
        assert!(matches!(&name.value, EnvValue::Inline(value) if *value == plugin.metadata.name), "{file}");
        assert!(environments.insert(format!("{:?}", plugin.spec.env)), "{file}: the environment of another");
    }
}

#[test]
fn urls_name_the_version_of_this_tree_and_one_digest_for_each_module() {
    let version = env!("CARGO_PKG_VERSION");
    let mut digests = std::collections::BTreeMap::new();
    for file in files("manifests", ".yaml") {
        let text = std::fs::read_to_string(&file).unwrap();
        for url in text.lines().filter_map(|line| line.trim().strip_prefix("url: oci://")) {
            let (reference, digest) = url.split_once("@sha256:").unwrap_or((url, ""));
            assert!(reference.ends_with(&format!(":{version}")), "{}: {url}: run make pin", file.display());
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert!(digest.len() == 64 && digest.bytes().all(hex), "{}: {url}: run make pin", file.display());
            let known = digests.entry(stem(url).to_owned()).or_insert_with(|| digest.to_owned());
            assert_eq!(known, digest, "{}: {url}: run make pin", file.display());
        }
    }
    assert_eq!(digests.len(), 3, "{digests:?}");
}

#[test]
fn editors_are_told_of_the_schema_of_the_filter() {
    for file in PLUGINS {
        let text = read(file);
        let hint = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
        let schema = root().join(file).with_file_name(hint);
        let name = schema.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name, format!("{}.json", stem(&plugin(file).spec.url)), "{file}");
        let folder = schema.parent().unwrap().to_owned();
        let manifests = root().join("manifests").canonicalize().unwrap();
        assert_eq!(folder.parent().unwrap().canonicalize().unwrap(), manifests, "{file}: {hint}");
        assert!(folder.ends_with("schemas"), "{file}: {hint}");
    }
}

#[test]
fn what_the_local_overlay_has_is_served_without_kustomize() {
    let paths = ["manifests/base", "manifests/components/quota", "manifests/overlays/local"];
    let manifests = Manifests::load(&paths.map(|path| root().join(path))).unwrap();
    assert_eq!(manifests.plugins.len(), 4);
    let modules = tempfile::tempdir().unwrap();
    for plugin in &manifests.plugins {
        let file = modules.path().join(format!("{}.wasm", stem(&plugin.spec.url)));
        std::fs::write(file, b"\0asm\x01\0\0\0").unwrap();
    }
    let plan = Plan::compile(manifests, &Modules::new(modules.path()), &Filters::builtin()).unwrap();
    let order: Vec<&str> = plan.plugins.iter().map(|planned| planned.plugin.metadata.name.as_str()).collect();
    assert_eq!(order, ["header-filter", "auth-filter", "ratelimit-filter", "quota"]);
    let clusters: Vec<&str> = plan.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(
        clusters,
        ["outbound|8081||limitador.limits.svc.cluster.local"],
        "the quota's service is known"
    );
    assert!(!plan.notes.iter().any(|note| note.contains("outbound|")), "{:?}", plan.notes);
}

#[test]
fn limitador_is_told_of_the_limits_that_the_quota_asks_about() {
    let args = render::Args {
        to: render::Form::Limitador,
        paths: vec![root().join("manifests/components/quota/quota.yaml")],
        output: None,
        modules: root().join("dist"),
        upstream: None,
        port: 8080,
    };
    let mut rendered = Vec::new();
    let complaints = tempfile::NamedTempFile::new().unwrap();
    let mut report = Reporter::new(complaints.reopen().unwrap());
    let _ = render::render(&args, &mut rendered, &mut report);
    let complaints = std::fs::read_to_string(complaints.path()).unwrap();
    assert_eq!(
        String::from_utf8(rendered).unwrap(),
        read("manifests/components/limitador/limits.conf"),
        "{complaints}"
    );
}
