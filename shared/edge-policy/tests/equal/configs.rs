//! Configurations of the three parts: those of the issues and READMEs, and some that get in each other's way.

use crate::world::Parts;

/// Of the header filter's README.
pub(crate) const HEADERS: &str = r#"{
  "rules": [{
    "name": "tag",
    "match": {"hosts": ["*.example.com"], "paths": [{"prefix": "/api"}], "methods": ["GET", "POST"]},
    "request": {
      "set": [{"name": "x-env", "value": "prod"}, {"name": "x-peer", "value": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"}],
      "add": [{"name": "x-via", "value": "tollgate"}],
      "addIfAbsent": [{"name": "x-tenant", "value": "public"}],
      "remove": ["x-internal-*"],
      "rename": [{"from": "x-old", "to": "x-new"}]
    },
    "response": {"set": [{"name": "x-served-by", "value": "%UPSTREAM_CLUSTER%"}], "remove": ["x-powered-by"]}
  }],
  "requestId": {"mode": "keep", "header": "x-request-id", "echo": true},
  "securityHeaders": {
    "preset": "owasp",
    "contentSecurityPolicy": {"directives": {"default-src": ["'self'"], "script-src": ["'self'", "nonce"]}}
  },
  "cookies": {"secure": true, "httpOnly": true, "sameSite": "Lax"}
}"#;

/// Writes what the others read, and what they alone may write.
const MEDDLING: &str = r#"{
  "rules": [
    {"name": "token", "request": {"rename": [{"from": "x-token", "to": "authorization"}]}},
    {"name": "spoof", "request": {"set": [{"name": "x-tollgate-identity", "value": "root"}, {"name": "x-user", "value": "%REQ(x-user)%!"}],
      "add": [{"name": "x-jwt-sub", "value": "root"}, {"name": "x-auth-shadow", "value": "no"}]}},
    {"name": "move", "match": {"paths": [{"prefix": "/old"}]}, "request": {"set": [{"name": ":path", "value": "/admin/x?api_key=hunter2"}]}},
    {"name": "told", "response": {"set": [
      {"name": "x-who", "value": "%FILTER_STATE(wasm.tollgate.identity:PLAIN)%"},
      {"name": "x-left", "value": "%RESP(ratelimit)%"}, {"name": "x-asked", "value": "%REQ(x-user)%"}]}}
  ],
  "requestId": {"mode": "require", "filterState": "request.id"},
  "toFilterState": [{"header": "x-tenant", "key": "tenant"}, {"header": "x-fake", "key": "tollgate.identity"}]
}"#;

/// Providers of each kind that the fake host can serve.
pub(crate) const AUTH: &str = r#"{
  "providers": [
    {"name": "corp", "jwt": {"issuer": "https://idp.example.com", "audiences": ["orders"], "algorithms": ["HS256"],
      "jwks": "{\"keys\":[{\"kty\":\"oct\",\"k\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s\"}]}",
      "fromHeaders": [{"name": "Authorization", "prefix": "Bearer "}], "fromParams": ["access_token"], "fromCookies": ["session"],
      "forwardOriginalToken": false, "outputPayloadToHeader": "x-jwt-payload",
      "outputClaimToHeaders": [{"header": "x-jwt-sub", "claim": "sub"}, {"header": "x-jwt-roles", "claim": "realm.roles"}]}},
    {"name": "partners", "apiKey": {"from": [{"header": "x-api-key"}, {"query": "api_key"}, {"cookie": "key"}],
      "keys": [{"id": "acme", "key": "hunter2", "labels": {"tier": "gold"}}, {"id": "beta", "key": "beta-key"}],
      "hideCredential": true, "forwardIdHeader": "x-client-id"}},
    {"name": "opaque", "introspection": {"endpoint": "https://idp.example.com/introspect", "clientId": "tollgate", "clientSecret": "s",
      "timeout": "1s", "cache": {"ttl": "60s", "maxEntries": 100}}}
  ],
  "rules": [
    {"name": "health", "match": {"paths": [{"prefix": "/healthz"}]}, "public": true},
    {"name": "trial", "match": {"methods": ["GET", "POST"]}, "require": {"anyOf": ["partners"]}, "enforcement": "shadow"},
    {"name": "admin", "match": {"paths": [{"prefix": "/admin"}]}, "require": {"anyOf": ["corp", "partners"]},
      "authorize": {"claims": [{"path": "realm.roles", "anyOf": ["admin"]}]}},
    {"name": "rest", "match": {"methods": ["GET", "POST"]}, "require": {"anyOf": ["corp", "partners", "opaque"], "optional": true}}
  ],
  "default": "deny",
  "identity": {"header": "x-tollgate-identity"},
  "shadow": {"header": "x-auth-shadow"}
}"#;

/// Of the issue, with rates that a test can use up.
pub(crate) const LIMITS: &str = r#"{
  "limits": [
    {"name": "per-client", "match": {"paths": [{"prefix": "/api"}]}, "key": [{"clientIp": {"ipv6PrefixLength": 64}}],
      "rate": {"requests": 100, "unit": "second", "burst": 20}},
    {"name": "per-tenant", "key": [{"identity": "id"}], "tiers": {"by": {"identity": "labels.tier"},
      "values": {"gold": {"requests": 5, "unit": "minute"}}, "default": {"requests": 3, "unit": "minute"}}},
    {"name": "experiment", "key": [{"header": "x-user"}], "enforcement": "shadow",
      "variants": [{"name": "a", "weight": 70, "rate": {"requests": 1, "unit": "minute"}}, {"name": "b", "weight": 30, "rate": {"requests": 2, "unit": "minute"}}]},
    {"name": "in-flight", "key": [{"header": "x-api-key"}], "concurrency": 1},
    {"name": "tenant", "match": {"paths": [{"prefix": "/api"}]}, "key": [{"filterState": "wasm.tenant"}], "rate": {"requests": 2, "unit": "minute"}},
    {"name": "shared-quota", "match": {"headers": [{"name": "x-quota", "present": true}]}, "scope": "global", "key": [{"identity": "id"}, {"value": "checkout"}]}
  ],
  "global": {"cluster": "outbound|8081||limits", "domain": "tollgate", "timeout": "50ms", "failureMode": "allow"},
  "responseHeaders": "ietf",
  "maxKeys": 64,
  "shadow": {"header": "x-limit-shadow"}
}"#;

/// Each part as it is tried with the others; an empty one is not there.
pub(crate) const ALL: [Parts; 7] = [
    Parts { headers: HEADERS, auth: AUTH, rate_limit: LIMITS },
    Parts { headers: MEDDLING, auth: AUTH, rate_limit: LIMITS },
    Parts { headers: "", auth: AUTH, rate_limit: LIMITS },
    Parts { headers: MEDDLING, auth: "", rate_limit: LIMITS },
    Parts { headers: HEADERS, auth: AUTH, rate_limit: "" },
    Parts { headers: HEADERS, auth: "", rate_limit: "" },
    Parts { headers: "", auth: "", rate_limit: LIMITS },
];
