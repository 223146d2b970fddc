//! By what a token is known again.

use std::hash::{BuildHasher, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher24};

/// What is kept of a token that was verified: 128 bits of its whole text, signature included.
pub(crate) type Print = u128;

/// SipHash-2-4 under a key of this generation's own, which nobody outside learns anything of: to hit a token that is kept,
/// another has to be guessed among 2^128. A SHA-256 would take five times as long on each request.
pub(crate) struct Printer(SipHasher24);

impl Printer {
    /// Another key each time.
    pub(crate) fn new() -> Self {
        // Std's hasher has a secret key; what it makes of two numbers is another.
        let seed = RandomState::new();
        Self(SipHasher24::new_with_keys(seed.hash_one(1_u64), seed.hash_one(2_u64)))
    }

    /// The print of a token.
    pub(crate) fn of(&self, token: &[u8]) -> Print {
        let mut hasher = self.0;
        hasher.write(token);
        hasher.finish128().as_u128()
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
