//! JSON as a tree, for configurations and for what identity providers and clients send.
//!
//! Read by our own reader (RFC 8259), strictly. It refuses an object that names a key twice: two readers could each believe
//! another one. Objects keep their order, numbers their kind, and a number that is not whole the way it is written: no
//! float is read or written, which would be a tenth of a module.

mod decimal;
mod error;
mod parse;

use std::fmt;

use raw::bytes::{is_printable, plain};

pub use decimal::Decimal;
pub use error::Error;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from 0 that fits 64 bits.
    Unsigned(u64),
    /// A whole number below 0 that fits 64 bits.
    Signed(i64),
    /// Any other number: with a fraction or an exponent, `-0`, or too large.
    Decimal(Decimal),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object: members in order, each key once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text (RFC 8259): UTF-8 without a byte order mark, nested up to 127 levels deep.
    ///
    /// # Errors
    /// Says what is wrong and at which line and column; a duplicate key is wrong. A number is never too large.
    ///
    /// ```
    /// use json::Json;
    /// let json = Json::parse(br#"{"realm":{"roles":["ops"]}}"#)?;
    /// assert!(json.get("realm").and_then(|realm| realm.get("roles")).is_some());
    /// assert!(Json::parse(br#"{"exp":1,"exp":9}"#).is_err());
    /// # Ok::<(), json::Error>(())
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        parse::parse(text)
    }

    /// The member of an object with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The number times 10 to the power of `digits`, rounded down: `scaled(3)` of seconds is milliseconds. `None` for what is
    /// no number, below 0 or too large.
    #[must_use]
    pub fn scaled(&self, digits: u32) -> Option<u64> {
        match self {
            Self::Unsigned(value) => value.checked_mul(10_u64.checked_pow(digits)?),
            Self::Decimal(value) => value.scaled(digits),
            _ => None,
        }
    }

    /// Writes the value as JSON without blanks.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Unsigned(value) => out.push_str(&value.to_string()),
            Self::Signed(value) => out.push_str(&value.to_string()),
            Self::Decimal(value) => out.push_str(value.as_str()),
            Self::Text(text) => write_text(out, text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { "," });
                    write_text(out, key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Writes the value as [`Json::write`] does.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out);
        f.write_str(&out)
    }
}

/// Writes a string with its quotes. Every control character is escaped, DEL and the C1 block included: a header's value,
/// where JSON often goes, holds none.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let bytes = text.as_bytes();
    // As most text is, and each request with a new token writes a thousand characters of it.
    if is_printable(bytes) && plain(bytes) == bytes.len() {
        out.push_str(text);
    } else {
        write_escaped(out, text);
    }
    out.push('"');
}

#[cold]
fn write_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c.is_control()) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests;
