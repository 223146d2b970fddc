//! The `Cookie` field of a request (RFC 6265, section 4.2), read.

/// The parts of a field, each with the blanks around it.
pub fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b';')
}

/// The value of the cookie of this name, without the quotes around it; `None` for another one. A part without `=` is no
/// cookie.
#[must_use]
pub fn value_of<'p>(pair: &'p [u8], name: &str) -> Option<&'p [u8]> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (own, value) = pair.split_at_checked(equals)?;
    if own.trim_ascii() != name.as_bytes() {
        return None;
    }
    let value = value.get(1..)?.trim_ascii();
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(bare.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let field = b" a=1; session = \"x=y\" ;b;Session=2; session=\"";
        let found: Vec<_> = pairs(field).filter_map(|pair| value_of(pair, "session")).collect();
        assert_eq!(found, [&b"x=y"[..], b"\""]);
        assert_eq!(pairs(field).find_map(|pair| value_of(pair, "b")), None);
    }
}
