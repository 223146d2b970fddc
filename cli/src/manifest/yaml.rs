//! YAML as a tree that remembers where everything stood.

mod locate;
mod parse;
mod scalar;

use serde_json::Number;

pub use parse::{Document, YamlError, parse, read};

use crate::fault::Position;

/// A value and the place where it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it starts.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// What a YAML node can be, in JSON's terms.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number that survives the trip through Istio, which carries numbers as doubles.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Fields in the order they were written; no key comes twice.
    Map(Vec<Entry>),
}

/// One field of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key starts.
    pub key_at: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The field of that name, when this is a map and has one.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Where the last thing in it starts.
    #[must_use]
    pub fn last(&self) -> Position {
        match &self.value {
            Value::Map(entries) => {
                entries.last().map_or(self.at, |entry| entry.value.last().max(entry.key_at))
            }
            Value::List(items) => items.last().map_or(self.at, Self::last),
            _ => self.at,
        }
    }

    /// The items, when this is a list.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value of the field of that name, when this is a map and has one that is not null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.field(key).map(|entry| &entry.value).filter(|node| node.value != Value::Null)
    }

    /// The text, when this is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The kind of value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// The same as JSON, with the fields sorted as Istio's own JSON has them.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::Text(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
            }
        }
    }
}
