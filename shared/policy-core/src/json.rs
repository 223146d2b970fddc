//! JSON as a tree, for configurations and for what identity providers and clients send.
//!
//! Unlike `serde_json::Value` it refuses an object that names a key twice: two readers could each believe another one.
//! Objects keep their order, numbers their kind.

use std::collections::HashSet;
use std::fmt;

use raw::bytes::{has, is_printable};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

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
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object: members in order, each key once.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text (RFC 8259), nested up to 127 levels deep.
    ///
    /// # Errors
    /// Says what is wrong and at which line and column; a duplicate key is wrong.
    ///
    /// ```
    /// use policy_core::json::Json;
    /// let json = Json::parse(br#"{"realm":{"roles":["ops"]}}"#)?;
    /// assert!(json.get("realm").and_then(|realm| realm.get("roles")).is_some());
    /// assert!(Json::parse(br#"{"exp":1,"exp":9}"#).is_err());
    /// # Ok::<(), String>(())
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// The member of an object with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == key).map(|(_, value)| value),
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
            // Finite, as JSON has no other numbers.
            Self::Float(value) => out.push_str(&format!("{value:?}")),
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
    if is_printable(bytes) && !has(bytes, b'"') && !has(bytes, b'\\') {
        out.push_str(text);
    } else {
        write_escaped(out, text);
    }
    out.push('"');
}

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

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

/// Up to how many members are compared one by one.
const FEW: usize = 16;

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        let mut many = HashSet::new();
        while let Some((key, value)) = entries.next_entry::<String, Json>()? {
            // A set from some size on, or a client could buy seconds of comparing with one header.
            let twice = match object.len() {
                0..FEW => object.iter().any(|(known, _)| *known == key),
                FEW => {
                    many.extend(object.iter().map(|(known, _)| known.clone()));
                    !many.insert(key.clone())
                }
                _ => !many.insert(key.clone()),
            };
            if twice {
                return Err(A::Error::custom(format_args!("the key {key:?} is given twice")));
            }
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_is_written_is_what_was_read() {
        let text = r#"{"a":[1,-2,1.5,true,null,"x\"\\\u0001\u007fé"],"b":{},"c":[]}"#;
        assert_eq!(Json::parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn a_key_given_twice_is_found_among_few_and_among_many() {
        for keys in [2, 15, 16, 17, 18, 400] {
            let members: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":0")).collect();
            assert!(Json::parse(format!("{{{}}}", members.join(",")).as_bytes()).is_ok());
            for twice in [0, keys / 2, keys - 1] {
                let text = format!("{{{},\"k{twice}\":0}}", members.join(","));
                assert!(Json::parse(text.as_bytes()).unwrap_err().contains("given twice"), "{keys} {twice}");
            }
        }
    }
}
