//! What several of the wire types check.

use policy_core::ConfigError;
use policy_core::percent::hex_byte;

const MAX_REALM: usize = 128;

/// A realm as clients can read it.
///
/// # Errors
/// Refuses one that is empty, too long, or holds more than printable ASCII.
pub fn realm(realm: String) -> Result<String, ConfigError> {
    if realm.is_empty() || realm.len() > MAX_REALM {
        return Err(ConfigError::at("realm", format!("a realm has 1 to {MAX_REALM} characters")));
    }
    if !realm.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(ConfigError::at("realm", "a realm holds printable ASCII characters only"));
    }
    Ok(realm)
}

/// 64 hexadecimal digits as 32 bytes.
pub(crate) fn hex32(text: &[u8]) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = hex_byte(pair)?;
    }
    Some(out)
}
