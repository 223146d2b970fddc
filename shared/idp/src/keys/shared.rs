//! What the VMs share: the stamp, and the set it speaks of.

use policy_core::Host;
use policy_core::hash;
use std::rc::Rc;

use super::{KeySource, MAX_SET, Parsed, RemoteConfig, State};
use crate::stamp::{LAYOUT, Stamp};

/// The two entries of a source.
pub(super) struct Places {
    stamp: String,
    set: String,
}

impl Places {
    /// The same source has the same entries, whatever else is configured: a new configuration finds its keys there.
    pub(super) fn of(config: &RemoteConfig) -> Self {
        let cluster = config.cluster.as_deref().unwrap_or_default();
        let uri = config.uri.as_deref().unwrap_or_default();
        let hash = hash::stable(&[uri.as_bytes(), config.issuer.as_bytes(), cluster.as_bytes()]);
        Self { stamp: format!("keys.{hash:016x}.stamp"), set: format!("keys.{hash:016x}.set") }
    }

    /// The stamp and the version of its entry. One that cannot be read counts as new. `None` without an entry.
    pub(super) fn stamp(&self, host: &dyn Host) -> Option<(Stamp, u32)> {
        let stored = host.load(&self.stamp)?;
        Some((Stamp::decode(&stored.value).unwrap_or_default(), stored.version))
    }

    /// Whether the stamp was written over the entry of that version.
    pub(super) fn replace(&self, stamp: &Stamp, version: u32, host: &dyn Host) -> bool {
        host.store(&self.stamp, &stamp.encode(), Some(version)).is_ok()
    }

    /// Only where there is no entry: a compare-and-swap needs one to compare with.
    pub(super) fn create(&self, host: &dyn Host) {
        // Without a store there is no entry at the next tick either, and no fetch.
        let _ = host.store(&self.stamp, &Stamp::default().encode(), None);
    }

    pub(super) fn put_set(&self, body: &[u8], host: &dyn Host) {
        let mut value = Vec::with_capacity(body.len().saturating_add(1));
        value.push(LAYOUT);
        value.extend_from_slice(body);
        // Where this fails, the VMs without these keys find that the set does not match the stamp, and keep theirs.
        let _ = host.store(&self.set, &value, None);
    }

    fn set(&self, digest: &[u8; 32], host: &dyn Host) -> Option<Vec<u8>> {
        let mut value = host.load(&self.set)?.value;
        if value.first() != Some(&LAYOUT) || value.len() > MAX_SET.saturating_add(1) {
            return None;
        }
        value.remove(0);
        (hmac_sha256::Hash::hash(&value) == *digest).then_some(value)
    }
}

impl<K> KeySource<K> {
    /// Reads the stamp and, where it speaks of other keys than those held, the keys. The version of the stamp's entry.
    pub(super) fn pick_up(&self, state: &mut State<K>, host: &dyn Host) -> Option<u32> {
        let (stamp, version) = self.places.stamp(host)?;
        if state.seen == Some(version) {
            return Some(version);
        }
        state.seen = Some(version);
        state.stamp = stamp;
        if stamp.has_set() && stamp.digest != state.digest {
            let set = self.places.set(&stamp.digest, host).and_then(|body| (self.parse)(&body).ok());
            match set {
                Some(parsed) if parsed.count > 0 => state.take(parsed, stamp.digest),
                _ => state.note(format!("keys of {}: the shared set cannot be read", self.component)),
            }
        }
        if stamp.has_set() && stamp.digest == state.digest {
            state.fetched_at = stamp.fetched_at;
        }
        Some(version)
    }
}

impl<K> State<K> {
    pub(super) fn take(&mut self, parsed: Parsed<K>, digest: [u8; 32]) {
        if self.keys.is_none() || self.digest != digest {
            self.version = self.version.saturating_add(1);
        }
        self.keys = Some(Rc::new(parsed.keys));
        self.count = u64::try_from(parsed.count).unwrap_or(u64::MAX);
        self.skipped = u64::try_from(parsed.skipped).unwrap_or(u64::MAX);
        self.digest = digest;
    }
}
