//! Identities of callers that the configuration names: each is made when it is first seen, and shared from then on.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use policy_core::{HeaderName, HeaderValue};

use crate::identity::{Identity, Parts};

/// As many as the configuration has callers.
pub(crate) struct Roster {
    provider: String,
    kind: &'static str,
    /// The header that is told the id.
    header: Option<HeaderName>,
    seen: RefCell<HashMap<String, Rc<Identity>>>,
}

impl Roster {
    /// An empty roster of this provider.
    pub(crate) fn new(provider: &str, kind: &'static str, header: Option<&HeaderName>) -> Self {
        Self { provider: provider.to_owned(), kind, header: header.cloned(), seen: RefCell::default() }
    }

    /// The caller with this id.
    pub(crate) fn identity(&self, id: &str, labels: &BTreeMap<String, String>) -> Rc<Identity> {
        let mut seen = self.seen.borrow_mut();
        if let Some(identity) = seen.get(id) {
            return Rc::clone(identity);
        }
        let header = self.header.clone().map(|name| (name, HeaderValue::escaped(id.as_bytes())));
        let identity = Rc::new(Identity::new(Parts {
            provider: &self.provider,
            kind: self.kind,
            id: id.to_owned(),
            labels: labels.clone(),
            headers: header.into_iter().collect(),
            ..Parts::default()
        }));
        seen.insert(id.to_owned(), Rc::clone(&identity));
        identity
    }
}
