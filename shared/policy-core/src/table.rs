//! A [`Source`] and a [`Host`] of plain values: what a test, or the tool, has in place of Envoy.
//!
//! ```
//! use policy_core::table::{Still, Table};
//! use policy_core::{Exchange, HeaderName, HeaderValue};
//!
//! let table = Table::of(&[(":path", "/"), ("x-env", "dev")]);
//! let mut exchange = Exchange::new(&table);
//! exchange.headers.set(&HeaderName::parse("x-env")?, HeaderValue::parse("prod")?);
//! assert_eq!(table.after(&exchange), Table::of(&[(":path", "/"), ("x-env", "prod")]).headers);
//! # let _ = Still::default();
//! # Ok::<(), String>(())
//! ```

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::exchange::{Attribute, Exchange, Source};
use crate::headers::Write;
use crate::host::{Host, Signature, Stale, Stored};
use crate::time::Timestamp;
use raw::Snapshot;

/// Header pairs, in order.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// One message and what is known besides it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// The message's headers; names in lower case.
    pub headers: Pairs,
    /// Attributes in the host's encoding.
    pub attributes: Vec<(Attribute, Vec<u8>)>,
    /// Filter state by its full key.
    pub filter_state: Vec<(String, Vec<u8>)>,
    /// How often the headers were read.
    pub reads: Cell<usize>,
}

impl Table {
    /// A message with these headers.
    #[must_use]
    pub fn of(headers: &[(&str, &str)]) -> Self {
        let headers =
            headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Self { headers: headers.collect(), ..Self::default() }
    }

    /// The same with an attribute.
    #[must_use]
    pub fn with(mut self, attribute: Attribute, value: impl AsRef<[u8]>) -> Self {
        self.attributes.push((attribute, value.as_ref().to_vec()));
        self
    }

    /// The message after the writes of this exchange, as Envoy carries them out.
    #[must_use]
    pub fn after(&self, exchange: &Exchange<'_>) -> Pairs {
        let mut pairs = self.headers.clone();
        for write in exchange.headers.writes() {
            match write {
                Write::Add(name, value) => pairs.push((name.as_bytes().to_vec(), value.as_bytes().to_vec())),
                Write::Remove(name) => pairs.retain(|(known, _)| known != name.as_bytes()),
                Write::Replace(name, value) => {
                    let at = pairs.iter().position(|(known, _)| known == name.as_bytes());
                    pairs.retain(|(known, _)| known != name.as_bytes());
                    let at = at.unwrap_or(pairs.len()).min(pairs.len());
                    pairs.insert(at, (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
                }
            }
        }
        pairs
    }
}

impl Source for Table {
    fn headers(&self) -> Snapshot {
        self.reads.set(self.reads.get().saturating_add(1));
        Snapshot::from_pairs(&self.headers)
    }

    fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>> {
        self.attributes.iter().find(|(name, _)| *name == attribute).map(|(_, value)| value.clone())
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.filter_state.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

/// A host whose clock stands still until it is turned, whose random bytes count up, and which checks no signatures.
#[derive(Debug, Default)]
pub struct Still {
    /// The time it is, in nanoseconds since the Unix epoch.
    pub now: Cell<u64>,
    /// The store. Several hosts may share one, as several VMs do.
    pub store: Rc<RefCell<BTreeMap<String, Stored>>>,
    next: Cell<u8>,
}

impl Host for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.next.get();
            self.next.set(self.next.get().wrapping_add(1));
        }
    }

    fn load(&self, key: &str) -> Option<Stored> {
        self.store.borrow().get(key).cloned()
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        let mut store = self.store.borrow_mut();
        // As Envoy: versions are of one sequence, and a missing entry takes any version.
        let last = store.values().map(|entry| entry.version).max().unwrap_or_default();
        if over.is_some_and(|over| store.get(key).is_some_and(|entry| entry.version != over)) {
            return Err(Stale);
        }
        store.insert(key.to_owned(), Stored { value: value.to_vec(), version: last.saturating_add(1) });
        Ok(())
    }

    fn verify_signature(&self, _: &Signature<'_>) -> Option<bool> {
        None
    }
}
