use std::cell::RefCell;

use policy_core::json::Json;
use policy_core::table::Still;
use policy_core::time::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{Checking, EVERY, decode, encode, jwk, jwk_for, sign, signable};
use crate::key::Key;
use crate::key_set::KeyLimits;
use crate::vectors::*;

fn key(jwk: &str) -> Key {
    let limits = KeyLimits { algorithms: EVERY.to_vec(), max_rsa_bits: 16_384 };
    Key::read(&Json::parse(jwk.as_bytes()).unwrap(), &limits).unwrap()
}

/// The verdict of both ways, which is the same.
fn verdict(key: &Key, algorithm: Algorithm, text: &[u8], signature: &[u8]) -> Option<bool> {
    let guest = key.verify(algorithm, text, signature, &Still::default());
    let host = Checking::default();
    assert_eq!(key.verify(algorithm, text, signature, &host), guest, "{algorithm:?} {}", encode(signature));
    guest
}

fn split(token: &str) -> (&[u8], Vec<u8>) {
    let (text, signature) = token.rsplit_once('.').unwrap();
    (text.as_bytes(), decode(signature))
}

#[test]
fn published_signatures_are_right_and_altered_ones_wrong() {
    let (rsa, p256) = (jwk_for(Algorithm::Rs256, None), jwk_for(Algorithm::Es256, None));
    for (algorithm, token, jwk, right) in [
        (Algorithm::Hs256, A1, &jwk_for(Algorithm::Hs256, None), true),
        (Algorithm::Rs256, A2, &rsa, true),
        (Algorithm::Es256, A3, &p256, true),
        (Algorithm::EdDsa, EDDSA, &jwk_for(Algorithm::EdDsa, None), true),
        (Algorithm::Ps256, PS256, &rsa, true),
        (Algorithm::Ps384, PS384, &rsa, true),
        (Algorithm::Ps512, PS512, &rsa, true),
        (Algorithm::Ps256, PS256_SHORT_SALT, &rsa, false),
        (Algorithm::Es256, ES256_LOW, &p256, true),
        (Algorithm::Es256, ES256_HIGH, &p256, true),
        (Algorithm::Es256, ES256_SHORT_R, &p256, true),
        (Algorithm::Es256, ES256_SHORT_S, &p256, true),
    ] {
        let (text, mut signature) = split(token);
        let key = key(jwk);
        assert_eq!(verdict(&key, algorithm, text, &signature), Some(right), "{token}");
        assert_eq!(verdict(&key, algorithm, &text[1..], &signature), Some(false), "{token}");
        let last = signature.len() - 1;
        for place in [0, last / 2, last] {
            signature[place] ^= 1;
            assert_eq!(verdict(&key, algorithm, text, &signature), Some(false), "{token} {place}");
            signature[place] ^= 1;
        }
    }
}

#[test]
fn both_ways_take_what_every_algorithm_signs() {
    for algorithm in signable() {
        let key = key(&jwk_for(algorithm, None));
        assert_eq!(verdict(&key, algorithm, b"text", &sign(algorithm, b"text")), Some(true), "{algorithm:?}");
        let host = Checking::default();
        key.verify(algorithm, b"text", &sign(algorithm, b"text"), &host);
        let knows_host = matches!(algorithm.name().split_at(2).0, "RS" | "ES");
        assert_eq!(host.asked.get(), usize::from(knows_host), "{algorithm:?}");
    }
}

#[test]
fn no_key_takes_another_algorithms_signature() {
    for signed in signable() {
        let signature = sign(signed, b"text");
        for taken in signable().filter(|taken| *taken != signed) {
            let key = key(&jwk_for(taken, None));
            for named in [signed, taken] {
                // One RSA key, or secret, may be for several algorithms; the right name is then right.
                let right = named == signed && key.algorithms().contains(signed);
                assert_eq!(verdict(&key, named, b"text", &signature), Some(right), "{signed:?} {taken:?}");
            }
        }
    }
}

#[test]
fn lengths_and_zeros_of_signatures_are_checked() {
    for algorithm in signable() {
        let key = key(&jwk_for(algorithm, None));
        let good = sign(algorithm, b"text");
        let (half, size) = (good.len() / 2, good.len());
        let zeros = |count: usize| vec![0; count];
        for bad in [
            vec![],
            good[1..].to_vec(),
            good[..size - 1].to_vec(),
            [&good[..], &[0]].concat(),
            [&[0], &good[..]].concat(),
            zeros(size),
            vec![0xff; size],
            [&zeros(half)[..], &good[half..]].concat(),
            [&good[..half], &zeros(size - half)[..]].concat(),
            [&good[half..], &good[..half]].concat(),
        ] {
            assert_eq!(verdict(&key, algorithm, b"text", &bad), Some(false), "{algorithm:?} {}", bad.len());
        }
    }
}

/// ECDSA takes `r` and `s` from 1 to below the order; the order itself is a zero in disguise.
#[test]
fn numbers_from_the_order_on_are_refused_both_ways() {
    let order = decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    let key = key(&jwk_for(Algorithm::Es256, None));
    let (text, good) = split(A3);
    for bad in [[&order, &good[32..]].concat(), [&good[..32], &order].concat()] {
        assert_eq!(verdict(&key, Algorithm::Es256, text, &bad), Some(false));
    }
}

/// Says what it is told to, and remembers what it was asked.
struct Told(Option<bool>, RefCell<Vec<(String, String, String)>>);

impl Host for Told {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn fill_random(&self, _: &mut [u8]) {}

    fn verify_signature(&self, asked: &Signature<'_>) -> Option<bool> {
        self.1.borrow_mut().push((asked.hash.to_owned(), encode(asked.public_key), encode(asked.signature)));
        self.0
    }
}

#[test]
fn the_host_gets_keys_and_signatures_as_openssl_writes_them() {
    let p521 = jwk(&[("kty", "EC"), ("crv", "P-521"), ("x", A4_X), ("y", A4_Y)]);
    let rsa = jwk_for(Algorithm::Rs256, None);
    for (algorithm, jwk, token, asked) in [
        (Algorithm::Es512, p521, A4, ("sha512", A4_INFO, A4_SIGNATURE.to_owned())),
        (Algorithm::Rs256, rsa, A2, ("sha256", A2_INFO, encode(split(A2).1))),
    ] {
        let (text, signature) = split(token);
        for verdict in [true, false] {
            let host = Told(Some(verdict), RefCell::default());
            assert_eq!(key(&jwk).verify(algorithm, text, &signature, &host), Some(verdict));
            let expected = (asked.0.to_owned(), asked.1.to_owned(), asked.2.clone());
            assert_eq!(host.1.into_inner(), [expected]);
        }
    }
}

#[test]
fn without_a_host_es512_and_very_long_moduli_are_not_computed() {
    let p521 = key(&jwk(&[("kty", "EC"), ("crv", "P-521"), ("x", A4_X), ("y", A4_Y)]));
    let (text, signature) = split(A4);
    assert_eq!(p521.verify(Algorithm::Es512, text, &signature, &Still::default()), None);
    for (bytes, computed) in [(512, Some(false)), (513, None), (1024, None)] {
        let long = key(&jwk(&[("kty", "RSA"), ("n", &encode(vec![0xff; bytes])), ("e", "AQAB")]));
        for algorithm in [Algorithm::Rs256, Algorithm::Ps512] {
            assert_eq!(long.verify(algorithm, b"", &vec![1; bytes], &Still::default()), computed, "{bytes}");
        }
        let host = Told(Some(true), RefCell::default());
        assert_eq!(long.verify(Algorithm::Rs256, b"", &vec![1; bytes], &host), Some(true));
        assert_eq!(long.verify(Algorithm::Ps256, b"", &vec![1; bytes], &host), computed, "hosts have no PSS");
    }
}
