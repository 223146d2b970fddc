//! Percent-encoding (RFC 3986, section 2.1), read.

/// The bytes that `%XX` stand for. What is no escape stands for itself.
pub fn decoded(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        let escape = (*first == b'%').then(|| after.split_at_checked(2)).flatten();
        let (byte, after) =
            escape.and_then(|(pair, after)| Some((hex_byte(pair)?, after))).unwrap_or((*first, after));
        rest = after;
        Some(byte)
    })
}

/// Two hexadecimal digits as a byte.
#[must_use]
pub fn hex_byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(*high)? << 4) | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn escapes_are_read_and_what_is_none_stands_for_itself() {
        for (text, bytes) in [
            ("", ""),
            ("a%20b", "a b"),
            ("%41%6a%6A", "Ajj"),
            ("%2525", "%25"),
            ("%", "%"),
            ("%4", "%4"),
            ("%4x%zz%%41", "%4x%zz%A"),
            ("a+b", "a+b"),
        ] {
            assert_eq!(decoded(text.as_bytes()).collect::<Vec<_>>(), bytes.as_bytes(), "{text}");
        }
    }

    #[test]
    fn two_digits_are_a_byte_and_nothing_else_is() {
        assert_eq!(hex_byte(b"fF"), Some(255));
        for bad in ["", "f", "fff", "g0", "+1", " 1"] {
            assert_eq!(hex_byte(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
