//! The limits that a service counts.

use std::cell::RefCell;

use policy_core::{CalloutReply, Exchange, Flow, Host};

use crate::config::FailureMode;
use crate::denial::Reason;
use crate::facts::Facts;
use crate::global::cache::Cache;
use crate::global::{Descriptor, Global, Response, descriptors};
use crate::limit::{Kind, Weight};
use crate::local::Work;
use crate::policy::{RateLimitPolicy, Stream};
use crate::verdict::{Refusal, State, Told};

const SECOND: u64 = 1_000_000_000;
/// Services round the time until their reset down to seconds.
const ROUNDED_OFF: u64 = 1;

/// A question to the service.
pub(crate) struct Question {
    /// The global limits that concern the request, each with the print of its key.
    limits: Vec<Asked>,
    /// Of all these together.
    print: u128,
    cost: u64,
    asked_about: Vec<Option<Descriptor>>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    limit: usize,
    /// Its place among the descriptors.
    place: usize,
    weight: Weight,
    print: u128,
}

/// A request that the service is asked about.
pub(crate) struct Pending {
    question: Question,
    told: Told,
}

impl RateLimitPolicy {
    /// The question that a request raises about these limits; `None` where there is none to ask about.
    pub(crate) fn question(
        &self,
        globals: &[(usize, Weight)],
        facts: &Facts<'_>,
        work: &mut Work<'_>,
    ) -> Option<Question> {
        let mut found = Vec::new();
        for &(number, weight) in globals {
            let Some(limit) = self.limit(number) else { continue };
            match limit.key.entries(facts) {
                Ok(entries) => found.push((number, limit, weight, entries)),
                Err(_) => work.counts.push(limit.tally.missing_key),
            }
        }
        // Limitador does not say which of the limits is over: one in shadow could hide one that is enforced, or pass for it.
        if found.iter().any(|(_, _, weight, _)| *weight == Weight::Enforced) {
            let hidden = found.iter().filter(|(_, _, weight, _)| *weight == Weight::Reported);
            work.counts.extend(hidden.map(|(_, limit, ..)| limit.tally.not_asked));
            found.retain(|(_, _, weight, _)| *weight == Weight::Enforced);
        }
        let (_, first, ..) = found.first()?;
        // The same for all of them.
        let cost = first.cost.of(facts.exchange);
        let secret = self.own_secret(work.host);
        let mut together = secret.seed("").start();
        let (mut limits, mut asked_about) = (Vec::new(), Vec::new());
        let mut found = found.into_iter().peekable();
        let all = self.compiled.limits.iter().enumerate();
        for (place, (number, _)) in all.filter(|(_, limit)| matches!(limit.kind, Kind::Global)).enumerate() {
            let applies = found.next_if(|(found, ..)| *found == number);
            if let Some((_, limit, weight, entries)) = &applies {
                let mut hasher = secret.seed(&limit.name).start();
                entries.iter().for_each(|(_, value)| hasher.part(0, value.as_bytes()));
                let print = hasher.finish().as_u128();
                together.part(0, &print.to_le_bytes());
                limits.push(Asked { limit: number, place, weight: *weight, print });
            }
            asked_about.push(applies.map(|(.., entries)| entries));
        }
        Some(Question { limits, print: together.finish().as_u128(), cost, asked_about })
    }

    /// What is known of an answer without asking: when a denial ends, and the limit that denies.
    fn denied_already(&self, question: &Question, now: u64) -> Option<(State, Option<u64>)> {
        let mut cache = self.denials.borrow_mut();
        let enforced = || question.limits.iter().filter(|asked| asked.weight == Weight::Enforced);
        let first = enforced().next()?;
        let of_one = enforced()
            .filter_map(|asked| Some((*asked, cache.denied_until(asked.print, question.cost, now)?)))
            .max_by_key(|(_, until)| *until);
        // The call as a whole was denied; in shadow as a whole it denies nothing.
        let (asked, until) =
            of_one.or_else(|| Some((*first, cache.denied_until(question.print, question.cost, now)?)))?;
        let wait = until.saturating_sub(now).div_ceil(SECOND).saturating_add(ROUNDED_OFF);
        Some((State::nothing(asked.limit, 0, Some(wait)), Some(wait)))
    }

    /// Asks the service, unless its answer is known.
    pub(crate) fn ask_service(
        &self,
        global: &Global,
        mut question: Question,
        stream: &mut Stream,
        work: &mut Work<'_>,
    ) -> Result<Option<Flow>, Refusal> {
        if let Some((state, retry_after)) = self.denied_already(&question, work.now()) {
            if let Some(limit) = self.limit(state.limit) {
                work.counts.extend([limit.tally.cached, limit.tally.of(Weight::Enforced, false)]);
            }
            return Err(Refusal { reason: Reason::Quota, limits: vec![state], retry_after });
        }
        let asked_about = std::mem::take(&mut question.asked_about);
        match global.ask(&descriptors(asked_about), question.cost) {
            Some(callout) => {
                stream.pending = Some(Pending { question, told: std::mem::take(&mut work.told) });
                Ok(Some(Flow::Ask(Box::new(callout))))
            }
            // A message that would be too large.
            None => self.unanswered(global, &question, work).map(|()| None),
        }
    }

    /// The service has answered, or not.
    pub(crate) fn on_reply(
        &self,
        stream: &mut Stream,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
        reply: CalloutReply,
    ) -> Flow {
        let (Some(Pending { question, told }), Some(global)) = (stream.pending.take(), &self.compiled.global)
        else {
            // Nobody asked.
            let refusal = Refusal { reason: Reason::Unavailable, limits: Vec::new(), retry_after: None };
            return Flow::Reply(self.compiled.refuse(&refusal, Vec::new()));
        };
        let mut work = Work::new(host, told);
        let decided = match Response::read(reply) {
            Ok(response) => {
                work.counts.push(global.answered);
                self.answered(&question, response, stream, exchange, &mut work)
            }
            Err(failure) => {
                work.counts.extend(global.failed(failure));
                self.unanswered(global, &question, &mut work)
            }
        };
        self.conclude(decided, stream, exchange, work)
    }

    fn answered(
        &self,
        question: &Question,
        response: Response,
        stream: &mut Stream,
        exchange: &mut Exchange<'_>,
        work: &mut Work<'_>,
    ) -> Result<(), Refusal> {
        let over = self.limits_over(question, &response);
        self.keep(question, &response, &over, work.now());
        let mut refused = Vec::new();
        for asked in &question.limits {
            let is_over = over.iter().any(|over| over.limit == asked.limit);
            match asked.weight {
                Weight::Reported => work.told.reports.push((asked.limit, !is_over)),
                Weight::Enforced => {
                    let counter = self.limit(asked.limit).map(|limit| limit.tally.of(asked.weight, !is_over));
                    work.counts.extend(counter);
                    if is_over {
                        refused.push(State::nothing(asked.limit, 0, response.reset()));
                    }
                }
            }
        }
        stream.service_fields = response.response_headers.clone();
        if refused.is_empty() {
            for (name, value) in response.request_headers {
                exchange.headers.set(&name, value);
            }
            return Ok(());
        }
        let retry_after = response.reset().map(|seconds| seconds.saturating_add(ROUNDED_OFF));
        Err(Refusal { reason: Reason::Quota, limits: refused, retry_after })
    }

    /// Keeps a denial: of each limit alone where it is known which are over, else of all that were asked about.
    fn keep(&self, question: &Question, response: &Response, over: &[Asked], now: u64) {
        if !response.over {
            return;
        }
        let mut cache = self.denials.borrow_mut();
        if response.over_limits().next().is_none() {
            cache.keep(question.print, question.cost, response.remaining(), response.reset(), now);
        }
        for asked in over {
            if let Some(status) = response.statuses.get(asked.place).filter(|status| status.over) {
                cache.keep(asked.print, question.cost, Some(status.remaining), status.reset, now);
            }
        }
    }

    /// The limits that a request is over: as the service says, by descriptor or by name; else all.
    fn limits_over(&self, question: &Question, response: &Response) -> Vec<Asked> {
        if !response.over {
            return Vec::new();
        }
        let places: Vec<usize> = response.over_limits().collect();
        let is_named = |asked: &Asked| {
            let limit = self.limit(asked.limit);
            response.nearest().is_some_and(|name| {
                limit.is_some_and(|limit| {
                    name.strip_prefix(limit.name.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            })
        };
        let of = |wanted: &dyn Fn(&Asked) -> bool| -> Vec<Asked> {
            question.limits.iter().filter(|asked| wanted(asked)).copied().collect()
        };
        let said = of(&|asked| places.contains(&asked.place));
        let said = if said.is_empty() { of(&is_named) } else { said };
        if said.is_empty() { question.limits.clone() } else { said }
    }

    /// There is no answer: the failure mode decides.
    fn unanswered(&self, global: &Global, question: &Question, work: &mut Work<'_>) -> Result<(), Refusal> {
        let allow = global.failure_mode == FailureMode::Allow;
        let mut refused = Vec::new();
        for asked in &question.limits {
            let Some(limit) = self.limit(asked.limit) else { continue };
            work.counts.push(limit.tally.failed);
            match asked.weight {
                Weight::Reported => work.told.reports.push((asked.limit, allow)),
                Weight::Enforced => {
                    work.counts.push(limit.tally.of(asked.weight, allow));
                    refused.push(State::nothing(asked.limit, 0, None));
                }
            }
        }
        if allow || refused.is_empty() {
            return Ok(());
        }
        Err(Refusal { reason: Reason::Unavailable, limits: refused, retry_after: None })
    }
}

/// Denials of the service that need not be asked for again.
pub(crate) type Denials = RefCell<Cache>;
