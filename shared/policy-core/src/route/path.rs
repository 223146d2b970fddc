//! The normal form in which paths are compared.

use std::borrow::Cow;

use raw::path::{cut, is_plain};

use crate::header::push_percent;

/// A path in normal form (RFC 3986, 6.2.2, and a little more):
///
/// - the query is cut off;
/// - `%XX` of an unreserved character is decoded, of any other kept in upper case;
/// - several slashes in a row count as one;
/// - parameters are cut from each segment (`/a;v=1/b` compares as `/a/b`).
///
/// No normal form, because the proxy and the upstream may read them differently: dot segments (plain or encoded),
/// `%2F`, `%5C`, `\`, `%00` and other encoded control bytes, a broken `%`, `#`, blanks, bytes above 0x7e, and anything
/// that does not start with `/`. The asterisk of `OPTIONS *` is its own normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalPath<'p>(Cow<'p, [u8]>);

impl<'p> NormalPath<'p> {
    /// Brings the value of `:path` into normal form. `None` when it has none.
    #[must_use]
    pub fn read(path: &'p [u8]) -> Option<Self> {
        let (path, stands) = cut(path);
        if stands || path == b"*" {
            return Some(Self(Cow::Borrowed(path)));
        }
        let mut out = Vec::with_capacity(path.len());
        let (first, rest) = path.split_first()?;
        if *first != b'/' {
            return None;
        }
        for segment in rest.split(|byte| *byte == b'/') {
            if out.last() != Some(&b'/') {
                out.push(b'/');
            }
            push_segment(&mut out, segment)?;
        }
        Some(Self(Cow::Owned(out)))
    }

    /// The same path, kept beyond the message.
    #[must_use]
    pub fn into_owned(self) -> NormalPath<'static> {
        NormalPath(Cow::Owned(self.0.into_owned()))
    }

    /// The path as bytes; it starts with `/` unless it is `*`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The segments after the first slash. `/a/` has two, the last one empty.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.0.strip_prefix(b"/").unwrap_or(&self.0).split(|byte| *byte == b'/')
    }
}

/// Writes a segment without parameters and needless encoding; `None` when it cannot be read in one way only.
fn push_segment(out: &mut Vec<u8>, segment: &[u8]) -> Option<()> {
    let start = out.len();
    let plain = segment.iter().position(|byte| !is_plain(*byte)).unwrap_or(segment.len());
    let (plain, rest) = segment.split_at_checked(plain)?;
    out.extend_from_slice(plain);
    let mut name_ended = false;
    let mut bytes = rest.iter().copied();
    while let Some(byte) = bytes.next() {
        let keep = match byte {
            b'%' => decode(bytes.next()?, bytes.next()?)?,
            b'\\' | b'#' | 0..=0x20 | 0x7f.. => return None,
            plain => Unit::Plain(plain),
        };
        name_ended |= matches!(keep, Unit::Plain(b';')) && byte == b';';
        match keep {
            _ if name_ended => {}
            Unit::Plain(plain) => out.push(plain),
            Unit::Encoded(encoded) => push_percent(out, encoded),
        }
    }
    let written = out.get(start..)?;
    (written != b"." && written != b"..").then_some(())
}

enum Unit {
    Plain(u8),
    Encoded(u8),
}

fn decode(high: u8, low: u8) -> Option<Unit> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = (digit(high)? << 4) | digit(low)?;
    match byte {
        b'/' | b'\\' | 0..=0x1f | 0x7f => None,
        b'-' | b'.' | b'_' | b'~' => Some(Unit::Plain(byte)),
        _ if byte.is_ascii_alphanumeric() => Some(Unit::Plain(byte)),
        _ => Some(Unit::Encoded(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn one_resource_has_one_form() {
        for (path, normal) in [
            ("/", "/"),
            ("/api/v1?x=/../", "/api/v1"),
            ("/a//b///c", "/a/b/c"),
            ("//", "/"),
            ("/a/", "/a/"),
            ("/%61dmin", "/admin"),
            ("/a%2dB%7e", "/a-B~"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/100%25", "/100%25"),
            ("/a%3Bb", "/a%3Bb"),
            ("/admin;x=1/users;y", "/admin/users"),
            ("/...", "/..."),
            ("*", "*"),
        ] {
            let found =
                NormalPath::read(path.as_bytes()).map(|path| String::from_utf8(path.0.into_owned()).unwrap());
            assert_eq!(found.as_deref(), Some(normal), "{path}");
        }
    }

    #[test]
    fn what_can_be_read_two_ways_has_no_form() {
        let paths = [
            "",
            "a",
            "http://x/",
            "/..",
            "/a/../b",
            "/.",
            "/%2e%2e/a",
            "/.%2e",
            "/..;/a",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/%00",
            "/%7f",
            "/%",
            "/%4",
            "/%zz",
            "/a b",
            "/a#b",
            "/é",
            "/a\tb",
            "/a;%2F",
            "*a",
        ];
        for path in paths {
            assert_eq!(NormalPath::read(path.as_bytes()), None, "{path}");
        }
    }
}
