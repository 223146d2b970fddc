//! A credential in the query.

use policy_core::percent::decoded;
use policy_core::{HeaderName, HeaderValue, Headers};

use super::Ambiguous;

pub(super) fn look(headers: &Headers<'_>, name: &str) -> Result<Option<Vec<u8>>, Ambiguous> {
    let Some((_, query)) = headers.first(&HeaderName::PATH).and_then(split) else { return Ok(None) };
    let mut found = None;
    for pair in query.split(|byte| *byte == b'&').filter(|pair| is_named(pair, name)) {
        if found.is_some() {
            return Err(Ambiguous);
        }
        found = Some(decoded(value_of(pair)).collect());
    }
    Ok(found)
}

pub(super) fn remove(headers: &mut Headers<'_>, name: &str) {
    if let Some(rest) = headers.first(&HeaderName::PATH).and_then(|value| remove_query(value, name)) {
        headers.set(&HeaderName::PATH, HeaderValue::escaped(&rest));
    }
}

/// The path without a parameter, wherever and however often it stands; `None` where it does not stand at all.
///
/// The other parameters keep their bytes and their order; empty ones (`a=1&&b=2`) go with it, and so does a `?` that
/// nothing follows.
#[must_use]
pub fn remove_query(path: &[u8], name: &str) -> Option<Vec<u8>> {
    let (before, query) = split(path)?;
    if !query.split(|byte| *byte == b'&').any(|pair| is_named(pair, name)) {
        return None;
    }
    let mut out = before.to_vec();
    let mut mark = b'?';
    for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty() && !is_named(pair, name)) {
        out.push(mark);
        out.extend_from_slice(pair);
        mark = b'&';
    }
    Some(out)
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let mark = path.iter().position(|byte| *byte == b'?')?;
    let (before, query) = path.split_at_checked(mark)?;
    Some((before, query.get(1..)?))
}

fn is_named(pair: &[u8], name: &str) -> bool {
    let own = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
    decoded(own).eq(name.bytes())
}

fn value_of(pair: &[u8]) -> &[u8] {
    let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
    pair.get(equals.saturating_add(1)..).unwrap_or_default()
}
