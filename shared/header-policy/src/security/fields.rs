//! Structured fields (RFC 9651), as far as it takes to know whether a browser will understand them.

use policy_core::header::is_token;

/// The token of a field that is a single item, whatever its parameters. `None` when it is not one.
pub(super) fn token_item(field: &[u8]) -> Option<&[u8]> {
    let mut rest = Rest(field);
    let token = rest.token()?;
    rest.parameters()?;
    rest.0.is_empty().then_some(token)
}

/// The keys of a field that is a dictionary. `None` when it is not one: a browser then ignores all of it.
pub(super) fn dictionary_keys(field: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = Rest(field.trim_ascii());
    let mut keys = Vec::new();
    while !rest.0.is_empty() {
        keys.push(rest.key()?);
        if rest.eat(b'=') {
            rest.item_or_list()?;
        }
        rest.parameters()?;
        rest.0 = rest.0.trim_ascii_start();
        if rest.0.is_empty() {
            break;
        }
        if !rest.eat(b',') {
            return None;
        }
        rest.0 = rest.0.trim_ascii_start();
        if rest.0.is_empty() {
            return None;
        }
    }
    Some(keys)
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes the bytes that belong; at least one.
    fn run(&mut self, belongs: fn(u8) -> bool) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| !belongs(*byte)).unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!run.is_empty()).then_some(run)
    }

    fn key(&mut self) -> Option<&'a [u8]> {
        let key = self.run(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.' | b'*')
        })?;
        key.first().filter(|byte| byte.is_ascii_lowercase() || **byte == b'*').map(|_| key)
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let token = self.run(|byte| is_token(byte) || matches!(byte, b':' | b'/'))?;
        token.first().filter(|byte| byte.is_ascii_alphabetic() || **byte == b'*').map(|_| token)
    }

    fn item_or_list(&mut self) -> Option<()> {
        if !self.eat(b'(') {
            return self.bare_item();
        }
        loop {
            while self.eat(b' ') {}
            if self.eat(b')') {
                return Some(());
            }
            self.bare_item()?;
            self.parameters()?;
            if !matches!(self.0.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    fn bare_item(&mut self) -> Option<()> {
        match self.0.first()? {
            b'"' => self.string(),
            b'?' | b'@' | b'-' | b'0'..=b'9' => self
                .run(|byte| byte.is_ascii_digit() || matches!(byte, b'?' | b'@' | b'-' | b'.'))
                .map(|_| ()),
            b':' => self
                .run(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'+' | b'/' | b'='))
                .map(|_| ()),
            _ => self.token().map(|_| ()),
        }
    }

    fn string(&mut self) -> Option<()> {
        self.eat(b'"');
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            match byte {
                b'"' => return Some(()),
                b'\\' if !self.eat(b'"') && !self.eat(b'\\') => return None,
                0x20..=0x7e => {}
                _ => return None,
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.eat(b';') {
            while self.eat(b' ') {}
            self.key()?;
            if self.eat(b'=') {
                self.bare_item()?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn keys_are_read_from_what_a_browser_understands() {
        for (field, keys) in [
            ("", vec![]),
            ("camera=()", vec!["camera"]),
            (" camera=( ) , fullscreen=* ", vec!["camera", "fullscreen"]),
            (r#"geolocation=(self "https://a.example, b=()"),usb"#, vec!["geolocation", "usb"]),
            (
                r#"a=("x\"y" *);report-to="p";q=1.5, b=?1, c=:YQ==:, d=-3, a=self"#,
                vec!["a", "b", "c", "d", "a"],
            ),
        ] {
            let expected: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
            assert_eq!(dictionary_keys(field.as_bytes()), Some(expected), "{field}");
        }
    }

    #[test]
    fn what_a_browser_ignores_has_no_keys() {
        for field in [
            "camera 'none'",
            "Camera=()",
            "camera=",
            "camera=(",
            "camera=(self",
            "camera=(\"a",
            "camera=()x",
            "camera=(),",
            "camera=(self\"a\")",
            ",",
            "=()",
            "1a=()",
            "a=(\"\\x\")",
            "a=('self')",
            "a=\"\u{e9}\"",
            "a=(); =1",
        ] {
            assert_eq!(dictionary_keys(field.as_bytes()), None, "{field}");
        }
    }

    #[test]
    fn an_item_is_a_token_with_parameters() {
        assert_eq!(token_item(b"same-origin; report-to=\"x;y\""), Some(b"same-origin".as_slice()));
        for bad in
            ["", "same-origin x", "same-origin;", "\"same-origin\"", "same-origin; report-to=\"x", "(a)"]
        {
            assert_eq!(token_item(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn no_bytes_trip_the_reader() {
        for a in 0..=255_u8 {
            for b in 0..=255_u8 {
                let _ = (
                    dictionary_keys(&[a, b]),
                    dictionary_keys(&[b'a', b'=', a, b]),
                    token_item(&[b'a', a, b]),
                );
            }
        }
    }
}
