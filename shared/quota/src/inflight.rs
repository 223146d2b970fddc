//! How many requests are under way at once: counts in the store, each owned by one VM, and void when that VM is dead.
//!
//! | entry | what it holds |
//! |---|---|
//! | `v1.vms` | the [`registry`]: each VM with its beat |
//! | `v1.f<table>.<set>` | [`records`]: key, owner, count |
//!
//! Exact while no VM dies: never more than the limit at once over all workers, and a place is free as soon as it is left. The places
//! of a VM that was trapped come back when its beat has stood still for three ticks of whoever looks.

pub mod records;
pub mod registry;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use policy_core::{Host, Stale};

use crate::hash::Print;
use crate::plan::Ns;
use crate::store::{TRIES, Table, Trouble};
use records::Records;
use registry::{Observer, Registry};

const REGISTRY: &str = "v1.vms";
/// Beats come once a second. Asked more often, an observer would take others for dead.
const BEAT: Ns = 900_000_000;

/// Whether a request may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It is counted until it [leaves](Fleet::leave).
    Entered {
        /// How many are under way now, with this one.
        under_way: u32,
    },
    /// As many as may be are under way.
    Full,
}

/// The counts of one limit, in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flights(Table);

impl Flights {
    /// Those of this limit, for about so many keys.
    #[must_use]
    pub fn new(limit: &str, keys: u32) -> Self {
        Self(Table::of_kind('f', limit, keys))
    }
}

/// This VM among those of the proxy. One for all configurations that it ever has: requests outlive theirs.
#[derive(Debug, Default)]
pub struct Fleet {
    /// Drawn when first needed; 0 until then.
    id: Cell<u32>,
    joined: Cell<bool>,
    beaten: Cell<Option<Ns>>,
    others: RefCell<Observer>,
    /// What has left and could not be written, sorted by key and entry.
    owed: RefCell<Vec<Owed>>,
}

#[derive(Debug)]
struct Owed {
    print: u64,
    name: String,
    count: u32,
}

thread_local! {
    static FLEET: Rc<Fleet> = Rc::default();
}

/// This VM's own: it has one thread.
#[must_use]
pub fn fleet() -> Rc<Fleet> {
    FLEET.with(Rc::clone)
}

/// Makes the registry and the counts of a limit, unless an earlier configuration has. For
/// [`Policy::on_start`](policy_core::Policy::on_start).
///
/// # Errors
/// The store takes nothing.
pub fn prepare(host: &dyn Host, flights: &Flights) -> Result<(), Trouble> {
    if host.load(REGISTRY).is_none() {
        host.store(REGISTRY, &Registry::default().encode(), None).map_err(|_| Trouble::Missing)?;
    }
    flights.0.create(host, &Records::default().encode())
}

impl Fleet {
    /// Counts a request of this key in, if fewer than `limit` are under way.
    ///
    /// # Errors
    /// Nothing is decided, and nothing counted.
    pub fn enter(
        &self,
        host: &dyn Host,
        flights: &Flights,
        print: Print,
        limit: u32,
    ) -> Result<Entry, Trouble> {
        self.join(host)?;
        let name = flights.0.name(print.set(flights.0.sets()));
        for _ in 0..TRIES {
            let entry = host.load(&name).ok_or(Trouble::Missing)?;
            let mut records = Records::decode(&entry.value);
            self.look_again(host, &records);
            let (others, own) = (self.others.borrow(), self.id.get());
            records.retain(|owner| owner == own || (others.knows(owner) && !others.gone(owner)));
            let live = |owner| owner == own || others.live(owner);
            let under_way = records.count(print.low, live);
            if under_way >= u64::from(limit) {
                return Ok(Entry::Full);
            }
            if !records.add(print.low, own, live) {
                return Err(Trouble::Crowded);
            }
            if host.store(&name, &records.encode(), Some(entry.version)).is_ok() {
                let under_way = u32::try_from(under_way).unwrap_or(u32::MAX).saturating_add(1);
                return Ok(Entry::Entered { under_way });
            }
        }
        Err(Trouble::Contended)
    }

    /// Counts a request out that has entered. What cannot be written now is done with a later beat.
    pub fn leave(&self, host: &dyn Host, flights: &Flights, print: Print) {
        let name = flights.0.name(print.set(flights.0.sets()));
        if self.subtract(host, &name, print.low, 1).is_err() {
            self.owe(name, print.low);
        }
    }

    /// Says that this VM is alive, and looks who else is. Once a second while there is a limit of this kind; more often does nothing.
    pub fn beat(&self, host: &dyn Host) {
        let now = host.now().0;
        if self.beaten.get().is_some_and(|last| last <= now && now < last.saturating_add(BEAT)) {
            return;
        }
        self.beaten.set(Some(now));
        let seen = self.with_registry(host, |registry, others| {
            let before = registry.clone();
            registry.remove(|id| id != self.id.get() && others.gone(id));
            (!self.joined.get() || registry.beat(self.id.get())) && *registry != before
        });
        if let Ok(registry) = seen {
            self.others.borrow_mut().tick(&registry);
        }
        self.settle(host);
    }

    /// How many requests have left and are still counted.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.borrow().len()
    }

    fn settle(&self, host: &dyn Host) {
        self.owed
            .borrow_mut()
            .retain(|Owed { print, name, count }| self.subtract(host, name, *print, *count).is_err());
    }

    fn owe(&self, name: String, print: u64) {
        let mut owed = self.owed.borrow_mut();
        let found =
            owed.binary_search_by(|other| other.print.cmp(&print).then_with(|| other.name.cmp(&name)));
        match found {
            Ok(at) => {
                if let Some(Owed { count, .. }) = owed.get_mut(at) {
                    *count = count.saturating_add(1);
                }
            }
            Err(at) => owed.insert(at, Owed { print, name, count: 1 }),
        }
    }

    fn subtract(&self, host: &dyn Host, name: &str, print: u64, count: u32) -> Result<(), Stale> {
        for _ in 0..TRIES {
            // Where the store has lost the counts, this one is lost too.
            let Some(entry) = host.load(name) else { return Ok(()) };
            let mut records = Records::decode(&entry.value);
            if !records.subtract(print, self.id.get(), count) {
                return Ok(());
            }
            if host.store(name, &records.encode(), Some(entry.version)).is_ok() {
                return Ok(());
            }
        }
        Err(Stale)
    }

    /// Before its first count a VM is in the registry, so that nobody takes it for dead.
    fn join(&self, host: &dyn Host) -> Result<(), Trouble> {
        if self.joined.get() {
            return Ok(());
        }
        let mut crowded = false;
        self.with_registry(host, |registry, _| {
            // One id per VM, and 0 is none.
            for _ in 0..TRIES {
                if self.id.get() != 0 && !registry.has(self.id.get()) {
                    break;
                }
                let mut id = [0; 4];
                host.fill_random(&mut id);
                self.id.set(u32::from_le_bytes(id));
            }
            let id = self.id.get();
            crowded = id == 0 || registry.has(id) || !registry.beat(id);
            !crowded
        })?;
        if crowded {
            return Err(Trouble::Crowded);
        }
        self.joined.set(true);
        Ok(())
    }

    /// Who is about to be taken for dead, or is not known yet, is looked up: it may have come, or come back, since the last tick.
    fn look_again(&self, host: &dyn Host, records: &Records) {
        let doubtful = |owner: u32| owner != self.id.get() && !self.others.borrow().live(owner);
        if records.owners().any(doubtful)
            && let Some(entry) = host.load(REGISTRY)
        {
            self.others.borrow_mut().look(&Registry::decode(&entry.value));
        }
    }

    /// Changes the registry; gives back what stands there in the end. It is written if `change` says so.
    fn with_registry(
        &self,
        host: &dyn Host,
        mut change: impl FnMut(&mut Registry, &Observer) -> bool,
    ) -> Result<Registry, Trouble> {
        for _ in 0..TRIES {
            let entry = host.load(REGISTRY).ok_or(Trouble::Missing)?;
            let mut registry = Registry::decode(&entry.value);
            if !change(&mut registry, &self.others.borrow())
                || host.store(REGISTRY, &registry.encode(), Some(entry.version)).is_ok()
            {
                return Ok(registry);
            }
        }
        Err(Trouble::Contended)
    }
}

#[cfg(test)]
mod tests;
