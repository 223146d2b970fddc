//! One message's headers: an immutable snapshot and a journal of edits.
//!
//! The snapshot is read when a policy first asks for a header that the journal does not answer, so a policy that only
//! writes costs no read. The journal holds the last word per name. Policies that run later see the edits; the runtime
//! writes each final edit once, with [`Headers::writes`], and skips what would change nothing.

use std::cell::OnceCell;

use crate::exchange::Source;
use crate::header::{HeaderName, HeaderValue};
use crate::snapshot::Snapshot;

/// The headers of the message at hand, seen through the edits made so far.
pub struct Headers<'s> {
    source: &'s dyn Source,
    original: OnceCell<Snapshot>,
    journal: Vec<Entry>,
}

struct Entry {
    name: HeaderName,
    edit: Edit,
}

enum Edit {
    /// These values, whatever the message had. No value: the header is gone.
    Replace(Vec<HeaderValue>),
    /// The message's own values, then these.
    Append(Vec<HeaderValue>),
}

/// One write that makes the message what the journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// The header has exactly this value.
    Replace(&'a HeaderName, &'a HeaderValue),
    /// The header has this value besides those it has.
    Add(&'a HeaderName, &'a HeaderValue),
    /// The header is gone.
    Remove(&'a HeaderName),
}

impl<'s> Headers<'s> {
    pub(crate) fn new(source: &'s dyn Source) -> Self {
        Self { source, original: OnceCell::new(), journal: Vec::new() }
    }

    /// All values of a header, in order, as they are now.
    pub fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let (own, edited): (bool, &[HeaderValue]) = match self.edit(name) {
            None => (true, &[]),
            Some(Edit::Append(added)) => (true, added),
            Some(Edit::Replace(values)) => (false, values),
        };
        let original = own.then(|| self.original().values(name.as_bytes()));
        original.into_iter().flatten().chain(edited.iter().map(HeaderValue::as_bytes))
    }

    /// The first value of a header. For a decision about trust read [`Headers::values`]: a client can repeat a header.
    #[must_use]
    pub fn first<'a>(&'a self, name: &'a HeaderName) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// True when the header is there, with whatever value.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// All values joined with a comma, as RFC 9110 5.3 allows; `None` when the header is absent.
    #[must_use]
    pub fn joined(&self, name: &HeaderName) -> Option<Vec<u8>> {
        let mut values = self.values(name);
        let mut out = values.next()?.to_vec();
        for value in values {
            out.push(b',');
            out.extend_from_slice(value);
        }
        Some(out)
    }

    /// The names of all headers the message has now. A repeated header is named as often as it is repeated.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        let kept = self.original().iter().map(|(name, _)| name).filter(|name| {
            !self.journal.iter().any(|e| e.name.as_bytes() == *name && matches!(e.edit, Edit::Replace(_)))
        });
        let written = self.journal.iter().filter(|entry| match &entry.edit {
            Edit::Replace(values) | Edit::Append(values) => !values.is_empty(),
        });
        kept.chain(written.map(|entry| entry.name.as_bytes()))
    }

    /// Gives a header one value, in place of all it had.
    pub fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.set_all(name, vec![value]);
    }

    /// Gives a header these values, in place of all it had. Each stays a header of its own.
    pub fn set_all(&mut self, name: &HeaderName, values: Vec<HeaderValue>) {
        match self.journal.iter_mut().find(|entry| entry.name == *name) {
            Some(entry) => entry.edit = Edit::Replace(values),
            None => self.journal.push(Entry { name: name.clone(), edit: Edit::Replace(values) }),
        }
    }

    /// Gives a header one more value.
    pub fn append(&mut self, name: &HeaderName, value: HeaderValue) {
        match self.journal.iter_mut().find(|entry| entry.name == *name) {
            Some(Entry { edit: Edit::Replace(values) | Edit::Append(values), .. }) => values.push(value),
            None => self.journal.push(Entry { name: name.clone(), edit: Edit::Append(vec![value]) }),
        }
    }

    /// Removes a header with all its values.
    pub fn remove(&mut self, name: &HeaderName) {
        self.set_all(name, Vec::new());
    }

    /// Removes every header whose name the test accepts.
    pub fn remove_where(&mut self, accepts: impl Fn(&[u8]) -> bool) {
        let mut doomed: Vec<HeaderName> = Vec::new();
        for name in self.names().filter(|name| accepts(name)) {
            // A name that is no token cannot be held, nor could it have passed Envoy's codecs.
            let Some(name) =
                std::str::from_utf8(name).ok().and_then(|name| HeaderName::of_message(name).ok())
            else {
                continue;
            };
            if !doomed.contains(&name) {
                doomed.push(name);
            }
        }
        for name in &doomed {
            self.remove(name);
        }
    }

    /// The writes that make the message what the journal says, each name's in order.
    ///
    /// Where the snapshot was read, an edit that changes nothing yields no write.
    pub fn writes(&self) -> impl Iterator<Item = Write<'_>> {
        self.journal.iter().flat_map(|entry| {
            let name = &entry.name;
            let (head, rest): (Option<Write<'_>>, &[HeaderValue]) = match &entry.edit {
                Edit::Append(values) => (None, values),
                Edit::Replace(values) if self.is_already(name, values) => (None, &[]),
                Edit::Replace(values) => match values.split_first() {
                    None => (Some(Write::Remove(name)), &[]),
                    Some((first, rest)) => (Some(Write::Replace(name, first)), rest),
                },
            };
            head.into_iter().chain(rest.iter().map(move |value| Write::Add(name, value)))
        })
    }

    /// True when the snapshot is known and already has just these values.
    fn is_already(&self, name: &HeaderName, values: &[HeaderValue]) -> bool {
        self.original.get().is_some_and(|original| {
            original.values(name.as_bytes()).eq(values.iter().map(HeaderValue::as_bytes))
        })
    }

    fn edit(&self, name: &HeaderName) -> Option<&Edit> {
        self.journal.iter().find(|entry| entry.name == *name).map(|entry| &entry.edit)
    }

    fn original(&self) -> &Snapshot {
        self.original.get_or_init(|| self.source.headers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Exchange;
    use crate::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn name(name: &str) -> HeaderName {
        HeaderName::parse(name).unwrap()
    }

    fn value(value: &str) -> HeaderValue {
        HeaderValue::parse(value).unwrap()
    }

    /// Makes the edits on `a: 1, b: 2, a: 3` and returns the message after them, and how many writes it took.
    fn edited(edit: impl Fn(&mut Headers<'_>)) -> (String, usize) {
        let table = Table::of(&[("a", "1"), ("b", "2"), ("a", "3")]);
        let mut exchange = Exchange::new(&table);
        edit(&mut exchange.headers);
        let pairs = table.after(&exchange);
        let shown = pairs
            .iter()
            .map(|(n, v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)));
        (shown.collect::<Vec<_>>().join(" "), exchange.headers.writes().count())
    }

    #[test]
    fn each_edit_does_what_it_says() {
        type Edit<'f> = &'f dyn Fn(&mut Headers<'_>);
        let edits: [(&str, Edit<'_>, usize); 7] = [
            ("a=x b=2", &|h| h.set(&name("a"), value("x")), 1),
            ("a=1 b=2 a=3 a=x", &|h| h.append(&name("a"), value("x")), 1),
            ("b=2", &|h| h.remove(&name("a")), 1),
            ("a=1 b=2 a=3 c=x", &|h| h.set(&name("c"), value("x")), 1),
            ("a=x b=2 a=y", &|h| h.set_all(&name("a"), vec![value("x"), value("y")]), 2),
            (
                "b=2 a=z",
                &|h| {
                    h.set(&name("a"), value("x"));
                    h.remove(&name("a"));
                    h.append(&name("a"), value("z"));
                },
                1,
            ),
            ("b=2", &|h| h.remove_where(|name| name == b"a"), 1),
        ];
        for (expected, edit, writes) in edits {
            let (after, count) = edited(edit);
            // Where a removed name comes back, its place in the message is the old one.
            assert_eq!(sorted(&after), sorted(expected));
            assert_eq!(count, writes, "{expected}");
        }
    }

    fn sorted(pairs: &str) -> Vec<&str> {
        let mut pairs: Vec<&str> = pairs.split(' ').collect();
        pairs.sort_unstable();
        pairs
    }

    #[test]
    fn later_readers_see_the_edits() {
        let table = Table::of(&[("a", "1"), ("b", "2"), ("a", "3")]);
        let mut headers = Exchange::new(&table).headers;
        assert_eq!(headers.joined(&name("a")).unwrap(), b"1,3");
        headers.append(&name("a"), value("4"));
        assert_eq!(headers.joined(&name("a")).unwrap(), b"1,3,4");
        headers.remove(&name("b"));
        assert!(!headers.contains(&name("b")));
        assert_eq!(headers.names().collect::<Vec<_>>(), [b"a", b"a", b"a"]);
    }

    #[test]
    fn writing_reads_nothing_and_reading_reads_once() {
        let table = Table::of(&[("a", "1")]);
        let mut headers = Exchange::new(&table).headers;
        headers.set(&name("a"), value("2"));
        headers.remove(&name("b"));
        assert_eq!(headers.first(&name("a")), Some(b"2".as_slice()));
        assert_eq!(headers.writes().count(), 2);
        assert_eq!(table.reads.get(), 0);
        assert!(!headers.contains(&name("c")) && !headers.contains(&name("d")));
        assert_eq!(table.reads.get(), 1);
    }

    #[test]
    fn a_wildcard_meets_a_name_of_any_length() {
        let long = format!("x-int-{}", "a".repeat(1000));
        let table = Table::of(&[(&long, "1"), ("b", "2")]);
        let mut exchange = Exchange::new(&table);
        exchange.headers.remove_where(|name| name.starts_with(b"x-int-"));
        assert_eq!(table.after(&exchange), Table::of(&[("b", "2")]).headers);
    }

    #[test]
    fn an_edit_that_changes_nothing_is_not_written() {
        let (after, writes) = edited(|headers| {
            assert!(headers.contains(&name("b")));
            headers.set(&name("b"), value("2"));
            headers.set_all(&name("a"), vec![value("1"), value("3")]);
            headers.remove(&name("c"));
        });
        assert_eq!((after.as_str(), writes), ("a=1 b=2 a=3", 0));
    }
}
