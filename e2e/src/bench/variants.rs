//! What is compared with what.

use std::path::Path;

use serde_json::{Value, json};

use super::load::Requests;
use super::{Error, native};
use crate::{local, mint};

/// More tokens than any cache here holds.
pub const TOKENS: usize = 6000;
/// Where all requests go.
const PATH: &str = "/api/orders?page=2";

/// Ways to do one job, the first without any filter.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// A word for the command line and for file names.
    pub name: &'static str,
    /// What the job is.
    pub title: &'static str,
    /// What is asked.
    pub requests: Requests,
    /// The ways.
    pub variants: Vec<Variant>,
    /// Which variant shall cost at most so many times another.
    pub aims: Vec<Aim>,
}

/// One way.
#[derive(Debug, Clone)]
pub struct Variant {
    /// What it is called in the table.
    pub name: &'static str,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Native(Value),
    Floor,
    Ours(&'static str, Value),
}

/// A promise.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    /// Whose cost.
    pub of: &'static str,
    /// Compared with whose.
    pub than: &'static str,
    /// So many times as much, at most.
    pub at_most: f64,
}

impl Variant {
    /// Envoy's filters for it.
    #[must_use]
    pub fn filters(&self, floor: &Path) -> Vec<Value> {
        let filter = |(index, part): (usize, &Part)| match part {
            Part::Native(filter) => filter.clone(),
            Part::Floor => native::wasm(&format!("floor-{index}"), floor, &json!({})),
            Part::Ours(filter, config) => {
                let name = format!("{filter}-{}-{index}", self.name);
                native::wasm(&name, &local::dist().join(format!("{filter}.wasm")), config)
            }
        };
        self.parts.iter().enumerate().map(filter).collect()
    }
}

impl Comparison {
    /// The number of a variant.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.variants.iter().position(|variant| variant.name == name)
    }
}

/// All comparisons, with so many different tokens where each shall be a new one.
///
/// # Errors
/// There is no key to sign tokens with.
pub fn all(different: usize) -> Result<Vec<Comparison>, Error> {
    let seen = Requests::new(PATH, &tokens(1)?);
    Ok(vec![
        headers(),
        tokens_comparison("token-new", "RS256, a new token each time", tokens(different)?, false)?,
        tokens_comparison("token-seen", "RS256, a token seen before", tokens(1)?, true)?,
        limits(),
        chains(seen)?,
    ])
}

fn none() -> Variant {
    Variant { name: "no filter", parts: Vec::new() }
}

fn one(name: &'static str, part: Part) -> Variant {
    Variant { name, parts: vec![part] }
}

fn headers() -> Comparison {
    let elsewhere = json!({"rules": [{
        "match": {"paths": [{"prefix": "/elsewhere"}]},
        "request": {"remove": ["x-none"]},
    }]});
    Comparison {
        name: "headers",
        title: "one header set on the request, one on the response",
        requests: Requests::new(PATH, &[String::new()]),
        variants: vec![
            none(),
            one("Envoy header_mutation", Part::Native(native::header_mutation())),
            one("Lua", Part::Native(native::lua_headers())),
            one("header-filter", Part::Ours("header-filter", header_config())),
            one("header-filter, nothing matches", Part::Ours("header-filter", elsewhere)),
            one("Wasm that does nothing", Part::Floor),
        ],
        aims: vec![
            Aim { of: "header-filter", than: "Lua", at_most: 0.7 },
            Aim { of: "header-filter", than: "Envoy header_mutation", at_most: 2.5 },
            Aim { of: "header-filter, nothing matches", than: "Wasm that does nothing", at_most: 1.1 },
        ],
    }
}

fn tokens_comparison(
    name: &'static str,
    title: &'static str,
    tokens: Vec<String>,
    seen: bool,
) -> Result<Comparison, Error> {
    let native = if seen { "Envoy jwt_authn with its cache" } else { "Envoy jwt_authn" };
    Ok(Comparison {
        name,
        title,
        requests: Requests::new(PATH, &tokens),
        variants: vec![
            none(),
            one(native, Part::Native(native::jwt_authn(seen)?)),
            one("auth-filter", Part::Ours("auth-filter", auth_config()?)),
        ],
        aims: vec![Aim { of: "auth-filter", than: native, at_most: if seen { 2.0 } else { 0.95 } }],
    })
}

fn limits() -> Comparison {
    let mut told = limit_config();
    if let Some(fields) = told.as_object_mut() {
        fields.insert("responseHeaders".to_owned(), json!("ietf"));
    }
    Comparison {
        name: "limits",
        title: "a bucket for each client address",
        requests: Requests::new(PATH, &[String::new()]),
        variants: vec![
            none(),
            one("Envoy local_ratelimit", Part::Native(native::local_ratelimit())),
            one("Lua, a bucket per worker", Part::Native(native::lua_bucket())),
            one("ratelimit-filter", Part::Ours("ratelimit-filter", limit_config())),
            one("ratelimit-filter with RateLimit fields", Part::Ours("ratelimit-filter", told)),
        ],
        aims: vec![Aim { of: "ratelimit-filter", than: "Lua, a bucket per worker", at_most: 1.0 }],
    }
}

fn chains(requests: Requests) -> Result<Comparison, Error> {
    let natives =
        [native::header_mutation(), native::jwt_authn(true)?, native::local_ratelimit(), native::rbac()];
    let (headers, auth, limit) = (header_config(), auth_config()?, limit_config());
    let edge = json!({"headers": headers, "auth": auth, "rateLimit": limit});
    Ok(Comparison {
        name: "chain",
        title: "headers, a token seen before, a limit and a rule together",
        requests,
        variants: vec![
            none(),
            Variant { name: "Envoy's four filters", parts: natives.into_iter().map(Part::Native).collect() },
            Variant {
                name: "our three filters",
                parts: vec![
                    Part::Ours("header-filter", headers),
                    Part::Ours("auth-filter", auth),
                    Part::Ours("ratelimit-filter", limit),
                ],
            },
            one("edge-filter", Part::Ours("edge-filter", edge)),
        ],
        aims: vec![
            Aim { of: "edge-filter", than: "Envoy's four filters", at_most: 0.9 },
            Aim { of: "edge-filter", than: "our three filters", at_most: 0.6 },
        ],
    })
}

fn header_config() -> Value {
    json!({"rules": [{
        "request": {"set": [{"name": "x-env", "value": "prod"}]},
        "response": {"set": [{"name": "x-served-by", "value": "tollgate"}]},
    }]})
}

fn auth_config() -> Result<Value, Error> {
    Ok(json!({
        "providers": [{"name": "corp", "jwt": {
            "issuer": native::ISSUER,
            "audiences": [native::AUDIENCE],
            "jwks": mint::jwks(&[&native::key()?]),
        }}],
        "rules": [{"name": "api", "match": {"paths": [{"prefix": "/api"}]}, "require": {"anyOf": ["corp"]}}],
        "default": "deny",
    }))
}

fn limit_config() -> Value {
    json!({
        "limits": [{
            "name": "per-client",
            "match": {"paths": [{"prefix": "/api"}]},
            "key": [{"clientIp": {}}],
            "rate": {"requests": 1_000_000, "unit": "second"},
        }],
        "responseHeaders": "none",
    })
}

/// So many tokens of one size, as headers.
fn tokens(count: usize) -> Result<Vec<String>, Error> {
    let key = native::key()?;
    let token = |number: usize| {
        key.token(&json!({
            "iss": native::ISSUER,
            "aud": native::AUDIENCE,
            "sub": format!("user-{}", number % 100),
            "exp": mint::now(36_000),
            "iat": mint::now(0),
            "jti": format!("{number:032}"),
            "scope": "orders:read orders:write",
            "realm": {"roles": ["admin", "ops"]},
        }))
    };
    Ok((0..count).map(|number| format!("authorization: Bearer {}", token(number))).collect())
}

#[cfg(test)]
mod tests {
    use tollgate::filters::Filters;

    use super::*;

    #[test]
    fn every_configuration_of_ours_compiles_and_every_aim_has_its_variants() {
        let nothing = |_: &str| Some("bench".to_owned());
        for comparison in all(2).unwrap() {
            for variant in &comparison.variants {
                for part in &variant.parts {
                    if let Part::Ours(filter, config) = part {
                        let checked =
                            Filters::builtin().check(filter, config.to_string().as_bytes(), &nothing);
                        assert_eq!(checked, Some(Ok(())), "{filter}");
                    }
                }
            }
            for aim in &comparison.aims {
                assert!(
                    comparison.index(aim.of) > Some(0) && comparison.index(aim.than) > Some(0),
                    "{aim:?}"
                );
            }
        }
    }
}
