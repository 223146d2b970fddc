//! What the JSON Schema of a configuration says beyond the shape of its types. For `tollgate schema`; no module has this feature.
//!
//! A schema may take what the reader refuses, as it cannot know everything. It never refuses what the reader takes: `cli` tests that.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
pub use serde_json::{Map, Value, json};

use crate::config::Secret;

/// The field is there.
#[must_use]
pub fn given(field: &str) -> Value {
    json!({ "required": [field] })
}

/// The field is there and true.
#[must_use]
pub fn flagged(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "const": true } } })
}

/// The field is a list with something in it.
#[must_use]
pub fn filled(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "minItems": 1 } } })
}

/// Of these ways, one and no other.
pub fn exactly_one(schema: &mut Schema, ways: impl IntoIterator<Item = Value>) {
    schema.insert("oneOf".to_owned(), ways.into_iter().collect());
}

/// Of these ways, one or more.
pub fn at_least_one(schema: &mut Schema, ways: impl IntoIterator<Item = Value>) {
    schema.insert("anyOf".to_owned(), ways.into_iter().collect());
}

/// What else holds where a field is given, as pairs of the field and a schema, or a list of other fields.
pub fn depends(schema: &mut Schema, rules: impl IntoIterator<Item = (&'static str, Value)>) {
    let rules: Map<String, Value> = rules.into_iter().map(|(field, rule)| (field.to_owned(), rule)).collect();
    schema.insert("dependencies".to_owned(), rules.into());
}

/// Names joined by dots that match this expression, or a list of so many names.
#[must_use]
pub fn names(pattern: &str, least: u64, most: u64) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "pattern": pattern },
            {
                "type": "array", "items": { "type": "string", "minLength": 1 },
                "minItems": least, "maxItems": most,
                "description": "Names, where they have dots in them.",
            },
        ],
    })
}

/// A header's value: no control character but a tab.
pub fn header_value(schema: &mut Schema) {
    schema.insert("pattern".to_owned(), json!(r"^[^\x00-\x08\x0a-\x1f\x7f]*$"));
}

pub(crate) fn header_match(schema: &mut Schema) {
    exactly_one(schema, ["exact", "prefix", "suffix", "contains", "regex", "present"].map(given));
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {
                    "type": "string", "minLength": 1,
                    "description": "Written out: readable by whoever may read the object.",
                },
                {
                    "type": "object",
                    "properties": {
                        "env": {
                            "type": "string", "minLength": 1,
                            "description": "A variable of `vmConfig.env`; with `valueFrom: HOST` it is the proxy's own.",
                        },
                    },
                    "required": ["env"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}
