//! One message's headers: an immutable snapshot and a journal of edits.
//!
//! The snapshot is read when a policy first asks for a header that the journal does not answer, so a policy that only
//! writes costs no read. The journal holds the last word per name. Policies that run later see the edits; the runtime
//! writes each final edit once, with [`Headers::writes`], and skips what would change nothing.
//!
//! Edits made before `Headers::settle` stay in the journal as they were, so that [`Headers::take_back`] can drop all later ones.

use std::cell::OnceCell;
use std::slice;

use crate::exchange::Source;
use crate::header::{HeaderName, HeaderValue};
use raw::{Snapshot, snapshot};

/// The headers of the message at hand, seen through the edits made so far.
pub struct Headers<'s> {
    source: &'s dyn Source,
    original: OnceCell<Snapshot>,
    journal: Vec<Entry>,
    /// So many entries of the journal stand whatever is decided later. Only they can be outdone by a later one.
    settled: usize,
}

struct Entry {
    name: HeaderName,
    edit: Edit,
}

enum Edit {
    /// These values, whatever the message had. No value: the header is gone.
    Replace(List),
    /// The message's own values, then these.
    Append(List),
}

/// Values in order. There is one, nearly always, and it takes no memory of its own.
#[derive(Clone, Default)]
struct List {
    first: Option<HeaderValue>,
    rest: Vec<HeaderValue>,
}

impl List {
    fn push(&mut self, value: HeaderValue) {
        match self.first {
            None => self.first = Some(value),
            Some(_) => self.rest.push(value),
        }
    }

    fn iter(&self) -> Listed<'_> {
        Listed { first: self.first.as_ref(), rest: self.rest.iter() }
    }
}

impl FromIterator<HeaderValue> for List {
    fn from_iter<I: IntoIterator<Item = HeaderValue>>(values: I) -> Self {
        let mut values = values.into_iter();
        Self { first: values.next(), rest: values.collect() }
    }
}

#[derive(Default)]
struct Listed<'a> {
    first: Option<&'a HeaderValue>,
    rest: slice::Iter<'a, HeaderValue>,
}

impl<'a> Iterator for Listed<'a> {
    type Item = &'a HeaderValue;

    fn next(&mut self) -> Option<&'a HeaderValue> {
        self.first.take().or_else(|| self.rest.next())
    }
}

/// All values of a header: the message's own, then those that were written.
struct Values<'a> {
    own: Option<snapshot::Values<'a>>,
    written: Listed<'a>,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let own = self.own.as_mut().and_then(Iterator::next);
        own.or_else(|| self.written.next().map(HeaderValue::as_bytes))
    }
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
        Self { source, original: OnceCell::new(), journal: Vec::new(), settled: 0 }
    }

    /// All values of a header, in order, as they are now.
    pub fn values<'a>(&'a self, name: &'a HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let own = || Some(self.original().values(name.as_bytes()));
        match self.edit(name) {
            None => Values { own: own(), written: Listed::default() },
            Some(Edit::Append(added)) => Values { own: own(), written: added.iter() },
            Some(Edit::Replace(values)) => Values { own: None, written: values.iter() },
        }
    }

    /// The first value of a header. For a decision about trust read [`Headers::values`]: a client can repeat a header.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        match self.edit(name) {
            None => self.original().first(name.as_bytes()),
            Some(Edit::Append(added)) => {
                let own = self.original().first(name.as_bytes());
                own.or_else(|| added.first.as_ref().map(HeaderValue::as_bytes))
            }
            Some(Edit::Replace(values)) => values.first.as_ref().map(HeaderValue::as_bytes),
        }
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
        let written = self.live().filter(|entry| match &entry.edit {
            Edit::Replace(values) | Edit::Append(values) => values.first.is_some(),
        });
        kept.chain(written.map(|entry| entry.name.as_bytes()))
    }

    /// Gives a header one value, in place of all it had.
    pub fn set(&mut self, name: &HeaderName, value: HeaderValue) {
        self.replace(name, List { first: Some(value), rest: Vec::new() });
    }

    /// Gives a header these values, in place of all it had. Each stays a header of its own.
    pub fn set_all(&mut self, name: &HeaderName, values: Vec<HeaderValue>) {
        self.replace(name, values.into_iter().collect());
    }

    fn replace(&mut self, name: &HeaderName, values: List) {
        match self.journal.iter_mut().skip(self.settled).find(|entry| entry.name == *name) {
            Some(entry) => entry.edit = Edit::Replace(values),
            None => self.journal.push(Entry { name: name.clone(), edit: Edit::Replace(values) }),
        }
    }

    /// Gives a header one more value.
    pub fn append(&mut self, name: &HeaderName, value: HeaderValue) {
        match self.journal.iter_mut().skip(self.settled).find(|entry| entry.name == *name) {
            Some(Entry { edit: Edit::Replace(values) | Edit::Append(values), .. }) => values.push(value),
            None => {
                let mut edit = match self.edit(name) {
                    Some(Edit::Replace(values)) => Edit::Replace(values.clone()),
                    Some(Edit::Append(values)) => Edit::Append(values.clone()),
                    None => Edit::Append(List::default()),
                };
                let (Edit::Replace(values) | Edit::Append(values)) = &mut edit;
                values.push(value);
                self.journal.push(Entry { name: name.clone(), edit });
            }
        }
    }

    /// Removes a header with all its values.
    pub fn remove(&mut self, name: &HeaderName) {
        self.replace(name, List::default());
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
        self.live().flat_map(|entry| {
            let name = &entry.name;
            let (head, rest) = match &entry.edit {
                Edit::Append(values) => (None, values.iter()),
                Edit::Replace(values) if self.is_already(name, values) => (None, Listed::default()),
                Edit::Replace(List { first: None, .. }) => (Some(Write::Remove(name)), Listed::default()),
                Edit::Replace(List { first: Some(first), rest }) => {
                    (Some(Write::Replace(name, first)), Listed { first: None, rest: rest.iter() })
                }
            };
            head.into_iter().chain(rest.map(move |value| Write::Add(name, value)))
        })
    }

    /// What was edited so far stands, whatever is decided later.
    pub(crate) fn settle(&mut self) {
        self.settled = self.journal.len();
    }

    /// Drops all edits that do not stand.
    pub fn take_back(&mut self) {
        self.journal.truncate(self.settled);
    }

    /// The last word on each name.
    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.journal.iter().enumerate().filter_map(|(place, entry)| {
            let later = if place < self.settled { self.journal.get(place.saturating_add(1)..) } else { None };
            let outdone = later.unwrap_or_default().iter().any(|later| later.name == entry.name);
            (!outdone).then_some(entry)
        })
    }

    /// True when the snapshot is known and already has just these values.
    fn is_already(&self, name: &HeaderName, values: &List) -> bool {
        self.original.get().is_some_and(|original| {
            original.values(name.as_bytes()).eq(values.iter().map(HeaderValue::as_bytes))
        })
    }

    fn edit(&self, name: &HeaderName) -> Option<&Edit> {
        self.journal.iter().rfind(|entry| entry.name == *name).map(|entry| &entry.edit)
    }

    fn original(&self) -> &Snapshot {
        self.original.get_or_init(|| self.source.headers())
    }
}

#[cfg(test)]
mod tests;
