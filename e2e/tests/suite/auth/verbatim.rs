//! The configuration of issue 3 works to the letter.

use e2e::key_server::CLIENT;
use e2e::mesh::Setup;
use e2e::mint::Key;
use e2e::{Fields, Mesh, Request, plugin};
use serde_json::json;

use super::world::{World, bearer, claims};
use crate::support::MACHINE;

/// The issue's text, with the three secrets that it leaves out.
pub(crate) const ISSUE: &str = r#"
    providers:
    - name: corp
      jwt:
        issuer: https://idp.example.com
        audiences: [orders]
        jwksUri: https://idp.example.com/keys        # or jwks: '{"keys":[...]}', or discovery: true (OpenID configuration of the issuer)
        cluster: outbound|443||idp.example.com       # this value is the default, derived from jwksUri as Istio names it
        jwksRefresh: {interval: 5m, minInterval: 10s, timeout: 2s, maxStale: 24h}
        algorithms: [RS256, ES256]                   # default RS/PS/ES/EdDSA; HS* only when named
        fromHeaders: [{name: Authorization, prefix: "Bearer "}]
        fromParams: [access_token]
        fromCookies: [session]
        clockSkew: 60s
        requireExpiration: true
        maxLifetime: 24h
        tokenType: at+jwt
        requireCertificateBinding: false             # cnf x5t#S256 against the peer certificate (RFC 8705)
        forwardOriginalToken: false
        outputPayloadToHeader: x-jwt-payload
        outputClaimToHeaders: [{header: x-jwt-sub, claim: sub}, {header: x-jwt-roles, claim: realm.roles}]
    - name: partners
      apiKey:
        from: [{header: x-api-key}, {query: api_key}, {cookie: key}]
        keys: [{id: acme, sha256: "d131ee2a6e585626aa1537c6309966e7cc52101c597078a46fe2f1d106e4abda", labels: {tier: gold}}, {id: beta, key: {env: BETA_KEY}}]
        hideCredential: true
        forwardIdHeader: x-client-id
    - name: staff
      basic: {realm: staff, users: ["ann:$2y$10$abcdefghijklmnopqrstuubrTNAbjAEPHxLKapLkx1MsD8zcv7YXW", "bob:{SHA}oHryCTyM4ObJvET53dSBiRe/fXQ="]}
    - name: opaque
      introspection: {endpoint: https://idp.example.com/introspect, clientId: tollgate, clientSecret: {env: SECRET}, timeout: 1s, cache: {ttl: 60s, maxEntries: 10000}}
    - name: workload
      mtls: {uriSans: ["spiffe://cluster.local/ns/*/sa/*"]}
    rules:                                           # first match decides
    - {name: health, match: {paths: [{prefix: /healthz}]}, public: true}
    - name: admin
      match: {paths: [{prefix: /admin}]}
      require: {anyOf: [corp, staff]}
      authorize:
        scopes: {allOf: [orders:write]}
        claims: [{path: realm.roles, anyOf: [admin, ops]}]
        ids: [ann]
    - {name: rest, require: {anyOf: [corp, partners, opaque, workload], optional: true}}
    default: deny
    identity: {header: x-tollgate-identity}          # besides filter state wasm.tollgate.identity
"#;

/// `ann:ann-password`.
const ANN: &str = "Basic YW5uOmFubi1wYXNzd29yZA==";

/// What is sent, the status, and who is told upstream to call.
type Row = (&'static str, Request, u16, Option<&'static str>);

fn typed(key: &Key, other: serde_json::Value) -> String {
    key.signed(&json!({"alg": key.algorithm, "kid": key.id, "typ": "at+jwt"}), &claims(other))
}

fn tokens(rs: &Key, es: &Key) -> Vec<Row> {
    let token = |key: &Key| typed(key, json!({}));
    vec![
        ("an RS256 token", bearer("/x", &token(rs)), 200, Some("ann")),
        ("an ES256 token", bearer("/x", &token(es)), 200, Some("ann")),
        ("a query", Request::get(&format!("/x?access_token={}", token(es))), 200, Some("ann")),
        ("a cookie", Request::get("/x").header("cookie", format!("session={}", token(es))), 200, Some("ann")),
        ("another type", bearer("/x", &es.token(&claims(json!({})))), 401, None),
        ("a bad token where one is optional", bearer("/x", &typed(rs, json!({"aud": "other"}))), 401, None),
        ("an opaque token", bearer("/x", "opaque-token"), 200, Some("carol")),
        ("an unknown opaque token", bearer("/x", "other-token"), 401, None),
    ]
}

fn admins(rs: &Key) -> Vec<Row> {
    let admin = |other| bearer("/admin/x", &typed(rs, other));
    let (scope, realm) = ("orders:read orders:write", json!({"roles": ["admin"]}));
    vec![
        ("all that it needs", admin(json!({"scope": scope, "realm": realm})), 200, Some("ann")),
        ("another caller", admin(json!({"sub": "eve", "scope": scope, "realm": realm})), 403, None),
        ("no role", admin(json!({"scope": scope})), 403, None),
        ("no scope", admin(json!({"realm": realm})), 403, None),
        ("a password, which has no scopes", Request::get("/admin").header("authorization", ANN), 403, None),
        ("no credential", Request::get("/admin"), 401, None),
    ]
}

fn keys() -> Vec<Row> {
    let key = |key: &str| Request::get("/x").header("x-api-key", key);
    let cookie = Request::get("/x").header("cookie", "key=acme-key-in-the-clear");
    vec![
        ("public", Request::get("/healthz"), 200, None),
        ("no credential where one is optional", Request::get("/x"), 200, None),
        ("a key by its digest", key("acme-key-in-the-clear"), 200, Some("acme")),
        ("a key of the environment", Request::get("/x?api_key=beta-key-in-the-clear"), 200, Some("beta")),
        ("a key in a cookie", cookie, 200, Some("acme")),
        ("an unknown key", key("acme-key-in-the-cleaR"), 401, None),
    ]
}

#[tokio::test]
pub(crate) async fn each_provider_lets_its_callers_in_and_nobody_else() {
    let _machine = MACHINE.read().await;
    assert_eq!(plugin::AUTH_ENV[1], ("SECRET", CLIENT.1));
    let (rs, es) = (Key::new("rs", "RS256").unwrap(), Key::new("es", "ES256").unwrap());
    let world = World::start(ISSUE, &[&rs, &es], Setup::default()).await;
    world.server.issue("opaque-token", json!({"sub": "carol", "client_id": "app"}));
    world.until("the first keys", &bearer("/x", &typed(&rs, json!({}))), 200).await;
    for (what, request, status, id) in [tokens(&rs, &es), admins(&rs), keys()].concat() {
        let _ = world.mesh.arrived();
        let got = world.send(&request).await;
        assert_eq!(got.status, status, "{what}: {got:?}\n{}", world.mesh.log());
        let saw = world.mesh.arrived().pop();
        assert_eq!(saw.is_some(), status == 200, "{what}");
        let Some(saw) = saw else { continue };
        let identity = Fields(saw.headers).get("x-tollgate-identity");
        let identity: Option<serde_json::Value> = identity.map(|text| serde_json::from_str(&text).unwrap());
        assert_eq!(identity.as_ref().and_then(|identity| identity["id"].as_str()), id, "{what}");
        assert!(!saw.path.contains("access_token") && !saw.path.contains("api_key"), "{what}: {}", saw.path);
    }
}

#[tokio::test]
pub(crate) async fn what_is_told_upstream_is_what_the_configuration_says() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let world = World::start(ISSUE, &[&key], Setup::default()).await;
    let claims = claims(json!({"realm": {"roles": ["admin", "ops"]}}));
    let token = key.signed(&json!({"alg": "RS256", "kid": "rs", "typ": "at+jwt"}), &claims);
    let request = bearer("/x?a=1", &token);
    world.until("the first keys", &request, 200).await;
    let _ = world.mesh.arrived();
    assert_eq!(world.send(&request).await.status, 200);
    let saw = Fields(world.mesh.arrived().pop().unwrap().headers);
    assert_eq!(saw.get("x-jwt-sub").as_deref(), Some("ann"));
    assert_eq!(saw.get("x-jwt-roles").as_deref(), Some("admin,ops"));
    assert_eq!(saw.get("x-jwt-payload").as_deref(), token.split('.').nth(1));
    assert_eq!(saw.get("authorization"), None, "the token is not forwarded");
    let request = Request::get("/x?a=1&api_key=acme-key-in-the-clear&b=2").header("x-client-id", "spoofed");
    assert_eq!(world.send(&request).await.status, 200);
    let saw = world.mesh.arrived().pop().unwrap();
    assert_eq!(saw.path, "/x?a=1&b=2");
    let headers = Fields(saw.headers);
    assert_eq!(headers.get("x-client-id").as_deref(), Some("acme"));
    assert_eq!((headers.get("x-jwt-sub"), headers.get("x-jwt-payload")), (None, None));
}
