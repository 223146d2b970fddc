//! What the JSON Schema says of security headers: the words of each, and what a policy's lists may hold.

use std::borrow::Cow;

use policy_core::schema::{Map, Value, json};
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::config::Lists;
use super::directive::{DIRECTIVES, Directive, Kind, SANDBOX};
use super::words::{Spec, Syntax};

/// Puts a header's words where its value stands.
pub(super) struct Words(pub(super) &'static Spec);

impl Transform for Words {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(value) = schema.pointer_mut("/properties/value").and_then(Value::as_object_mut) {
            value.insert("default".to_owned(), json!(self.0.owasp));
            let words = self.0.words;
            if self.0.syntax == Syntax::List {
                let word = words.join("|");
                value.insert("pattern".to_owned(), json!(format!(r"^\s*({word})(\s*,\s*({word}))*\s*$")));
                value.insert("examples".to_owned(), json!(words));
            } else {
                value.insert("enum".to_owned(), json!(words));
            }
        }
    }
}

/// `off` is for single headers.
pub(super) fn without_off(schema: &mut Schema) {
    if let Some(ways) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        ways.retain(|way| way.get("const") != Some(&json!("off")));
    }
    transform_subschemas(&mut without_off, schema);
}

impl JsonSchema for Lists<Directive> {
    fn schema_name() -> Cow<'static, str> {
        "Directives".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let lists = DIRECTIVES.iter().map(|name| ((*name).to_owned(), list(Directive(name))));
        json_schema!({
            "type": "object",
            "properties": lists.collect::<Map<_, _>>(),
            "additionalProperties": false,
            "minProperties": 1,
        })
    }
}

/// What may stand in a directive's list.
fn list(directive: Directive) -> Value {
    // One word of plain ASCII, without a comma or a semicolon.
    let word = json!({ "type": "string", "pattern": r"^[!-+\x2d-:<-~]+$" });
    let (items, least, most) = match directive.kind() {
        Kind::Bare => (word, 0, Some(0)),
        Kind::Words(words) => (json!({ "enum": words }), 1, Some(1)),
        Kind::Sandbox => (json!({ "enum": SANDBOX }), 0, None),
        Kind::PolicyNames => (word, 0, None),
        Kind::Sources | Kind::Reports => (word, 1, None),
    };
    let mut list = json!({ "type": "array", "items": items, "minItems": least, "uniqueItems": true });
    if let (Some(most), Some(list)) = (most, list.as_object_mut()) {
        list.insert("maxItems".to_owned(), json!(most));
    }
    list
}

impl JsonSchema for Lists<String> {
    fn schema_name() -> Cow<'static, str> {
        "Features".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let origin = r"^(\*|self|src|[A-Za-z0-9+.-]+://[A-Za-z0-9.*:\[\]-]+)$";
        json_schema!({
            "type": "object",
            "additionalProperties": {
                "type": "array",
                "items": { "type": "string", "pattern": origin },
                "uniqueItems": true,
            },
            "propertyNames": { "pattern": "^[a-z][a-z0-9-]*$" },
            "minProperties": 1,
            "examples": [{ "camera": [], "geolocation": ["self"] }],
        })
    }
}
