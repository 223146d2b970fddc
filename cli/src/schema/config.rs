//! `pluginConfig`, from the types that the filter itself reads it with.

use policy_core::Plugin;
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::Filter;

/// The schema of a filter's `pluginConfig`.
pub(super) fn schema(filter: Filter) -> Value {
    match filter {
        Filter::Auth => of::<auth_policy::AuthPlugin>(),
        Filter::Edge => of::<edge_policy::EdgePlugin>(),
        Filter::Header => of::<header_policy::HeaderPlugin>(),
        Filter::RateLimit => of::<ratelimit_policy::RateLimitPlugin>(),
    }
}

fn of<P: Plugin<Config: JsonSchema>>() -> Value {
    // In one piece: hardly anything is used twice, and an editor shows a field's own words best where it stands.
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<P::Config>();
    tidy(&mut schema);
    schema.remove("title");
    schema.insert("description".to_owned(), json!("What the filter is told. Istio hands it on as JSON."));
    schema.to_value()
}

/// Says what the reader (`policy_core::config`) does: nothing is nullable, and `off` may have become `false` on the way.
fn tidy(schema: &mut Schema) {
    without_null(schema);
    with_false_for_off(schema);
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = plain(text);
    }
    // Formats that only schemars knows.
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| format != "regex") {
        schema.remove("format");
    }
    transform_subschemas(&mut tidy, schema);
}

/// To the reader an absent field is absent, and a null is a mistake.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let Some(Value::Array(ways)) = schema.get_mut("anyOf") else { return };
    ways.retain(|way| way.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = ways.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        let Some(outer) = schema.as_object_mut() else { return };
        for (key, value) in only {
            // What the field says of itself stands before what its type says.
            outer.entry(key).or_insert(value);
        }
    }
}

/// Kubernetes reads an unquoted `off` as `false`, and so the reader takes that for `off`.
fn with_false_for_off(schema: &mut Schema) {
    if let Some(Value::Array(words)) = schema.get_mut("enum")
        && words.contains(&json!("off"))
    {
        words.push(json!(false));
        schema.remove("type");
    }
    if let Some(Value::Array(ways)) = schema.get_mut("oneOf")
        && ways.iter().any(|way| way.get("const") == Some(&json!("off")))
    {
        ways.push(json!({ "const": false, "description": "`off` without quotes, as Kubernetes reads it." }));
    }
}

/// A doc comment as plain text: lines joined, and links to items as their names.
fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("[`", "`").replace("`]", "`")
}
