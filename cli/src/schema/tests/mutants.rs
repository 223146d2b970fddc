//! Good configurations with one thing changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// A key that nobody knows was put in.
    Unknown,
    /// Something was replaced by null.
    Null,
    /// Something was replaced by another kind of value.
    Kind,
    /// Something was replaced by another value of its kind.
    Other,
    /// A key was taken out, or a list emptied.
    Gone,
    /// A key was put in that stands in the same place elsewhere.
    Added,
    /// A list got its items twice.
    Twice,
}

/// For each place (`rules[].match`), the keys that stand there somewhere, each with a value.
pub(super) type Keys = BTreeMap<String, Map<String, Value>>;

/// Takes in what stands where.
pub(super) fn collect(value: &Value, place: &str, keys: &mut Keys) {
    match value {
        Value::Object(entries) => {
            let known = keys.entry(place.to_owned()).or_default();
            for (key, value) in entries {
                known.entry(key.clone()).or_insert_with(|| value.clone());
            }
            entries.iter().for_each(|(key, value)| collect(value, &format!("{place}.{key}"), keys));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, &format!("{place}[]"), keys)),
        _ => {}
    }
}

/// All mutants of a value.
pub(super) fn mutants(value: &Value, keys: &Keys) -> Vec<(Change, String, Value)> {
    let mut found = Vec::new();
    visit(value, value, "", "", keys, &mut found);
    found
}

fn visit(
    whole: &Value,
    value: &Value,
    pointer: &str,
    place: &str,
    keys: &Keys,
    found: &mut Vec<(Change, String, Value)>,
) {
    for (change, other) in replacements(value, keys.get(place)) {
        let mut mutant = whole.clone();
        *mutant.pointer_mut(pointer).unwrap() = other;
        found.push((change, pointer.to_owned(), mutant));
    }
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                visit(whole, value, &pointer, &format!("{place}.{key}"), keys, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                visit(whole, item, &format!("{pointer}/{index}"), &format!("{place}[]"), keys, found);
            }
        }
        _ => {}
    }
}

fn replacements(value: &Value, known: Option<&Map<String, Value>>) -> Vec<(Change, Value)> {
    let mut found = vec![(Change::Null, Value::Null)];
    for other in
        [json!(true), json!(7), json!(1.5), json!("x"), json!([]), json!(["x"]), json!({}), json!({"x": "y"})]
    {
        if std::mem::discriminant(&other) != std::mem::discriminant(value) {
            found.push((Change::Kind, other));
        }
    }
    let others = match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(_) => [0, -1, 1, 2, 100, 1_000_001, 1 << 40].map(|number: i64| json!(number)).to_vec(),
        Value::String(text) => {
            let long = "x".repeat(300);
            let words = [
                "",
                "x",
                "a b",
                "off",
                "30s",
                "1500ms",
                "*",
                "/",
                "none",
                "id",
                "a.b",
                ":path",
                "x\ny",
                long.as_str(),
            ];
            let mut words: Vec<Value> = words.map(Value::from).to_vec();
            words.extend([json!(text.to_uppercase()), json!(format!("{text}é")), json!(format!("{text}*"))]);
            words
        }
        _ => Vec::new(),
    };
    found.extend(others.into_iter().filter(|other| other != value).map(|other| (Change::Other, other)));
    if let Value::Array(items) = value {
        found.push((Change::Gone, json!([])));
        found.push((Change::Twice, [items.as_slice(), items].concat().into()));
    }
    if let Value::Object(entries) = value {
        let with = |key: &str, value: &Value| {
            let mut entries = entries.clone();
            entries.insert(key.to_owned(), value.clone());
            Value::Object(entries)
        };
        found.push((Change::Unknown, with("zzUnknown", &json!(1))));
        for key in entries.keys() {
            let mut entries = entries.clone();
            entries.remove(key);
            found.push((Change::Gone, Value::Object(entries)));
        }
        let known = known.into_iter().flatten().filter(|(key, _)| !entries.contains_key(*key));
        found.extend(known.map(|(key, value)| (Change::Added, with(key, value))));
    }
    found
}
