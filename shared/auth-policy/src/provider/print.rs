//! By what a token is known again.

use std::hash::{BuildHasher, Hasher, RandomState};

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// Where a token that was verified is looked for: a hash of its whole text, signature included.
///
/// It only finds the place. What is there is compared with the token itself, so that no other one passes for it.
pub(crate) type Print = u64;

/// A fast hash under a seed of this generation's own, which nobody outside learns anything of. SipHash, which would need no
/// comparing, takes ten times as long over a token.
pub(crate) struct Printer {
    seed: u64,
    shared: SharedSeed,
}

impl Printer {
    /// Another seed each time.
    pub(crate) fn new() -> Self {
        // Std's hasher has a secret key; what it makes of two numbers is another.
        let random = RandomState::new();
        Self { seed: random.hash_one(1_u64), shared: SharedSeed::from_u64(random.hash_one(2_u64)) }
    }

    /// The print of a token.
    pub(crate) fn of(&self, token: &[u8]) -> Print {
        let mut hasher = FoldHasher::with_seed(self.seed, &self.shared);
        hasher.write(token);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_print_is_of_every_byte_of_a_token() {
        let printer = Printer::new();
        let token: Vec<u8> = (0..200).collect();
        let print = printer.of(&token);
        assert_eq!(print, printer.of(&token));
        for at in 0..token.len() {
            assert_ne!(print, printer.of(&token[..at]), "cut at {at}");
            let mut other = token.clone();
            other[at] ^= 1;
            assert_ne!(print, printer.of(&other), "byte {at}");
        }
    }

    #[test]
    #[cfg(not(target_arch = "wasm32"))] // where wasm-bindgen runs, std's hasher has a fixed key
    fn a_print_says_nothing_to_another_generation() {
        assert_ne!(Printer::new().of(b"token"), Printer::new().of(b"token"));
    }
}
