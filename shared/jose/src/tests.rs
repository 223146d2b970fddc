use std::time::Duration;

use policy_core::table::Still;
use policy_core::time::Timestamp;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixtures::{Checking, EVERY, jwk_for, plain, set, signable};
use crate::vectors::{A1, A2, A3, PS256};
use crate::{Algorithm, Expectations, KeySet, Refused, Token};

/// All keys at once, as in the set of an issuer that rotates them.
fn keys() -> KeySet {
    set(&[Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Hs256]
        .map(|algorithm| jwk_for(algorithm, None)))
}

fn joe() -> Expectations {
    Expectations {
        issuer: "joe".to_owned(),
        audiences: Vec::new(),
        clock_skew: Duration::ZERO,
        require_expiration: true,
        max_lifetime: None,
        token_type: None,
    }
}

/// The whole way.
fn pass(keys: &KeySet, token: &[u8], seconds: u64) -> Result<(), Refused> {
    let token = Token::read(token)?;
    keys.verify(&token, &EVERY, &Still::default())?;
    joe().check(&token, Timestamp(seconds.saturating_mul(1_000_000_000))).map(drop)
}

#[test]
fn the_examples_of_rfc_7515_pass_until_they_expire() {
    let keys = keys();
    for token in [A1, A2, A3] {
        assert_eq!(pass(&keys, token.as_bytes(), 1_300_819_379), Ok(()), "{token}");
        assert_eq!(pass(&keys, token.as_bytes(), 1_300_819_380), Err(Refused::Expired), "{token}");
    }
    assert_eq!(pass(&keys, PS256.as_bytes(), 0), Err(Refused::NoExpiration));
}

#[test]
fn every_algorithm_passes_both_ways() {
    let keys = keys();
    for algorithm in signable() {
        let token = plain(algorithm, r#"{"iss":"joe","exp":9}"#);
        assert_eq!(pass(&keys, token.as_bytes(), 8), Ok(()), "{algorithm:?}");
        let token = Token::read(token.as_bytes()).unwrap();
        assert_eq!(keys.verify(&token, &EVERY, &Checking::default()), Ok(()), "{algorithm:?}");
    }
}

#[test]
fn no_token_passes_with_a_bit_changed() {
    let keys = keys();
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        let mut token = plain(algorithm, r#"{"iss":"joe","exp":9}"#).into_bytes();
        for place in 0..token.len() {
            for bit in [0x01, 0x20, 0x80] {
                token[place] ^= bit;
                assert!(pass(&keys, &token, 8).is_err(), "{algorithm:?} {place} {bit}");
                token[place] ^= bit;
            }
        }
        assert_eq!(pass(&keys, &token, 8), Ok(()), "{algorithm:?}");
    }
}

#[test]
fn reasons_are_words_and_sentences_name_no_token() {
    for refused in [Refused::Malformed, Refused::UnknownKey, Refused::NoExpiration, Refused::Unsupported] {
        assert!(refused.reason().bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()));
        // RFC 6750, 3: what an error_description may hold.
        assert!(
            refused.sentence().bytes().all(|byte| matches!(byte, 0x20..=0x7e) && !b"\"\\".contains(&byte))
        );
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn no_rsa_token_passes_with_a_byte_changed(place in 0..A2.len(), byte: u8) {
        let mut token = A2.as_bytes().to_vec();
        let same = token[place] == byte;
        token[place] = byte;
        proptest::prop_assert_eq!(pass(&keys(), &token, 0).is_ok(), same);
    }
}
