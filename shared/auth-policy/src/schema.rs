//! What the JSON Schema says across fields, and of types that read themselves.

use std::borrow::Cow;

use policy_core::schema::{Value, at_least_one, depends, exactly_one, filled, flagged, given, json, names};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::claim::ClaimPath;
use crate::require::{Group, Item};

/// Without a rule everything would be refused, which has to be asked for.
pub(crate) fn config(schema: &mut Schema) {
    let allows = json!({ "required": ["default"], "properties": { "default": { "const": "allow" } } });
    at_least_one(schema, [filled("rules"), allows]);
}

pub(crate) fn rule(schema: &mut Schema) {
    exactly_one(schema, [flagged("public"), flagged("deny"), given("require")]);
    depends(schema, [("authorize", json!(["require"]))]);
}

pub(crate) fn authorize(schema: &mut Schema) {
    let labels = json!({ "required": ["labels"], "properties": { "labels": { "minProperties": 1 } } });
    at_least_one(schema, [given("scopes"), filled("claims"), given("ids"), labels]);
}

pub(crate) fn all_or_any(schema: &mut Schema) {
    exactly_one(schema, ["allOf", "anyOf"].map(given));
}

pub(crate) fn claim(schema: &mut Schema) {
    exactly_one(schema, ["anyOf", "allOf", "equals", "present"].map(given));
}

pub(crate) fn filled_lists(schema: &mut Schema) {
    if let Some(list) = schema.get_mut("additionalProperties").and_then(Value::as_object_mut) {
        list.insert("minItems".to_owned(), json!(1));
    }
}

pub(crate) fn jwt(schema: &mut Schema) {
    exactly_one(schema, [given("jwksUri"), given("jwks"), flagged("discovery")]);
    depends(schema, [("jwks", json!({ "not": given("jwksRefresh") }))]);
}

pub(crate) fn address(schema: &mut Schema) {
    schema.insert("pattern".to_owned(), json!("^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$"));
    schema.insert("maxLength".to_owned(), json!(2048));
    schema.insert("examples".to_owned(), json!(["https://idp.example.com/keys"]));
}

pub(crate) fn algorithm(schema: &mut Schema) {
    let families = ["RS", "PS", "ES", "HS"];
    let mut known: Vec<String> = families
        .iter()
        .flat_map(|family| ["256", "384", "512"].map(|bits| format!("{family}{bits}")))
        .collect();
    known.extend(["EdDSA", "Ed25519"].map(str::to_owned));
    schema.insert("enum".to_owned(), json!(known));
}

impl JsonSchema for ClaimPath {
    fn schema_name() -> Cow<'static, str> {
        "ClaimPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = names(r"^[^.]+(\.[^.]+){0,7}$", 1, 8);
        schema.insert("examples".to_owned(), json!(["sub", "realm.roles", ["https://example.com/roles"]]));
        schema
    }
}

impl JsonSchema for Item {
    fn schema_name() -> Cow<'static, str> {
        "RequireItem".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = json!({ "type": "string", "description": "A provider's name." });
        json_schema!({ "anyOf": [name, generator.subschema_for::<Group>()] })
    }
}
