//! Strict reading of one document: every field is asked for by name, and everything that is wrong is collected.

use policy_core::config::nearest;
use std::path::Path;

use super::yaml::{Node, Value};
use crate::fault::{Code, Fault};

/// Collects the faults of one document.
pub(super) struct Reader<'d> {
    file: &'d Path,
    document: &'d Node,
    pub(super) faults: Vec<Fault>,
}

/// A field that is there and not null.
#[derive(Clone)]
pub(super) struct Field<'d> {
    pub(super) path: String,
    pub(super) node: &'d Node,
}

impl<'d> Reader<'d> {
    pub(super) fn new(file: &'d Path, document: &'d Node) -> Self {
        Self { file, document, faults: Vec::new() }
    }

    pub(super) fn root(&self) -> Field<'d> {
        Field { path: String::new(), node: self.document }
    }

    pub(super) fn fault(&mut self, code: Code, path: &str, message: impl Into<String>) {
        let at = Some(self.document.locate(path));
        let (file, path) = (self.file.to_owned(), path.to_owned());
        self.faults.push(Fault { file, at, path, message: message.into(), code });
    }

    /// The field of that name; null is as good as absent, as the API server has it.
    pub(super) fn optional<'f>(&self, of: &Field<'f>, key: &str) -> Option<Field<'f>> {
        let entry = of.node.field(key)?;
        (entry.value.value != Value::Null).then(|| Field { path: of.child(key), node: &entry.value })
    }

    pub(super) fn required<'f>(&mut self, of: &Field<'f>, key: &str, why: &str) -> Option<Field<'f>> {
        let field = self.optional(of, key);
        if field.is_none() {
            self.fault(Code::Required, &of.child(key), format!("is required: {why}"));
        }
        field
    }

    /// Complains about fields that are not known, each with the nearest that is.
    pub(super) fn only(&mut self, of: &Field<'_>, known: &[&str]) {
        self.only_or(of, known, &|_| None);
    }

    /// The same, with messages of their own for fields that are often written by mistake.
    pub(super) fn only_or(
        &mut self,
        of: &Field<'_>,
        known: &[&str],
        mistaken: &dyn Fn(&str) -> Option<String>,
    ) {
        let Value::Map(entries) = &of.node.value else {
            self.expected(of, "an object");
            return;
        };
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let allowed = known.join(", ");
            let key = &entry.key;
            let unknown = || match nearest(key, known) {
                Some(name) => format!("unknown field {key:?}, did you mean {name:?}? (allowed: {allowed})"),
                None => format!("unknown field {key:?} (allowed: {allowed})"),
            };
            let message = mistaken(key).unwrap_or_else(unknown);
            self.fault(Code::UnknownField, &of.child(key), message);
        }
    }

    pub(super) fn expected(&mut self, field: &Field<'_>, what: &str) {
        self.fault(Code::WrongType, &field.path, format!("expected {what}, found {}", field.node.kind()));
    }

    pub(super) fn text(&mut self, field: &Field<'_>) -> Option<String> {
        let text = field.node.text().map(str::to_owned);
        if text.is_none() {
            let hint = if matches!(field.node.value, Value::Number(_) | Value::Bool(_)) {
                " (put it in quotes)"
            } else {
                ""
            };
            let message = format!("expected text, found {}{hint}", field.node.kind());
            self.fault(Code::WrongType, &field.path, message);
        }
        text
    }

    pub(super) fn optional_text(&mut self, of: &Field<'_>, key: &str) -> Option<String> {
        let field = self.optional(of, key)?;
        self.text(&field)
    }

    /// One word of a list.
    pub(super) fn word<T: Copy>(&mut self, of: &Field<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        self.word_that(of, key, words, str::eq)
    }

    /// One word of a list, in capitals or not.
    pub(super) fn word_in_any_case<T: Copy>(
        &mut self,
        of: &Field<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.word_that(of, key, words, str::eq_ignore_ascii_case)
    }

    fn word_that<T: Copy>(
        &mut self,
        of: &Field<'_>,
        key: &str,
        words: &[(&str, T)],
        same: fn(&str, &str) -> bool,
    ) -> Option<T> {
        let field = self.optional(of, key)?;
        let text = self.text(&field)?;
        let found = words.iter().find(|(word, _)| same(word, &text));
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let allowed = names.join(", ");
            let suggestion =
                nearest(&text, &names).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            let message = format!("{text:?} is not one of {allowed}{suggestion}");
            self.fault(Code::WrongWord, &field.path, message);
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn items<'f>(&mut self, of: &Field<'f>, key: &str) -> Vec<Field<'f>> {
        let Some(field) = self.optional(of, key) else { return Vec::new() };
        let Value::List(items) = &field.node.value else {
            self.expected(&field, "a list");
            return Vec::new();
        };
        let path = |index: usize| format!("{}[{index}]", field.path);
        items.iter().enumerate().map(|(index, node)| Field { path: path(index), node }).collect()
    }

    /// A map from text to text: labels, annotations.
    pub(super) fn texts(&mut self, of: &Field<'_>, key: &str) -> Vec<(String, String)> {
        let Some(field) = self.optional(of, key) else { return Vec::new() };
        let Value::Map(entries) = &field.node.value else {
            self.expected(&field, "an object");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for entry in entries {
            let child = Field { path: field.child(&entry.key), node: &entry.value };
            texts.extend(self.text(&child).map(|text| (entry.key.clone(), text)));
        }
        texts
    }
}

impl Field<'_> {
    pub(super) fn child(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
