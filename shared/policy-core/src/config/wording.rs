//! What a configuration error says. It repeats keys and words of a fixed set, never free text, which may be a secret.

use crate::json::Json;

/// `unknown field "heder", did you mean "header"? (allowed: header, path)`.
pub(super) fn unknown(what: &str, wrong: &str, known: &[&str]) -> String {
    let allowed = known.join(", ");
    match nearest(wrong, known) {
        Some(best) => format!("unknown {what} {wrong:?}, did you mean {best:?}? (allowed: {allowed})"),
        None => format!("unknown {what} {wrong:?} (allowed: {allowed})"),
    }
}

/// `expected a list, found a string`.
pub(super) fn mismatch(found: &Json, expected: &str) -> String {
    let found = match (found, expected) {
        (Json::Bool(_), "a string") => "true or false (YAML reads an unquoted on, off, yes or no so)",
        (Json::Unsigned(_) | Json::Signed(_) | Json::Decimal(_), "a string") => {
            "a number (text that looks like one goes in quotes)"
        }
        _ => kind(found),
    };
    format!("expected {expected}, found {found}")
}

/// The kind of a value, for people.
pub(super) fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Unsigned(_) | Json::Signed(_) | Json::Decimal(_) => "a number",
        Json::Text(_) => "a string",
        Json::List(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// The known name with the fewest edits, when it is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = (wrong.len() / 2).clamp(1, 3);
    known
        .iter()
        .map(|name| (distance(&wrong.to_ascii_lowercase(), &name.to_ascii_lowercase()), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= near)
        .map(|(_, name)| name)
}

/// Levenshtein's distance between the bytes, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (y, up) in b.bytes().zip(row.iter().skip(1)) {
            let changed = corner.saturating_add(usize::from(x != y));
            left = changed.min(left.saturating_add(1)).min(up.saturating_add(1));
            next.push(left);
            corner = *up;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn distance_counts_single_edits() {
        for (a, b, edits) in [("", "", 0), ("a", "", 1), ("heder", "header", 1), ("kitten", "sitting", 3)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn a_far_name_is_not_suggested() {
        assert_eq!(nearest("hosts2", &["hosts", "paths"]), Some("hosts"));
        assert_eq!(nearest("zzz", &["hosts", "paths"]), None);
        assert_eq!(nearest("Hosts", &["hosts"]), Some("hosts"));
    }
}
