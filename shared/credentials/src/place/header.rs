//! A credential in a header.

use policy_core::bytes::has;
use policy_core::{HeaderName, Headers};

use super::Ambiguous;

/// The header's one credential. Two fields are two credentials, even where one of them lacks the prefix: the next
/// reader may take the other.
pub(super) fn look(
    headers: &Headers<'_>,
    name: &HeaderName,
    prefix: Option<&str>,
) -> Result<Option<Vec<u8>>, Ambiguous> {
    // Authorization is the header that Envoy joins with a comma when it is given twice. No credential in it has one.
    let joined = *name == HeaderName::AUTHORIZATION;
    let mut fields: usize = 0;
    let mut found = None;
    for value in headers.values(name) {
        fields = fields.saturating_add(1);
        let split = joined && has(value, b',');
        let ours = |piece: &[u8]| after_prefix(piece, prefix).is_some();
        if split && value.split(|byte| *byte == b',').any(ours) {
            return Err(Ambiguous);
        }
        found = found.or_else(|| after_prefix(value, prefix).map(<[u8]>::to_vec));
    }
    match found {
        Some(_) if fields > 1 => Err(Ambiguous),
        found => Ok(found),
    }
}

/// What follows the prefix, trimmed; `None` where the value does not begin with it.
fn after_prefix<'v>(value: &'v [u8], prefix: Option<&str>) -> Option<&'v [u8]> {
    let value = value.trim_ascii();
    let Some(prefix) = prefix else { return Some(value) };
    let word = prefix.trim_ascii_end();
    let (start, rest) = value.split_at_checked(word.len())?;
    let ended = word.len() == prefix.len() || rest.first().is_none_or(u8::is_ascii_whitespace);
    (ended && start.eq_ignore_ascii_case(word.as_bytes())).then(|| rest.trim_ascii_start())
}

/// True when a value can begin with both prefixes.
pub(super) fn one_covers(one: &str, other: &str) -> bool {
    after_prefix(one.as_bytes(), Some(other)).is_some() || after_prefix(other.as_bytes(), Some(one)).is_some()
}
