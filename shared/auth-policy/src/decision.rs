//! What becomes of a request, decided on the message as it arrived; nothing is edited here.

use policy_core::route::{Target, Undecided};
use policy_core::{Counter, Exchange, Host};

use crate::config::{CorsPreflight, Default};
use crate::denial::Denial;
use crate::preflight::is_preflight;
use crate::provider::{Evidence, Question, Vouched, Waiting};
use crate::rule::{Access, Known, Rule, Weight};
use crate::{AuthPolicy, Stream};

/// A decision.
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    /// What rules would have said that only report.
    pub(crate) reports: Vec<Report>,
    pub(crate) counts: Vec<Counter>,
}

/// What happens to the request.
pub(crate) enum Verdict {
    /// It goes on; these vouch for it.
    Allow(Vec<Vouched>),
    /// It is refused, by the rule of this number if by a rule.
    Refuse(Option<usize>, Refusal),
}

/// Why, and whose credential was no good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) denial: Denial,
    pub(crate) provider: Option<usize>,
}

/// What a rule that only reports would have said.
pub(crate) struct Report {
    pub(crate) rule: usize,
    pub(crate) denial: Option<Denial>,
}

/// Why nobody vouches.
enum Stop {
    Refuse(Refusal),
    Wait(usize, Waiting),
}

impl AuthPolicy {
    /// Decides on a request. Nothing where it has to wait: its stream then knows for what.
    pub(crate) fn decide(
        &self,
        stream: &mut Stream,
        exchange: &Exchange<'_>,
        host: &dyn Host,
    ) -> Option<Decision> {
        let mut decision =
            Decision { verdict: Verdict::Allow(Vec::new()), reports: Vec::new(), counts: Vec::new() };
        if self.cors_preflight == CorsPreflight::Allow && is_preflight(&exchange.headers) {
            decision.counts.push(self.preflights);
            return Some(decision);
        }
        let target = Target::new(&exchange.headers);
        for (number, rule) in self.rules.iter().enumerate() {
            let weight = rule.weight(exchange, host);
            let matches = match weight {
                Weight::None => continue,
                _ => rule.matches.matches(&target),
            };
            match matches {
                Ok(false) => continue,
                Err(_) if weight == Weight::Reported => continue,
                Err(undecided) => {
                    let denial = ambiguous(undecided);
                    decision.counts.extend(rule.counters(weight, Err(denial)));
                    decision.verdict = Verdict::Refuse(None, Refusal::of(denial));
                    return Some(decision);
                }
                Ok(true) => {}
            }
            // What a request waits for belongs to the rule that made it wait.
            let waited = if weight == Weight::Enforced { stream.waiting.take() } else { None };
            let said = self.ask(rule, waited, exchange, host, &target, &mut decision.counts);
            let denial = match &said {
                Ok(_) => None,
                Err(Stop::Refuse(refusal)) => Some(refusal.denial),
                Err(Stop::Wait(..)) if weight == Weight::Reported => Some(Denial::UNDECIDED),
                Err(Stop::Wait(..)) => None,
            };
            if weight == Weight::Reported {
                decision.counts.extend(rule.counters(weight, denial.map_or(Ok(()), Err)));
                decision.reports.push(Report { rule: number, denial });
                continue;
            }
            decision.verdict = match said {
                Ok(vouched) => Verdict::Allow(vouched),
                Err(Stop::Refuse(refusal)) => Verdict::Refuse(Some(number), refusal),
                Err(Stop::Wait(provider, waiting)) => {
                    stream.waiting = Some((provider, waiting));
                    return None;
                }
            };
            decision.counts.extend(rule.counters(weight, denial.map_or(Ok(()), Err)));
            return Some(decision);
        }
        self.unmatched(&mut decision);
        Some(decision)
    }

    /// No rule that is enforced concerns the request. Where one in shadow does, the request goes on as that rule was tried on
    /// it: a trial that refused everything would show nothing.
    fn unmatched(&self, decision: &mut Decision) {
        let allowed = self.default == Default::Allow || !decision.reports.is_empty();
        let verdict = if allowed { Ok(()) } else { Err(Denial::NO_RULE) };
        decision.counts.extend(self.unmatched.of(Weight::Enforced, verdict));
        if !allowed {
            decision.verdict = Verdict::Refuse(None, Refusal::of(Denial::NO_RULE));
        }
    }

    fn ask(
        &self,
        rule: &Rule,
        waited: Option<(usize, Waiting)>,
        exchange: &Exchange<'_>,
        host: &dyn Host,
        target: &Target<'_, '_>,
        counts: &mut Vec<Counter>,
    ) -> Result<Vec<Vouched>, Stop> {
        let known = match &rule.access {
            Access::Public => return Ok(Vec::new()),
            Access::Deny => return Err(Stop::Refuse(Refusal::of(Denial::DENIED))),
            Access::Known(known) => known,
        };
        let mut vouched = self.examine(known, waited, exchange, host, counts)?;
        let callers: Vec<_> = vouched.iter().map(|vouched| vouched.identity.as_ref()).collect();
        match rule.authorize(known, &callers, target) {
            Ok(speaks) => {
                // Upstream is told of the one who may.
                if speaks < vouched.len() {
                    vouched.swap(0, speaks);
                }
                Ok(vouched)
            }
            Err(denial) => Err(Stop::Refuse(Refusal::of(denial))),
        }
    }

    /// Those who vouch for the request, in the order in which the rule names them.
    fn examine(
        &self,
        known: &Known,
        mut waited: Option<(usize, Waiting)>,
        exchange: &Exchange<'_>,
        host: &dyn Host,
        counts: &mut Vec<Counter>,
    ) -> Result<Vec<Vouched>, Stop> {
        let mut vouched: Vec<(usize, Vouched)> = Vec::new();
        let mut foreign = Vec::new();
        for &number in &known.order {
            let Some(provider) = self.providers.get(number) else { continue };
            let met = || known.require.is_met(|wanted| vouched.iter().any(|(number, _)| *number == wanted));
            if provider.is_certificate() && met() {
                continue;
            }
            let waited = waited.take_if(|(at, _)| *at == number).map(|(_, waiting)| waiting);
            let vouched_for = if met() { vouched.as_slice() } else { &[] };
            let question = Question { exchange, host, waited, vouched: vouched_for, counts };
            match provider.examine(question) {
                Evidence::Absent => {}
                Evidence::Foreign(value, denial) => foreign.push((number, value, denial)),
                Evidence::Good(good) => vouched.push((number, good)),
                Evidence::Bad(denial) => {
                    return Err(Stop::Refuse(Refusal { denial, provider: Some(number) }));
                }
                Evidence::Wait(waiting) => return Err(Stop::Wait(number, waiting)),
            }
        }
        let is_taken = |value: &Vec<u8>| {
            vouched.iter().any(|(_, good)| good.credential.as_ref().is_some_and(|c| c.value == *value))
        };
        // Who was asked last knew most: an introspection endpoint rather than a reader of tokens.
        if let Some((number, _, denial)) = foreign.iter().rfind(|(_, value, _)| !is_taken(value)) {
            return Err(Stop::Refuse(Refusal { denial: *denial, provider: Some(*number) }));
        }
        if !known.require.is_met(|wanted| vouched.iter().any(|(number, _)| *number == wanted)) {
            let absent = vouched.is_empty() && known.require.optional;
            return if absent { Ok(Vec::new()) } else { Err(Stop::Refuse(Refusal::of(self.missing(known)))) };
        }
        let mut in_order = Vec::with_capacity(vouched.len());
        for &wanted in known.require.providers() {
            if let Some(at) = vouched.iter().position(|(number, _)| *number == wanted) {
                in_order.push(vouched.swap_remove(at).1);
            }
        }
        Ok(in_order)
    }

    /// A 401 tells the client what to send (RFC 9110, 15.5.2); who can only be known by a certificate is told 403.
    fn missing(&self, known: &Known) -> Denial {
        let certificate = |number: &usize| self.providers.get(*number).is_some_and(|p| p.is_certificate());
        if known.order.iter().all(certificate) { Denial::NO_CERTIFICATE } else { Denial::MISSING }
    }
}

impl Refusal {
    fn of(denial: Denial) -> Self {
        Self { denial, provider: None }
    }
}

fn ambiguous(undecided: Undecided) -> Denial {
    match undecided {
        Undecided::Path => Denial::AMBIGUOUS_PATH,
        Undecided::Host => Denial::AMBIGUOUS_HOST,
    }
}
