//! The configuration of the specification, to the letter.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{Gate, config};

const PROVIDERS: &str = r#"
{"name":"corp","jwt":{"issuer":"https://idp.example.com","audiences":["orders"],
  "jwksUri":"https://idp.example.com/keys","cluster":"outbound|443||idp.example.com",
  "jwksRefresh":{"interval":"5m","minInterval":"10s","timeout":"2s","maxStale":"24h"},
  "algorithms":["RS256","ES256"],"fromHeaders":[{"name":"Authorization","prefix":"Bearer "}],
  "fromParams":["access_token"],"fromCookies":["session"],"clockSkew":"60s","requireExpiration":true,
  "maxLifetime":"24h","tokenType":"at+jwt","requireCertificateBinding":false,"forwardOriginalToken":false,
  "outputPayloadToHeader":"x-jwt-payload",
  "outputClaimToHeaders":[{"header":"x-jwt-sub","claim":"sub"},{"header":"x-jwt-roles","claim":"realm.roles"}]}},
{"name":"partners","apiKey":{"from":[{"header":"x-api-key"},{"query":"api_key"},{"cookie":"key"}],
  "keys":[{"id":"acme","sha256":"f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7",
           "labels":{"tier":"gold"}},{"id":"beta","key":{"env":"BETA_KEY"}}],
  "hideCredential":true,"forwardIdHeader":"x-client-id"}},
{"name":"staff","basic":{"realm":"staff","users":[
  "ann:$2y$10$WrxkTGRc7zLnXJdMQT.LEucUB/8oKgF5m59OK9wPFgFqQGDcpmPS6","bob:{SHA}87u9ZqY9S/F0eUBXjsPQEDUw4h0="]}},
{"name":"opaque","introspection":{"endpoint":"https://idp.example.com/introspect","clientId":"tollgate",
  "clientSecret":{"env":"SECRET"},"timeout":"1s","cache":{"ttl":"60s","maxEntries":10000}}},
{"name":"workload","mtls":{"uriSans":["spiffe://cluster.local/ns/*/sa/*"]}}"#;

const RULES: &str = r#"
{"name":"health","match":{"paths":[{"prefix":"/healthz"}]},"public":true},
{"name":"admin","match":{"paths":[{"prefix":"/admin"}]},"require":{"anyOf":["corp","staff"]},
 "authorize":{"scopes":{"allOf":["orders:write"]},"claims":[{"path":"realm.roles","anyOf":["admin","ops"]}],"ids":["ann"]}},
{"name":"rest","require":{"anyOf":["corp","partners","opaque","workload"],"optional":true}}"#;

#[test]
fn it_is_taken_and_does_what_it_says() {
    let config =
        config(&[PROVIDERS], RULES).replace(r#""x-identity"}"#, r#""x-tollgate-identity"},"default":"deny""#);
    let gate = Gate::new(&config);
    for (path, headers, expected) in [
        ("/healthz", vec![], "ok"),
        ("/healthz", vec![("authorization", "Bearer nonsense")], "ok"),
        ("/admin", vec![], "401 missing_credential"),
        ("/orders", vec![], "ok"),
        ("/orders", vec![("x-api-key", "hunter2")], "ok"),
        ("/orders", vec![("x-api-key", "from the environment")], "ok"),
        ("/orders?api_key=hunter2", vec![], "ok"),
        ("/orders", vec![("cookie", "a=1; key=hunter2")], "ok"),
        ("/orders", vec![("x-api-key", "hunter3")], "401 unknown_api_key"),
        ("/orders?api_key=hunter2", vec![("x-api-key", "hunter3")], "401 ambiguous_credential"),
        ("/admin", vec![("authorization", "Basic Ym9iOmh1bnRlcjI=")], "403 id_not_allowed"),
        ("/admin", vec![("authorization", "Basic Ym9iOmh1bnRlcjM=")], "401 wrong_password"),
        ("/admin/../healthz", vec![], "400 ambiguous_path"),
    ] {
        assert_eq!(gate.get(path, &headers).verdict(), expected, "{path} {headers:?}");
    }
    let outcome = gate.get("/orders?a=1&api_key=hunter2&b=2", &[("x-tollgate-identity", "{}")]);
    assert_eq!(outcome.saw(":path").as_deref(), Some("/orders?a=1&b=2"));
    assert_eq!(outcome.saw("x-client-id").as_deref(), Some("acme"));
    let identity = r#"{"id":"acme","provider":"partners","kind":"apiKey","labels":{"tier":"gold"}}"#;
    assert_eq!(outcome.saw("x-tollgate-identity").as_deref(), Some(identity));
    assert_eq!(outcome.published("tollgate.identity"), Some(identity));
}
