//! CORS preflights: requests that browsers make without credentials (Fetch standard, 4.8).

use policy_core::header::is_token;
use policy_core::{HeaderName, Headers};

/// The headers that make a preflight.
pub(crate) struct Names {
    method: HeaderName,
    origin: HeaderName,
    requested: HeaderName,
    authorization: HeaderName,
    cookie: HeaderName,
}

impl Names {
    /// The names.
    pub(crate) fn new() -> Result<Self, String> {
        Ok(Self {
            method: HeaderName::parse(":method")?,
            origin: HeaderName::parse("origin")?,
            requested: HeaderName::parse("access-control-request-method")?,
            authorization: HeaderName::parse("authorization")?,
            cookie: HeaderName::parse("cookie")?,
        })
    }

    /// True for what a browser would send, and for nothing that merely has its method.
    pub(crate) fn is_preflight(&self, headers: &Headers<'_>) -> bool {
        let only = |name| {
            let mut values = headers.values(name);
            values.next().filter(|value| !value.is_empty() && values.next().is_none())
        };
        headers.first(&self.method) == Some(b"OPTIONS")
            && only(&self.origin).is_some_and(|origin| !origin.contains(&b','))
            && only(&self.requested).is_some_and(|method| method.iter().copied().all(is_token))
            && !headers.contains(&self.authorization)
            && !headers.contains(&self.cookie)
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
    fn only_what_a_browser_sends_is_a_preflight() {
        let (origin, method) = (("origin", "https://a.example"), ("access-control-request-method", "PUT"));
        for (headers, expected) in [
            (vec![(":method", "OPTIONS"), origin, method], true),
            (vec![(":method", "OPTIONS"), origin, method, ("authorization", "Bearer x")], false),
            (vec![(":method", "OPTIONS"), origin, method, ("cookie", "a=b")], false),
            (vec![(":method", "OPTIONS"), origin], false),
            (vec![(":method", "OPTIONS"), method], false),
            (vec![(":method", "GET"), origin, method], false),
            (vec![(":method", "options"), origin, method], false),
            (vec![(":method", "OPTIONS"), origin, origin, method], false),
            (vec![(":method", "OPTIONS"), origin, method, method], false),
            (vec![(":method", "OPTIONS"), ("origin", ""), method], false),
            (vec![(":method", "OPTIONS"), origin, ("access-control-request-method", "P T")], false),
        ] {
            let table = Table::of(&headers);
            let found = Names::new().unwrap().is_preflight(&Exchange::new(&table).headers);
            assert_eq!(found, expected, "{headers:?}");
        }
    }
}
