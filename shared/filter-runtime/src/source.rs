//! What an exchange reads from, and what a policy may ask: Envoy.

use std::cell::{Cell, OnceCell};

use policy_core::time::Timestamp;
use policy_core::{Attribute, Host, Signature, Snapshot, Source, Stale, Stored};
use proxy_wasm::types::MapType;

use crate::{host, signature};

/// One phase of a stream, read on demand.
pub(crate) struct Envoy {
    map: MapType,
    failed: Cell<bool>,
}

impl Envoy {
    /// Reads from this header map.
    pub(crate) fn new(map: MapType) -> Self {
        Self { map, failed: Cell::new(false) }
    }

    /// True when the headers could not be read, so that whatever was decided was decided blindly.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }
}

impl Source for Envoy {
    fn headers(&self) -> Snapshot {
        let snapshot = host::header_pairs(self.map).ok().and_then(Snapshot::parse);
        self.failed.set(snapshot.is_none());
        snapshot.unwrap_or_default()
    }

    fn attribute(&self, attribute: Attribute) -> Option<Vec<u8>> {
        host::property(attribute.path())
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        host::property(&["filter_state", key].join("\0"))
    }
}

/// What a policy may ask of the host.
pub(crate) struct Machine {
    store: &'static str,
    /// One time for all that is decided in one call.
    now: OnceCell<Timestamp>,
    failed: Cell<bool>,
}

impl Machine {
    /// With this name of its keys in the store, if it has one ([`policy_core::Plugin::STORE`]).
    pub(crate) fn new(store: &'static str) -> Self {
        Self { store, now: OnceCell::new(), failed: Cell::new(false) }
    }

    /// Istio gives all its plugins one `vm_id`, and with it one store.
    fn key(&self, key: &str) -> String {
        let dot = if self.store.is_empty() { "" } else { "." };
        ["tollgate.", self.store, dot, key].concat()
    }

    /// True when the host gave no time or no random bytes: a nonce or an id made of that would be known to everyone.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }
}

impl Host for Machine {
    fn now(&self) -> Timestamp {
        *self.now.get_or_init(|| {
            Timestamp(host::current_time().unwrap_or_else(|_| {
                self.failed.set(true);
                0
            }))
        })
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        if host::fill_random(buffer).is_err() {
            self.failed.set(true);
        }
    }

    fn load(&self, key: &str) -> Option<Stored> {
        host::shared_data(&self.key(key)).ok()
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        // Envoy gives no entry the version 0: it stands for "whatever is there".
        let version = over.unwrap_or_default();
        if over.is_some() && version == 0 {
            return Err(Stale);
        }
        host::set_shared_data(&self.key(key), value, version).map_err(|_| Stale)
    }

    fn verify_signature(&self, signature: &Signature<'_>) -> Option<bool> {
        signature::verdict(
            &host::call_foreign_function("verify_signature", &signature::argument(signature)).ok()?,
        )
    }
}
