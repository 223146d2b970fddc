//! What is counted of a limit's answers.

use policy_core::{Counter, Counters};

use crate::limit::Weight;

/// The counters of one limit.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    allowed: Counter,
    denied: Counter,
    would_allow: Counter,
    would_deny: Counter,
    /// Requests that lack a part of the key, to which the limit does not apply.
    pub missing_key: Counter,
    /// Requests on which the limit could not be decided, to which the failure mode applied.
    pub failed: Counter,
    /// Keys for which the table had no room without taking another's.
    pub table_full: Counter,
    /// Denials out of memory, without asking the service.
    pub cached: Counter,
    /// Requests that a limit in shadow was not counted for: the service was asked about one that is enforced.
    pub not_asked: Counter,
}

impl Tally {
    /// Counters named after the limit.
    pub fn new(limit: &str, counters: &mut Counters) -> Self {
        Self {
            allowed: counters.requests(limit, "allowed"),
            denied: counters.requests(limit, "denied"),
            would_allow: counters.requests(limit, "would_allow"),
            would_deny: counters.requests(limit, "would_deny"),
            missing_key: counters.rare("tollgate_limit_events", limit, "missing_key"),
            failed: counters.rare("tollgate_limit_events", limit, "failed"),
            table_full: counters.rare("tollgate_limit_events", limit, "table_full"),
            cached: counters.rare("tollgate_limit_events", limit, "cached"),
            not_asked: counters.rare("tollgate_limit_events", limit, "not_asked"),
        }
    }

    /// The counter of an answer.
    #[must_use]
    pub fn of(&self, weight: Weight, allowed: bool) -> Counter {
        match (weight, allowed) {
            (Weight::Enforced, true) => self.allowed,
            (Weight::Enforced, false) => self.denied,
            (Weight::Reported, true) => self.would_allow,
            (Weight::Reported, false) => self.would_deny,
        }
    }
}
