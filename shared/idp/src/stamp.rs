//! What all VMs know of one source of keys: one small entry of the shared store, changed by compare-and-swap only.
//!
//! It holds what has happened, not what is planned, so that configurations with other intervals can share it. Times are
//! compared by distance: a clock that is set back or forward makes something due at once, or late by the step at most.

use policy_core::hash;

use crate::refresh::Refresh;

/// The first byte of every entry: another layout is another number.
pub(crate) const LAYOUT: u8 = 1;

/// Discovery and keys, thirty seconds each, and one more.
const MAX_LEASE: u64 = 61_000;
const MAX_BACKOFF: u64 = 60_000;
const NUMBERS: usize = 9;

/// All times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    /// How many fetches have begun; also the number of the last one.
    pub(crate) begun: u64,
    /// The number of the last fetch that has ended, well or badly.
    pub(crate) ended: u64,
    /// When the last one began.
    pub(crate) begun_at: u64,
    /// When the last one ended.
    pub(crate) ended_at: u64,
    /// For how long the VM that began it has it to itself.
    pub(crate) lease: u64,
    /// How many have failed since the last good one.
    pub(crate) failures: u64,
    /// When a fetch was last begun for an unknown key.
    pub(crate) refetched_at: u64,
    /// When the last good one ended.
    pub(crate) fetched_at: u64,
    /// Random: where in its margin the next fetch is.
    pub(crate) seed: u64,
    /// SHA-256 of the set; zeros for none.
    pub(crate) digest: [u8; 32],
}

impl Stamp {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![LAYOUT];
        for number in [
            self.begun,
            self.ended,
            self.begun_at,
            self.ended_at,
            self.lease,
            self.failures,
            self.refetched_at,
            self.fetched_at,
            self.seed,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.digest);
        out.extend_from_slice(&hash::stable(&[&out]).to_le_bytes());
        out
    }

    /// `None` for anything that [`Stamp::encode`] did not write.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<8>()?;
        let (layout, body_left) = body.split_first()?;
        if *layout != LAYOUT || hash::stable(&[body]).to_le_bytes() != *sum {
            return None;
        }
        let mut numbers = [0; NUMBERS];
        let mut left = body_left;
        for number in &mut numbers {
            let (bytes, rest) = left.split_first_chunk::<8>()?;
            (*number, left) = (u64::from_le_bytes(*bytes), rest);
        }
        let [begun, ended, begun_at, ended_at, lease, failures, refetched_at, fetched_at, seed] = numbers;
        let digest = left.try_into().ok()?;
        let lease = lease.min(MAX_LEASE);
        Some(Self {
            begun,
            ended,
            begun_at,
            ended_at,
            lease,
            failures,
            refetched_at,
            fetched_at,
            seed,
            digest,
        })
    }

    /// Whether there is a set in the store.
    pub(crate) fn has_set(&self) -> bool {
        self.digest != [0; 32]
    }

    /// Whether some VM is fetching.
    pub(crate) fn in_flight(&self, now: u64) -> bool {
        self.begun != self.ended && now.abs_diff(self.begun_at) < self.lease
    }

    /// Whether it is time for a fetch without anyone's asking.
    pub(crate) fn is_due(&self, now: u64, refresh: &Refresh) -> bool {
        if self.in_flight(now) {
            return false;
        }
        // Never fetched, or by a VM that died over it.
        if self.begun == 0 || self.begun != self.ended {
            return true;
        }
        let (since, wait) = match self.failures {
            0 => (self.begun_at, refresh.interval),
            failures => (self.ended_at, backoff(failures, refresh.interval)),
        };
        now.abs_diff(since) >= early(wait, self.seed)
    }

    /// Whether a fetch for an unknown key may begin.
    pub(crate) fn may_refetch(&self, now: u64, refresh: &Refresh) -> bool {
        !self.in_flight(now)
            && (self.refetched_at == 0 || now.abs_diff(self.refetched_at) >= refresh.min_interval)
    }

    /// With one more fetch begun.
    pub(crate) fn begin(self, now: u64, lease: u64, seed: u64, refetch: bool) -> Self {
        let died = u64::from(self.begun != self.ended);
        Self {
            begun: self.begun.saturating_add(1),
            begun_at: now,
            lease,
            failures: self.failures.saturating_add(died),
            refetched_at: if refetch { now } else { self.refetched_at },
            // A clock that was set back must not make the keys young for as long as the step was.
            fetched_at: self.fetched_at.min(now),
            seed,
            ..self
        }
    }

    /// With the last fetch ended; `digest` is that of the set it brought.
    pub(crate) fn end(self, now: u64, digest: Option<[u8; 32]>) -> Self {
        let ended = Self { ended: self.begun, ended_at: now, ..self };
        match digest {
            Some(digest) => Self { failures: 0, fetched_at: now, digest, ..ended },
            None => Self { failures: self.failures.saturating_add(1), ..ended },
        }
    }
}

/// One second, doubled with each failure up to a minute or the interval.
fn backoff(failures: u64, interval: u64) -> u64 {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(6);
    1000_u64.saturating_mul(1 << doublings).min(MAX_BACKOFF).min(interval)
}

/// Up to a tenth earlier, so that the proxies of a mesh do not all ask at once.
fn early(wait: u64, seed: u64) -> u64 {
    wait.saturating_sub(wait.saturating_mul(seed % 1001) / 10_000)
}

#[cfg(test)]
mod tests;
