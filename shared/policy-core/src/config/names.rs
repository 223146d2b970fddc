//! A path of names, as several filters write one.

use super::{Reader, Wire};
use crate::json::Json;

/// Reads names joined by dots, `labels.tier`, or a list of them where a name has dots in it.
///
/// `expected` says in an error what belongs there. `None` for anything that is neither text nor a list of texts.
pub fn names(json: &Json, reader: &mut Reader, expected: &str) -> Option<Vec<String>> {
    match json {
        Json::Text(text) => Some(text.split('.').map(str::to_owned).collect()),
        Json::List(_) => Wire::read(json, reader),
        _ => reader.mismatch(expected, json),
    }
}
