//! The limits that a service counts.

use std::cell::RefCell;

use policy_core::{CalloutReply, Exchange, Flow, Host};
use quota::KeyHash;

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
    /// The question that a request raises; `None` where no global limit concerns it.
    pub(crate) fn question(
        &self,
        facts: &Facts<'_>,
        secret: &KeyHash,
        weight_of: impl Fn(usize) -> Option<Weight>,
        work: &mut Work<'_>,
    ) -> Option<Question> {
        let mut limits = Vec::new();
        let mut asked_about = Vec::new();
        let mut together = secret.seed("").start();
        let mut cost = 1;
        let global = self.compiled.limits.iter().enumerate();
        let global = global.filter(|(_, limit)| matches!(limit.kind, Kind::Global));
        // Limitador does not say which of the limits is over: one in shadow could hide one that is enforced, or pass for it.
        let enforced = global.clone().any(|(number, _)| weight_of(number) == Some(Weight::Enforced));
        for (number, limit) in global {
            let place = asked_about.len();
            let weight = weight_of(number).filter(|weight| *weight == Weight::Enforced || !enforced);
            let entries = weight.map(|_| limit.key.entries(facts));
            if matches!(entries, Some(Err(_))) {
                work.counts.push(limit.tally.missing_key);
            }
            let entries = entries.and_then(Result::ok);
            if let (Some(weight), Some(entries)) = (weight, &entries) {
                let mut hasher = secret.seed(&limit.name).start();
                entries.iter().for_each(|(_, value)| hasher.part(0, value.as_bytes()));
                let print = hasher.finish().as_u128();
                together.part(0, &print.to_le_bytes());
                cost = limit.cost.of(facts.exchange);
                limits.push(Asked { limit: number, place, weight, print });
            }
            asked_about.push(entries);
        }
        let print = together.finish().as_u128();
        (!limits.is_empty()).then_some(Question { limits, print, cost, asked_about })
    }

    /// What is known of an answer without asking: when a denial ends, and the limit that denies.
    fn denied_already(&self, question: &Question, now: u64) -> Option<(State, Option<u64>)> {
        let mut cache = self.denials.borrow_mut();
        let enforced = || question.limits.iter().filter(|asked| asked.weight == Weight::Enforced);
        let first = enforced().next()?;
        let of_one =
            enforced().find_map(|asked| Some((*asked, cache.denied_until(asked.print, question.cost, now)?)));
        // The call as a whole was denied; in shadow as a whole it denies nothing.
        let (asked, until) =
            of_one.or_else(|| Some((*first, cache.denied_until(question.print, question.cost, now)?)))?;
        let wait = until.saturating_sub(now).div_ceil(SECOND);
        Some((State::nothing(asked.limit, 0, Some(wait)), Some(wait)))
    }

    /// Asks the service, unless its answer is known.
    pub(crate) fn ask_service(
        &self,
        global: &Global,
        mut question: Question,
        stream: &mut Stream,
        work: &mut Work<'_>,
        now: u64,
    ) -> Result<Option<Flow>, Refusal> {
        if let Some((state, retry_after)) = self.denied_already(&question, now) {
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
            return Flow::Continue;
        };
        let mut work = Work { host, counts: Vec::new(), told, entered: Vec::new() };
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
        if response.over {
            let (remaining, reset) = (response.remaining(), response.reset());
            // One limit alone, where it is known which.
            let print = match over.as_slice() {
                [one] if response.over_limits().next().is_some() => one.print,
                _ => question.print,
            };
            self.denials.borrow_mut().keep(print, question.cost, remaining, reset, work.host.now().0);
        }
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
        // The service rounds down.
        let retry_after = response.reset().map(|seconds| seconds.saturating_add(1));
        Err(Refusal { reason: Reason::Quota, limits: refused, retry_after })
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
