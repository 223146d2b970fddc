//! Where an EnvoyFilter puts a plugin, and what it delivers.

use serde_json::{Value, json};

use super::{PLUGIN, only, written};

#[test]
fn an_envoy_filter_delivers_the_plugin_and_names_its_place() {
    let read = only(written(PLUGIN, &["--to", "envoy-filter"]));
    assert_eq!(read["metadata"], json!({"name": "headers", "namespace": "shop"}));
    assert_eq!(read["spec"]["workloadSelector"], json!({"labels": {"app": "web"}}));
    let [config, filter] = read["spec"]["configPatches"].as_array().unwrap().as_slice() else {
        panic!("{read}")
    };
    assert_eq!(config["applyTo"], "EXTENSION_CONFIG");
    let delivered = &config["patch"]["value"]["typed_config"]["config"];
    assert_eq!(delivered["failure_policy"], "FAIL_RELOAD");
    assert_eq!(
        delivered["vm_config"]["code"]["remote"],
        json!({
            "http_uri": {"uri": "oci://r.example.com/header-filter:1", "timeout": "30s", "cluster": "_"},
            "sha256": "ab".repeat(32),
        })
    );
    assert_eq!(
        delivered["vm_config"]["environment_variables"],
        json!({"key_values": {"MODE": "no", "ISTIO_META_WASM_IMAGE_PULL_POLICY": "Always"}, "host_env_keys": ["HOME"]})
    );
    let configuration: Value =
        serde_json::from_str(delivered["configuration"]["value"].as_str().unwrap()).unwrap();
    assert_eq!(configuration, json!({"rules": [{"response": {"set": [{"name": "x-a", "value": "1.0"}]}}]}));
    assert_eq!(
        filter["match"],
        json!({
            "context": "SIDECAR_INBOUND",
            "listener": {"filterChain": {"destinationPort": 8080, "filter": {"name": "envoy.filters.network.http_connection_manager"}}},
        })
    );
    assert_eq!(filter["patch"]["operation"], "INSERT_FIRST");
    assert_eq!(filter["patch"]["value"]["name"], config["patch"]["value"]["name"]);
}

#[test]
fn the_place_follows_match_and_phase() {
    for (from, to, contexts, operation) in [
        ("match: [{mode: SERVER, ports: [{number: 8080}]}]", "", &["ANY"][..], "INSERT_FIRST"),
        (
            "[{mode: SERVER, ports: [{number: 8080}]}]",
            "[{mode: CLIENT}]",
            &["SIDECAR_OUTBOUND", "GATEWAY"],
            "INSERT_FIRST",
        ),
        (
            "[{mode: SERVER, ports: [{number: 8080}]}]",
            "[{mode: SERVER}, {mode: SERVER}]",
            &["SIDECAR_INBOUND"],
            "INSERT_FIRST",
        ),
        ("mode: SERVER, ports", "ports", &["SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"], "INSERT_FIRST"),
        ("phase: AUTHN", "phase: AUTHZ", &["SIDECAR_INBOUND"], "INSERT_FIRST"),
        ("phase: AUTHN", "phase: STATS", &["SIDECAR_INBOUND"], "INSERT_BEFORE"),
        ("phase: AUTHN", "", &["SIDECAR_INBOUND"], "INSERT_BEFORE"),
    ] {
        let read = only(written(&PLUGIN.replacen(from, to, 1), &["--to", "envoy-filter"]));
        let patches = &read["spec"]["configPatches"].as_array().unwrap()[1..];
        let found: Vec<&Value> = patches.iter().map(|patch| &patch["match"]["context"]).collect();
        assert_eq!(found, contexts, "{to}");
        for patch in patches {
            assert_eq!(patch["patch"]["operation"], operation, "{to}");
            let before = &patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
            assert_eq!(before.is_null(), operation == "INSERT_FIRST", "{to}");
        }
    }
}

#[test]
fn envoy_filters_are_inserted_in_the_order_of_the_chain() {
    let named = |name: &str, phase: &str, priority: &str| {
        let text = PLUGIN
            .replace("name: headers", &format!("name: {name}"))
            .replace("phase: AUTHN", &format!("phase: {phase}"));
        text.replace("priority: 7", &format!("priority: {priority}"))
    };
    let all = [
        named("d", "STATS", "1"),
        named("b", "AUTHN", "1"),
        named("a", "AUTHN", "9"),
        named("c", "STATS", "5"),
    ];
    let read = written(&all.join("---\n"), &["--to", "envoy-filter"]);
    // istiod applies the lowest priority first; each INSERT_FIRST comes before what is there, each INSERT_BEFORE after it.
    let mut filters: Vec<(i64, &str, bool)> = Vec::new();
    for filter in &read {
        let first = filter["spec"]["configPatches"][1]["patch"]["operation"] == "INSERT_FIRST";
        filters.push((
            filter["spec"]["priority"].as_i64().unwrap(),
            filter["metadata"]["name"].as_str().unwrap(),
            first,
        ));
    }
    filters.sort_unstable();
    let mut chain = std::collections::VecDeque::from(["istio"]);
    for (_, name, first) in filters {
        if first { chain.push_front(name) } else { chain.push_back(name) }
    }
    assert_eq!(chain, ["a", "b", "istio", "c", "d"]);
    // Each by itself it has the same place.
    for text in &all {
        let alone = places(&written(text, &["--to", "envoy-filter"]));
        assert!(places(&read).contains(&alone[0]), "{alone:?}");
    }
}

fn places(filters: &[Value]) -> Vec<(String, i64)> {
    let place = |filter: &Value| {
        (
            filter["metadata"]["name"].as_str().unwrap().to_owned(),
            filter["spec"]["priority"].as_i64().unwrap(),
        )
    };
    filters.iter().map(place).collect()
}
