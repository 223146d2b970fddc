//! Reading, deciding, writing: what a limit's keys owe, in the proxy's store.
//!
//! | entry | what it holds |
//! |---|---|
//! | `v1.hash` | the secret of [`KeyHash`], 16 bytes |
//! | `v1.r<table>.<set>` | a [`Set`] |
//! | `v1.r<table>.ready` | how many sets there are, u32 |
//!
//! The store knows no create-if-absent. Two workers that both created a set would each overwrite what the other has granted: so all of
//! them are made on start, before any worker runs, and one that is missing later is a failure.

use policy_core::{Host, hash};

use crate::hash::KeyHash;
use crate::memory::Memory;
use crate::plan::{Ns, Plan};
use crate::set::{Set, WAYS, WAYS_LOG};
use crate::slot::{Ask, Slot, Verdict, decide};
use crate::worker::{Request, Worker};

/// How often a write is tried before others are too many.
pub(crate) const TRIES: usize = 5;
const SECRET: &str = "v1.hash";
/// As many keys as a table may be asked to hold.
pub const MOST_KEYS: u32 = 1 << 20;

/// The keys of one limit in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    prefix: String,
    sets: u32,
}

/// Why nothing could be decided. The limit's failure mode is the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The store does not have what was put there on start.
    Missing,
    /// Too many others wrote at the same time.
    Contended,
    /// No room for another key (of requests in flight, where nobody's record may be dropped).
    Crowded,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It passes, and is counted.
    Allowed,
    /// It does not.
    Denied {
        /// How long until there may be enough tokens; see [`retry_after`](crate::retry_after).
        wait: Ns,
    },
}

/// What [`visit`] has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// Whether the request passes.
    pub outcome: Outcome,
    /// The table is full of keys in debt: newcomers pay for those that had to make room.
    pub crowded: bool,
}

impl Table {
    /// The table of this limit, for about so many keys: rounded up to a power of two from 8 to [`MOST_KEYS`].
    #[must_use]
    pub fn new(limit: &str, keys: u32) -> Self {
        Self::of_kind('r', limit, keys)
    }

    pub(crate) fn of_kind(kind: char, limit: &str, keys: u32) -> Self {
        let keys = keys.clamp(WAYS as u32, MOST_KEYS).next_power_of_two();
        let name = hash::stable(&[limit.as_bytes()]);
        Self { prefix: format!("v1.{kind}{name:016x}."), sets: keys >> WAYS_LOG }
    }

    /// How many keys it holds.
    #[must_use]
    pub fn keys(&self) -> u32 {
        self.sets << WAYS_LOG
    }

    /// How many entries of the store it has, apart from `ready`.
    #[must_use]
    pub fn sets(&self) -> u32 {
        self.sets
    }

    /// The name of a set: the one allocation besides the entry itself.
    pub(crate) fn name(&self, set: u32) -> String {
        let mut name = String::with_capacity(self.prefix.len().saturating_add(5));
        name.push_str(&self.prefix);
        for shift in [16, 12, 8, 4, 0] {
            name.push(char::from_digit((set >> shift) & 15, 16).unwrap_or('0'));
        }
        name
    }

    /// Makes all sets that are not there yet, each with these bytes.
    pub(crate) fn create(&self, host: &dyn Host, empty: &[u8]) -> Result<(), Trouble> {
        let ready = format!("{}ready", self.prefix);
        let made = host.load(&ready).and_then(|entry| Some(u32::from_le_bytes(*entry.value.first_chunk()?)));
        let made = made.unwrap_or_default();
        if made >= self.sets {
            return Ok(());
        }
        for set in made..self.sets {
            let name = self.name(set);
            if host.load(&name).is_none() {
                host.store(&name, empty, None).map_err(|_| Trouble::Missing)?;
            }
        }
        host.store(&ready, &self.sets.to_le_bytes(), None).map_err(|_| Trouble::Missing)
    }
}

/// Makes the table, unless an earlier configuration has. For [`Policy::on_start`](policy_core::Policy::on_start).
///
/// # Errors
/// The store takes nothing.
pub fn prepare(host: &dyn Host, table: &Table) -> Result<(), Trouble> {
    table.create(host, &Set::default().encode(1))
}

/// Makes the secret of all keys, unless an earlier configuration has. For [`Policy::on_start`](policy_core::Policy::on_start).
///
/// # Errors
/// The store takes nothing.
pub fn prepare_key(host: &dyn Host) -> Result<KeyHash, Trouble> {
    if let Some(hash) = load_key(host) {
        return Ok(hash);
    }
    let over = host.load(SECRET).map(|entry| entry.version);
    let mut secret = [0; 16];
    host.fill_random(&mut secret);
    if secret == [0; 16] {
        // The host gave none: with a secret that everyone knows, keys could be aimed at another's.
        return Err(Trouble::Missing);
    }
    let _ = host.store(SECRET, &secret, over);
    // Whoever was first or last: all have to use the one that is there.
    load_key(host).ok_or(Trouble::Missing)
}

/// The secret that is there: for a worker that has found none on start.
#[must_use]
pub fn load_key(host: &dyn Host) -> Option<KeyHash> {
    host.load(SECRET).and_then(|entry| entry.value.try_into().ok()).map(KeyHash::new)
}

/// What becomes of an entry of the store.
#[derive(Debug)]
pub struct Step {
    /// For [`Memory::told`], once it is written.
    pub verdict: Verdict,
    /// For [`Memory::told`], once it is written.
    pub slot: Slot,
    /// What to write over the entry. `None` when nothing has changed.
    pub write: Option<Vec<u8>>,
    /// See [`Visit::crowded`].
    pub crowded: bool,
}

/// The pure part of [`visit`]: decides on what an entry holds.
#[must_use]
pub fn step(entry: &[u8], request: &Request, ask: &Ask, plan: &Plan) -> Step {
    let mut set = Set::decode(entry);
    let placed = set.place(request.print.low, request.now, plan);
    let crowded = placed.crowded;
    let (verdict, changed) = decide(placed.slot, request.now, ask, plan);
    let slot = *placed.slot;
    // A newcomer that is denied makes nobody give way: nothing is written.
    Step { verdict, slot, write: changed.then(|| set.encode(plan.width)), crowded }
}

/// Asks the store about a request: after [`Peek::Ask`](crate::Peek::Ask). One read, and one write if tokens were taken.
///
/// # Errors
/// Nothing is decided, and nothing counted.
pub fn visit(
    host: &dyn Host,
    table: &Table,
    worker: &mut Worker,
    request: &Request,
    plan: &Plan,
) -> Result<Visit, Trouble> {
    let memory: &mut Memory = worker.of(request.print, plan).ok_or(Trouble::Missing)?;
    let ask = memory.ask(request.now, request.cost, plan);
    let name = table.name(request.print.set(table.sets));
    for _ in 0..TRIES {
        let entry = host.load(&name).ok_or(Trouble::Missing)?;
        // The same `now` each time: late is only stricter.
        let Step { verdict, slot, write, crowded } = step(&entry.value, request, &ask, plan);
        if write.is_some_and(|bytes| host.store(&name, &bytes, Some(entry.version)).is_err()) {
            continue;
        }
        memory.told(request.now, &slot, &verdict, plan);
        let outcome = match verdict {
            Verdict::Granted(_) => Outcome::Allowed,
            Verdict::Denied { wait } => Outcome::Denied { wait },
        };
        return Ok(Visit { outcome, crowded });
    }
    Err(Trouble::Contended)
}

#[cfg(test)]
mod tests;
