//! Writing YAML: block style, fields in order, text quoted wherever a reader might take it for something else.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::fault::Position;
use crate::manifest::yaml::{Entry, Node, Value};

/// Fields that one wants to see first, wherever they occur. JSON has no order of its own here.
const FIRST: [&str; 7] = ["@type", "apiVersion", "kind", "metadata", "name", "namespace", "spec"];

/// Several documents in one stream.
pub(super) fn documents(documents: &[Node]) -> String {
    documents.iter().map(|document| format!("---\n{}", text(document))).collect()
}

/// One document.
pub(super) fn text(node: &Node) -> String {
    let mut out = String::new();
    block(node, 0, &mut out);
    out
}

/// JSON as a tree that can be written.
pub(super) fn node(json: Json) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(node).collect()),
        Json::Object(fields) => {
            let mut entries: Vec<Entry> =
                fields.into_iter().map(|(key, value)| entry(&key, node(value))).collect();
            entries.sort_by_key(|entry| {
                FIRST.iter().position(|first| *first == entry.key).unwrap_or(FIRST.len())
            });
            Value::Map(entries)
        }
    };
    tree(value)
}

/// A value that has no place in a file.
pub(super) fn tree(value: Value) -> Node {
    Node { at: Position { line: 0, column: 0 }, value }
}

/// A field of it.
pub(super) fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.to_owned(), key_at: value.at, value }
}

fn block(node: &Node, depth: usize, out: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for (index, entry) in entries.iter().enumerate() {
                // The first field of an item stands on the line of its dash.
                if index > 0 || !out.ends_with("- ") {
                    indent(depth, out);
                }
                let _ = write!(out, "{}:", scalar(&entry.key));
                match &entry.value.value {
                    Value::Map(entries) if !entries.is_empty() => {
                        out.push('\n');
                        block(&entry.value, depth.saturating_add(1), out);
                    }
                    Value::List(items) if !items.is_empty() => {
                        out.push('\n');
                        block(&entry.value, depth, out);
                    }
                    _ => {
                        out.push(' ');
                        block(&entry.value, depth, out);
                    }
                }
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || !out.ends_with("- ") {
                    indent(depth, out);
                }
                out.push_str("- ");
                block(item, depth.saturating_add(1), out);
            }
        }
        Value::Map(_) => out.push_str("{}\n"),
        Value::List(_) => out.push_str("[]\n"),
        Value::Null => out.push_str("null\n"),
        Value::Bool(value) => {
            let _ = writeln!(out, "{value}");
        }
        Value::Number(number) => {
            let _ = writeln!(out, "{number}");
        }
        Value::Text(text) if readable_lines(text) => lines(text, depth, out),
        Value::Text(text) => out.push_str(&format!("{}\n", scalar(text))),
    }
}

/// Whether a text can be written line by line: several lines that hold nothing a reader would take in another way.
fn readable_lines(text: &str) -> bool {
    let plain = |c: char| c == '\n' || !(c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    let ends = text.len().saturating_sub(text.trim_end_matches('\n').len());
    let begins_plainly = !text.starts_with([' ', '\n']);
    text.trim_end_matches('\n').contains('\n') && ends <= 1 && begins_plainly && text.chars().all(plain)
}

fn lines(text: &str, depth: usize, out: &mut String) {
    out.push_str(if text.ends_with('\n') { "|\n" } else { "|-\n" });
    for line in text.lines() {
        // An empty line needs no blanks before it.
        if !line.is_empty() {
            indent(depth.saturating_add(1), out);
        }
        let _ = writeln!(out, "{line}");
    }
}

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

/// Plain where every reader, of YAML 1.1 too, takes it for this very text; else as JSON, which is YAML as well.
fn scalar(text: &str) -> String {
    let first =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_'));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    // What one reader or another takes for null, a truth value or a number.
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if first && text.bytes().all(plain) && !word {
        return text.to_owned();
    }
    // A URL or a type's name, which one reads more often than anything else.
    let colons = first && !text.ends_with(':') && text.bytes().all(|byte| plain(byte) || byte == b':');
    if colons && text.contains("://") { text.to_owned() } else { quoted(text) }
}

/// JSON leaves DEL and the C1 controls as they are, and a YAML reader need not take them.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in serde_json::Value::from(text).to_string().chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028 | 0x2029 | 0xfeff) => {
                let _ = write!(quoted, "\\u{code:04x}");
            }
            _ => quoted.push(c),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::yaml;

    #[test]
    fn it_is_written_as_one_would() {
        let written = text(&node(json!({
            "spec": {"list": [{"name": "a", "more": [1, -2.5]}, [], "x", [["deep"]]], "empty": {}, "url": "oci://r:5000/x:1"},
            "kind": "X", "apiVersion": "v1",
        })));
        let expected = "apiVersion: v1\nkind: X\nspec:\n  empty: {}\n  list:\n  - name: a\n    more:\n    - 1\n    - -2.5\n  - []\n  \
                        - x\n  - - - deep\n  url: oci://r:5000/x:1\n";
        assert_eq!(written, expected);
    }

    #[test]
    fn every_text_is_read_as_what_it_was() {
        for text in [
            "",
            " ",
            "a",
            "a b",
            "no",
            "Yes",
            "null",
            "~",
            "12",
            "1e3",
            "0x1f",
            "1.5",
            "a:",
            "a: b",
            "a #b",
            "- a",
            "*x",
            "&x",
            "!x",
            "%x",
            "@x",
            "`",
            "{",
            "[",
            "a,b",
            "'",
            "\"",
            "\\",
            "line\nline\n",
            "\t",
            "\u{7f}\u{85}\u{2028}\u{feff}",
            "é😀",
            "outbound|80||a",
            "2026-11-21",
            "12:30:00",
            "a:1",
            "https://x",
            "x://",
            "=",
            "<<",
            ".inf",
            "_",
            "/a",
            "---",
            "...",
            "?",
            "|",
            ">",
        ] {
            let json = json!({"k": [text], text: text});
            let written = super::text(&node(json.clone()));
            let read = yaml::parse(&written).unwrap_or_else(|error| panic!("{written}: {error:?}"));
            assert_eq!(read.first().map(Node::to_json), Some(json), "{written}");
        }
    }
}
