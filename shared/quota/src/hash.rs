//! Keys to numbers that nobody outside can predict: SipHash-2-4 with 128 bits, under a secret of this proxy.
//!
//! Without the secret one could send keys that all fall into a victim's set of the table, or that have a victim's print.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// The hash under this proxy's secret.
#[derive(Clone)]
pub struct KeyHash([u8; 16]);

/// The hash of one limit's keys: the limit's name is in it already.
#[derive(Clone)]
pub struct Seed(SipHasher24);

/// A key that is being hashed.
pub struct KeyHasher(SipHasher24);

/// A hashed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    /// Tells keys of one set apart. Never 0.
    pub(crate) low: u64,
    /// Says which set it is.
    high: u64,
}

impl KeyHash {
    /// Under this secret.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// For the keys of this limit.
    #[must_use]
    pub fn seed(&self, limit: &str) -> Seed {
        let mut hasher = KeyHasher(SipHasher24::new_with_key(&self.0));
        hasher.part(0, limit.as_bytes());
        Seed(hasher.0)
    }
}

impl Seed {
    /// Begins a key.
    #[must_use]
    pub fn start(&self) -> KeyHasher {
        KeyHasher(self.0)
    }
}

impl KeyHasher {
    /// Adds a part. Two keys are one only if all their parts are: `a:b` and `c` are not `a` and `b:c`.
    pub fn part(&mut self, tag: u8, bytes: &[u8]) {
        // One word for both, and little-endian on each machine: a part in memory is shorter than 2^56 bytes.
        self.0.write(&((bytes.len() as u64) << 8 | u64::from(tag)).to_le_bytes());
        self.0.write(bytes);
    }

    /// The key.
    #[must_use]
    pub fn finish(&self) -> Print {
        let (low, high) = self.0.finish128().as_u64();
        Print { low: low.max(1), high }
    }
}

impl Print {
    /// All of it, as one number.
    #[must_use]
    pub fn as_u128(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// The place among so many sets, a power of two.
    #[must_use]
    pub fn set(&self, sets: u32) -> u32 {
        (self.high as u32) & sets.saturating_sub(1)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher")
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]
mod tests {
    use super::*;
    use std::collections::HashSet;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn print(secret: [u8; 16], limit: &str, parts: &[(u8, &str)]) -> Print {
        let mut hasher = KeyHash::new(secret).seed(limit).start();
        parts.iter().for_each(|(tag, part)| hasher.part(*tag, part.as_bytes()));
        hasher.finish()
    }

    #[test]
    fn it_is_siphash_2_4_with_128_bits() {
        let key = core::array::from_fn(|n| n as u8);
        for (input, output) in [
            (&[][..], 0x930255c71472f66de6a825ba047f81a3_u128),
            (&[0][..], 0x45fc229b1159763444af996bd8c187da),
        ] {
            let mut hasher = SipHasher24::new_with_key(&key);
            hasher.write(input);
            // The reference gives bytes, low half first.
            assert_eq!(hasher.finish128().as_u128().to_le_bytes(), output.to_le_bytes());
        }
    }

    #[test]
    fn keys_are_one_only_if_all_their_parts_are() {
        let all: Vec<(&str, Vec<(u8, &str)>)> = vec![
            ("l", vec![(1, "a:b"), (1, "c")]),
            ("l", vec![(1, "a"), (1, "b:c")]),
            ("l", vec![(1, "a:bc")]),
            ("l", vec![(1, "a:b"), (2, "c")]),
            ("l", vec![(2, "a:b"), (1, "c")]),
            ("l", vec![(1, ""), (1, "a:b"), (1, "c")]),
            ("l", vec![(1, "a:b"), (1, "c"), (1, "")]),
            ("l", vec![]),
            ("l", vec![(0, "")]),
            ("", vec![(0, "l")]),
            ("k", vec![(1, "a:b"), (1, "c")]),
        ];
        let prints: HashSet<_> = all.iter().map(|(limit, parts)| print([7; 16], limit, parts).low).collect();
        assert_eq!(prints.len(), all.len());
        assert_eq!(print([7; 16], "l", &all[0].1), print([7; 16], "l", &all[0].1));
        assert_ne!(print([7; 16], "l", &all[0].1), print([8; 16], "l", &all[0].1));
    }

    #[test]
    fn keys_spread_over_the_sets() {
        let mut sets = [0; 64];
        for n in 0..6400 {
            sets[print([7; 16], "l", &[(1, &n.to_string())]).set(64) as usize] += 1;
        }
        assert!(sets.iter().all(|n| (50..160).contains(n)), "{sets:?}");
    }

    #[test]
    fn the_secret_is_not_shown() {
        let hash = KeyHash::new([77; 16]);
        let seed = hash.seed("l");
        assert!(!format!("{hash:?} {seed:?} {:?}", seed.start()).contains("77"));
    }
}
