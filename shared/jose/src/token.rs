//! The compact serialization of a JWS (RFC 7515, 3.1 and 7.1).

use std::fmt;
use std::mem;

use policy_core::bytes::find;
use policy_core::json::Json;

use crate::base64;
use crate::claims::Claims;
use crate::refused::Malformed;

/// The longest token that is read, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;

/// The longest header, decoded.
const MAX_HEADER: usize = 4 * 1024;

/// Header parameters that ask for something else than verifying a signed text with a key of ours: an unencoded payload
/// (RFC 7797), encryption, compression, and a key that the token brings along. `jku`, `x5u` and `x5c` only point to
/// keys; they are ignored.
const REFUSED: [&str; 4] = ["b64", "enc", "zip", "jwk"];

/// A token, split and decoded, and not verified: nothing in it is true yet.
#[derive(Clone)]
pub struct Token<'t> {
    header: Header,
    text: &'t str,
    payload: &'t str,
    signature: Vec<u8>,
    claims: Claims,
    claims_text: String,
}

/// Shows the header only: a token is a credential.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("header", &self.header).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Header {
    algorithm: String,
    kid: Option<String>,
    typ: Option<String>,
}

impl<'t> Token<'t> {
    /// Splits and decodes a token.
    ///
    /// # Errors
    /// [`Malformed`] says what is not as RFC 7515 has it, or not as we want it (RFC 8725).
    pub fn read(text: &'t [u8]) -> Result<Self, Malformed> {
        let parts = Parts::split(text)?;
        let whole = |error| unwritable(parts.whole, error);
        let header = Header::read(parts.header).map_err(whole)?;
        let decoded = |part: &str| base64::decode(part.as_bytes()).ok_or_else(|| whole(Malformed::Encoding));
        let signature = decoded(parts.signature)?;
        let claims_text = decoded(parts.payload)?;
        let claims_text = String::from_utf8(claims_text).map_err(|_| Malformed::Payload)?;
        let claims = match Json::parse(claims_text.as_bytes()) {
            Ok(json @ Json::Object(_)) => Claims::new(json),
            _ => return Err(Malformed::Payload),
        };
        Ok(Self { header, text: parts.text, payload: parts.payload, signature, claims, claims_text })
    }

    /// The header's `alg`, as sent.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.header.algorithm
    }

    /// The header's `kid`, as sent: good for looking up a key, and for nothing else.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The header's `typ`, as sent.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The payload in base64url, as sent.
    #[must_use]
    pub fn payload(&self) -> &'t str {
        self.payload
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, and the JSON text they were read from, without the rest.
    #[must_use]
    pub fn into_claims(self) -> (Claims, String) {
        (self.claims, self.claims_text)
    }

    /// What is signed: header, dot and payload as sent.
    pub(crate) fn text(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// True for what is written like a token: three parts, the first of which is a JSON object with an `alg`. For telling
/// signed tokens from opaque ones; a token of which this is true may still be malformed.
#[must_use]
pub fn looks_like_a_token(text: &[u8]) -> bool {
    let Ok(parts) = Parts::split(text) else { return false };
    let is_written_so = text.iter().all(|byte| *byte == b'.' || base64::is_digit(*byte));
    is_written_so && header_members(parts.header).is_ok_and(|header| has(&header, "alg"))
}

struct Parts<'t> {
    whole: &'t str,
    /// What is signed.
    text: &'t str,
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
}

impl<'t> Parts<'t> {
    fn split(text: &'t [u8]) -> Result<Self, Malformed> {
        if text.len() > MAX_TOKEN {
            return Err(Malformed::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| Malformed::Character)?;
        let next = |from: usize| {
            let place = find(text.as_bytes().get(from..)?, b'.')?;
            from.checked_add(place)
        };
        let part =
            |from: usize, to: usize| text.get(from..to).ok_or_else(|| unwritable(text, Malformed::Parts));
        let first = next(0).unwrap_or(text.len());
        let payload = first.saturating_add(1);
        let last = next(payload).unwrap_or_default();
        let signature = last.saturating_add(1);
        if next(signature).is_some() {
            return Err(unwritable(text, Malformed::Parts));
        }
        Ok(Self {
            whole: text,
            text: part(0, last)?,
            header: part(0, first)?,
            payload: part(payload, last)?,
            signature: part(signature, text.len())?,
        })
    }
}

/// What is wrong with a text that is wrong: first of all a character that no token has.
#[cold]
fn unwritable(text: &str, other: Malformed) -> Malformed {
    let is_written_so = text.bytes().all(|byte| byte == b'.' || base64::is_digit(byte));
    if is_written_so { other } else { Malformed::Character }
}

type Members = Vec<(String, Json)>;

fn has(members: &[(String, Json)], name: &str) -> bool {
    members.iter().any(|(known, _)| known == name)
}

fn header_members(text: &str) -> Result<Members, Malformed> {
    let header = base64::decode(text.as_bytes()).ok_or(Malformed::Encoding)?;
    if header.len() > MAX_HEADER {
        return Err(Malformed::TooLong);
    }
    match Json::parse(&header) {
        Ok(Json::Object(members)) => Ok(members),
        _ => Err(Malformed::Header),
    }
}

impl Header {
    fn read(text: &str) -> Result<Self, Malformed> {
        let mut members = header_members(text)?;
        if has(&members, "crit") {
            return Err(Malformed::Critical);
        }
        if REFUSED.iter().any(|name| has(&members, name)) {
            return Err(Malformed::Parameter);
        }
        let mut string = |name: &str| match members.iter_mut().find(|(known, _)| known == name) {
            None => Ok(None),
            Some((_, Json::Text(text))) => Ok(Some(mem::take(text))),
            Some(_) => Err(Malformed::Header),
        };
        string("cty")?;
        Ok(Self {
            algorithm: string("alg")?.ok_or(Malformed::Header)?,
            kid: string("kid")?,
            typ: string("typ")?,
        })
    }
}

#[cfg(test)]
mod tests;
