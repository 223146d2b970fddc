//! Strict reading of `pluginConfig`, with errors that name the place and what is allowed there.
//!
//! The wire types derive [`Wire`]; small types check themselves while they are read (a header name, a regular
//! expression, a value with operators), so their errors come with the path for free. An error repeats
//! keys, and words where only certain words make sense (a name, a host, a path, a mode); it never repeats free text, such
//! as a header's value or a pattern, which may be a secret.

mod names;
mod read;
mod secret;
mod values;
mod wording;

use std::borrow::Cow;
use std::fmt;

use crate::header::HeaderName;
use crate::json::{Json, write_text};

pub use names::names;
pub use read::{Members, Reader, Wire};
pub use secret::{Environment, PLUGIN, Secret, SecretText};
pub use values::Entries;
pub use wire_derive::Wire;
pub use wording::nearest;

/// Refuses a header that no filter may write: one that decides the route or the framing ([`is_protected`](crate::header::is_protected)).
///
/// # Errors
/// At `field`, with the header named.
pub fn writable(field: &str, header: Option<&HeaderName>) -> Result<(), ConfigError> {
    match header.filter(|name| crate::header::is_protected(name.as_bytes())) {
        Some(name) => Err(ConfigError::at(
            field,
            format!("{name} decides the route or the framing and must not be written; name another header"),
        )),
        None => Ok(()),
    }
}

/// A configuration that was refused: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    path: String,
    message: String,
}

impl ConfigError {
    /// An error at a path relative to the place that is being compiled; empty for that place itself.
    #[must_use]
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }

    /// A word that is none of those known here; with the nearest of them.
    #[must_use]
    pub fn unknown_word(word: &str, known: &[&str]) -> Self {
        Self::at("", wording::unknown("value", word, known))
    }

    /// The same error, seen from one level further out: `name` under `rules[0]` becomes `rules[0].name`.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        let parent = printable(parent);
        let path = match (self.path.as_str(), parent.as_ref()) {
            ("", parent) => parent.to_owned(),
            (_, "") => self.path,
            (path, _) if path.starts_with('[') => format!("{parent}{path}"),
            (path, _) => format!("{parent}.{path}"),
        };
        Self { path, message: self.message }
    }

    /// The same error, seen from the list that holds the place: `name` in item 2 of `rules` becomes `rules[2].name`.
    #[must_use]
    pub fn under_item(self, list: &str, index: usize) -> Self {
        self.under(&format!("{list}[{index}]"))
    }

    /// Where: `rules[0].match.paths[1]`, or empty for the configuration as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Why, and what is allowed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// A key as it may stand in a log: a line break in it would begin a line of its own.
fn printable(key: &str) -> Cow<'_, str> {
    if key.chars().any(char::is_control) {
        let mut quoted = String::new();
        write_text(&mut quoted, key);
        let escaped = quoted.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
        Cow::Owned(escaped.unwrap_or_default().to_owned())
    } else {
        Cow::Borrowed(key)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "config: {}", self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Reads JSON strictly.
///
/// # Errors
/// Names the path, what is wrong and what is allowed; for a misspelt key also the nearest known one.
pub fn parse<T: Wire>(text: &[u8]) -> Result<T, ConfigError> {
    let json = Json::parse(text).map_err(|error| match error.is_duplicate() {
        true => ConfigError::at("", error.to_string()),
        false => ConfigError::at("", format!("not valid JSON: {error}")),
    })?;
    Reader::whole(&json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Wire;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(Debug, Wire)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Config {
        #[serde(default)]
        items: Vec<Item>,
        count: Option<u64>,
        name: Option<HeaderName>,
        kind: Option<Kind>,
        by_name: Option<std::collections::BTreeMap<String, Vec<String>>>,
    }

    #[derive(Debug, Wire)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only reading is tested")]
    struct Item {
        header: String,
        on: Option<bool>,
    }

    #[derive(Debug, Wire)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only reading is tested")]
    enum Kind {
        Plain,
        Exact(String),
    }

    #[test]
    fn what_is_right_is_read() {
        for good in [
            "{}",
            r#"{"items":[{"header":"a","on":true},{"header":"b"}],"count":3,"name":"X-A"}"#,
            r#"{"kind":"plain","byName":{"a":["b"]}}"#,
            r#"{"kind":{"exact":"x"}}"#,
        ] {
            assert!(parse::<Config>(good.as_bytes()).is_ok(), "{good}");
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        for (json, expected) in [
            (
                r#"{"items":[{"heder":"a"}]}"#,
                r#"items[0].heder: unknown field "heder", did you mean "header"? (allowed: header, on)"#,
            ),
            (r#"{"zzz":1}"#, r#"zzz: unknown field "zzz" (allowed: items, count, name, kind, byName)"#),
            (r#"{"items":[{"header":"a"},{}]}"#, r#"items[1]: "header" is missing"#),
            (r#"{"items":{"a":1}}"#, "items: expected a list, found an object"),
            (r#"{"items":"hunter2"}"#, "items: expected a list, found a string"),
            (r#"{"items":[3]}"#, "items[0]: expected an object, found a number"),
            (
                r#"{"items":[{"header":true}]}"#,
                "items[0].header: expected a string, found true or false (YAML reads an unquoted on, off, yes or no so)",
            ),
            (r#"{"items":[{"header":null}]}"#, "items[0].header: expected a string, found nothing"),
            (
                r#"{"items":[{"header":"a","on":"yes"}]}"#,
                "items[0].on: expected true or false, found a string",
            ),
            (r#"{"count":-1}"#, "count: expected a whole number from 0, found a number"),
            (r#"{"count":1.5}"#, "count: expected a whole number from 0, found a number"),
            (
                r#"{"name":"a b"}"#,
                r#"name: "a b" is not a header name: ' ' is not allowed (use letters, digits and !#$%&'*+-.^_`|~)"#,
            ),
            (
                r#"{"kind":"plian"}"#,
                r#"kind: unknown value "plian", did you mean "plain"? (allowed: plain, exact)"#,
            ),
            (
                r#"{"kind":{"exakt":"a"}}"#,
                r#"kind.exakt: unknown value "exakt", did you mean "exact"? (allowed: plain, exact)"#,
            ),
            (
                r#"{"kind":{"exact":1}}"#,
                "kind.exact: expected a string, found a number (text that looks like one goes in quotes)",
            ),
            (r#"{"kind":{}}"#, "kind: expected exactly one of plain, exact"),
            (r#"{"kind":["plain"]}"#, "kind: expected exactly one of plain, exact, found a list"),
            (r#"{"kind":"exact"}"#, r#"kind: "exact" needs a value: {exact: …}"#),
            (
                r#"{"byName":{"a":["b",1]}}"#,
                "byName.a[1]: expected a string, found a number (text that looks like one goes in quotes)",
            ),
            (r#"{"count":1,"count":2}"#, r#"config: the key "count" is given twice at line 1 column 21"#),
            ("[]", "config: expected an object, found a list"),
            ("{", "config: not valid JSON: EOF while parsing an object at line 1 column 1"),
            ("{} x", "config: not valid JSON: trailing characters at line 1 column 4"),
        ] {
            assert_eq!(parse::<Config>(json.as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_bottomless_text_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(parse::<Config>(deep.as_bytes()).unwrap_err().message().contains("recursion limit"));
    }

    #[test]
    fn an_error_is_seen_from_further_out() {
        let error = ConfigError::at("name", "no").under_item("rules", 2).under("spec");
        assert_eq!(error.to_string(), "spec.rules[2].name: no");
        assert_eq!(ConfigError::at("", "no").under_item("", 0).under("a").path(), "a[0]");
    }
}
