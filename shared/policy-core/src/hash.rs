//! A hash that stays the same across versions, machines and workers.

/// FNV-1a over 64 bits with a final mix (the one of SplitMix64), so that the low bits are usable.
///
/// Not for anything an attacker gains by colliding: it only places requests into percentages.
#[must_use]
pub fn stable(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    for part in parts {
        part.iter().copied().for_each(&mut eat);
        // The length ends each part, so that ("ab", "c") and ("a", "bc") differ.
        (part.len() as u64).to_le_bytes().into_iter().for_each(&mut eat);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_hash_never_changes() {
        assert_eq!(stable(&[b"rule", b"10.0.0.1"]), 9_128_348_626_934_403_069);
        assert_eq!(stable(&[]), 17_665_956_581_633_026_203);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(stable(&[b"ab", b"c"]), stable(&[b"a", b"bc"]));
        assert_ne!(stable(&[b"", b"a"]), stable(&[b"a", b""]));
    }
}
