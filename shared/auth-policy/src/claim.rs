//! Claims by their path, as text and as lists of text.

use std::borrow::Cow;

use policy_core::config::{Reader, Wire, names};
use policy_core::json::Json;

/// How deep a path may go.
const MAX_DEPTH: usize = 8;

/// Where a claim stands: `realm.roles`, or `["https://example.com/roles"]` for names with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// The claim, when it is there.
    pub(crate) fn find<'j>(&self, claims: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(claims, |json, segment| json.get(segment))
    }

    fn checked(segments: Vec<String>) -> Result<Self, &'static str> {
        if segments.is_empty() || segments.len() > MAX_DEPTH || segments.iter().any(String::is_empty) {
            return Err(
                "a claim is a name, or up to 8 names joined by dots (a name with dots goes in a list: [\"a.b\"])",
            );
        }
        Ok(Self(segments))
    }
}

impl Wire for ClaimPath {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let names = names(json, reader, "a claim's name or a list of names")?;
        reader.checked(Self::checked(names))
    }
}

/// A plain value as text: a string as it is, a number as it was written, a truth value as JSON writes it. Nothing for the others.
pub(crate) fn as_text(json: &Json) -> Option<Cow<'_, str>> {
    match json {
        Json::Text(text) => Some(text.into()),
        Json::Bool(_) | Json::Unsigned(_) | Json::Signed(_) | Json::Decimal(_) => {
            Some(json.to_string().into())
        }
        Json::Null | Json::List(_) | Json::Object(_) => None,
    }
}

/// The values of a claim: of a list its plain items, else the value itself.
pub(crate) fn values(json: &Json) -> Vec<Cow<'_, str>> {
    match json {
        Json::List(items) => items.iter().filter_map(as_text).collect(),
        other => as_text(other).into_iter().collect(),
    }
}

/// A claim as a header's value: plain values as text, lists of them joined by commas (a comma within an item is
/// written `%2C`), anything else as JSON. Nothing for `null`.
pub(crate) fn as_header(json: &Json) -> Option<Cow<'_, str>> {
    match json {
        Json::Null => None,
        Json::List(items) if items.iter().all(|item| as_text(item).is_some()) => {
            let items = items.iter().filter_map(as_text).map(|item| item.replace(',', "%2C"));
            Some(items.collect::<Vec<_>>().join(",").into())
        }
        Json::List(_) | Json::Object(_) => Some(json.to_string().into()),
        plain => as_text(plain),
    }
}

/// What a token allows: the words of `scope` (RFC 8693, 4.2) and of `scp`, as strings or lists.
pub(crate) fn scopes(claims: &Json) -> Vec<String> {
    let words = |name: &str| claims.get(name).map(values).unwrap_or_default();
    let mut found = Vec::new();
    for text in words("scope").into_iter().chain(words("scp")) {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    fn path(text: &str) -> Result<ClaimPath, String> {
        policy_core::config::parse(text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_goes_down_by_names() {
        let claims = json(r#"{"sub":"ann","realm":{"roles":["a"],"a.b":1},"https://x.y/r":true}"#);
        for (text, expected) in [
            (r#""sub""#, Some("\"ann\"")),
            (r#""realm.roles""#, Some("[\"a\"]")),
            (r#"["realm","a.b"]"#, Some("1")),
            (r#"["https://x.y/r"]"#, Some("true")),
            (r#""https://x.y/r""#, None),
            (r#""sub.x""#, None),
            (r#""realm.roles.0""#, None),
        ] {
            let found = path(text).unwrap().find(&claims).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        for bad in [r#""""#, r#""a..b""#, r#"".a""#, "[]", r#"[""]"#, r#""a.b.c.d.e.f.g.h.i""#, "3"] {
            assert!(path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn claims_become_text() {
        for (text, list, header) in [
            ("\"a b\"", "a b", Some("a b")),
            ("7", "7", Some("7")),
            ("-1.5", "-1.5", Some("-1.5")),
            ("true", "true", Some("true")),
            ("null", "", None),
            (r#"["a","b,c",3]"#, "a|b,c|3", Some("a,b%2Cc,3")),
            (r#"["a",["b"],null]"#, "a", Some(r#"["a",["b"],null]"#)),
            (r#"{"a":"b"}"#, "", Some(r#"{"a":"b"}"#)),
            ("[]", "", Some("")),
        ] {
            assert_eq!(values(&json(text)).join("|"), list, "{text}");
            assert_eq!(as_header(&json(text)).as_deref(), header, "{text}");
        }
    }

    #[test]
    fn scopes_are_words_of_either_claim() {
        for (claims, expected) in [
            (r#"{"scope":"a  b a"}"#, "a b"),
            (r#"{"scp":["a","b c"]}"#, "a b c"),
            (r#"{"scope":"a","scp":"b"}"#, "a b"),
            (r#"{"scope":{"a":1}}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(scopes(&json(claims)).join(" "), expected, "{claims}");
        }
    }
}
