//! Every algorithm, on the real Envoy: those that its own functions check, and those that the module checks itself.

use e2e::Request;
use e2e::mint::Key;
use serde_json::json;

use super::world::{bearer, claims, good, inline};
use crate::support::{Filter, case_of};

const ALL: [&str; 12] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "HS256", "HS384",
    "HS512",
];

fn status(config: &str, request: &Request) -> u16 {
    case_of(Filter::Auth, config, request).got.status
}

#[test]
fn a_token_of_each_algorithm_is_taken_and_one_that_was_changed_is_not() {
    let keys: Vec<Key> = ALL.iter().map(|algorithm| Key::new(algorithm, algorithm).unwrap()).collect();
    let algorithms = format!(", algorithms: [{}]", ALL.join(", "));
    let config = inline(&keys.iter().collect::<Vec<_>>(), &algorithms);
    for key in &keys {
        let token = key.token(&claims(json!({})));
        assert_eq!(status(&config, &bearer("/", &token)), 200, "{}", key.algorithm);
        let (start, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let changed = format!("{start}.{first}{}", &signature[1..]);
        assert_eq!(status(&config, &bearer("/", &changed)), 401, "{}", key.algorithm);
        let other = key.token(&claims(json!({"sub": "eve"})));
        let moved = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
        assert_eq!(status(&config, &bearer("/", &moved)), 401, "{}", key.algorithm);
    }
}

#[test]
fn shared_secrets_count_only_when_their_algorithm_is_named() {
    let (shared, public) = (Key::new("hs", "HS256").unwrap(), Key::new("es", "ES256").unwrap());
    let config = inline(&[&shared, &public], "");
    assert_eq!(status(&config, &good(&shared)), 401);
    assert_eq!(status(&config, &good(&public)), 200);
}

#[test]
fn only_named_algorithms_are_taken() {
    let (rs, es) = (Key::new("rs", "RS256").unwrap(), Key::new("es", "ES256").unwrap());
    let config = inline(&[&rs, &es], ", algorithms: [ES256]");
    assert_eq!((status(&config, &good(&rs)), status(&config, &good(&es))), (401, 200));
}
