//! CORS preflights: requests that browsers make without credentials (Fetch standard, 4.8).

use policy_core::header::is_token;
use policy_core::{HeaderName, Headers};

static ORIGIN: HeaderName = HeaderName::known("origin");
static REQUESTED: HeaderName = HeaderName::known("access-control-request-method");

/// True for what a browser would send, and for nothing that merely has its method.
pub(crate) fn is_preflight(headers: &Headers<'_>) -> bool {
    let only = |name| {
        let mut values = headers.values(name);
        values.next().filter(|value| !value.is_empty() && values.next().is_none())
    };
    headers.first(&HeaderName::METHOD) == Some(b"OPTIONS")
        && only(&ORIGIN).is_some_and(|origin| !origin.contains(&b','))
        && only(&REQUESTED).is_some_and(|method| method.iter().copied().all(is_token))
        && !headers.contains(&HeaderName::AUTHORIZATION)
        && !headers.contains(&HeaderName::COOKIE)
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
            let found = is_preflight(&Exchange::new(&table).headers);
            assert_eq!(found, expected, "{headers:?}");
        }
    }
}
