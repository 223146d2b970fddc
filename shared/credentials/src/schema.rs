//! What the JSON Schema says across fields.

use policy_core::schema::{at_least_one, depends, exactly_one, filled, given, json};
use schemars::Schema;

use crate::api_key::{MAX_LABELS, MAX_TEXT};

pub(crate) fn api_key(schema: &mut Schema) {
    exactly_one(schema, ["sha256", "key"].map(given));
}

pub(crate) fn labels(schema: &mut Schema) {
    schema.insert("maxProperties".to_owned(), json!(MAX_LABELS));
    schema.insert("propertyNames".to_owned(), json!({ "minLength": 1, "maxLength": MAX_TEXT }));
    schema.insert("additionalProperties".to_owned(), json!({ "type": "string", "maxLength": MAX_TEXT }));
}

pub(crate) fn place(schema: &mut Schema) {
    exactly_one(schema, ["header", "query", "cookie"].map(given));
    depends(schema, [("prefix", json!(["header"]))]);
}

pub(crate) fn certificate(schema: &mut Schema) {
    at_least_one(schema, ["uriSans", "dnsSans"].map(filled));
}
