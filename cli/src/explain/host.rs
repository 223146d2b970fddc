//! What the policies of one proxy ask of their surroundings: a clock that the fixture turns, one store for all.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use policy_core::time::Timestamp;
use policy_core::{Host, Stale, Stored};

/// One proxy.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// Nanoseconds since the Unix epoch.
    pub(super) now: Cell<u64>,
    store: RefCell<HashMap<String, Stored>>,
    versions: Cell<u32>,
    random: Cell<u8>,
}

/// The proxy as plugins of one filter see it.
pub(super) struct Machine {
    plugin: &'static str,
    world: Rc<World>,
}

impl Machine {
    pub(super) fn new(plugin: &'static str, world: Rc<World>) -> Self {
        Self { plugin, world }
    }

    /// As the runtime has it: plugins of one filter share their entries, those of others have their own.
    fn key(&self, key: &str) -> String {
        format!("tollgate.{}.{key}", self.plugin)
    }
}

impl Host for Machine {
    fn now(&self) -> Timestamp {
        Timestamp(self.world.now.get())
    }

    /// Not random at all: a fixture is told the same way each time.
    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.world.random.get();
            self.world.random.set(byte.wrapping_add(1));
        }
    }

    fn load(&self, key: &str) -> Option<Stored> {
        self.world.store.borrow().get(&self.key(key)).cloned()
    }

    fn store(&self, key: &str, value: &[u8], over: Option<u32>) -> Result<(), Stale> {
        let key = self.key(key);
        let mut store = self.world.store.borrow_mut();
        if over.is_some_and(|over| store.get(&key).is_none_or(|entry| entry.version != over)) {
            return Err(Stale);
        }
        let version = self.world.versions.get().saturating_add(1);
        self.world.versions.set(version);
        store.insert(key, Stored { value: value.to_vec(), version });
        Ok(())
    }
}
