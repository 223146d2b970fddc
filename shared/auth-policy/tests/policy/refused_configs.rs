//! Configurations that are refused, each with its place and the remedy.

use auth_policy::AuthPlugin;
use policy_core::Plugin;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::support::{CORP, PARTNERS, config};

fn refusal(config: &str) -> String {
    match AuthPlugin::from_json(config.as_bytes(), &|_| None) {
        Ok(_) => panic!("not refused: {config}"),
        Err(error) => error.to_string(),
    }
}

const OPEN: &str = r#"{"public":true}"#;

#[test]
fn each_mistake_in_a_rule_is_named() {
    for (rule, expected) in [
        ("{}", "rules[0]: give exactly one of public: true, deny: true and require"),
        (r#"{"public":true,"deny":true}"#, "rules[0]: give exactly one of"),
        (r#"{"public":true,"require":{"anyOf":["corp"]}}"#, "rules[0]: give exactly one of"),
        (r#"{"public":true,"authorize":{"ids":["a"]}}"#, "rules[0].authorize: nobody is known here"),
        (
            r#"{"require":{"anyOf":["crop"]}}"#,
            "rules[0].require.anyOf[0]: there is no provider named \"crop\"",
        ),
        (r#"{"name":"a b","public":true}"#, "rules[0].name: a name has 1 to 63"),
        (r#"{"name":"default","public":true}"#, "rules[0].name: there is a rule named \"default\" already"),
        (
            r#"{"name":"a","public":true},{"name":"a","deny":true}"#,
            "rules[1].name: there is a rule named \"a\"",
        ),
        (r#"{"public":true,"percentBy":"x"}"#, "rules[0].percentBy: this is the same for every request"),
        (r#"{"publik":true}"#, "rules[0].publik: unknown field \"publik\", did you mean \"public\"?"),
    ] {
        let message = refusal(&config(&[CORP], rule));
        assert!(message.starts_with(expected), "{rule}: {message}");
    }
}

#[test]
fn each_mistake_in_a_provider_of_tokens_is_named() {
    let jwt = |fields: &str| format!(r#"{{"name":"corp","jwt":{{"issuer":"https://i"{fields}}}}}"#);
    for (provider, expected) in [
        (r#"{"name":"x"}"#.to_owned(), "providers[0]: give exactly one of jwt, apiKey, basic"),
        (r#"{"jwt":{"issuer":"x"}}"#.to_owned(), "providers[0]: \"name\" is missing"),
        (jwt(""), "providers[0].jwt: give exactly one of jwksUri, jwks, discovery: true"),
        (jwt(r#","jwks":"{}","discovery":true"#), "providers[0].jwt: give exactly one of"),
        (jwt(r#","jwksUri":"https://i/k","audiences":[]"#), "providers[0].jwt.audiences: name an audience"),
        (
            jwt(r#","jwksUri":"https://i/k","realm":"a\nb""#),
            "providers[0].jwt.realm: a realm holds printable",
        ),
        (
            jwt(
                r#","jwksUri":"https://i/k","outputClaimToHeaders":[{"header":"x-a","claim":"b"},{"header":"x_a","claim":"c"}]"#,
            ),
            "providers[0].jwt.outputClaimToHeaders[1].header: x_a is written twice",
        ),
        (jwt(r#","jwks":"{}""#), "providers[0].jwt.jwks: a key set is a JSON object"),
        (jwt(r#","jwks":"{\"keys\":[]}""#), "providers[0].jwt.jwks: "),
        (
            jwt(r#","jwks":{"env":"NO"}"#),
            "providers[0].jwt.jwks.env: the environment variable \"NO\" is not set",
        ),
        (jwt(r#","jwksUri":"idp/keys""#), "providers[0].jwt.jwksUri: "),
        (
            jwt(r#","jwksUri":"https://i/k","jwksRefresh":{"interval":"5"}"#),
            "providers[0].jwt.jwksRefresh.interval: ",
        ),
        (jwt(r#","jwksUri":"https://i/k","algorithms":[]"#), "providers[0].jwt.algorithms: an empty list"),
        (
            jwt(r#","jwksUri":"https://i/k","algorithms":["none"]"#),
            "providers[0].jwt.algorithms[0]: \"none\" is not an algorithm",
        ),
        (
            jwt(r#","jwksUri":"https://i/k","algorithms":["rs256"]"#),
            "providers[0].jwt.algorithms[0]: \"rs256\" is not",
        ),
        (
            jwt(r#","jwksUri":"https://i/k","clockSkew":"1h""#),
            "providers[0].jwt.clockSkew: this is at most 10m",
        ),
        (jwt(r#","jwksUri":"https://i/k","fromHeaders":[],"fromParams":[]"#), "providers[0].jwt"),
        (
            jwt(r#","jwksUri":"https://i/k","outputPayloadToHeader":"authorization""#),
            "providers[0].jwt.outputPayloadToHeader: authorization carries",
        ),
        (
            jwt(r#","jwksUri":"https://i/k","fromHeaders":[{"name":"x-identity"}]"#),
            "providers[0]: x-identity is written by this filter",
        ),
        (
            jwt(
                r#","jwksUri":"https://i/k","outputClaimToHeaders":[{"header":"a","claim":"b"},{"header":"A","claim":"c"}]"#,
            ),
            "providers[0].jwt.outputClaimToHeaders[1].header: a is written twice",
        ),
    ] {
        let message = refusal(&config(&[&provider], OPEN));
        assert!(message.starts_with(expected), "{provider}: {message}");
    }
}

#[test]
fn each_mistake_in_another_provider_is_named() {
    for (provider, expected) in [
        (r#"{"name":"k","apiKey":{"keys":[{"id":"a"}]}}"#, "providers[0].apiKey.keys[0]"),
        (r#"{"name":"m","mtls":{}}"#, "providers[0].mtls"),
        (
            r#"{"name":"o","introspection":{"endpoint":"https://i/x","clientId":"a","clientSecret":""}}"#,
            "providers[0].introspection.clientSecret: a secret must not be empty",
        ),
    ] {
        let message = refusal(&config(&[provider], OPEN));
        assert!(message.starts_with(expected), "{provider}: {message}");
    }
}

#[test]
fn what_is_wrong_with_the_whole_is_named() {
    let two = config(&[PARTNERS, PARTNERS], OPEN);
    assert!(refusal(&two).starts_with("providers[1].name: there are two providers named \"partners\""));
    assert!(refusal("{}").starts_with("rules: without rules everything is refused"));
    assert!(
        refusal(r#"{"rules":[{"public":true}],"resourceMetadata":"x"}"#).starts_with("resourceMetadata: ")
    );
    let split = r#"{"rules":[{"public":true}],"resourceMetadata":"https://x/\r\ny"}"#;
    assert!(refusal(split).starts_with("resourceMetadata: "));
    let same = r#"{"rules":[{"public":true}],"identity":{"header":"x-a"},"shadow":{"header":"X-A"}}"#;
    assert!(refusal(same).starts_with("shadow.header: this is the identity's header already"));
    let host = r#"{"rules":[{"public":true}],"identity":{"header":"host"}}"#;
    assert!(refusal(host).starts_with("identity.header: host frames or routes"));
}

#[test]
fn no_secret_is_repeated() {
    for provider in [
        r#"{"name":"a","apiKey":{"keys":[{"id":"a","sha256":"hunter2"}]}}"#,
        r#"{"name":"a","apiKey":{"keys":[{"id":"a","key":["hunter2"]}]}}"#,
        r#"{"name":"a","basic":{"users":["ann:hunter2"]}}"#,
        r#"{"name":"a","basic":{"users":["hunter2"]}}"#,
        r#"{"name":"a","jwt":{"issuer":"x","jwks":"hunter2"}}"#,
        r#"{"name":"a","introspection":{"endpoint":"x","clientId":"a","clientSecret":"hunter2"}}"#,
    ] {
        let message = refusal(&config(&[provider], OPEN));
        assert!(!message.contains("hunter2"), "{message}");
    }
}
