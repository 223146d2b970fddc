//! From YAML text to trees, one for each document.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::{Entry, Node, Value, scalar};
use crate::fault::{Code, Position};

/// More nodes than any manifest has: an alias repeats what it names, and a few of them nested would fill the memory.
const MOST_NODES: usize = 100_000;
/// Deeper than any manifest is.
const DEEPEST: usize = 64;

/// Text that is not YAML, or not YAML that means the same to everyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// Where.
    pub at: Position,
    /// Why.
    pub message: String,
    /// What kind of mistake it is.
    pub code: Code,
}

/// One document of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What it says, as far as that is certain.
    pub node: Node,
    /// What YAML 1.1 and 1.2 read differently, and what only some readers take.
    pub doubts: Vec<YamlError>,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.line, self.at.column, self.message)
    }
}

impl std::error::Error for YamlError {}

/// Reads all documents of a text. Empty documents are left out.
///
/// # Errors
/// For text that is not YAML, and for what is refused: a key given twice, merge keys, tags, and scalars that YAML 1.1
/// and 1.2 read differently.
pub fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    let certain = |document: Document| match document.doubts.into_iter().next() {
        Some(doubt) => Err(doubt),
        None => Ok(document.node),
    };
    read(text)?.into_iter().map(certain).collect()
}

/// The same, with the doubts left to the reader: in a document that is none of ours they are nobody's business.
///
/// # Errors
/// For text that is not YAML, or too large.
pub fn read(text: &str) -> Result<Vec<Document>, YamlError> {
    let (events, anchors, doubts) = (Parser::new_from_str(text), HashMap::new(), Vec::new());
    let mut builder = Builder { events, anchors, nodes: 0, doubts };
    let mut documents = Vec::new();
    loop {
        match builder.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, at) => {
                builder.anchors.clear();
                let node = builder.node(event, at, 0)?;
                let doubts = std::mem::take(&mut builder.doubts);
                if node.value != Value::Null {
                    documents.push(Document { node, doubts });
                }
            }
        }
    }
}

struct Builder<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    doubts: Vec<YamlError>,
}

impl<'t> Builder<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Position), YamlError> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, position(span.start))),
            Some(Err(error)) => Err(YamlError {
                at: position(*error.marker()),
                message: format!("not YAML: {}", error.info()),
                code: Code::NotYaml,
            }),
            None => Ok((Event::StreamEnd, Position { line: 1, column: 1 })),
        }
    }

    fn node(&mut self, event: Event<'t>, at: Position, depth: usize) -> Result<Node, YamlError> {
        if depth > DEEPEST {
            return refuse(at, format!("nested more than {DEEPEST} levels deep"));
        }
        let (anchor, value) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => (anchor, self.scalar(&text, style, tag.as_ref(), at)),
            Event::SequenceStart(anchor, tag) => {
                self.doubt_tag(tag.as_ref(), at);
                (anchor, Value::List(self.list(depth)?))
            }
            Event::MappingStart(anchor, tag) => {
                self.doubt_tag(tag.as_ref(), at);
                (anchor, Value::Map(self.map(depth)?))
            }
            _ => return refuse(at, "not YAML: a value is missing"),
        };
        let node = Node { at, value };
        self.count(1, at)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, at) => items.push(self.node(event, at, depth.saturating_add(1))?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, key_at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, style, ..), at) => (self.key(text, style, at), at),
                (_, at) => return refuse(at, "a key must be plain text"),
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let message = format!("{key:?} is given twice, first in line {}", first.key_at.line);
                self.doubt(key_at, Code::AmbiguousYaml, message);
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth.saturating_add(1))?;
            entries.push(Entry { key, key_at, value });
        }
    }

    /// A copy of what the anchor names, at the place of the alias: that is where the reader will look.
    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, YamlError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return refuse(at, "an alias may not stand inside what it names");
        };
        let node = Node { at, value: node.value.clone() };
        self.count(size(&node), at)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES { refuse(at, format!("more than {MOST_NODES} values")) } else { Ok(()) }
    }

    fn key(&mut self, text: Cow<'_, str>, style: ScalarStyle, at: Position) -> String {
        if style == ScalarStyle::Plain {
            let doubt = if text == "<<" {
                Some((
                    Code::AmbiguousYaml,
                    "merge keys (<<) are not supported: write the fields out".to_owned(),
                ))
            } else if let Some(meaning) = scalar::word_of_yaml_1_1(&text) {
                Some((Code::AmbiguousYaml, format!("kubectl reads {text} as {meaning}: put it in quotes")))
            } else {
                scalar::plain(&text).err()
            };
            if let Some((code, message)) = doubt {
                self.doubt(at, code, message);
            }
        }
        text.into_owned()
    }

    /// In doubt it is taken for text.
    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>, at: Position) -> Value {
        let text_asked_for = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
        if style != ScalarStyle::Plain || text_asked_for {
            return Value::Text(text.to_owned());
        }
        self.doubt_tag(tag, at);
        match scalar::plain(text) {
            Ok(value) => value,
            Err((code, message)) => {
                self.doubt(at, code, message);
                Value::Text(text.to_owned())
            }
        }
    }

    fn doubt_tag(&mut self, tag: Option<&Cow<'_, Tag>>, at: Position) {
        if let Some(tag) = tag {
            let message = format!("tags are not supported: leave out {}", tag.as_ref());
            self.doubt(at, Code::AmbiguousYaml, message);
        }
    }

    fn doubt(&mut self, at: Position, code: Code, message: String) {
        self.doubts.push(YamlError { at, message, code });
    }
}

fn refuse<T>(at: Position, message: impl Into<String>) -> Result<T, YamlError> {
    Err(YamlError { at, message: message.into(), code: Code::NotYaml })
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
        _ => 0,
    };
    below.saturating_add(1)
}

fn position(mark: Marker) -> Position {
    Position { line: mark.line(), column: mark.col().saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documents as JSON, one per line, or the error.
    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Ok(documents) => {
                documents.iter().map(|document| document.to_json().to_string()).collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn documents_become_trees() {
        check("a: 1\nb: [x, {z: ~}]\n", r#"{"a":1,"b":["x",{"z":null}]}"#);
        check("a: 1\n---\n---\n# nothing here\n---\nb: 2\n", "{\"a\":1}\n{\"b\":2}");
        check("enforcement: off\n", r#"{"enforcement":false}"#);
        check("", "");
        check("a: |\n  one\n  two\nb: 'off'\nc: !!str 12\n", r#"{"a":"one\ntwo\n","b":"off","c":"12"}"#);
        check("a: &x {k: v}\nb: *x\n", r#"{"a":{"k":"v"},"b":{"k":"v"}}"#);
    }

    #[test]
    fn what_is_refused_names_the_place() {
        check("a: 1\nb: 2\na: 3\n", r#"3:1: "a" is given twice, first in line 1"#);
        check("x:\n  a: {b: 1, b: 2}\n", r#"2:13: "b" is given twice, first in line 2"#);
        check("a: &x {k: v}\nb:\n  <<: *x\n", "3:3: merge keys (<<) are not supported: write the fields out");
        check("a: !thing 1\n", "1:4: tags are not supported: leave out !thing");
        check("on: push\n", "1:1: kubectl reads on as true: put it in quotes");
        check("? [a]\n: b\n", "1:3: a key must be plain text");
        check("a: &x [*x]\n", "1:8: an alias may not stand inside what it names");
    }

    #[test]
    fn text_that_is_not_yaml_is_refused_with_its_place() {
        for (text, line) in
            [("a: [1, 2\n", 2), ("a: b: c\n", 1), ("a: \"x\nb: 1\n", 2), ("a: &x 1\nb: *z\n", 2)]
        {
            let error = parse(text).unwrap_err();
            assert!(error.message.starts_with("not YAML: "), "{text:?}: {error}");
            assert!(error.at.line.abs_diff(line) <= 1, "{text:?}: {error}");
        }
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let previous = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![previous; 10].join(", ")));
        }
        assert_eq!(parse(&text).unwrap_err().message, "more than 100000 values");
        let deep = format!("{}1{}", "[".repeat(80), "]".repeat(80));
        assert_eq!(parse(&deep).unwrap_err().message, "nested more than 64 levels deep");
    }
}
