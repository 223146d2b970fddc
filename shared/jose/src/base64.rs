//! Base64url without padding (RFC 7515, 2), and only as an encoder writes it.

/// Six bits per character; `BAD` for those outside the alphabet.
const SIX: [u8; 256] = table();
const BAD: u8 = 0xff;

/// What none of the alphabet's six bits is.
const NOT_SIX: u8 = 0b1100_0000;

fn six(byte: u8) -> u8 {
    SIX.get(usize::from(byte)).copied().unwrap_or(BAD)
}

/// True for the characters of the alphabet.
pub(crate) fn is_digit(byte: u8) -> bool {
    six(byte) != BAD
}

/// The bytes, or `None` for a character outside the alphabet, an impossible length, or set bits that no byte takes:
/// each byte string has one text, so two texts are never the same token.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (chunks, rest) = text.as_chunks::<4>();
    let mut bytes = vec![0; chunks.len().checked_mul(3)?];
    let mut bad = 0;
    for (out, [a, b, c, d]) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(chunks) {
        let (a, b, c, d) = (six(*a), six(*b), six(*c), six(*d));
        bad |= a | b | c | d;
        *out = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    match *rest {
        [] => {}
        [a, b] => {
            let (a, b) = (six(a), six(b));
            bad |= a | b | if b & 0b1111 == 0 { 0 } else { BAD };
            bytes.push(a << 2 | b >> 4);
        }
        [a, b, c] => {
            let (a, b, c) = (six(a), six(b), six(c));
            bad |= a | b | c | if c & 0b11 == 0 { 0 } else { BAD };
            bytes.extend([a << 2 | b >> 4, b << 4 | c >> 2]);
        }
        _ => return None,
    }
    (bad & NOT_SIX == 0).then_some(bytes)
}

#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "computed by the compiler")]
const fn table() -> [u8; 256] {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut table = [BAD; 256];
    let mut six = 0;
    while six < 64 {
        table[digits[six] as usize] = six as u8;
        six += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::fixtures::encode;

    #[test]
    fn every_length_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=bytes.len() {
            assert_eq!(decode(encode(&bytes[..length]).as_bytes()).unwrap(), &bytes[..length]);
        }
    }

    #[test]
    fn bytes_have_one_text() {
        for bad in [
            "A", "AAAAA", "AB", "AAB", "Zh", "Zm9", "AA==", "AA=", "AA ", " AA", "A\nA", "+A", "/A", "é",
            "AA.", "A\0",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(decode(b"-_8"), Some(vec![0xfb, 0xff]));
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn the_library_agrees(text in "[A-Za-z0-9_=+/ -]{0,9}") {
            use ct_codecs::{Base64UrlSafeNoPadding, Decoder};
            let library = Base64UrlSafeNoPadding::decode_to_vec(&text, None).ok();
            proptest::prop_assert_eq!(decode(text.as_bytes()), library);
        }
    }
}
