//! Tokens and credentials as an attacker would make them: each is refused, and the next good one is 200 on the only worker.

use e2e::mesh::Setup;
use e2e::mint::{Key, base64, now};
use e2e::{Mesh, Request, raw};
use serde_json::json;

use super::world::{CORP, ISSUER, World, bearer, claims, good};
use crate::support::MACHINE;

/// A world that has the one key, and a request that it takes.
async fn started(kid: &str, algorithm: &str) -> (Key, World, Request) {
    let key = Key::new(kid, algorithm).unwrap();
    let world = World::start(CORP, &[&key], Setup::default()).await;
    let good = good(&key);
    world.until("the first keys", &good, 200).await;
    (key, world, good)
}

async fn survives(world: &World, good: &Request, what: &str) {
    let answer = world.send(good).await;
    assert_eq!(answer.status, 200, "after {what}: {answer:?}\n{}", world.mesh.log());
}

/// Headers that a token must not have, or must have otherwise.
fn headers(key: &Key) -> Vec<String> {
    let own = key.jwk();
    vec![
        json!({"alg": "none", "kid": "rs"}).to_string(),
        json!({"alg": "None"}).to_string(),
        json!({"alg": "nOnE", "kid": "rs"}).to_string(),
        json!({"alg": "", "kid": "rs"}).to_string(),
        json!({"alg": "rs256", "kid": "rs"}).to_string(),
        json!({"alg": "RS512", "kid": "rs"}).to_string(),
        json!({"alg": "HS256", "kid": "rs"}).to_string(),
        json!({"alg": ["RS256"], "kid": "rs"}).to_string(),
        json!({"kid": "rs"}).to_string(),
        json!({"alg": "RS256", "kid": "../../dev/null"}).to_string(),
        json!({"alg": "RS256", "kid": "rs' OR '1'='1"}).to_string(),
        json!({"alg": "RS256", "kid": 7}).to_string(),
        json!({"alg": "RS256", "kid": "rs", "crit": ["exp"], "exp": 1}).to_string(),
        json!({"alg": "RS256", "kid": "rs", "crit": []}).to_string(),
        json!({"alg": "RS256", "kid": "rs", "b64": false, "crit": ["b64"]}).to_string(),
        json!({"alg": "RS256", "kid": "other", "jwk": own}).to_string(),
        json!({"alg": "RS256", "kid": "other", "jku": "https://evil.example.com/keys"}).to_string(),
        json!({"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rs"}).to_string(),
        r#"{"alg":"RS256","alg":"RS256","kid":"rs"}"#.to_owned(),
        r#"{"alg":"RS256","kid":"rs","kid":"rs"}"#.to_owned(),
        r#"{"alg":"RS256","kid":"rs"} "x""#.to_owned(),
        r#"["RS256"]"#.to_owned(),
        String::new(),
        "{".repeat(2000),
    ]
}

/// Claims that must not be taken, though the signature is good.
fn bad_claims() -> Vec<String> {
    let other = |other| claims(other).to_string();
    let exp = now(600);
    vec![
        other(json!({"exp": exp.to_string()})),
        other(json!({"exp": true})),
        other(json!({"exp": [exp]})),
        other(json!({"exp": -1})),
        other(json!({"exp": 1e300})),
        other(json!({"exp": null})),
        other(json!({"exp": now(-3600)})),
        other(json!({"nbf": "0"})),
        other(json!({"nbf": now(3600)})),
        other(json!({"iat": now(3600)})),
        other(json!({"iat": {}})),
        other(json!({"iss": [ISSUER]})),
        other(json!({"iss": null})),
        other(json!({"iss": format!("{ISSUER}/")})),
        other(json!({"aud": null})),
        other(json!({"aud": {"orders": 1}})),
        other(json!({"aud": "Orders"})),
        format!(r#"{{"exp":{exp},"exp":{exp},"iss":"{ISSUER}","aud":"orders"}}"#),
        format!(r#"{{"iss":"https://evil","iss":"{ISSUER}","exp":{exp},"aud":"orders"}}"#),
        format!(r#"{{"exp":{exp},"iss":"{ISSUER}","aud":"orders","x":{}}}"#, "[".repeat(5000)),
        format!(
            r#"{{"exp":{exp},"iss":"{ISSUER}","aud":"orders","x":{}1{}}}"#,
            "[".repeat(3000),
            "]".repeat(3000)
        ),
        "null".to_owned(),
        "\"exp\"".to_owned(),
        String::new(),
    ]
}

#[tokio::test]
async fn tokens_that_are_signed_and_wrong_all_the_same() {
    let _machine = MACHINE.read().await;
    let (key, world, fine) = started("rs", "RS256").await;
    let header = json!({"alg": "RS256", "kid": "rs"}).to_string();
    let good_claims = claims(json!({})).to_string();
    let with_headers = headers(&key).into_iter().map(|header| (header, good_claims.clone()));
    let with_claims = bad_claims().into_iter().map(|claims| (header.clone(), claims));
    let not_text: Vec<u8> =
        [b"{\"alg\":\"RS256\",\"kid\":\"rs\",\"x\":\"".as_slice(), &[0xff, 0xc0, 0], b"\"}"].concat();
    let mut tokens: Vec<String> = with_headers
        .chain(with_claims)
        .map(|(header, claims)| key.raw(header.as_bytes(), claims.as_bytes()))
        .collect();
    tokens.push(key.raw(&not_text, good_claims.as_bytes()));
    // The public key as a shared secret: what a verifier that trusts `alg` would take.
    let confused = Key::new("rs", "HS256").unwrap().token(&claims(json!({})));
    tokens.push(confused);
    for token in tokens {
        let answer = world.send(&bearer("/", &token)).await;
        let shown: String = token.chars().take(120).collect();
        assert_eq!(answer.status, 401, "{shown}: {answer:?}");
        assert!(!answer.text().contains(&token), "{shown}");
        survives(&world, &fine, &shown).await;
    }
}

#[tokio::test]
async fn texts_that_are_no_token() {
    let _machine = MACHINE.read().await;
    let (key, world, fine) = started("es", "ES256").await;
    let token = key.token(&claims(json!({})));
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut texts = vec![
        format!("{input}."),
        input.to_owned(),
        format!("{token}."),
        format!("{token}.x"),
        format!(".{token}"),
        format!("{token}="),
        format!("{token}=="),
        token.replace('.', ".."),
        token.replace('.', " "),
        format!("{token}, {token}"),
        format!("{token} {token}"),
        format!("{input}.{}", base64(&[0; 64])),
        format!("{input}.{}", base64(&[0xff; 64])),
        format!("{input}.{}", base64(&[])),
        format!("{input}.{}", &signature[..signature.len() - 2]),
        format!("{input}.{signature}{signature}"),
        format!("{input}.{}", "A".repeat(15_000)),
        "A".repeat(40_000),
        ".".repeat(3000),
        "eyJhbGciOiJub25lIn0..".to_owned(),
        String::new(),
    ];
    texts.extend((0..token.len()).step_by(7).map(|cut| token[..cut].to_owned()));
    for text in texts {
        let shown: String = text.chars().take(100).collect();
        for request in [bearer("/", &text), Request::get("/").header("authorization", &text)] {
            let answer = world.send(&request).await;
            assert!(matches!(answer.status, 400 | 401 | 431), "{shown}: {answer:?}");
        }
        survives(&world, &fine, &shown).await;
    }
}

#[tokio::test]
async fn every_byte_in_a_token() {
    let _machine = MACHINE.read().await;
    let (key, world, fine) = started("es", "ES256").await;
    let token = key.token(&claims(json!({})));
    for byte in 0..=u8::MAX {
        for at in [0, 10, token.len() / 2, token.len() - 1] {
            let mut changed = token.clone().into_bytes();
            changed[at] = byte;
            if changed == token.as_bytes() {
                continue;
            }
            let line =
                [b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ".as_slice(), &changed, b"\r\n\r\n"]
                    .concat();
            let answer = raw::send(world.mesh.address(), &line).await.unwrap();
            // Envoy itself may close, or cut a blank off the end, which leaves a token without its last letter.
            let status = answer.map_or(400, |answer| answer.status);
            assert!(matches!(status, 400 | 401), "{byte:#04x} at {at}: {status}");
        }
        survives(&world, &fine, &format!("byte {byte:#04x}")).await;
    }
}

#[tokio::test]
async fn nothing_secret_is_in_the_log() {
    let _machine = MACHINE.read().await;
    let key = Key::new("rs", "RS256").unwrap();
    let world = World::start(super::verbatim::ISSUE, &[&key], Setup::default()).await;
    let token = key.signed(&json!({"alg": "RS256", "kid": "rs", "typ": "at+jwt"}), &claims(json!({})));
    world.until("the first keys", &bearer("/x", &token), 200).await;
    let expired =
        key.signed(&json!({"alg": "RS256", "kid": "rs", "typ": "at+jwt"}), &claims(json!({"exp": 1})));
    let mut shown = String::new();
    for request in [
        bearer("/x", &expired),
        bearer("/x", "opaque-secret-token"),
        bearer("/x", &format!("{token}x")),
        Request::get("/x").header("x-api-key", "api-secret-key"),
        Request::get("/admin").header("authorization", "Basic YW5uOndyb25nLXNlY3JldA=="),
        Request::get("/x").header("cookie", "session=cookie-secret; key=cookie-secret"),
        Request::get("/x").header("x-api-key", "beta-key-in-the-clear").header("x-api-key", "api-secret-key"),
    ] {
        let answer = world.send(&request).await;
        assert!(answer.status == 401, "{request:?}: {answer:?}");
        shown.push_str(&format!("{:?}{}", answer.headers, answer.text()));
    }
    shown.push_str(&world.mesh.log());
    for secret in [
        token.rsplit('.').next().unwrap(),
        expired.rsplit('.').next().unwrap(),
        "opaque-secret-token",
        "api-secret-key",
        "wrong-secret",
        "YW5uOndyb25nLXNlY3JldA",
        "cookie-secret",
        "beta-key-in-the-clear",
        "introspection-secret",
        "$2y$10$",
        "d131ee2a6e585626",
    ] {
        assert!(!shown.contains(secret), "{secret} is shown in {shown}");
    }
}
