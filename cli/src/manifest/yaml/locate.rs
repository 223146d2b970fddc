//! From a path in a message back to the line it is about.

use super::{Node, Value};
use crate::fault::Position;

impl Node {
    /// The position of the deepest place on the path that exists: the key of a field, the start of a list item.
    ///
    /// The path is read along the tree, because a key may hold the very characters that separate keys.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        let mut node = self;
        let mut at = self.at;
        let mut rest = path;
        while let Some((next, next_at, remainder)) = step(node, rest) {
            (node, at, rest) = (next, next_at, remainder);
        }
        at
    }
}

fn step<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(&'n Node, Position, &'p str)> {
    match &node.value {
        Value::Map(entries) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            let follow = |key: &str| {
                let rest = path.strip_prefix(key)?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
            };
            let found = entries.iter().filter_map(|entry| Some((entry, follow(&entry.key)?)));
            found.min_by_key(|(_, rest)| rest.len()).map(|(entry, rest)| (&entry.value, entry.key_at, rest))
        }
        Value::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some((item, item.at, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn a_path_leads_to_the_deepest_place_that_exists() {
        let text = "spec:\n  rules:\n  - name: a\n    a.b: {c: 1}\n  - name: b\n    match:\n      paths: [{prefix: /x}]\n";
        let document = parse(text).unwrap().remove(0);
        for (path, line, column) in [
            ("", 1, 1),
            ("spec", 1, 1),
            ("spec.rules", 2, 3),
            ("spec.rules[0]", 3, 5),
            ("spec.rules[0].name", 3, 5),
            ("spec.rules[0].a.b.c", 4, 11),
            ("spec.rules[1].match.paths[0].prefix", 7, 16),
            ("spec.rules[1].match.paths[7].prefix", 7, 7),
            ("spec.rules[1].match.hosts", 6, 5),
            ("spec.rules[9]", 2, 3),
            ("spec.unknown.x", 1, 1),
        ] {
            let at = document.locate(path);
            assert_eq!((at.line, at.column), (line, column), "{path}");
        }
    }
}
