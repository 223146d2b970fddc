//! A set of keys (RFC 7517, 5), as an issuer publishes it.

use std::fmt;

use policy_core::Host;
use policy_core::json::Json;

use crate::algorithm::{Algorithm, Algorithms};
use crate::key::{Key, KeyFault};
use crate::refused::Refused;
use crate::token::Token;

/// The longest key set that is read, in bytes.
const MAX_SET: usize = 256 * 1024;

/// The most keys in a set, unusable ones included.
const MAX_KEYS: usize = 100;

/// The most keys that one token is tried with.
const MAX_TRIES: usize = 8;

/// Which keys are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLimits {
    /// Keys that are for none of these algorithms are skipped.
    pub algorithms: Vec<Algorithm>,
    /// The longest RSA modulus, in bits. Above 4096, only hosts with signatures of their own can check.
    pub max_rsa_bits: usize,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { algorithms: Algorithm::DEFAULT.to_vec(), max_rsa_bits: 4096 }
    }
}

/// Why a key set is of no use. Nothing of the set is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySetError {
    /// Longer than 256 KiB.
    TooLong,
    /// Not a JSON object with a list `keys`, or with a member given twice.
    NotAKeySet,
    /// More than 100 keys.
    TooManyKeys,
    /// No key can be used; with what the first one lacks, if there is one.
    NoUsableKey(Option<KeyFault>),
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a key set has at most 256 KiB"),
            Self::NotAKeySet => {
                f.write_str("a key set is a JSON object with a list \"keys\", no member given twice")
            }
            Self::TooManyKeys => f.write_str("a key set has at most 100 keys"),
            Self::NoUsableKey(None) => f.write_str("the key set is empty"),
            Self::NoUsableKey(Some(fault)) => {
                write!(f, "no key of the set can be used; of the first, {fault}")
            }
        }
    }
}

impl std::error::Error for KeySetError {}

/// Keys that verify signatures: at least one, and none that is too weak or meant for something else.
pub struct KeySet {
    keys: Vec<Key>,
    skipped: usize,
}

/// Shows no key: some are secrets.
impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("len", &self.len()).field("skipped", &self.skipped).finish()
    }
}

impl KeySet {
    /// Reads a JWK Set. Keys that cannot be used are skipped and counted.
    ///
    /// # Errors
    /// [`KeySetError`] for what is no key set, is too large, or has no usable key.
    pub fn read(json: &[u8], limits: &KeyLimits) -> Result<Self, KeySetError> {
        if json.len() > MAX_SET {
            return Err(KeySetError::TooLong);
        }
        let json = Json::parse(json).map_err(|_| KeySetError::NotAKeySet)?;
        let Some(Json::List(list)) = json.get("keys") else { return Err(KeySetError::NotAKeySet) };
        if list.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let mut fault = None;
        let mut set = Self { keys: Vec::with_capacity(list.len()), skipped: 0 };
        for jwk in list {
            match Key::read(jwk, limits) {
                Ok(key) => set.keys.push(key),
                Err(found) => {
                    fault = fault.or(Some(found));
                    set.skipped = set.skipped.saturating_add(1);
                }
            }
        }
        if set.keys.is_empty() { Err(KeySetError::NoUsableKey(fault)) } else { Ok(set) }
    }

    /// How many keys can be used; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a set is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys were skipped.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// True when a usable key has this `kid`.
    #[must_use]
    pub fn knows(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    fn is_named(&self) -> bool {
        self.keys.iter().any(|key| key.kid().is_some())
    }

    /// Checks a token's signature with the keys of its `kid`; with all where it has none, or where no key of the set has
    /// one. In either case with those that are for its algorithm, and with 8 at most.
    ///
    /// # Errors
    /// [`Refused::AlgorithmNotAllowed`], [`Refused::UnknownKey`], [`Refused::BadSignature`] or [`Refused::Unsupported`].
    pub fn verify(&self, token: &Token<'_>, allowed: &[Algorithm], host: &dyn Host) -> Result<(), Refused> {
        let algorithm = Algorithm::parse(token.algorithm()).ok_or(Refused::AlgorithmNotAllowed)?;
        if !Algorithms::from(allowed).contains(algorithm) {
            return Err(Refused::AlgorithmNotAllowed);
        }
        let kid = token.kid().filter(|_| self.is_named());
        if kid.is_some_and(|kid| !self.knows(kid)) {
            return Err(Refused::UnknownKey);
        }
        let named = self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid);
        let mut verdict = Err(Refused::AlgorithmNotAllowed);
        for key in named.filter(|key| key.algorithms().contains(algorithm)).take(MAX_TRIES) {
            match key.verify(algorithm, token.text(), token.signature(), host) {
                Some(true) => return Ok(()),
                Some(false) => verdict = Err(Refused::BadSignature),
                None if verdict == Err(Refused::BadSignature) => {}
                None => verdict = Err(Refused::Unsupported),
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests;
