//! What a client presents: `base64(user:password)`.

use ct_codecs::{Base64, Base64NoPadding, Decoder};
use hmac_sha256::Hash;

pub(super) const MAX_USER: usize = 256;
const MAX_BYTES: usize = 1024;

/// A user name and a password, not yet checked.
pub(super) struct Presented {
    text: String,
    colon: usize,
}

impl Presented {
    /// Reads the credential (RFC 7617 2): base64 with or without padding, UTF-8, no control characters, a colon.
    pub(super) fn read(credential: &[u8]) -> Option<Self> {
        // As text the credential is a third longer.
        if credential.len() > MAX_BYTES.saturating_mul(4).div_ceil(3).saturating_add(4) {
            return None;
        }
        let bytes = if credential.ends_with(b"=") {
            Base64::decode_to_vec(credential, None)
        } else {
            Base64NoPadding::decode_to_vec(credential, None)
        };
        let text = String::from_utf8(bytes.ok()?).ok()?;
        let colon = text.find(':').filter(|colon| *colon > 0 && *colon <= MAX_USER)?;
        (text.len() <= MAX_BYTES && !text.chars().any(char::is_control)).then_some(Self { text, colon })
    }

    pub(super) fn user(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    pub(super) fn password(&self) -> &[u8] {
        self.text.as_bytes().get(self.colon.saturating_add(1)..).unwrap_or_default()
    }

    /// Where verdicts on it are kept. The user ends at the first colon, so two credentials never share a text.
    pub(super) fn digest(&self, salt: &[u8; 32]) -> [u8; 32] {
        let mut hash = Hash::new();
        hash.update(salt);
        hash.update(self.text.as_bytes());
        hash.finalize()
    }
}
