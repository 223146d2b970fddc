//! What can be a name, and what can be a value.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn names_are_folded_and_checked() {
    assert_eq!(HeaderName::parse("X-A_b.c").unwrap().as_str(), "x-a_b.c");
    assert_eq!(HeaderName::parse(":Path").unwrap().as_str(), ":path");
    for bad in ["", ":", "a b", "a:b", "a\r\nb", "é", "a\"", "(a)", &"a".repeat(257)] {
        assert!(HeaderName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_token_table_is_the_one_of_rfc_9110() {
    let allowed: Vec<u8> = (0..=255).filter(|byte| is_token(*byte)).collect();
    let mut expected =
        b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".to_vec();
    expected.sort_unstable();
    assert_eq!(allowed, expected);
}

#[test]
fn no_byte_sequence_leaves_a_control_byte_in_a_value() {
    let all: Vec<u8> = (0..=255).collect();
    let value = HeaderValue::escaped(&all);
    assert!(!value.as_bytes().iter().any(|byte| is_control(*byte)));
    assert!(value.as_bytes().ends_with(&[0xfe, 0xff]));
    assert!(value.as_bytes().starts_with(b"%00%01"));
}

#[test]
fn a_written_value_with_a_line_break_is_refused() {
    assert!(HeaderValue::parse("a\nb").unwrap_err().contains("0x0a"));
    assert_eq!(HeaderValue::parse("a\tb é").unwrap().as_bytes(), "a\tb é".as_bytes());
}

#[test]
fn debug_prints_no_value() {
    assert_eq!(format!("{:?}", HeaderValue::escaped(b"secret")), "HeaderValue(6 bytes)");
}

#[test]
fn framing_and_routing_names_are_protected() {
    for name in ["content-length", "transfer-encoding", "connection", ":path", "host", "te", "upgrade"] {
        assert!(is_protected(name.as_bytes()), "{name}");
    }
    assert!(!is_protected(b"x-env"));
    assert!(!is_protected(b"content-type"));
}

#[test]
fn a_name_is_known_that_reads_as_itself() {
    for name in ["x-a", ":path", "a_b.c", "1", "X-a", "", ":", "::a", "a b", "a:b", "é", "a\u{7f}"] {
        let reads_as_itself = HeaderName::parse(name).is_ok_and(|read| read.as_str() == name);
        assert_eq!(is_lower_case_name(name.as_bytes()), reads_as_itself, "{name:?}");
    }
    let (known, read) = (HeaderName::COOKIE, HeaderName::parse("Cookie").unwrap());
    assert_eq!(known, read);
    assert!(std::collections::HashSet::from([known]).contains(&read));
}
