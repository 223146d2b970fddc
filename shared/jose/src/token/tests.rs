#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::fixtures::encode;
use crate::vectors::{A1, A4};

fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.c2ln", encode(header), encode(payload))
}

fn fault(text: impl AsRef<[u8]>) -> Option<Malformed> {
    Token::read(text.as_ref()).err()
}

#[test]
fn the_example_of_rfc_7519_is_read() {
    let token = Token::read(A1.as_bytes()).unwrap();
    assert_eq!((token.algorithm(), token.typ(), token.kid()), ("HS256", Some("JWT"), None));
    assert_eq!(token.payload(), A1.split('.').nth(1).unwrap());
    assert_eq!(token.text(), A1.rsplit_once('.').unwrap().0.as_bytes());
    assert_eq!(token.claims().issuer(), Some("joe"));
    let shown = format!("{token:?}");
    assert!(shown.contains("HS256") && !shown.contains("joe") && !shown.contains("116"), "{shown}");
    assert_eq!(
        token.into_claims().0.get(&["http://example.com/is_root".to_owned()]),
        Some(&Json::Bool(true))
    );
}

#[test]
fn headers_that_ask_for_more_than_a_signature_are_refused() {
    use Malformed::{Critical, Header, Parameter};
    for (header, expected) in [
        (r#"{"alg":"RS256","kid":"../../etc/passwd","typ":"JWT","cty":"JWT"}"#, None),
        (r#"{"alg":"nOnE","jku":"https://evil.example","x5u":1,"x5c":[],"x5t":"","other":{}}"#, None),
        (r#"{"alg":""}"#, None),
        (r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, Some(Critical)),
        (r#"{"alg":"RS256","crit":[]}"#, Some(Critical)),
        (r#"{"alg":"RS256","crit":null}"#, Some(Critical)),
        (r#"{"alg":"RS256","b64":true}"#, Some(Parameter)),
        (r#"{"alg":"RS256","b64":false,"crit":["b64"]}"#, Some(Critical)),
        (r#"{"alg":"RSA-OAEP","enc":"A128GCM"}"#, Some(Parameter)),
        (r#"{"alg":"RS256","zip":"DEF"}"#, Some(Parameter)),
        (r#"{"alg":"RS256","jwk":{"kty":"oct","k":"AA"}}"#, Some(Parameter)),
        (r#"{"alg":"RS256","alg":"none"}"#, Some(Header)),
        (r#"{"alg":"RS256","\u0061lg":"none"}"#, Some(Header)),
        (r#"{"alg":"RS256","a":{"b":1,"b":2}}"#, Some(Header)),
        (r#"{"kid":"a"}"#, Some(Header)),
        (r#"{"ALG":"RS256"}"#, Some(Header)),
        (r#"{"alg":null}"#, Some(Header)),
        (r#"{"alg":["RS256"]}"#, Some(Header)),
        (r#"{"alg":"RS256","kid":7}"#, Some(Header)),
        (r#"{"alg":"RS256","kid":null}"#, Some(Header)),
        (r#"{"alg":"RS256","typ":["JWT"]}"#, Some(Header)),
        (r#"{"alg":"RS256","cty":1}"#, Some(Header)),
        (r#"["alg"]"#, Some(Header)),
        (r#""alg""#, Some(Header)),
        (r#"{"alg":"RS256"} {}"#, Some(Header)),
        (r#"{"alg":"RS256""#, Some(Header)),
        ("\u{feff}{\"alg\":\"RS256\"}", Some(Header)),
        ("", Some(Header)),
    ] {
        assert_eq!(fault(token(header, "{}")), expected, "{header}");
    }
}

#[test]
fn the_header_and_the_payload_are_utf_8() {
    let (header, payload) = (encode(r#"{"alg":"RS256"}"#), encode("{}"));
    let bad = encode(b"{\"alg\":\"\xff\"}");
    assert_eq!(fault(format!("{bad}.{payload}.")), Some(Malformed::Header));
    assert_eq!(fault(format!("{header}.{bad}.")), Some(Malformed::Payload));
    assert_eq!(fault(format!("{header}.{payload}.")), None, "an empty signature is well formed");
}

#[test]
fn payloads_are_objects_that_name_nothing_twice() {
    for bad in ["", "1", "null", "[]", "Payload", r#"{"exp":1,"exp":9}"#, r#"{"a":NaN}"#, "{}{}"] {
        assert_eq!(fault(token(r#"{"alg":"RS256"}"#, bad)), Some(Malformed::Payload), "{bad}");
    }
    assert_eq!(fault(A4), Some(Malformed::Payload));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(2000), "]".repeat(2000));
    assert_eq!(fault(token(r#"{"alg":"RS256"}"#, &deep)), Some(Malformed::Payload));
}

#[test]
fn what_is_no_compact_serialization_is_refused() {
    use Malformed::{Character, Encoding, Parts};
    let good = token(r#"{"alg":"RS256"}"#, "{}");
    let (text, signature) = good.rsplit_once('.').unwrap();
    for (bad, expected) in [
        (String::new(), Parts),
        (".".to_owned(), Parts),
        ("...".to_owned(), Parts),
        (text.to_owned(), Parts),
        (format!("{good}."), Parts),
        (format!("{good}.{signature}.{signature}"), Parts),
        (format!(".{good}"), Parts),
        (format!("{good}="), Character),
        (format!("{good} "), Character),
        (format!(" {good}"), Character),
        (format!("{good}\n"), Character),
        (format!("{good}\0"), Character),
        (format!("Bearer {good}"), Character),
        (format!("{good},{good}"), Character),
        (good.replace('.', "%2E"), Character),
        (format!("{text}.++++"), Character),
        (format!("{text}.é"), Character),
        (format!(r#"{{"payload":"{text}","signature":"{signature}"}}"#), Character),
        (format!("{text}.A"), Encoding),
        (format!("{text}.AB"), Encoding),
        (format!("{text}AA.{signature}"), Encoding),
        (format!("e.e.{signature}"), Encoding),
    ] {
        assert_eq!(fault(&bad), Some(expected), "{bad:?}");
        assert!(!looks_like_a_token(bad.as_bytes()) || expected == Encoding, "{bad:?}");
    }
}

#[test]
fn long_tokens_and_headers_are_refused_unread() {
    let good = token(r#"{"alg":"RS256"}"#, "{}");
    let filled = |length: usize| format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(length));
    let room = MAX_TOKEN - filled(0).len();
    assert_eq!(fault(filled(room / 4 * 4)), None);
    assert_eq!(fault(filled(room + 1)), Some(Malformed::TooLong));
    assert_eq!(fault("A".repeat(10 << 20)), Some(Malformed::TooLong));
    assert!(!looks_like_a_token(filled(room + 1).as_bytes()));
    let header = |length: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
    let room = MAX_HEADER - header(0).len();
    assert_eq!(fault(token(&header(room), "{}")), None);
    assert_eq!(fault(token(&header(room + 1), "{}")), Some(Malformed::TooLong));
}

#[test]
fn opaque_tokens_do_not_look_like_signed_ones() {
    for (text, expected) in [
        (A1, true),
        (A4, true),
        ("eyJhbGciOiJub25lIn0..", true),
        ("", false),
        ("2YotnFZFEjr1zCsicMWpAA", false),
        ("a.b.c", false),
        ("AAAA.BBBB.CCCC", false),
        ("eyJ0eXAiOiJKV1QifQ.e30.", false),
        ("eyJhbGciOiJub25lIn0.e30", false),
        ("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AA.AA.AA", false),
        ("secret/with.dots.in", false),
    ] {
        assert_eq!(looks_like_a_token(text.as_bytes()), expected, "{text}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Token::read(&bytes);
            let _ = looks_like_a_token(&bytes);
        }

        #[test]
        fn no_header_and_payload_panic(header in "[{}\\[\\]:,\"a-c0-9.\\\\é]{0,40}", payload in ".{0,40}") {
            let _ = Token::read(token(&header, &payload).as_bytes());
        }

        #[test]
        fn a_token_cut_anywhere_is_refused_or_has_a_shorter_signature(end in 0..A1.len()) {
            if let Ok(cut) = Token::read(&A1.as_bytes()[..end]) {
                prop_assert!(cut.signature().len() < 32);
            }
        }
    }
}
