//! Configurations that are good, from wherever the project shows some, and what the fields of a schema are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Filter;
use crate::filters::Filters;
use crate::manifest::yaml;
use crate::module::stem;

/// The repository.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A set with one key, whose private half nobody has.
const KEY_SET: &str = r#"{"keys":[{"alg":"ES256","crv":"P-256","kid":"demo","kty":"EC","use":"sig",
    "x":"fZV4YGLcvaoa__gfmKNtkae9HC4nxDmod8KKoLwajdQ","y":"4pSoc_hOO0TdmmD_1A-kENSBs7IN1bLku0E-al5RTKE"}]}"#;

/// What the filter's own code says.
pub(super) fn compile(filter: Filter, config: &Value) -> Result<(), String> {
    let environment = |name: &str| {
        Some(match name {
            "JWKS" => KEY_SET.to_owned(),
            "USERS" => "ann:{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0=\n".to_owned(),
            _ => format!("value of {name}"),
        })
    };
    let text = config.to_string();
    let checked = Filters::builtin().check(filter.name(), text.as_bytes(), &environment);
    checked.unwrap().map_err(|error| error.to_string())
}

/// Configurations, each with the place it comes from.
pub(super) fn configs(filter: Filter) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = documents(filter)
        .into_iter()
        .map(|(place, document)| (place, document["spec"]["pluginConfig"].clone()))
        .collect();
    let issue = match filter {
        Filter::Auth => "auth/verbatim.rs",
        // Its parts are shown with the filters that it replaces.
        Filter::Edge => return found,
        Filter::Header => "support.rs",
        Filter::RateLimit => "ratelimit/verbatim.rs",
    };
    let readme = root().join("filters").join(filter.name()).join("README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let block = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    found.push((format!("{}: the example", readme.display()), of_yaml(block)));
    for cell in text.lines().filter(|line| line.starts_with("| ")).flat_map(|line| line.split(" | ")) {
        let code = cell.trim().trim_matches('`');
        if code.starts_with("{\"")
            && let Ok(config) = serde_json::from_str(code)
        {
            found.push((format!("{}: {code}", readme.display()), config));
        }
    }
    let source = fs::read_to_string(root().join("e2e/tests/suite").join(issue)).unwrap();
    let block = source.split("&str = r#\"").nth(1).and_then(|rest| rest.split("\"#").next()).unwrap();
    found.push((issue.to_owned(), of_yaml(block)));
    let own = format!("cli/src/schema/tests/{}.yaml", filter.name());
    let text = fs::read_to_string(root().join(&own)).unwrap();
    found.push((own, of_yaml(&text)));
    found
}

/// The filter's manifests: those that are shipped, and the examples that are not there to be refused.
pub(super) fn documents(filter: Filter) -> Vec<(String, Value)> {
    let mut files = Vec::new();
    yaml_files(&root().join("manifests/base"), &mut files);
    yaml_files(&root().join("filters"), &mut files);
    let mut found = Vec::new();
    for file in files {
        let Ok(documents) = yaml::parse(&fs::read_to_string(&file).unwrap()) else { continue };
        for document in documents.iter().map(yaml::Node::to_json) {
            let spec = if document["kind"] == "WasmPlugin" { &document["spec"] } else { &Value::Null };
            // A patch has no url.
            if spec["url"].as_str().is_some_and(|url| stem(url) == filter.name()) {
                found.push((file.display().to_string(), document));
            }
        }
    }
    found
}

fn yaml_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("refused") {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
}

fn of_yaml(text: &str) -> Value {
    yaml::parse(text).unwrap()[0].to_json()
}

/// All fields of a schema, as `rules[].match.hosts`; `*` stands for keys that are free.
pub(super) fn fields(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(schema, "", &mut |path, _| {
        found.insert(path.to_owned());
    });
    found
}

/// The schema of a field.
pub(super) fn field(schema: &Value, wanted: &str) -> Value {
    let mut found = Value::Null;
    walk(schema, "", &mut |path, schema| {
        if path == wanted && found.get("description").is_none() {
            found = schema.clone();
        }
    });
    found
}

fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        // What stands in a condition on fields says nothing of itself.
        if field.get("type").is_some()
            || field.get("anyOf").is_some()
            || field.get("oneOf").is_some()
            || field.get("enum").is_some()
        {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            visit(&below, field);
            walk(field, &below, visit);
        }
    }
    if schema["items"].is_object() {
        walk(&schema["items"], &format!("{path}[]"), visit);
    }
    if schema["additionalProperties"].is_object() {
        walk(&schema["additionalProperties"], &format!("{path}.*"), visit);
    }
    for way in ["anyOf", "oneOf"].into_iter().flat_map(|key| schema[key].as_array().into_iter().flatten()) {
        walk(way, path, visit);
    }
}

/// The fields that a configuration has.
pub(super) fn used(config: &Value, path: &str, fields: &BTreeSet<String>, found: &mut dyn FnMut(&str)) {
    match config {
        Value::Object(entries) => {
            for (key, value) in entries {
                let named = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let below = if fields.contains(&named) { named } else { format!("{path}.*") };
                found(&below);
                used(value, &below, fields, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, &format!("{path}[]"), fields, found)),
        _ => {}
    }
}
