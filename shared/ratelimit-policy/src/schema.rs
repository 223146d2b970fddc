//! What the JSON Schema says across fields, and of types that read themselves.

use std::borrow::Cow;

use policy_core::schema::{Value, depends, exactly_one, flagged, given, json, names};
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::cost::{self, FromHeader, MAX_COST};
use crate::key::IdentityPath;
use crate::rate::{BudgetConfig, MAX_WINDOWS, RateConfig, Unit};

/// Where a limit is counted by a service, the service has to be named.
pub(crate) fn config(schema: &mut Schema) {
    let is_global =
        json!({ "type": "object", "properties": { "scope": { "const": "global" } }, "required": ["scope"] });
    let limits = json!({ "type": "array", "contains": is_global });
    schema.insert("if".to_owned(), json!({ "properties": { "limits": limits }, "required": ["limits"] }));
    schema.insert("then".to_owned(), given("global"));
}

/// The service knows nothing of what only a proxy can bound, and a proxy needs one bound.
pub(crate) fn limit(schema: &mut Schema) {
    let is_global = json!({ "properties": { "scope": { "const": "global" } }, "required": ["scope"] });
    let bounds = ["rate", "rates", "tiers", "variants", "concurrency"].map(given);
    let bounds: Vec<Value> = bounds.into_iter().chain([flagged("block")]).collect();
    schema.insert("if".to_owned(), is_global);
    schema.insert(
        "then".to_owned(),
        json!({
            "properties": {
                "tiers": false, "variants": false, "concurrency": false, "maxKeys": false,
                "block": { "const": false }, "key": { "minItems": 1 },
            },
            "required": ["key"],
            "not": { "required": ["rate", "rates"] },
        }),
    );
    schema.insert("else".to_owned(), json!({ "oneOf": bounds }));
    let with_key = json!({ "required": ["key"], "properties": { "key": { "minItems": 1 } } });
    let with_rates = json!({ "not": { "anyOf": [given("concurrency"), flagged("block")] } });
    depends(schema, [("variants", with_key), ("cost", with_rates)]);
}

pub(crate) fn variant(schema: &mut Schema) {
    exactly_one(schema, [given("rate"), given("rates"), flagged("block")]);
}

/// These two tell nobody's tier.
pub(crate) fn tier_by(schema: &mut Schema) {
    if let Some(ways) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        let tells = |way: &Value| {
            let of = |name: &str| way.pointer("/properties").and_then(|known| known.get(name)).is_some();
            !of("value") && !of("clientIp")
        };
        ways.retain(tells);
    }
    transform_subschemas(&mut tier_by, schema);
}

/// The fields of a rate.
fn rate(generator: &mut SchemaGenerator) -> Value {
    let mut unit = generator.subschema_for::<Unit>();
    unit.insert("description".to_owned(), json!("How long a window is."));
    json!({
        "requests": {
            "type": "integer", "minimum": 1, "maximum": 86_400_000_000_u64,
            "description": "How many in each window: at most 1000000 a second.",
        },
        "unit": unit,
        "burst": {
            "type": "integer", "minimum": 1, "maximum": u32::MAX,
            "description": "How many may come at once after a pause; as many as `requests` where nothing is said.",
        },
    })
}

impl JsonSchema for RateConfig {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": rate(generator),
            "required": ["requests", "unit"],
            "additionalProperties": false,
            "examples": [{ "requests": 100, "unit": "second", "burst": 20 }],
        })
    }
}

impl JsonSchema for BudgetConfig {
    fn schema_name() -> Cow<'static, str> {
        "Budget".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rates = generator.subschema_for::<Vec<RateConfig>>();
        let mut schema = json_schema!({
            "type": "object",
            "properties": rate(generator),
            "additionalProperties": false,
            "examples": [{ "requests": 100, "unit": "second" }],
        });
        if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            let bounds = json!({
                "minItems": 1, "maxItems": MAX_WINDOWS,
                "description": "Several windows at once, each with another unit.",
            });
            let mut rates = rates.to_value();
            if let (Some(list), Value::Object(bounds)) = (rates.as_object_mut(), bounds) {
                list.extend(bounds);
            }
            fields.insert("rates".to_owned(), rates);
            let block = json!({ "type": "boolean", "default": false, "description": "Nothing passes." });
            fields.insert("block".to_owned(), block);
        }
        exactly_one(&mut schema, [given("requests"), given("rates"), flagged("block")]);
        let whole = json!(["requests", "unit"]);
        depends(
            &mut schema,
            [("requests", json!(["unit"])), ("unit", json!(["requests"])), ("burst", whole)],
        );
        schema
    }
}

impl JsonSchema for cost::Config {
    fn schema_name() -> Cow<'static, str> {
        "Cost".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = json!({ "type": "integer", "minimum": 1, "maximum": MAX_COST });
        json_schema!({ "anyOf": [number, generator.subschema_for::<FromHeader>()] })
    }
}

impl JsonSchema for IdentityPath {
    fn schema_name() -> Cow<'static, str> {
        "IdentityPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = names(r"^(id|provider|kind|issuer|labels\.[^.]+|claims(\.[^.]+){1,8})$", 1, 9);
        let words = "`id`, `provider`, `kind`, `issuer`, `labels.<name>` or `claims.<name>`.";
        schema.insert("description".to_owned(), json!(words));
        schema.insert("examples".to_owned(), json!(["id", "labels.tier", "claims.realm.tenant"]));
        schema
    }
}
