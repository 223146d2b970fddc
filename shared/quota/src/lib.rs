//! How many requests a key may still make: exact across the workers of a proxy, in memory that is fixed beforehand.
//!
//! Each limit has a [`Table`] in the proxy's store with one [`Slot`] per key. A worker prepays tokens there (a [`Lease`])
//! and spends them without a call. Never are more than `burst + rate * W` requests admitted in any window of length W, by all
//! workers together and leases included; what a lease leaves unused is given back, or lost when its time is over.
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | rates as configured, compiled |
//! | [`slot`] | the shared state of one key, and the one function that changes it |
//! | [`memory`] | what a worker remembers of one key |
//! | [`worker`] | the bounded memory of one worker |
//! | [`set`] | eight keys in one entry of the store |
//! | [`hash`] | keys to numbers that nobody outside can predict |
//! | [`store`] | reading, deciding, writing |
//! | [`inflight`] | how many requests are under way at once |
//!
//! Everything but [`store`] and the driver of [`inflight`] is pure: time is an argument.

pub mod hash;
pub mod inflight;
pub mod memory;
pub mod plan;
pub mod set;
pub mod slot;
pub mod store;
pub mod worker;

pub use hash::{KeyHash, KeyHasher, Print, Seed};
pub use inflight::{Entry, Fleet, Flights, fleet};
pub use memory::{Memory, Peek, Standing, Standings};
pub use plan::{MOST_WINDOWS, Ns, Plan, PlanError, Rate, Window};
pub use set::Set;
pub use slot::{Ask, Lease, Slot, Verdict};
pub use store::{Outcome, Table, Trouble, Visit, load_key, prepare, prepare_key, visit};
pub use worker::{Request, Worker};

/// A wait as the seconds of a `Retry-After`: rounded up, at least 1. `None` when waiting does not help.
#[must_use]
pub fn retry_after(wait: Ns) -> Option<u64> {
    (wait != Ns::MAX).then(|| wait.div_ceil(1_000_000_000).max(1))
}
