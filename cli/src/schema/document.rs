//! What is around `pluginConfig`: the two kinds of resource that Istio knows, and their rules.
//!
//! Source: `WasmPlugin` and `TrafficExtension` of `extensions.istio.io/v1alpha1`, their CRDs' structure and CEL rules.

use serde_json::{Map, Value, json};

use crate::manifest::OTHER_METADATA;

/// A whole document. Documents of other kinds may stand in the same file, and pass.
pub(super) fn schema(filter: &str, config: Value, needs_config: bool) -> Value {
    let required: &[&str] = if needs_config { &["url", "pluginConfig"] } else { &["url"] };
    let kind = |name: &str| json!({ "required": ["kind"], "properties": { "kind": { "const": name } } });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Written by `make schemas` from the code of the filter: do not edit.",
        "title": format!("A manifest of the {filter}"),
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": { "type": "string" },
            "kind": { "anyOf": [{ "enum": ["WasmPlugin", "TrafficExtension"] }, { "type": "string" }] },
            "metadata": { "type": "object" },
            "spec": { "type": "object" },
        },
        "if": kind("WasmPlugin"),
        "then": resource(wasm_plugin(required)),
        "else": {
            "if": kind("TrafficExtension"),
            "then": resource(traffic_extension(required)),
            // A kind that nobody knows would be passed over.
            "else": { "properties": { "apiVersion": { "not": { "pattern": r"^extensions\.istio\.io/" } } } },
        },
        "definitions": { "pluginConfig": config },
    })
}

fn resource(spec: Value) -> Value {
    json!({
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": { "const": "extensions.istio.io/v1alpha1" },
            "kind": true,
            "metadata": metadata(),
            "spec": spec,
            "status": true,
        },
        "additionalProperties": false,
    })
}

fn metadata() -> Value {
    let name = |what: &str| {
        json!({
            "type": "string", "maxLength": 253, "description": what,
            "pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        })
    };
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let mut fields = object([
        ("name", name("The name. With the namespace it names the filter in Envoy and its metrics.")),
        ("namespace", name("The namespace; Istio's root namespace concerns the whole mesh.")),
        ("labels", texts.clone()),
        ("annotations", texts),
        ("creationTimestamp", json!({ "type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$" })),
    ]);
    for of_cluster in OTHER_METADATA {
        fields.entry(of_cluster).or_insert(json!(true));
    }
    json!({ "type": "object", "properties": fields, "required": ["name"], "additionalProperties": false })
}

fn wasm_plugin(required: &[&str]) -> Value {
    let mut fields = place("UNSPECIFIED_PHASE");
    fields.extend(module());
    fields.insert("targetRef".to_owned(), target());
    json!({
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": false,
        "not": { "required": ["selector"], "anyOf": [{ "required": ["targetRef"] }, { "required": ["targetRefs"] }] },
    })
}

fn traffic_extension(required: &[&str]) -> Value {
    let mut fields = place("UNSPECIFIED");
    let wasm = json!({
        "type": "object", "description": "The module.",
        "properties": module(), "required": required, "additionalProperties": false,
    });
    let code = json!({ "type": "string", "minLength": 1, "maxLength": 65536 });
    let lua = json!({
        "type": "object", "description": "A script in its place.",
        "properties": { "inlineCode": code }, "required": ["inlineCode"], "additionalProperties": false,
    });
    fields.insert("wasm".to_owned(), wasm);
    fields.insert("lua".to_owned(), lua);
    json!({
        "type": "object",
        "properties": fields,
        "additionalProperties": false,
        "oneOf": [{ "required": ["wasm"] }, { "required": ["lua"] }],
        "not": { "required": ["selector", "targetRefs"] },
    })
}

/// Where a plugin runs.
fn place(unspecified: &str) -> Map<String, Value> {
    let label = json!({ "type": "string", "maxLength": 63, "pattern": r"^[^*]*$" });
    let labels = json!({
        "type": "object", "maxProperties": 4096, "additionalProperties": label,
        "propertyNames": { "minLength": 1, "pattern": r"^[^*]+$" },
    });
    let port = json!({ "type": "integer", "minimum": 1, "maximum": 65535 });
    let port = closed(object([("number", port)]), &["number"], "A port that the proxy listens on.");
    let modes = json!({
        "enum": ["SERVER", "CLIENT", "CLIENT_AND_SERVER", "UNDEFINED"],
        "description": "SERVER: requests to the workload; CLIENT: requests of the workload, and all of a gateway's.",
    });
    let ports = json!({ "type": "array", "items": port, "uniqueItems": true });
    let matches = closed(object([("mode", modes), ("ports", ports)]), &[], "Both have to fit.");
    object([
        (
            "phase",
            json!({
                "enum": ["AUTHN", "AUTHZ", "STATS", unspecified],
                "description": "The place in the chain: before Istio's authentication, before its authorization, before its metrics. Unset: after all of these.",
            }),
        ),
        (
            "priority",
            json!({
                "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX,
                "description": "The order within the phase, high first. Always give it: unset sorts last, and equal ones by age.",
            }),
        ),
        (
            "match",
            json!({
                "type": "array", "items": matches,
                "description": "Which traffic, all where nothing is said. `[{mode: SERVER}]` for what comes to a sidecar's workload.",
            }),
        ),
        (
            "selector",
            closed(object([("matchLabels", labels)]), &[], "Which workloads, by label; not for waypoints."),
        ),
        (
            "targetRefs",
            json!({
                "type": "array", "items": target(), "maxItems": 16,
                "description": "Which gateways, waypoints or services, in the same namespace.",
            }),
        ),
    ])
}

fn target() -> Value {
    let fields = object([
        ("group", json!({ "type": "string", "maxLength": 253 })),
        (
            "kind",
            json!({ "type": "string", "pattern": "^[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$", "maxLength": 63 }),
        ),
        ("name", json!({ "type": "string", "minLength": 1, "maxLength": 253 })),
        ("namespace", json!({ "const": "", "description": "Another namespace cannot be named." })),
    ]);
    closed(fields, &["kind", "name"], "What the plugin is attached to.")
}

/// Which module runs, and how.
fn module() -> Map<String, Value> {
    object([
        (
            "url",
            json!({
                "type": "string",
                "pattern": "^((oci|https?)://.+|file:///(.*[^/])?|[^/]+|[^:/]*/.*)$",
                "description": "Where the module is: oci://, https://, http:// or file:///. Pin it by digest.",
                "examples": ["oci://ghcr.io/tollgate/header-filter:0.1.0@sha256:…"],
            }),
        ),
        (
            "sha256",
            json!({
                "type": "string", "pattern": "^([0-9a-f]{64})?$",
                "description": "The digest of the image manifest (oci) or of the unpacked module (http): 64 lower-case hex digits.",
            }),
        ),
        ("imagePullPolicy", json!({ "enum": ["IfNotPresent", "Always", "UNSPECIFIED_POLICY"] })),
        (
            "imagePullSecret",
            json!({
                "type": "string", "minLength": 1, "maxLength": 253,
                "description": "A Secret of the type kubernetes.io/dockerconfigjson in the same namespace.",
            }),
        ),
        (
            "verificationKey",
            json!({ "type": "string", "description": "Accepted and ignored by Istio: nothing is verified." }),
        ),
        ("pluginConfig", json!({ "$ref": "#/definitions/pluginConfig" })),
        (
            "pluginName",
            json!({ "type": "string", "minLength": 1, "maxLength": 256, "description": "Not needed here." }),
        ),
        (
            "failStrategy",
            json!({
                "enum": ["FAIL_RELOAD", "FAIL_CLOSE", "FAIL_OPEN"], "default": "FAIL_CLOSE",
                "description": "When the module crashes: load it again (Istio 1.27), answer 503, or let everything through.",
            }),
        ),
        ("vmConfig", vm()),
        ("type", json!({ "enum": ["HTTP", "UNSPECIFIED_PLUGIN_TYPE"], "default": "HTTP" })),
    ])
}

fn vm() -> Value {
    let variable = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 256 },
            "value": { "type": "string", "maxLength": 2048 },
            "valueFrom": {
                "enum": ["INLINE", "HOST"], "default": "INLINE",
                "description": "HOST: the variable of that name of the proxy, which is the place for secrets.",
            },
        },
        "required": ["name"],
        "additionalProperties": false,
        "not": { "required": ["value", "valueFrom"], "properties": { "valueFrom": { "const": "HOST" } } },
    });
    let env = json!({
        "type": "array", "items": variable, "maxItems": 256,
        "description": "The plugin's environment. Plugins of one image with one environment share a VM: give each a variable of its own.",
    });
    closed(object([("env", env)]), &[], "The VM that the module runs in.")
}

fn closed(fields: Map<String, Value>, required: &[&str], description: &str) -> Value {
    json!({
        "type": "object", "description": description,
        "properties": fields, "required": required, "additionalProperties": false,
    })
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
