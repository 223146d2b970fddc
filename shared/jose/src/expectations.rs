//! What a token has to say to be taken (RFC 7519, 4.1; RFC 8725, 3.8 to 3.12).

use std::time::Duration;

use policy_core::time::Timestamp;

use crate::claims::Claims;
use crate::refused::Refused;
use crate::token::Token;

/// What a token has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// One of these in `aud`; empty for any, or none.
    pub audiences: Vec<String>,
    /// How far the issuer's clock may be off.
    pub clock_skew: Duration,
    /// Whether `exp` has to be there.
    pub require_expiration: bool,
    /// How far `exp` may be from `iat`, or from now where there is no `iat`. Needs `exp`.
    pub max_lifetime: Option<Duration>,
    /// The header's `typ`, compared as a media type: `at+jwt` is `application/at+jwt`.
    pub token_type: Option<String>,
}

/// When a token holds, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    expires: Option<u64>,
    starts: Option<u64>,
    issued: Option<u64>,
}

impl Times {
    /// `exp`, `nbf` and `iat`.
    ///
    /// # Errors
    /// [`Refused`] where one of them is no date.
    pub fn read(claims: &Claims) -> Result<Self, Refused> {
        Ok(Self { expires: claims.date("exp")?, starts: claims.date("nbf")?, issued: claims.date("iat")? })
    }
}

impl Expectations {
    /// Compares with a token, signature excepted, and returns when it holds.
    ///
    /// # Errors
    /// [`Refused`] names the first thing that is wrong.
    pub fn check(&self, token: &Token<'_>, now: Timestamp) -> Result<Times, Refused> {
        if let Some(expected) = &self.token_type
            && !token.typ().is_some_and(|typ| same_media_type(typ, expected))
        {
            return Err(Refused::WrongType);
        }
        let claims = token.claims();
        claims.check_types()?;
        if claims.issuer() != Some(self.issuer.as_str()) {
            return Err(Refused::WrongIssuer);
        }
        if !self.audiences.is_empty()
            && !claims.audiences().any(|name| self.audiences.iter().any(|a| a == name))
        {
            return Err(Refused::WrongAudience);
        }
        let times = Times::read(claims)?;
        self.check_time(times, now).map(|()| times)
    }

    /// The part of [`check`](Self::check) that time changes, for a token that was checked before.
    ///
    /// # Errors
    /// [`Refused`] names the first thing that is wrong.
    pub fn check_time(&self, times: Times, now: Timestamp) -> Result<(), Refused> {
        let Times { expires, starts, issued } = times;
        let now = now.as_millis();
        let early = now.saturating_sub(millis(self.clock_skew));
        let late = now.saturating_add(millis(self.clock_skew));
        if expires.is_some_and(|expires| expires <= early) {
            return Err(Refused::Expired);
        }
        if starts.is_some_and(|starts| starts > late) {
            return Err(Refused::NotYetValid);
        }
        if issued.is_some_and(|issued| issued > late) {
            return Err(Refused::IssuedInFuture);
        }
        if expires.is_none() && (self.require_expiration || self.max_lifetime.is_some()) {
            return Err(Refused::NoExpiration);
        }
        if let (Some(expires), Some(longest)) = (expires, self.max_lifetime)
            && expires.saturating_sub(issued.unwrap_or(now)) > millis(longest)
        {
            return Err(Refused::LifetimeTooLong);
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Compares as RFC 7515, 4.1.9 has it: case does not matter, and `application/` goes without saying.
fn same_media_type(left: &str, right: &str) -> bool {
    subtype(left).eq_ignore_ascii_case(subtype(right))
}

fn subtype(name: &str) -> &str {
    match name.split_once('/') {
        Some((kind, rest)) if kind.eq_ignore_ascii_case("application") && !rest.contains('/') => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests;
