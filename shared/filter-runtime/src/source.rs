//! What an exchange reads from, and what a policy may ask: Envoy.

use std::cell::Cell;

use policy_core::time::Timestamp;
use policy_core::{Attribute, Host, Snapshot, Source};
use proxy_wasm::types::MapType;

use crate::host;

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
        host::property(&attribute.path())
    }

    fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        host::property(&["filter_state", key])
    }
}

/// Clock and randomness of the host.
#[derive(Default)]
pub(crate) struct Machine {
    failed: Cell<bool>,
}

impl Machine {
    /// True when the host gave no time or no random bytes: a nonce or an id made of that would be known to everyone.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }
}

impl Host for Machine {
    fn now(&self) -> Timestamp {
        Timestamp(host::current_time().unwrap_or_else(|_| {
            self.failed.set(true);
            0
        }))
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        if host::fill_random(buffer).is_err() {
            self.failed.set(true);
        }
    }
}
