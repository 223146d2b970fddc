use policy_core::json::Json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{EVERY, encode, jwk, jwk_for};
use crate::vectors::{A1_SECRET, A2_MODULUS, A2_PRIVATE, A3_X, A3_Y, A4_X, A4_Y, EDDSA_X};

fn read(jwk: &str, algorithms: &[Algorithm]) -> Result<Key, KeyFault> {
    let limits = KeyLimits { algorithms: algorithms.to_vec(), ..KeyLimits::default() };
    Key::read(&Json::parse(jwk.as_bytes()).unwrap(), &limits)
}

/// What a key with these members is good for, of all algorithms.
fn names(jwk: &str) -> Result<String, KeyFault> {
    let key = read(jwk, &EVERY)?;
    let fit = EVERY.into_iter().filter(|algorithm| key.algorithms().contains(*algorithm));
    Ok(fit.map(Algorithm::name).collect::<Vec<_>>().join(" "))
}

#[test]
fn the_kind_of_a_key_and_its_alg_decide_what_it_is_for() {
    let rsa = [("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB")];
    let p256 = [("kty", "EC"), ("crv", "P-256"), ("x", A3_X), ("y", A3_Y)];
    let p521 = [("kty", "EC"), ("crv", "P-521"), ("x", A4_X), ("y", A4_Y)];
    let ed25519 = [("kty", "OKP"), ("crv", "Ed25519"), ("x", EDDSA_X)];
    let secret = [("kty", "oct"), ("k", A1_SECRET)];
    for (members, alg, expected) in [
        (&rsa[..], None, Ok("RS256 RS384 RS512 PS256 PS384 PS512")),
        (&rsa[..], Some("PS384"), Ok("PS384")),
        (&rsa[..], Some("HS256"), Err(KeyFault::Algorithm)),
        (&rsa[..], Some("RSA-OAEP"), Err(KeyFault::Algorithm)),
        (&rsa[..], Some("none"), Err(KeyFault::Algorithm)),
        (&p256[..], None, Ok("ES256")),
        (&p256[..], Some("ES384"), Err(KeyFault::Algorithm)),
        (&p521[..], None, Ok("ES512")),
        (&ed25519[..], None, Ok("EdDSA")),
        (&ed25519[..], Some("Ed25519"), Ok("EdDSA")),
        (&ed25519[..], Some("ES256"), Err(KeyFault::Algorithm)),
        (&secret[..], None, Ok("HS256 HS384 HS512")),
        (&secret[..], Some("HS384"), Ok("HS384")),
        (&secret[..], Some("RS256"), Err(KeyFault::Algorithm)),
    ] {
        let alg: Vec<_> = alg.map(|name| ("alg", name)).into_iter().collect();
        assert_eq!(
            names(&jwk(&[members, &alg].concat())),
            expected.map(str::to_owned),
            "{members:?} {alg:?}"
        );
    }
}

#[test]
fn only_algorithms_that_are_allowed_make_a_key_usable() {
    for algorithm in EVERY.into_iter().filter(|algorithm| *algorithm != Algorithm::Es512) {
        let key = jwk_for(algorithm, None);
        let by_default = Algorithm::DEFAULT.contains(&algorithm);
        assert_eq!(read(&key, Algorithm::DEFAULT).is_ok(), by_default, "{algorithm:?}");
        assert_eq!(read(&key, &[]).err(), Some(KeyFault::Algorithm), "{algorithm:?}");
    }
    let p521 = jwk(&[("kty", "EC"), ("crv", "P-521"), ("x", A4_X), ("y", A4_Y)]);
    assert_eq!(read(&p521, Algorithm::DEFAULT).err(), Some(KeyFault::Algorithm));
}

#[test]
fn secrets_are_as_long_as_their_hash_and_no_public_key() {
    let secret = |bytes: &[u8]| jwk(&[("kty", "oct"), ("k", &encode(bytes))]);
    for (length, expected) in [
        (0, Err(KeyFault::Short)),
        (31, Err(KeyFault::Short)),
        (32, Ok("HS256")),
        (48, Ok("HS256 HS384")),
        (64, Ok("HS256 HS384 HS512")),
        (1024, Ok("HS256 HS384 HS512")),
        (1025, Err(KeyFault::Long)),
    ] {
        assert_eq!(names(&secret(&vec![9; length])), expected.map(str::to_owned), "{length}");
    }
    assert_eq!(read(&secret(&[9; 63]), &[Algorithm::Hs512]).err(), Some(KeyFault::Short));
    let pem = [&b"-----BEGIN PUBLIC KEY-----"[..], &[b'A'; 300]].concat();
    assert_eq!(names(&secret(&pem)), Err(KeyFault::Invalid));
}

#[test]
fn rsa_keys_have_a_length_an_odd_modulus_and_the_usual_exponent() {
    let rsa =
        |modulus: &[u8], exponent: &str| jwk(&[("kty", "RSA"), ("n", &encode(modulus)), ("e", exponent)]);
    let ones = |bytes: usize| vec![0xff; bytes];
    for (jwk, expected) in [
        (rsa(&ones(256), "AQAB"), None),
        (rsa(&[&[0][..], &ones(256)].concat(), "AAEAAQ"), None),
        (rsa(&[&[0x7f][..], &ones(255)].concat(), "AQAB"), Some(KeyFault::Short)),
        (rsa(&[&[0; 300][..], &ones(128)].concat(), "AQAB"), Some(KeyFault::Short)),
        (rsa(&[], "AQAB"), Some(KeyFault::Short)),
        (rsa(&ones(512), "AQAB"), None),
        (rsa(&[&[1][..], &ones(512)].concat(), "AQAB"), Some(KeyFault::Long)),
        (rsa(&[&ones(255)[..], &[0xfe]].concat(), "AQAB"), Some(KeyFault::Invalid)),
        (rsa(&ones(256), "Aw"), Some(KeyFault::Invalid)),
        (rsa(&ones(256), "AQ"), Some(KeyFault::Invalid)),
        (rsa(&ones(256), ""), Some(KeyFault::Invalid)),
        (rsa(&ones(256), "AQABAQ"), Some(KeyFault::Invalid)),
        (rsa(&ones(256), "AQAB="), Some(KeyFault::Malformed)),
    ] {
        assert_eq!(names(&jwk).err(), expected, "{jwk}");
    }
}

#[test]
fn points_lie_on_their_curve_and_are_written_in_full() {
    let ec = |curve: &str, x: &str, y: &str| jwk(&[("kty", "EC"), ("crv", curve), ("x", x), ("y", y)]);
    let ed = |x: &[u8]| jwk(&[("kty", "OKP"), ("crv", "Ed25519"), ("x", &encode(x))]);
    let zero = encode([0; 32]);
    let order_two = [&[0xec][..], &[0xff; 30], &[0x7f]].concat();
    let not_canonical = [&[0xf0][..], &[0xff; 30], &[0x7f]].concat();
    for (jwk, expected) in [
        (ec("P-256", A3_X, A3_Y), None),
        (ec("P-256", A3_Y, A3_X), Some(KeyFault::Invalid)),
        (ec("P-256", &zero, &zero), Some(KeyFault::Invalid)),
        (ec("P-256", &A3_X[..42], A3_Y), Some(KeyFault::Malformed)),
        (ec("P-256", &encode([0; 33]), A3_Y), Some(KeyFault::Malformed)),
        (ec("P-384", A3_X, A3_Y), Some(KeyFault::Malformed)),
        (ec("secp256k1", A3_X, A3_Y), Some(KeyFault::Algorithm)),
        (ec("p-256", A3_X, A3_Y), Some(KeyFault::Algorithm)),
        (ed(&[]), Some(KeyFault::Invalid)),
        (ed(&[0; 32]), Some(KeyFault::Invalid)),
        (ed(&order_two), Some(KeyFault::Invalid)),
        (ed(&not_canonical), Some(KeyFault::Invalid)),
        (jwk(&[("kty", "OKP"), ("crv", "X25519"), ("x", EDDSA_X)]), Some(KeyFault::Algorithm)),
    ] {
        assert_eq!(names(&jwk).err(), expected, "{jwk}");
    }
}

#[test]
fn keys_for_something_else_and_malformed_ones_are_not_used() {
    let good = jwk_for(Algorithm::Es256, None);
    for (more, expected) in [
        (r#""use":"sig""#, None),
        (r#""use":"enc""#, Some(KeyFault::Purpose)),
        (r#""use":"SIG""#, Some(KeyFault::Purpose)),
        (r#""use":null"#, Some(KeyFault::Malformed)),
        (r#""key_ops":["verify"]"#, None),
        (r#""key_ops":["sign","verify"]"#, None),
        (r#""key_ops":["sign"]"#, Some(KeyFault::Purpose)),
        (r#""key_ops":[]"#, Some(KeyFault::Purpose)),
        (r#""key_ops":"verify""#, Some(KeyFault::Malformed)),
        (r#""key_ops":["verify",1]"#, Some(KeyFault::Malformed)),
        (r#""kid":1"#, Some(KeyFault::Malformed)),
        (r#""alg":1"#, Some(KeyFault::Malformed)),
        (r#""d":"AA""#, Some(KeyFault::Private)),
        (r#""x5c":["AA"],"x5t":1,"other":{}"#, None),
    ] {
        assert_eq!(names(&good.replacen('{', &format!("{{{more},"), 1)).err(), expected, "{more}");
    }
    for (bad, expected) in [
        ("1", KeyFault::Malformed),
        ("{}", KeyFault::Malformed),
        (r#"{"kty":1}"#, KeyFault::Malformed),
        (r#"{"kty":"rsa"}"#, KeyFault::Algorithm),
        (r#"{"kty":"RSA"}"#, KeyFault::Malformed),
        (r#"{"kty":"EC"}"#, KeyFault::Malformed),
        (r#"{"kty":"EC","crv":"P-256","x":"AA"}"#, KeyFault::Malformed),
        (r#"{"kty":"oct","k":7}"#, KeyFault::Malformed),
        (r#"{"kty":"oct","k":"a b"}"#, KeyFault::Malformed),
    ] {
        assert_eq!(names(bad).err(), Some(expected), "{bad}");
    }
}

#[test]
fn a_key_with_its_private_half_is_not_used() {
    let public = [("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB")];
    assert_eq!(names(&jwk(&[&public[..], &A2_PRIVATE].concat())), Err(KeyFault::Private));
}
