//! Manifests in, a limits file or the reason why not out.

use std::path::Path;

use super::*;
use crate::manifest::Manifests;

const GLOBAL: &str = "{cluster: 'outbound|8081||limitador.limits.svc.cluster.local', domain: shop}";
const QUOTA: &str = "{name: quota, scope: global, key: [{identity: id}, {value: checkout}], rate: {requests: 5, unit: minute}}";
const LOCAL: &str = "{name: local, key: [{clientIp: {}}], rate: {requests: 5, unit: second}}";
const WRITTEN: &str = r#"- namespace: "shop"
  name: "quota"
  max_value: 5
  seconds: 60
  conditions:
  - "size(descriptors) > 0 && descriptors[0]['value'] == 'checkout'"
  variables:
  - "descriptors[0]['identity']"
"#;

/// A plugin with `limits` on its tenth line; no `global` for no text.
fn plugin(name: &str, module: &str, limits: &str, global: &str) -> String {
    let global = if global.is_empty() { String::new() } else { format!("    global: {global}\n") };
    format!(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata:\n  name: {name}\n  namespace: shop\n\
         spec:\n  url: oci://x/{module}:1\n  phase: AUTHZ\n  pluginConfig:\n    limits: [{limits}]\n{global}---\n"
    )
}

fn rendered(manifests: &[String]) -> Result<String, String> {
    let read = Manifests::parse(Path::new("a.yaml"), &manifests.concat()).unwrap();
    limits(&read.plugins).map_err(|failure| match failure {
        Failure::Bad(faults) => faults.to_string(),
        Failure::Nothing(message) => format!("nothing: {message}"),
    })
}

#[test]
fn global_limits_are_written_once_for_each_domain() {
    let filter = |name: &str, limits: &str, global: &str| plugin(name, "ratelimit-filter", limits, global);
    let other = GLOBAL.replace("shop", "other");
    let both = format!("{LOCAL}, {QUOTA}");
    let manifests = [
        plugin("headers", "header-filter", "any", "thing"),
        filter("a", QUOTA, GLOBAL),
        filter("same", &both, GLOBAL),
        filter("local", LOCAL, ""),
        filter("b", QUOTA, &other),
    ];
    let in_other = WRITTEN.replace("\"shop\"", "\"other\"");
    assert_eq!(rendered(&manifests).unwrap(), format!("# shop.a\n{WRITTEN}# shop.b\n{in_other}"));
}

#[test]
fn limits_within_an_edge_filter_are_written_and_named_with_their_place() {
    let edge = |parts: &str| {
        let head = plugin("a", "edge-filter", "", "");
        head.replace("    limits: []\n", &format!("    headers: {{}}\n{parts}"))
    };
    let limits = |limit: &str| edge(&format!("    rateLimit: {{limits: [{limit}], global: {GLOBAL}}}\n"));
    let beside = [plugin("b", "ratelimit-filter", QUOTA, GLOBAL), limits(QUOTA)];
    for manifests in [&beside[1..], &beside] {
        let name = if manifests.len() == 1 { "a" } else { "b" };
        assert_eq!(rendered(manifests).unwrap(), format!("# shop.{name}\n{WRITTEN}"));
    }
    for (manifest, expected) in [
        (edge(""), "nothing: a.yaml:9:3: spec.pluginConfig.rateLimit.limits: no limit of any filter here"),
        (
            limits("{name: a, scope: global, key: [path]}"),
            "a.yaml:11:26: spec.pluginConfig.rateLimit.limits[0].rate: ",
        ),
        (limits("{nam: a}"), "a.yaml:11:27: spec.pluginConfig.rateLimit.limits[0].nam: unknown field"),
    ] {
        let error = rendered(&[manifest]).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_cannot_be_written_is_named_with_its_place() {
    let filter = |limits: &str, global: &str| plugin("a", "ratelimit-filter", limits, global);
    let second = plugin("b", "ratelimit-filter", &QUOTA.replace("5", "6"), GLOBAL);
    for (manifests, expected) in [
        (vec![], "nothing: there is no WasmPlugin with a ratelimit-filter or an edge-filter here"),
        (
            vec![plugin("a", "header-filter", "any", "thing")],
            "nothing: there is no WasmPlugin with a ratelimit-filter or an edge-filter here",
        ),
        (
            vec![filter(LOCAL, GLOBAL)],
            "nothing: a.yaml:10:5: spec.pluginConfig.limits: no limit of any filter here has scope: global",
        ),
        (vec![filter(LOCAL, "")], "nothing: a.yaml:10:5: spec.pluginConfig.limits: no limit of any"),
        (
            vec![filter("{name: a, scope: global, key: [path]}", GLOBAL)],
            "a.yaml:10:14: spec.pluginConfig.limits[0].rate: the service's numbers are written from here; give rate or rates",
        ),
        (vec![filter("{nam: a}", GLOBAL)], "a.yaml:10:15: spec.pluginConfig.limits[0].nam: unknown field"),
        (vec![filter(QUOTA, "")], "a.yaml:9:3: spec.pluginConfig.global: a limit has scope: global"),
        (
            vec![filter(QUOTA, GLOBAL), second],
            "a.yaml:23:76: spec.pluginConfig.global.domain: shop.a has other limits in the domain \"shop\"; \
             Limitador would take them for these: give each plugin its own",
        ),
    ] {
        let error = rendered(&manifests).unwrap_err();
        assert!(error.starts_with(expected), "{manifests:?}\n{error}");
    }
}

#[test]
fn the_pages_say_what_is_written() {
    let plugin_of = |config: &str| {
        let lines: String = config.lines().map(|line| format!("    {line}\n")).collect();
        let text = plugin("a", "ratelimit-filter", "", "");
        text.replace("    limits: []\n", &lines)
    };
    let page = include_str!("../../../../filters/ratelimit-filter/MIGRATING.md");
    let block = |page: &str, after: &str| {
        let (_, rest) = page.split_once(&format!("{after}\n\n```yaml\n")).unwrap();
        rest.split("```").next().unwrap().to_owned()
    };
    let written = block(page, "`tollgate render --to limitador` writes this one:");
    let config = block(page, "This configuration");
    assert_eq!(rendered(&[plugin_of(&config)]).unwrap(), format!("# shop.a\n{written}"));

    // The example has a global limit whose numbers only the service has.
    let readme = include_str!("../../../../filters/ratelimit-filter/README.md");
    let error = rendered(&[plugin_of(&block(readme, "## Example"))]).unwrap_err();
    assert!(error.contains("spec.pluginConfig.limits[4].rate: the service's numbers"), "{error}");
}
