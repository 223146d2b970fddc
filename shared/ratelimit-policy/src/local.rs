//! The limits that this proxy counts: looked at first, taken from only when none of them refuses.

use std::cell::OnceCell;
use std::cmp::Reverse;

use policy_core::Host;
use quota::{Entry, Ns, Outcome, Peek, Print, Request, Trouble, fleet, retry_after, visit};

use crate::config::FailureMode;
use crate::counting::{Rates, What};
use crate::denial::Reason;
use crate::limit::Weight;
use crate::policy::RateLimitPolicy;
use crate::verdict::{Refusal, State, Told};

/// A limit that concerns a request.
pub(crate) struct Hit {
    pub(crate) limit: usize,
    pub(crate) weight: Weight,
    pub(crate) budget: usize,
    /// None where there is no secret to know the key by.
    pub(crate) request: Option<Request>,
    /// What the first look has shown.
    peek: Peek,
}

/// What the work on one request goes through.
pub(crate) struct Work<'w> {
    pub(crate) host: &'w dyn Host,
    pub(crate) counts: Vec<policy_core::Counter>,
    pub(crate) told: Told,
    /// Places of requests at once, to be given back.
    pub(crate) entered: Vec<(usize, Print)>,
    now: OnceCell<Ns>,
}

impl<'w> Work<'w> {
    /// Nothing done yet, apart from what is told already.
    pub(crate) fn new(host: &'w dyn Host, told: Told) -> Self {
        Self { host, counts: Vec::new(), told, entered: Vec::new(), now: OnceCell::new() }
    }

    /// The time: one for all limits.
    pub(crate) fn now(&self) -> Ns {
        *self.now.get_or_init(|| self.host.now().0)
    }
}

/// What one limit says.
enum Said {
    Passes(Option<State>),
    Refuses(Denied),
    /// It cannot say.
    Unknown(Trouble),
}

/// A refusal of one limit.
struct Denied {
    state: State,
    reason: Reason,
    /// In seconds; none where waiting does not help.
    retry_after: Option<u64>,
}

impl Hit {
    /// A limit, not looked at yet.
    pub(crate) fn new(limit: usize, weight: Weight, budget: usize, request: Option<Request>) -> Self {
        Self { limit, weight, budget, request, peek: Peek::Ask }
    }

    /// It lets nobody through.
    fn blocked(&self) -> Denied {
        let state = State::nothing(self.limit, self.budget, None);
        Denied { state, reason: Reason::Blocked, retry_after: None }
    }
}

impl RateLimitPolicy {
    /// Decides by all limits of this proxy. Those that refuse are not taken from, and none is while one refuses by what
    /// is known here; what was taken before another one refused stays counted.
    pub(crate) fn decide_locally(&self, hits: &mut [Hit], work: &mut Work<'_>) -> Result<(), Refusal> {
        self.look(hits, work)?;
        // Places last: they are held until the stream ends.
        for flights in [false, true] {
            for hit in hits.iter().filter(|hit| hit.weight == Weight::Enforced && self.flies(hit) == flights)
            {
                self.take(hit, work)?;
            }
        }
        for hit in hits.iter().filter(|hit| hit.weight == Weight::Reported) {
            let passes = match self.say(hit, work) {
                Said::Passes(_) => true,
                Said::Refuses(..) => false,
                Said::Unknown(trouble) => {
                    self.fails(hit, trouble, work);
                    self.compiled.failure_mode == FailureMode::Allow
                }
            };
            work.told.reports.push((hit.limit, passes));
        }
        Ok(())
    }

    /// Whoever refuses by what this worker knows.
    fn look(&self, hits: &mut [Hit], work: &mut Work<'_>) -> Result<(), Refusal> {
        let mut refusals: Vec<Denied> = Vec::new();
        for hit in hits.iter_mut() {
            let denied = match self.what(hit.limit) {
                Some(What::Rates(rates)) => peek(rates, hit),
                Some(What::Flights(..)) => None,
                Some(What::Nothing) | None => Some(hit.blocked()),
            };
            if hit.weight == Weight::Enforced {
                refusals.extend(denied);
            }
        }
        // No time is the longest: waiting does not help.
        let strictest = refusals
            .iter()
            .enumerate()
            .min_by_key(|(_, denied)| Reverse(denied.retry_after.unwrap_or(u64::MAX)))
            .map(|(place, denied)| (place, denied.reason, denied.retry_after));
        let Some((place, reason, retry_after)) = strictest else { return Ok(()) };
        refusals.swap(0, place);
        let limits: Vec<State> = refusals.into_iter().map(|denied| denied.state).collect();
        limits.iter().for_each(|state| self.count(state.limit, false, work));
        Err(Refusal { reason, limits, retry_after })
    }

    /// Takes from one limit that is enforced.
    fn take(&self, hit: &Hit, work: &mut Work<'_>) -> Result<(), Refusal> {
        match self.say(hit, work) {
            Said::Passes(state) => {
                work.told.states.extend(state);
                self.count(hit.limit, true, work);
                Ok(())
            }
            Said::Refuses(Denied { state, reason, retry_after }) => {
                self.count(hit.limit, false, work);
                Err(Refusal { reason, limits: vec![state], retry_after })
            }
            Said::Unknown(trouble) => {
                self.fails(hit, trouble, work);
                if self.compiled.failure_mode == FailureMode::Allow {
                    self.count(hit.limit, true, work);
                    return Ok(());
                }
                self.count(hit.limit, false, work);
                let limits = vec![State::nothing(hit.limit, hit.budget, None)];
                Err(Refusal { reason: Reason::Unavailable, limits, retry_after: None })
            }
        }
    }

    fn say(&self, hit: &Hit, work: &mut Work<'_>) -> Said {
        match self.what(hit.limit) {
            Some(What::Rates(rates)) => self.say_by_rates(rates, hit, work),
            Some(What::Flights(flights, most)) => {
                let Some(Request { print, .. }) = hit.request else { return Said::Unknown(Trouble::Missing) };
                match fleet().enter(work.host, flights, print, *most) {
                    Ok(Entry::Entered { under_way }) => {
                        work.entered.push((hit.limit, print));
                        let mut state = State::nothing(hit.limit, 0, None);
                        state.reading.remaining = most.saturating_sub(under_way).into();
                        Said::Passes(Some(state))
                    }
                    // Nobody knows when one ends: soon, as a rule.
                    Ok(Entry::Full) => {
                        let state = State::nothing(hit.limit, 0, None);
                        Said::Refuses(Denied { state, reason: Reason::Concurrency, retry_after: Some(1) })
                    }
                    Err(trouble) => Said::Unknown(trouble),
                }
            }
            Some(What::Nothing) | None => Said::Refuses(hit.blocked()),
        }
    }

    fn say_by_rates(&self, rates: &Rates, hit: &Hit, work: &mut Work<'_>) -> Said {
        let Some(plan) = rates.plan(hit.budget) else { return Said::Refuses(hit.blocked()) };
        let Some(request) = &hit.request else { return Said::Unknown(Trouble::Missing) };
        let denied = |wait| Said::Refuses(over(rates, hit, wait));
        let taken = match hit.peek {
            Peek::Denied { wait } => return denied(wait),
            Peek::Ready => rates.worker.borrow_mut().take(request, plan),
            Peek::Ask => false,
        };
        if !taken {
            let visited = visit(work.host, &rates.table, &mut rates.worker.borrow_mut(), request, plan);
            match visited {
                Err(trouble) => return Said::Unknown(trouble),
                Ok(visit) => {
                    if visit.crowded {
                        work.counts.extend(self.limit(hit.limit).map(|limit| limit.tally.table_full));
                    }
                    if let Outcome::Denied { wait } = visit.outcome {
                        return denied(wait);
                    }
                }
            }
        }
        // If anyone is to be told.
        Said::Passes(if self.compiled.fields.is_none() { None } else { state(rates, hit) })
    }

    fn fails(&self, hit: &Hit, trouble: Trouble, work: &mut Work<'_>) {
        let Some(limit) = self.limit(hit.limit) else { return };
        work.counts.push(limit.tally.failed);
        if trouble == Trouble::Crowded {
            work.counts.push(limit.tally.table_full);
        }
    }

    fn count(&self, limit: usize, allowed: bool, work: &mut Work<'_>) {
        work.counts.extend(self.limit(limit).map(|limit| limit.tally.of(Weight::Enforced, allowed)));
    }

    fn what(&self, limit: usize) -> Option<&What> {
        self.counting.get(limit).map(|counting| &counting.what)
    }

    fn flies(&self, hit: &Hit) -> bool {
        matches!(self.what(hit.limit), Some(What::Flights(..)))
    }
}

/// What this worker knows already: a refusal, or whether there is something to take.
fn peek(rates: &Rates, hit: &mut Hit) -> Option<Denied> {
    let Some(plan) = rates.plan(hit.budget) else { return Some(hit.blocked()) };
    let peek = |request: &Request| rates.worker.borrow_mut().peek(request, plan);
    hit.peek = hit.request.as_ref().map_or(Peek::Ask, peek);
    match hit.peek {
        Peek::Denied { wait } => Some(over(rates, hit, wait)),
        Peek::Ready | Peek::Ask => None,
    }
}

/// How the buckets stand.
fn state(rates: &Rates, hit: &Hit) -> Option<State> {
    let standings = rates.worker.borrow().standings(hit.request.as_ref()?, rates.plan(hit.budget)?);
    State::of(hit.limit, hit.budget, standings)
}

fn over(rates: &Rates, hit: &Hit, wait: Ns) -> Denied {
    let wait = retry_after(wait);
    let mut state = state(rates, hit).unwrap_or_else(|| State::nothing(hit.limit, hit.budget, wait));
    // Those that are there are too few for this request, or about to be fetched.
    let cost = hit.request.map_or(1, |request| u64::from(request.cost));
    state.reading.remaining = state.reading.remaining.min(cost.saturating_sub(1));
    state.reading.reset = wait.or(state.reading.reset);
    Denied { state, reason: Reason::Quota, retry_after: wait }
}
