//! Paths as they come.

/// A path without its query, and whether it stands for itself: it begins with `/` and has neither `%`, `;`, `\`, `#`, blanks, control
/// bytes or bytes above 0x7e, nor two slashes in a row, nor a segment that begins with a dot. Most paths do.
#[must_use]
#[inline(never)]
pub fn cut(path: &[u8]) -> (&[u8], bool) {
    let mut stands = path.first() == Some(&b'/');
    let mut before = 0;
    for (place, byte) in path.iter().copied().enumerate() {
        if byte == b'?' {
            return (path.get(..place).unwrap_or_default(), stands);
        }
        // A segment that begins with a dot may be a dot segment.
        stands &= is_plain(byte) && !(before == b'/' && matches!(byte, b'/' | b'.'));
        before = byte;
    }
    (path, stands)
}

/// True for a byte that stands for itself alone, wherever in a path it is.
#[must_use]
pub const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'%' | b';' | b'\\' | b'#')
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn only_the_query_is_cut() {
        for (path, rest) in
            [("/a?b?c", "/a"), ("/a", "/a"), ("?", ""), ("", ""), ("/%3Fa", "/%3Fa"), ("/a#?", "/a#")]
        {
            assert_eq!(cut(path.as_bytes()).0, rest.as_bytes(), "{path}");
        }
    }

    #[test]
    fn a_path_that_could_be_written_otherwise_does_not_stand_for_itself() {
        for path in ["/", "/api/v1", "/a/", "/a.b/c..d", "/a/x.", "/a:b@c", "/a?%2e/../"] {
            assert!(cut(path.as_bytes()).1, "{path}");
        }
        for path in [
            "", "*", "a/b", "//", "/a//b", "/.", "/..", "/a/.b", "/a/../b", "/%61", "/a;b", "/a b", "/a\\b",
            "/a#b", "/é", "/\u{7f}",
        ] {
            assert!(!cut(path.as_bytes()).1, "{path}");
        }
    }
}
