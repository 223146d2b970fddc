//! Translation equals istiod's and istio-agent's, on cases written by hand from Istio's sources.
//!
//! Each `golden/NAME.yaml` holds manifests, and `golden/NAME.json` what Envoy gets of them: the ECDS resources, and with
//! them the order and names of the HTTP filters. `options` are those of `tollgate run`. Compared is what a field means: an
//! empty text is an absent one, and the text of a configuration is JSON.

#![cfg(test)] // tells clippy that helpers, too, may unwrap

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Map, Value, json};
use tollgate::envoy::{Chain, RunDir, Settings, extension, listeners};
use tollgate::manifest::{Manifests, WasmPlugin};
use tollgate::scope;

/// At least so many cases are there: a test that finds no files has shown nothing.
const CASES: usize = 16;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    scope: scope::Args,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Where a module lies for the proxy: a `file://` is where it says, all else where istio-agent has put it.
fn module(plugin: &WasmPlugin) -> String {
    let fetched = format!("/var/lib/istio/data/{}.wasm", plugin.full_name());
    plugin.spec.url.strip_prefix("file://").map_or(fetched, str::to_owned)
}

/// What the tool makes of a case's manifests.
fn made(manifests: &str, options: &Value) -> (Vec<Value>, Vec<Value>) {
    let words = options.as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let options = Options::parse_from(["run"].into_iter().chain(words)).scope;
    let read = Manifests::parse(Path::new("manifests.yaml"), manifests).unwrap();
    let naming = options.istio_naming;
    let plugins = options.view().apply(read, naming).plugins;
    let extensions: Vec<_> =
        plugins.iter().map(|plugin| extension(plugin, Path::new(&module(plugin)), naming)).collect();
    let resources =
        extensions.iter().map(|extension| extension.response("1")["resources"][0].clone()).collect();
    let chain = Chain { serving: &extensions, trial: None };
    let listeners = listeners(chain, &RunDir::at(Path::new("/run/x")), &Settings::new("envoy"), "1");
    let manager = &listeners["resources"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    (resources, manager["http_filters"].as_array().unwrap().clone())
}

/// The HTTP filter that istiod writes for a resource. Here its source is a file, and so it is told: `ads` in its place.
fn filter_of(resource: &str) -> Value {
    json!({
        "name": resource,
        "config_discovery": {
            "config_source": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"},
            "type_urls": [
                "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            ],
        },
    })
}

/// Puts `ads` in place of the file.
fn by_ads(mut filter: Value) -> Value {
    let source = filter["config_discovery"]["config_source"].as_object_mut().unwrap();
    assert!(source.remove("path_config_source").is_some(), "{source:?}");
    source.insert("ads".to_owned(), json!({}));
    filter
}

/// What a message means: without empty texts, and with the JSON in a StringValue read.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let text = fields
                .get("@type")
                .is_some_and(|name| name == "type.googleapis.com/google.protobuf.StringValue");
            let field = |(key, value): (&String, &Value)| {
                let meant = match value.as_str() {
                    Some(json) if text && key == "value" => numbers(serde_json::from_str(json).unwrap()),
                    Some("") => return None,
                    _ => meaning(value),
                };
                Some((key.clone(), meant))
            };
            fields.iter().filter_map(field).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(meaning).collect(),
        other => other.clone(),
    }
}

/// Every number as the double that Istio carries it as.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key, numbers(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// Each field that differs, by its path.
fn differences(path: &str, expected: &Value, made: &Value, found: &mut Vec<String>) {
    match (expected, made) {
        (Value::Object(wanted), Value::Object(have)) => {
            for key in wanted.keys().chain(have.keys().filter(|key| !wanted.contains_key(*key))) {
                let none = Value::Null;
                let (wanted, have) = (wanted.get(key).unwrap_or(&none), have.get(key).unwrap_or(&none));
                differences(&format!("{path}.{key}"), wanted, have, found);
            }
        }
        (Value::Array(wanted), Value::Array(have)) if wanted.len() == have.len() => {
            for (index, (wanted, have)) in wanted.iter().zip(have).enumerate() {
                differences(&format!("{path}[{index}]"), wanted, have, found);
            }
        }
        _ if expected == made => {}
        _ => found.push(format!("{path}: expected {expected}, made {made}")),
    }
}

fn check(case: &Path) -> Vec<String> {
    let manifests = fs::read_to_string(case.with_extension("yaml")).unwrap();
    let golden: Value = serde_json::from_str(&fs::read_to_string(case).unwrap()).unwrap();
    let (resources, filters) = made(&manifests, &golden["options"]);
    let wanted = golden["resources"].as_array().unwrap();
    let mut found = Vec::new();
    differences("resources", &meaning(&json!(wanted)), &meaning(&json!(resources)), &mut found);
    let names = wanted.iter().map(|resource| filter_of(resource["name"].as_str().unwrap()));
    let (_router, plugins) = filters.split_last().unwrap();
    let plugins: Vec<Value> = plugins.iter().cloned().map(by_ads).collect();
    differences("filters", &names.collect::<Value>(), &json!(plugins), &mut found);
    found
}

#[test]
fn every_golden_case_is_what_istio_makes_of_it() {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    assert!(cases.len() >= CASES, "{} cases", cases.len());
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| check(case).into_iter().map(|said| format!("{}: {said}", case.display())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_difference_in_any_field_is_found() {
    let found = |expected: &Value, made: &Value| {
        let mut found = Vec::new();
        differences("", &meaning(expected), &meaning(made), &mut found);
        found.len()
    };
    let config =
        |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    assert_eq!(found(&config(r#"{"a":1.0,"b":"<"}"#), &config("{\"b\":\"\\u003c\",\"a\":1}")), 0);
    assert_eq!(found(&config(r#"{"a":1}"#), &config(r#"{"a":2}"#)), 1);
    assert_eq!(found(&json!({"a": "", "b": [1]}), &json!({"b": [1]})), 0);
    for (expected, made) in [
        (json!({"a": 1}), json!({})),
        (json!({}), json!({"a": 1})),
        (json!([1, 2]), json!([1])),
        (json!({"a": {"b": [true]}}), json!({"a": {"b": [false]}})),
        (json!("1"), json!(1)),
    ] {
        assert_eq!(found(&expected, &made), 1, "{expected} {made}");
    }
}
