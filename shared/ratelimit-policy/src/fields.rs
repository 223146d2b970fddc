//! What clients are told of limits: the fields of draft-ietf-httpapi-ratelimit-headers-10 as Structured Fields (RFC 9651),
//! or those of its third version as Envoy writes them.

use std::fmt::Write as _;

use policy_core::config::Wire;
use policy_core::{HeaderName, HeaderValue};

use crate::rate::Budget;

/// The largest integer of a Structured Field (RFC 9651, 3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// Which fields responses get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Style {
    /// `RateLimit-Policy` and `RateLimit`.
    #[default]
    Ietf,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`.
    Draft03,
    /// None.
    None,
}

/// What is told of a budget whatever is left of it: a policy for each of its windows, or one of requests at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    list: Vec<Policy>,
    /// As `RateLimit-Policy` tells them, which is the same for every request.
    told: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    name: String,
    quoted: String,
    quota: u64,
    /// In seconds; none for requests at once.
    window: Option<u64>,
}

impl Policy {
    fn new(name: String, quota: u64, window: Option<u64>) -> Self {
        Self { quoted: quoted(&name), name, quota: quota.min(LARGEST), window }
    }
}

impl Policies {
    /// Those of a budget. A policy has the limit's name, and where there are several windows, the window's after a dot
    /// (which no limit's name has).
    #[must_use]
    pub fn of_budget(limit: &str, budget: &Budget) -> Self {
        let Budget::Windows(rates) = budget else { return Self::of_nothing(limit) };
        let alone = rates.len() == 1;
        let policy = |rate: &crate::rate::Rate| {
            let name = if alone { limit.to_owned() } else { format!("{limit}.{}", rate.unit.name()) };
            Policy::new(name, rate.requests, Some(rate.unit.seconds()))
        };
        Self::of(rates.iter().map(policy).collect())
    }

    /// That of a limit of requests at once.
    #[must_use]
    pub fn of_concurrency(limit: &str, most: u16) -> Self {
        Self::of(vec![Policy::new(limit.to_owned(), most.into(), None)])
    }

    /// That of a limit which lets nothing through.
    #[must_use]
    pub fn of_nothing(limit: &str) -> Self {
        Self::of(vec![Policy::new(limit.to_owned(), 0, None)])
    }

    fn of(list: Vec<Policy>) -> Self {
        let mut told = String::new();
        for policy in &list {
            next(&mut told);
            told.push_str(&policy.quoted);
            parameter(&mut told, ";q=", policy.quota);
            match policy.window {
                Some(window) => parameter(&mut told, ";w=", window),
                None if policy.quota > 0 => told.push_str(r#";qu="concurrent-requests""#),
                None => {}
            }
        }
        Self { list, told }
    }

    /// The name of the policy of a window: what `violated-policies` holds.
    #[must_use]
    pub fn name(&self, window: usize) -> &str {
        self.list.get(window).map_or("", |policy| policy.name.as_str())
    }
}

/// What is left of a budget for a request's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The number of the window that is nearest its end, among the budget's.
    pub window: usize,
    /// How many requests it has left.
    pub remaining: u64,
    /// In how many seconds, rounded up, it has all again; none for requests at once.
    pub reset: Option<u64>,
}

/// What is told of one limit.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'l> {
    /// The policies of its budget.
    pub policies: &'l Policies,
    /// What is left.
    pub reading: Reading,
}

static POLICY: HeaderName = HeaderName::known("ratelimit-policy");
static STATE: HeaderName = HeaderName::known("ratelimit");
static LIMIT: HeaderName = HeaderName::known("x-ratelimit-limit");
static REMAINING: HeaderName = HeaderName::known("x-ratelimit-remaining");
static RESET: HeaderName = HeaderName::known("x-ratelimit-reset");

/// The fields of responses.
#[derive(Debug, Clone)]
pub struct Fields {
    style: Style,
}

impl Fields {
    /// Fields of this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style }
    }

    /// True when nothing is told.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.style == Style::None
    }

    /// The fields for these limits. Nothing for no limits.
    #[must_use]
    pub fn of(&self, shown: &[Shown<'_>]) -> Vec<(HeaderName, HeaderValue)> {
        match self.style {
            _ if shown.is_empty() => Vec::new(),
            Style::None => Vec::new(),
            Style::Ietf => ietf(shown),
            Style::Draft03 => draft03(shown),
        }
    }
}

fn ietf(shown: &[Shown<'_>]) -> Vec<(HeaderName, HeaderValue)> {
    let (mut policies, mut states) = (String::new(), String::new());
    for Shown { policies: of_limit, reading } in shown {
        next(&mut policies);
        policies.push_str(&of_limit.told);
        next(&mut states);
        states.push_str(of_limit.list.get(reading.window).map_or("\"\"", |policy| policy.quoted.as_str()));
        parameter(&mut states, ";r=", reading.remaining);
        if let Some(reset) = reading.reset {
            parameter(&mut states, ";t=", reset);
        }
    }
    vec![(POLICY.clone(), value(&policies)), (STATE.clone(), value(&states))]
}

/// The numbers of the window that is nearest its end, and all windows after the first number (the draft's section 3.1).
fn draft03(shown: &[Shown<'_>]) -> Vec<(HeaderName, HeaderValue)> {
    // Least left; among equals the one that takes longest.
    let tightest = shown.iter().min_by_key(|Shown { reading, .. }| {
        (reading.remaining, u64::MAX.saturating_sub(reading.reset.unwrap_or_default()))
    });
    let Some(Shown { policies, reading }) = tightest else { return Vec::new() };
    let quota = policies.list.get(reading.window).map_or(0, |policy| policy.quota);
    let mut limit = quota.to_string();
    for policy in shown.iter().flat_map(|shown| &shown.policies.list) {
        next(&mut limit);
        limit.push_str(&policy.quota.to_string());
        if let Some(window) = policy.window {
            parameter(&mut limit, ";w=", window);
        }
        limit.push_str(";name=");
        limit.push_str(&policy.quoted);
    }
    let mut fields =
        vec![(LIMIT.clone(), value(&limit)), (REMAINING.clone(), value(&reading.remaining.to_string()))];
    fields.extend(reading.reset.map(|reset| (RESET.clone(), value(&reset.to_string()))));
    fields
}

/// Between the members of a list.
fn next(out: &mut String) {
    if !out.is_empty() {
        out.push_str(", ");
    }
}

/// A string of a Structured Field (RFC 9651, 3.3.3). Names are ASCII; what such a string cannot hold is left out.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for character in text.chars().filter(|character| matches!(character, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

fn parameter(out: &mut String, name: &str, number: u64) {
    // Nothing can go wrong with a string.
    let _ = write!(out, "{name}{}", number.min(LARGEST));
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::escaped(text.as_bytes())
}

#[cfg(test)]
mod tests;
