//! Why a token is refused.

use std::fmt;

/// What is wrong with a text that should be a token. Nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Longer than [`MAX_TOKEN`](crate::MAX_TOKEN), or its header longer than 4 KiB.
    TooLong,
    /// A character that is neither of base64url nor a dot: padding, blanks, the JSON serialization.
    Character,
    /// Not three parts: a JWE has five.
    Parts,
    /// A part that base64url cannot have made (RFC 7515, 2; RFC 4648, 3.5).
    Encoding,
    /// The header is not a JSON object, names a member twice, has no `alg`, or a `kid`, `typ` or `cty` that is no string.
    Header,
    /// The header has `crit`, and no extension is understood (RFC 7515, 4.1.11).
    Critical,
    /// The header has `b64`, `enc`, `zip` or `jwk`: what we do not do, or do not trust.
    Parameter,
    /// The payload is not a JSON object, or names a member twice.
    Payload,
}

impl Malformed {
    /// What is wrong, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "the token is too long",
            Self::Character => "the token has a character outside base64url",
            Self::Parts => "the token does not have three parts",
            Self::Encoding => "a part of the token is not base64url",
            Self::Header => "the token's header is not understood",
            Self::Critical => "the token's header has critical extensions",
            Self::Parameter => "the token's header has a parameter that is not supported",
            Self::Payload => "the token's payload is not a JSON object",
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Malformed {}

/// Why a token is refused, from fixed words: nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Not a token; [`Malformed`] knows more.
    Malformed,
    /// The header's algorithm is unknown, not allowed, or not that of the key.
    AlgorithmNotAllowed,
    /// No key has the token's `kid`; newer keys may.
    UnknownKey,
    /// No key that fits has made the signature.
    BadSignature,
    /// `iss` is missing or another's.
    WrongIssuer,
    /// `aud` is missing or names none of ours.
    WrongAudience,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come yet.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// `exp` is further away than allowed.
    LifetimeTooLong,
    /// `exp` is missing.
    NoExpiration,
    /// `typ` is missing or another.
    WrongType,
    /// A registered claim of the wrong type or range.
    BadClaim,
    /// The key fits, but neither the host nor this crate can compute with it.
    Unsupported,
}

impl Refused {
    /// One word for counters and logs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::NoExpiration => "no_expiration",
            Self::WrongType => "wrong_type",
            Self::BadClaim => "bad_claim",
            Self::Unsupported => "unsupported",
        }
    }

    /// The same for people, fit for an `error_description` (RFC 6750, 3).
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "the token is malformed",
            Self::AlgorithmNotAllowed => "the token's algorithm is not allowed",
            Self::UnknownKey => "the token names an unknown key",
            Self::BadSignature => "the token's signature is wrong",
            Self::WrongIssuer => "the token is from another issuer",
            Self::WrongAudience => "the token is for another audience",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::IssuedInFuture => "the token is issued in the future",
            Self::LifetimeTooLong => "the token lives longer than allowed",
            Self::NoExpiration => "the token does not expire",
            Self::WrongType => "the token is of another type",
            Self::BadClaim => "a claim of the token has the wrong type",
            Self::Unsupported => "the token's algorithm is not available here",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Refused {}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}
