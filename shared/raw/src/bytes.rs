//! Bytes compared and searched eight at a time: for what is done to each header of each request, and to whole tokens.
//!
//! The C library of a WebAssembly module does both a byte at a time, which is most of the work on a long token.

/// True when both are the same. Not for secrets: how long it takes says how far they agree.
#[must_use]
#[inline(never)]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((words, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let whole = words.iter().zip(others).all(|(one, other)| word(*one) == word(*other));
    whole
        && match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
            // Some of these were compared already.
            (Some(one), Some(other)) => word(*one) == word(*other),
            _ => rest.iter().zip(other_rest).all(|(one, other)| one == other),
        }
}

/// True when this byte is among them.
#[must_use]
pub fn has(bytes: &[u8], byte: u8) -> bool {
    find(bytes, byte).is_some()
}

/// True when all of it is printable ASCII, blanks included: no control byte, no DEL, nothing above.
#[must_use]
#[inline(never)]
pub fn is_printable(bytes: &[u8]) -> bool {
    const BLANKS: u64 = word([b' '; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    // The high bit of a byte that is above ASCII, of one that is DEL, and of one below the blank. Where the first is set, the others
    // may be wrong.
    let others = |word: u64| (word | word.wrapping_add(LOW) | !(word | HIGH).wrapping_sub(BLANKS)) & HIGH;
    words.iter().all(|bytes| others(word(*bytes)) == 0) && rest.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Where the first byte of this value stands.
#[must_use]
#[inline(never)]
pub fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    let pattern = word([wanted; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut before = 0_usize;
    for bytes in words {
        let differs = word(*bytes) ^ pattern;
        // The high bit of the first byte that does not differ; above it perhaps of more.
        let same = differs.wrapping_sub(LOW) & !differs & HIGH;
        if same != 0 {
            return Some(before.wrapping_add((same.trailing_zeros() / 8) as usize));
        }
        before = before.wrapping_add(8);
    }
    let place = rest.iter().position(|byte| *byte == wanted)?;
    Some(before.wrapping_add(place))
}

/// How many bytes stand before the first that ends a plain part of a JSON string (RFC 8259, 7): a quote, a backslash or a control
/// character. All of them where there is none.
#[must_use]
#[inline(never)]
pub fn plain(bytes: &[u8]) -> usize {
    const QUOTES: u64 = word([b'"'; 8]);
    const BACKSLASHES: u64 = word([b'\\'; 8]);
    const BLANKS: u64 = word([b' '; 8]);
    // The high bit of a byte that is below another, and (above it, which is later in the text) of some that are not.
    let below = |word: u64, least: u64| word.wrapping_sub(least) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut before = 0_usize;
    for bytes in words {
        let word = word(*bytes);
        let ends = below(word ^ QUOTES, LOW) | below(word ^ BACKSLASHES, LOW) | below(word, BLANKS);
        if ends != 0 {
            return before.wrapping_add((ends.trailing_zeros() / 8) as usize);
        }
        before = before.wrapping_add(8);
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    before.wrapping_add(rest.iter().position(ends).unwrap_or(rest.len()))
}

const LOW: u64 = word([0x01; 8]);
const HIGH: u64 = word([0x80; 8]);

const fn word(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn text(length: usize) -> Vec<u8> {
        (0..=250).rev().cycle().take(length).collect()
    }

    #[test]
    fn one_byte_more_less_or_other_is_not_the_same() {
        for length in 0..40 {
            let one = text(length);
            assert!(same(&one, &one.clone()), "{length}");
            assert!(!same(&one, &text(length + 1)), "{length}");
            for at in 0..length {
                for bit in 0..8 {
                    let mut other = one.clone();
                    other[at] ^= 1 << bit;
                    assert!(!same(&one, &other), "byte {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn one_byte_that_is_not_printable_is_seen_wherever_it_stands() {
        for length in 1..20 {
            for around in [b' ', b'a', b'~'] {
                assert!(is_printable(&vec![around; length]));
                for (at, byte) in (0..length).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                    let mut bytes = vec![around; length];
                    bytes[at] = byte;
                    assert_eq!(
                        is_printable(&bytes),
                        matches!(byte, b' '..=b'~'),
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
        assert!(is_printable(b"") && !is_printable(&[0xff; 16]) && !is_printable(&[0; 16]));
    }

    #[test]
    fn the_first_byte_that_is_not_plain_is_found_wherever_it_stands() {
        let ends = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        for length in 0..20 {
            for around in [b' ', b'!', b'#', b'a', 0x7f, 0x80, 0xa2, 0xdc, 0xff] {
                assert_eq!(plain(&vec![around; length]), length);
                for (at, byte) in (0..length).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
                    // A second one behind it, and one that looks like it.
                    for later in [around, b'"', b'\\', 0, byte ^ 0x80] {
                        let mut bytes = vec![around; length];
                        bytes[at] = byte;
                        bytes[at + 1..].fill(later);
                        let first = bytes.iter().position(|byte| ends(*byte)).unwrap_or(length);
                        assert_eq!(plain(&bytes), first, "{byte} at {at} of {length}, then {later}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands_and_nowhere_else() {
        for length in 0..40 {
            for byte in [0, 1, b',', 0x2d, 0x7f, 0x80, 0xac, 0xff] {
                for other in (0..=255_u8).filter(|other| *other != byte) {
                    assert!(!has(&vec![other; length], byte), "{byte} in {other}");
                    for at in 0..length {
                        let mut bytes = vec![other; length];
                        bytes[at..].fill(byte ^ 0x80);
                        bytes[at] = byte;
                        assert_eq!(find(&bytes, byte), Some(at), "{byte} in {other}");
                    }
                }
                for at in 0..length {
                    let mut bytes = vec![byte ^ 1; length];
                    bytes[at] = byte;
                    assert!(has(&bytes, byte), "{byte} at {at} of {length}");
                }
            }
        }
    }
}
