//! A credential in a cookie. HTTP/2 may send a `Cookie` field for each.

use policy_core::cookie::{pairs, value_of};
use policy_core::{HeaderName, HeaderValue, Headers};

use super::Ambiguous;

pub(super) fn look(headers: &Headers<'_>, name: &str) -> Result<Option<Vec<u8>>, Ambiguous> {
    let mut found = None;
    for pair in headers.values(&HeaderName::COOKIE).flat_map(pairs) {
        let Some(value) = value_of(pair, name) else { continue };
        if found.is_some() {
            return Err(Ambiguous);
        }
        found = Some(value.to_vec());
    }
    Ok(found)
}

pub(super) fn remove(headers: &mut Headers<'_>, name: &str) {
    let kept = headers.values(&HeaderName::COOKIE).filter_map(|value| without(value, name)).collect();
    headers.set_all(&HeaderName::COOKIE, kept);
}

/// The field without the cookie; `None` where nothing else was in it.
fn without(field: &[u8], name: &str) -> Option<HeaderValue> {
    if !pairs(field).any(|pair| value_of(pair, name).is_some()) {
        return Some(HeaderValue::escaped(field));
    }
    let mut out = Vec::with_capacity(field.len());
    for pair in pairs(field).filter(|pair| !pair.trim_ascii().is_empty() && value_of(pair, name).is_none()) {
        if out.is_empty() {
            out.extend_from_slice(pair.trim_ascii_start());
        } else {
            out.push(b';');
            out.extend_from_slice(pair);
        }
    }
    (!out.is_empty()).then(|| HeaderValue::escaped(&out))
}
