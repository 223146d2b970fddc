//! What is counted of a rule's decisions.

use policy_core::{Counter, Counters};

use crate::denial::Denial;
use crate::rule::Weight;

/// The counters of one rule.
pub(crate) struct Tally {
    allowed: Counter,
    denied: Counter,
    would_allow: Counter,
    would_deny: Counter,
    /// By reason, for decisions that were carried out and for those that were reported.
    reasons: Vec<(&'static str, Counter, Counter)>,
}

impl Tally {
    /// Counters named after the rule.
    pub(crate) fn new(rule: &str, counters: &mut Counters) -> Self {
        let reasons = crate::denial::reasons().map(|reason| {
            let denied = counters.rare("tollgate_denials", rule, reason);
            (reason, denied, counters.rare("tollgate_would_be_denials", rule, reason))
        });
        let reasons = reasons.collect();
        Self {
            allowed: counters.requests(rule, "allowed"),
            denied: counters.requests(rule, "denied"),
            would_allow: counters.requests(rule, "would_allow"),
            would_deny: counters.requests(rule, "would_deny"),
            reasons,
        }
    }

    /// Those that a verdict raises.
    pub(crate) fn of(
        &self,
        weight: Weight,
        verdict: Result<(), Denial>,
    ) -> impl Iterator<Item = Counter> + use<> {
        let enforced = weight == Weight::Enforced;
        let (verdict, reason) = match verdict {
            Ok(()) => (if enforced { self.allowed } else { self.would_allow }, None),
            Err(denial) => {
                let reason = self.reasons.iter().find(|(reason, _, _)| *reason == denial.reason);
                let reason = reason.map(|(_, denied, would)| if enforced { *denied } else { *would });
                (if enforced { self.denied } else { self.would_deny }, reason)
            }
        };
        [Some(verdict), reason].into_iter().flatten()
    }
}
