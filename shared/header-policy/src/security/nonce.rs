//! The nonce of a Content Security Policy.

use policy_core::Host;

/// 128 random bits in base64, as CSP3 7.1 asks ("at least 128 bits long").
#[derive(Debug)]
pub(super) struct Nonce(Vec<u8>);

impl Nonce {
    /// A nonce that nobody can have guessed.
    pub(super) fn new(host: &dyn Host) -> Self {
        let mut random = [0; 16];
        host.fill_random(&mut random);
        Self(base64(&random))
    }

    /// The text in the policy, in the request header and in the page's `nonce="…"`.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Base64 with padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(24);
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).copied().unwrap_or_default();
        let sextets = [byte(0) >> 2, byte(0) << 4 | byte(1) >> 4, byte(1) << 2 | byte(2) >> 6, byte(2)];
        for (place, sextet) in sextets.into_iter().enumerate() {
            let digit = ALPHABET.get(usize::from(sextet & 0x3f)).copied().unwrap_or(b'A');
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn base64_is_the_one_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
            ("0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes(), "{bytes}");
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), b"+//+");
    }
}
