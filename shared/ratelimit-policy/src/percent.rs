//! Bytes as text of which nothing is lost.

use std::fmt::Write as _;

/// Bytes as UTF-8 without control characters: what is none, and `%` itself, is written as `%XX`. Different bytes give
/// different text.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || character.is_control() {
                escape(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(character);
            }
        }
        escape(&mut out, chunk.invalid());
    }
    out
}

fn escape(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "%{byte:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_no_text_is_escaped() {
        for (bytes, expected) in [
            (&b"plain, text"[..], "plain, text"),
            (b"", ""),
            (b"100%", "100%25"),
            (b"a\nb\x7f", "a%0Ab%7F"),
            ("caf\u{e9} \u{85}".as_bytes(), "caf\u{e9} %C2%85"),
            (b"caf\xe9", "caf%E9"),
            (b"\xf0\x9f\x98", "%F0%9F%98"),
        ] {
            assert_eq!(text(bytes), expected);
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn nothing_is_lost(bytes: Vec<u8>) {
            let text = text(&bytes);
            let mut back = Vec::new();
            let mut rest = text.as_bytes();
            while let Some((first, after)) = rest.split_first() {
                if *first == b'%' {
                    back.push(u8::from_str_radix(std::str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                    rest = &after[2..];
                } else {
                    back.push(*first);
                    rest = after;
                }
            }
            proptest::prop_assert_eq!(back, bytes);
        }
    }
}
