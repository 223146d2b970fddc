//! How plain values and collections are read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Reader, Wire};
use crate::json::Json;

impl Wire for bool {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Bool(value) => Some(*value),
            _ => reader.mismatch("true or false", json),
        }
    }
}

impl Wire for u64 {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Unsigned(value) => Some(*value),
            _ => reader.mismatch("a whole number from 0", json),
        }
    }
}

impl Wire for u16 {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Unsigned(value) if *value <= u64::from(Self::MAX) => Self::try_from(*value).ok(),
            _ => reader.mismatch("a whole number from 0 to 65535", json),
        }
    }
}

impl Wire for String {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Text(text) => Some(text.clone()),
            _ => reader.mismatch("a string", json),
        }
    }
}

impl Wire for PathBuf {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        String::read(json, reader).map(Self::from)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let items = reader.items(json)?;
        let mut all = Self::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            reader.enter_item(index);
            let value = T::read(item, reader);
            reader.leave();
            all.push(value?);
        }
        Some(all)
    }
}

/// An object whose keys are the user's own, in the order in which it is written. No key is there twice.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "BTreeMap<String, T>"))]
pub struct Entries<T>(pub Vec<(String, T)>);

impl<T> Entries<T> {
    /// The entries in the order of their keys.
    #[must_use]
    pub fn sorted(&self) -> Vec<&(String, T)> {
        let mut sorted: Vec<&(String, T)> = Vec::with_capacity(self.0.len());
        for entry in &self.0 {
            let at = sorted.partition_point(|(key, _)| *key < entry.0);
            sorted.insert(at, entry);
        }
        sorted
    }
}

impl<T: Wire> Wire for Entries<T> {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let members = reader.object(json, "an object")?;
        let entries = members.iter().map(|(key, json)| Some((key.clone(), reader.under(key, json)?)));
        entries.collect::<Option<Vec<_>>>().map(Self)
    }
}

impl<T: Wire> Wire for BTreeMap<String, T> {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let members = reader.object(json, "an object")?;
        let mut all = Self::new();
        for (key, json) in members {
            all.insert(key.clone(), reader.under(key, json)?);
        }
        Some(all)
    }
}
