//! What Envoy itself offers for the same jobs, and Lua.

use serde_json::{Value, json};

use super::Error;
use crate::mint::{Key, jwks};

const EXTENSIONS: &str = "type.googleapis.com/envoy.extensions.filters.http";

/// What all the compared token filters believe.
pub(super) const ISSUER: &str = "https://idp.example.com";
/// For whom the tokens are.
pub(super) const AUDIENCE: &str = "orders";

fn filter(name: &str, kind: &str, mut config: Value) -> Value {
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), json!(format!("{EXTENSIONS}.{kind}")));
    }
    json!({"name": name, "typed_config": config})
}

/// One edit each way.
pub(super) fn header_mutation() -> Value {
    let set = |name: &str, value: &str| {
        json!([{"append": {
            "header": {"key": name, "value": value},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }}])
    };
    let mutations = json!({
        "request_mutations": set("x-env", "prod"),
        "response_mutations": set("x-served-by", "tollgate"),
    });
    filter("header_mutation", "header_mutation.v3.HeaderMutation", json!({"mutations": mutations}))
}

/// Tokens, with Envoy's cache of seen ones or without.
pub(super) fn jwt_authn(cache: bool) -> Result<Value, Error> {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": jwks(&[&key()?])},
    });
    if cache && let Some(fields) = provider.as_object_mut() {
        fields.insert("jwt_cache_config".to_owned(), json!({"jwt_cache_size": 1000}));
    }
    let rules = json!([{"match": {"prefix": "/"}, "requires": {"provider_name": "corp"}}]);
    let config = json!({"providers": {"corp": provider}, "rules": rules});
    Ok(filter("jwt_authn", "jwt_authn.v3.JwtAuthentication", config))
}

/// The key that signs the tokens.
pub(super) fn key() -> Result<Key, Error> {
    Key::new("bench", "RS256").map_err(|error| error.to_string().into())
}

/// A bucket for each client's address, that is never empty.
pub(super) fn local_ratelimit() -> Value {
    let bucket = json!({"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"});
    let always = json!({"default_value": {"numerator": 100, "denominator": "HUNDRED"}});
    let config = json!({
        "stat_prefix": "limit",
        "token_bucket": bucket,
        "filter_enabled": always,
        "filter_enforced": always,
        "rate_limits": [{"actions": [{"remote_address": {}}]}],
        "descriptors": [{"entries": [{"key": "remote_address"}], "token_bucket": bucket}],
    });
    filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", config)
}

/// A path and a header that must be there.
pub(super) fn rbac() -> Value {
    let policy = json!({
        "permissions": [{"url_path": {"path": {"prefix": "/api"}}}],
        "principals": [{"header": {"name": "user-agent", "present_match": true}}],
    });
    filter("rbac", "rbac.v3.RBAC", json!({"rules": {"action": "ALLOW", "policies": {"api": policy}}}))
}

fn lua(source: &str) -> Value {
    filter("lua", "lua.v3.Lua", json!({"default_source_code": {"inline_string": source}}))
}

/// One edit each way.
pub(super) fn lua_headers() -> Value {
    lua(r#"
function envoy_on_request(handle)
  handle:headers():replace("x-env", "prod")
end
function envoy_on_response(handle)
  handle:headers():replace("x-served-by", "tollgate")
end"#)
}

/// A bucket for each client's address, that is never empty; each worker has its own.
pub(super) fn lua_bucket() -> Value {
    lua(r#"
local buckets = {}
function envoy_on_request(handle)
  if string.sub(handle:headers():get(":path"), 1, 4) ~= "/api" then return end
  local key = string.match(handle:streamInfo():downstreamDirectRemoteAddress(), "^(.*):")
  local now = handle:timestamp()
  local bucket = buckets[key]
  if bucket == nil then bucket = {1000000, now}; buckets[key] = bucket end
  local tokens = math.min(bucket[1] + (now - bucket[2]) * 1000, 1000000)
  bucket[2] = now
  if tokens < 1 then
    bucket[1] = tokens
    handle:respond({[":status"] = "429"}, "limited")
    return
  end
  bucket[1] = tokens - 1
end"#)
}

/// A module with a configuration.
pub(super) fn wasm(name: &str, module: &std::path::Path, config: &Value) -> Value {
    let text = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": config.to_string(),
    });
    let config = json!({
        "name": name,
        "root_id": name,
        "configuration": text,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "vm_id": name,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    });
    filter(name, "wasm.v3.Wasm", json!({"config": config}))
}
