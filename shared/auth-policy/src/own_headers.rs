//! The headers that this filter writes: no request may bring one of its own.

use policy_core::{ConfigError, HeaderName, Headers};

/// The names of all headers that some part of the configuration writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnHeaders(Vec<HeaderName>);

impl OwnHeaders {
    /// Takes a name in.
    pub(crate) fn add(&mut self, name: &HeaderName) -> Result<(), ConfigError> {
        let folded: Vec<u8> = name.as_bytes().iter().map(fold).collect();
        if policy_core::header::is_protected(&folded) {
            return Err(ConfigError::at(
                "",
                format!("{name} frames or routes the message: name another one"),
            ));
        }
        // Removing these from every request would take away what others live by.
        if matches!(folded.as_slice(), b"authorization" | b"cookie") {
            return Err(ConfigError::at("", format!("{name} carries credentials: name another one")));
        }
        if !self.0.contains(name) {
            self.0.push(name.clone());
        }
        Ok(())
    }

    /// True when the header, or an alias of it, is written here.
    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.0.iter().any(|own| is_alias(own.as_bytes(), name))
    }

    /// Removes them from a request, aliases included.
    pub(crate) fn strip(&self, headers: &mut Headers<'_>) {
        if !self.0.is_empty() {
            headers.remove_where(|name| self.contains(name));
        }
    }
}

/// True when some upstream takes both for the same header: CGI and its children turn `-`, `_` and `.` into one.
pub(crate) fn is_alias(own: &[u8], name: &[u8]) -> bool {
    own.len() == name.len() && own.iter().map(fold).eq(name.iter().map(fold))
}

fn fold(byte: &u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_core::Exchange;
    use policy_core::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_header_of_ours_is_removed_under_every_name_it_may_have() {
        let mut own = OwnHeaders::default();
        own.add(&HeaderName::parse("X-Jwt_Sub").unwrap()).unwrap();
        let table = Table::of(&[
            ("x-jwt-sub", "1"),
            ("x_jwt_sub", "2"),
            ("x.jwt.sub", "3"),
            ("x-jwt_sub", "4"),
            ("x-jwt-sub", "5"),
            ("x-jwt-su", "kept"),
            ("x-jwt-subs", "kept"),
        ]);
        let mut exchange = Exchange::new(&table);
        own.strip(&mut exchange.headers);
        assert_eq!(
            table.after(&exchange),
            Table::of(&[("x-jwt-su", "kept"), ("x-jwt-subs", "kept")]).headers
        );
    }

    #[test]
    fn a_header_that_others_live_by_is_refused() {
        for name in ["authorization", "cookie", ":path", "host", "content-length", "content_length"] {
            assert!(OwnHeaders::default().add(&HeaderName::parse(name).unwrap()).is_err(), "{name}");
        }
    }
}
