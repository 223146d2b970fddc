use policy_core::table::Still;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::{Checking, EVERY, decode, encode, jwk, jwk_for, plain, set, set_text, signed};
use crate::vectors::{A2_INFO, EDDSA_X};

fn verdict(keys: &KeySet, token: &str) -> Result<(), Refused> {
    keys.verify(&Token::read(token.as_bytes()).unwrap(), &EVERY, &Still::default())
}

fn with_kid(kid: &str) -> String {
    signed(Algorithm::EdDsa, &format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), "{}")
}

/// An Ed25519 key that has signed nothing here.
fn other(seed: u8, kid: Option<&str>) -> String {
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([seed; 32]));
    jwk_for(Algorithm::EdDsa, kid).replace(EDDSA_X, &encode(&pair.pk[..]))
}

#[test]
fn bad_keys_are_skipped_and_counted() {
    let good = jwk_for(Algorithm::EdDsa, Some("good"));
    let weak = jwk(&[("kty", "RSA"), ("n", "_w"), ("e", "AQAB"), ("kid", "weak")]);
    let keys = set(&["null".to_owned(), weak.clone(), good, "{}".to_owned()]);
    assert_eq!((keys.len(), keys.skipped()), (1, 3));
    assert_eq!((keys.knows("good"), keys.knows("weak"), keys.knows("")), (true, false, false));
    assert_eq!(verdict(&keys, &with_kid("good")), Ok(()));
    assert_eq!(verdict(&keys, &with_kid("weak")), Err(Refused::UnknownKey));
    assert!(!format!("{keys:?}").contains(EDDSA_X));
    let none = KeySet::read(set_text(&[weak, "{}".to_owned()]).as_bytes(), &KeyLimits::default());
    assert_eq!(none.err(), Some(KeySetError::NoUsableKey(Some(KeyFault::Short))));
}

#[test]
fn what_is_no_key_set_is_refused() {
    let good = jwk_for(Algorithm::EdDsa, None);
    let many = |count: usize| set_text(&vec![good.clone(); count]);
    let padded = |length: usize| many(1) + &" ".repeat(length - many(1).len());
    for (text, expected) in [
        (many(1), None),
        (many(100), None),
        (many(101), Some(KeySetError::TooManyKeys)),
        (padded(MAX_SET), None),
        (padded(MAX_SET + 1), Some(KeySetError::TooLong)),
        (String::new(), Some(KeySetError::NotAKeySet)),
        ("<html>".to_owned(), Some(KeySetError::NotAKeySet)),
        ("{}".to_owned(), Some(KeySetError::NotAKeySet)),
        (good.clone(), Some(KeySetError::NotAKeySet)),
        (format!("[{good}]"), Some(KeySetError::NotAKeySet)),
        (r#"{"keys":{}}"#.to_owned(), Some(KeySetError::NotAKeySet)),
        (format!(r#"{{"keys":[{good}],"keys":[]}}"#), Some(KeySetError::NotAKeySet)),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), Some(KeySetError::NotAKeySet)),
        (r#"{"keys":[]}"#.to_owned(), Some(KeySetError::NoUsableKey(None))),
    ] {
        let found = KeySet::read(text.as_bytes(), &KeyLimits::default()).err();
        assert_eq!(found, expected, "{}", &text[..text.len().min(80)]);
    }
    assert_eq!(
        KeySetError::NoUsableKey(Some(KeyFault::Purpose)).to_string(),
        "no key of the set can be used; of the first, \"use\" or \"key_ops\" says that it is not for verifying"
    );
}

#[test]
fn a_kid_picks_its_keys_and_no_others() {
    let keys = set(&[
        other(1, Some("twice")),
        jwk_for(Algorithm::EdDsa, Some("twice")),
        other(2, Some("other")),
        jwk_for(Algorithm::Rs256, Some("rsa")),
        jwk_for(Algorithm::EdDsa, None),
    ]);
    for (token, expected) in [
        (with_kid("twice"), Ok(())),
        (with_kid("other"), Err(Refused::BadSignature)),
        (with_kid("unknown"), Err(Refused::UnknownKey)),
        (with_kid(""), Err(Refused::UnknownKey)),
        (with_kid("../../dev/null"), Err(Refused::UnknownKey)),
        (with_kid("' OR 1=1 --"), Err(Refused::UnknownKey)),
        (with_kid("rsa"), Err(Refused::AlgorithmNotAllowed)),
        (plain(Algorithm::EdDsa, "{}"), Ok(())),
        (plain(Algorithm::Es384, "{}"), Err(Refused::AlgorithmNotAllowed)),
    ] {
        assert_eq!(verdict(&keys, &token), expected, "{token}");
    }
}

#[test]
fn a_set_that_names_no_key_serves_tokens_that_name_one() {
    let keys = set(&[other(1, None), jwk_for(Algorithm::EdDsa, None)]);
    assert_eq!(verdict(&keys, &with_kid("any")), Ok(()));
    assert_eq!(verdict(&set(&[other(1, None)]), &with_kid("any")), Err(Refused::BadSignature));
}

#[test]
fn no_more_than_eight_keys_are_tried() {
    for (before, expected) in [(7, Ok(())), (8, Err(Refused::BadSignature))] {
        for kid in [None, Some("same")] {
            let mut keys: Vec<String> = (1..=before).map(|seed| other(seed, kid)).collect();
            keys.push(jwk_for(Algorithm::EdDsa, kid));
            let token = kid.map_or_else(|| plain(Algorithm::EdDsa, "{}"), with_kid);
            assert_eq!(verdict(&set(&keys), &token), expected, "{before} {kid:?}");
        }
    }
}

#[test]
fn an_algorithm_has_to_be_allowed_and_written_exactly() {
    let keys: Vec<String> = [Algorithm::Rs256, Algorithm::Hs256].map(|of| jwk_for(of, None)).to_vec();
    let keys = set(&keys);
    for (header, allowed, expected) in [
        ("RS256", &[Algorithm::Rs256][..], Ok(())),
        ("RS256", &[Algorithm::Rs384, Algorithm::Hs256], Err(Refused::AlgorithmNotAllowed)),
        ("RS256", &[], Err(Refused::AlgorithmNotAllowed)),
        ("rs256", &EVERY, Err(Refused::AlgorithmNotAllowed)),
        ("none", &EVERY, Err(Refused::AlgorithmNotAllowed)),
        ("nOnE", &EVERY, Err(Refused::AlgorithmNotAllowed)),
        ("", &EVERY, Err(Refused::AlgorithmNotAllowed)),
        ("PS256", &EVERY, Err(Refused::BadSignature)),
        ("HS256", &EVERY, Err(Refused::BadSignature)),
        ("ES256", &EVERY, Err(Refused::AlgorithmNotAllowed)),
    ] {
        let token = signed(Algorithm::Rs256, &format!(r#"{{"alg":"{header}"}}"#), "{}");
        let read = Token::read(token.as_bytes()).unwrap();
        assert_eq!(keys.verify(&read, allowed, &Still::default()), expected, "{header} {allowed:?}");
        let bare = format!("{}.", token.rsplit_once('.').unwrap().0);
        let read = Token::read(bare.as_bytes()).unwrap();
        assert!(keys.verify(&read, allowed, &Still::default()).is_err(), "{header} unsigned");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let text = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode("{}"));
    let info = decode(A2_INFO);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{A2_INFO}\n-----END PUBLIC KEY-----\n");
    for secret in [&info[..], pem.as_bytes(), b""] {
        let token = format!("{text}.{}", encode(hmac_sha256::HMAC::mac(&text, secret)));
        let keys = set(&[jwk_for(Algorithm::Rs256, None)]);
        assert_eq!(verdict(&keys, &token), Err(Refused::AlgorithmNotAllowed));
        let keys = set(&[jwk_for(Algorithm::Rs256, None), jwk_for(Algorithm::Hs256, None)]);
        assert_eq!(verdict(&keys, &token), Err(Refused::BadSignature));
    }
}

#[test]
fn a_key_that_nobody_can_compute_with_is_told_from_a_bad_signature() {
    let long = jwk(&[("kty", "RSA"), ("n", &encode([0xff; 1024])), ("e", "AQAB"), ("kid", "long")]);
    let text = set_text(&[long, jwk_for(Algorithm::Rs256, Some("usual"))]);
    let keys =
        KeySet::read(text.as_bytes(), &KeyLimits { max_rsa_bits: 8192, ..KeyLimits::default() }).unwrap();
    let token = |header: &str| format!("{}.{}.{}", encode(header), encode("{}"), encode([1; 1024]));
    for (header, expected) in [
        (r#"{"alg":"RS256","kid":"long"}"#, Refused::Unsupported),
        (r#"{"alg":"RS256","kid":"usual"}"#, Refused::BadSignature),
        (r#"{"alg":"RS256"}"#, Refused::BadSignature),
    ] {
        assert_eq!(verdict(&keys, &token(header)), Err(expected), "{header}");
    }
    let text = token(r#"{"alg":"RS256","kid":"usual"}"#);
    let host = Checking::default();
    let read = Token::read(text.as_bytes()).unwrap();
    assert_eq!(keys.verify(&read, &EVERY, &host), Err(Refused::BadSignature));
    assert_eq!(host.asked.get(), 0, "a signature of the wrong length needs no host");
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = KeySet::read(&bytes, &KeyLimits::default());
        }

        #[test]
        fn no_members_panic(
            kind in "RSA|EC|OKP|oct", curve in "P-256|P-384|P-521|Ed25519",
            name in "n|e|x|y|k|alg|use|kid", value in prop::collection::vec(any::<u8>(), 0..70), x in "[A-Za-z0-9_-]{0,90}",
        ) {
            let members = [("kty", kind.as_str()), ("crv", &curve), ("x", &x), ("y", &x), ("n", &x), ("e", "AQAB"), ("k", &x)];
            let members: Vec<_> = members.into_iter().filter(|(known, _)| *known != name).collect();
            let key = jwk(&[&members[..], &[(&name, &encode(value))]].concat());
            let limits = KeyLimits { algorithms: EVERY.to_vec(), max_rsa_bits: 4096 };
            let _ = KeySet::read(set_text(&[key]).as_bytes(), &limits);
        }
    }
}
