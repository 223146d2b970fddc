//! What an introspection endpoint answered.

use std::rc::Rc;

use policy_core::json::Json;
use policy_core::{Answer, CalloutReply, Lost};

use super::ActiveToken;
use super::cache::Known;

/// The largest answer, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// That a token is not active is kept for so many milliseconds at most: it may be about to become so.
const MAX_INACTIVE: u64 = 10_000;

/// How many seconds the clocks may differ when a token has just been made.
const NOT_BEFORE_LEEWAY: u64 = 60;

pub(super) struct Verdict {
    pub(super) known: Known,
    /// When it has to be asked anew, in milliseconds.
    pub(super) until: u64,
    pub(super) size: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Of the server, whatever it is asked.
    Server,
    /// Of this answer.
    Answer,
}

/// Reads an answer (RFC 7662, 2.2). `now` and `ttl` are milliseconds.
pub(super) fn read(reply: CalloutReply, now: u64, ttl: u64) -> Result<Verdict, Failure> {
    let Answer { status, body, .. } = match reply {
        Ok(answer) => answer,
        Err(Lost::TooLarge) => return Err(Failure::Answer),
        Err(Lost::NotSent | Lost::Broken) => return Err(Failure::Server),
    };
    match status {
        200 => {}
        // 401 and 403 are about our own credentials (RFC 7662, 2.3).
        0 | 401 | 403 | 429 | 500.. => return Err(Failure::Server),
        _ => return Err(Failure::Answer),
    }
    if body.len() > MAX_BODY {
        return Err(Failure::Answer);
    }
    let claims = Json::parse(&body).map_err(|_| Failure::Answer)?;
    let active = claims.get("active").ok_or(Failure::Answer)?;
    let seconds = now / 1000;
    let times = (time(&claims, "exp"), time(&claims, "nbf"));
    let (Json::Bool(true), (Ok(expires), Ok(not_before))) = (active, times) else {
        return Ok(inactive(now, ttl));
    };
    let early = not_before.is_some_and(|from| from > seconds.saturating_add(NOT_BEFORE_LEEWAY));
    if early || expires.is_some_and(|end| end <= seconds) {
        return Ok(inactive(now, ttl));
    }
    let end = expires.map_or(u64::MAX, |end| end.saturating_mul(1000));
    let until = now.saturating_add(ttl).min(end);
    Ok(Verdict { known: Known::Active(Rc::new(ActiveToken { claims, expires })), until, size: body.len() })
}

fn inactive(now: u64, ttl: u64) -> Verdict {
    Verdict { known: Known::Inactive, until: now.saturating_add(ttl.min(MAX_INACTIVE)), size: 0 }
}

/// A whole number of seconds, as RFC 7662 has it. Anything else in its place is an error, not an absence.
fn time(claims: &Json, key: &str) -> Result<Option<u64>, ()> {
    match claims.get(key) {
        None => Ok(None),
        Some(Json::Unsigned(seconds)) => Ok(Some(*seconds)),
        Some(_) => Err(()),
    }
}
