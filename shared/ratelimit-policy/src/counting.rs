//! Where a limit's requests are counted by this proxy.

use std::cell::{OnceCell, RefCell};

use policy_core::{ConfigError, Host};
use quota::{Flights, KeyHash, KeyHasher, Plan, Print, Seed, Table, Trouble, Worker};

use crate::facts::Facts;
use crate::key::{Key, Missing, Sink};
use crate::limit::{Kind, Limit};
use crate::rate::{Budget, Rate};

/// What one limit counts with.
pub(crate) struct Counting {
    pub(crate) what: What,
    name: String,
    seed: OnceCell<Seed>,
}

/// What is counted.
pub(crate) enum What {
    /// Requests over time.
    Rates(Rates),
    /// Requests at once, and how many there may be.
    Flights(Flights, u32),
    /// Nothing: nothing passes, or a service counts.
    Nothing,
}

/// The buckets of a limit.
pub(crate) struct Rates {
    pub(crate) table: Table,
    pub(crate) worker: RefCell<Worker>,
    plans: Vec<Plan>,
    /// By the number of the budget; none for one that lets nothing through.
    plan_of: Vec<Option<usize>>,
}

impl Counting {
    /// What this limit of this plugin needs.
    ///
    /// # Errors
    /// A rate that cannot be kept.
    pub(crate) fn of(limit: &Limit, plugin: &str) -> Result<Self, ConfigError> {
        let place = [plugin, &limit.name].join("\0");
        let keys = limit.max_keys.get();
        let what = match &limit.kind {
            Kind::Local(_) => What::Rates(Rates::of(&place, keys, &limit.budgets)?),
            Kind::Concurrency(most) => What::Flights(Flights::new(&place, keys), (*most).into()),
            Kind::Block | Kind::Global => What::Nothing,
        };
        Ok(Self { what, name: limit.name.clone(), seed: OnceCell::new() })
    }

    /// Makes the room in the store.
    ///
    /// # Errors
    /// The store takes nothing.
    pub(crate) fn prepare(&self, host: &dyn Host) -> Result<(), Trouble> {
        match &self.what {
            What::Rates(rates) => quota::prepare(host, &rates.table),
            What::Flights(flights, _) => quota::inflight::prepare(host, flights),
            What::Nothing => Ok(()),
        }
    }

    /// True where there is nothing to be counted.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.what, What::Nothing)
    }

    /// The key of a request, hashed; `None` without the secret.
    ///
    /// # Errors
    /// [`Missing`] when the limit does not apply.
    pub(crate) fn print(
        &self,
        key: &Key,
        facts: &Facts<'_>,
        secret: Option<&KeyHash>,
    ) -> Result<Option<Print>, Missing> {
        let Some(secret) = secret else { return key.feed(facts, &mut Nowhere).map(|()| None) };
        let seed = self.seed.get_or_init(|| secret.seed(&self.name));
        let mut parts = Parts(seed.start());
        key.feed(facts, &mut parts)?;
        Ok(Some(parts.0.finish()))
    }
}

impl Rates {
    fn of(place: &str, keys: u32, budgets: &[Budget]) -> Result<Self, ConfigError> {
        let (mut rates, mut plan_of) = (Vec::new(), Vec::new());
        for budget in budgets {
            plan_of.push(match budget {
                Budget::Block => None,
                Budget::Windows(windows) => {
                    rates.push(windows.iter().map(quota_of).collect());
                    rates.len().checked_sub(1)
                }
            });
        }
        let plans = Plan::family(&rates).map_err(|error| ConfigError::at("", error.to_string()))?;
        let worker = RefCell::new(Worker::new(usize::try_from(keys).unwrap_or(usize::MAX)));
        Ok(Self { table: Table::new(place, keys), worker, plans, plan_of })
    }

    /// The plan of a budget; `None` for one that lets nothing through.
    pub(crate) fn plan(&self, budget: usize) -> Option<&Plan> {
        self.plans.get((*self.plan_of.get(budget)?)?)
    }
}

fn quota_of(rate: &Rate) -> quota::Rate {
    quota::Rate { requests: rate.requests, period: rate.period(), burst: rate.burst }
}

/// For a key of which it only matters whether it is whole.
struct Nowhere;

impl Sink for Nowhere {
    fn part(&mut self, _: u8, _: &[u8]) {}
}

/// Hashes the parts of a key.
struct Parts(KeyHasher);

impl Sink for Parts {
    fn part(&mut self, tag: u8, bytes: &[u8]) {
        self.0.part(tag, bytes);
    }
}
