//! One key (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2).

use std::fmt;

use policy_core::Host;
use policy_core::json::Json;

use crate::algorithm::{Algorithm, Algorithms};
use crate::base64;
use crate::der;
use crate::key_set::KeyLimits;
use crate::signature::{Curve, Material};

/// The shortest RSA modulus, in bits (RFC 7518, 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The shortest secret of each algorithm, in bytes (RFC 7518, 3.2).
const MIN_SECRET: [(Algorithm, usize); 3] =
    [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)];

/// The longest secret, in bytes: each token is hashed with all of it.
const MAX_SECRET: usize = 1024;

/// What makes a private key of a public one. Who publishes these no longer has a secret.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

const RSA: &[Algorithm] = &[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Why a key is not used. Nothing of the key is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// Not an object, or a member that is missing, of the wrong type, or not base64url.
    Malformed,
    /// `use` is not `sig`, or `key_ops` does not have `verify`.
    Purpose,
    /// Its kind, curve or `alg` belongs to no algorithm that is allowed.
    Algorithm,
    /// The private half is there too.
    Private,
    /// An RSA modulus below 2048 bits, or a secret shorter than its hash.
    Short,
    /// An RSA modulus or a secret that is too long.
    Long,
    /// Not a key: a point off the curve or of small order, an even modulus, an exponent other than 65537.
    Invalid,
}

impl KeyFault {
    /// What is wrong, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "a member is missing or malformed",
            Self::Purpose => "\"use\" or \"key_ops\" says that it is not for verifying",
            Self::Algorithm => "it is for no algorithm that is allowed",
            Self::Private => {
                "the private half is there too; remove it, and use another key if it was ever published"
            }
            Self::Short => "it is too short: RSA needs 2048 bits, a secret as many as its hash",
            Self::Long => "it is too long",
            Self::Invalid => "its numbers are no key that can be used",
        }
    }
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// A key, and what it may be used for.
pub(crate) struct Key {
    kid: Option<String>,
    algorithms: Algorithms,
    material: Material,
}

impl Key {
    pub(crate) fn read(jwk: &Json, limits: &KeyLimits) -> Result<Self, KeyFault> {
        if !matches!(jwk, Json::Object(_)) {
            return Err(KeyFault::Malformed);
        }
        check_purpose(jwk)?;
        let mut algorithms = Algorithms::from(limits.algorithms.as_slice());
        if let Some(name) = text(jwk, "alg")? {
            let bound = Algorithm::parse(name).ok_or(KeyFault::Algorithm)?;
            algorithms = algorithms.both(Algorithms::from(&[bound][..]));
        }
        let kid = text(jwk, "kid")?.map(str::to_owned);
        let kind = Kind::of(jwk)?;
        algorithms = algorithms.both(kind.algorithms());
        if algorithms.is_empty() {
            return Err(KeyFault::Algorithm);
        }
        if kind != Kind::Secret && PRIVATE.iter().any(|name| jwk.get(name).is_some()) {
            return Err(KeyFault::Private);
        }
        let material = match kind {
            Kind::Rsa => rsa(jwk, limits)?,
            Kind::Ec(curve) => ec(jwk, curve)?,
            Kind::Ed25519 => Material::ed25519(&bytes(jwk, "x")?).ok_or(KeyFault::Invalid)?,
            Kind::Secret => {
                let secret = secret(jwk)?;
                let fit: Vec<Algorithm> = fitting(secret.len()).collect();
                algorithms = algorithms.both(Algorithms::from(fit.as_slice()));
                Material::Secret(secret)
            }
        };
        if algorithms.is_empty() {
            return Err(KeyFault::Short);
        }
        Ok(Self { kid, algorithms, material })
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn algorithms(&self) -> Algorithms {
        self.algorithms
    }

    /// Whether the signature is this key's; `None` when neither host nor guest can compute it.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        text: &[u8],
        signature: &[u8],
        host: &dyn Host,
    ) -> Option<bool> {
        if !self.algorithms.contains(algorithm) {
            return Some(false);
        }
        self.material.verify(algorithm, text, signature, host)
    }
}

/// What `kty` and `crv` say; it decides which algorithms a key can be for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ec(Curve),
    Ed25519,
    Secret,
}

impl Kind {
    fn of(jwk: &Json) -> Result<Self, KeyFault> {
        let curve = || text(jwk, "crv")?.ok_or(KeyFault::Malformed);
        match text(jwk, "kty")?.ok_or(KeyFault::Malformed)? {
            "RSA" => Ok(Self::Rsa),
            "EC" => Curve::parse(curve()?).map(Self::Ec).ok_or(KeyFault::Algorithm),
            "OKP" if curve()? == "Ed25519" => Ok(Self::Ed25519),
            "oct" => Ok(Self::Secret),
            _ => Err(KeyFault::Algorithm),
        }
    }

    fn algorithms(self) -> Algorithms {
        match self {
            Self::Rsa => Algorithms::from(RSA),
            Self::Ec(curve) => Algorithms::from(&[curve.algorithm()][..]),
            Self::Ed25519 => Algorithms::from(&[Algorithm::EdDsa][..]),
            Self::Secret => Algorithms::from(&[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512][..]),
        }
    }
}

fn check_purpose(jwk: &Json) -> Result<(), KeyFault> {
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyFault::Purpose);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Json::List(operations)) if operations.iter().all(|one| one.as_str().is_some()) => {
            let verifies = operations.iter().any(|one| one.as_str() == Some("verify"));
            if verifies { Ok(()) } else { Err(KeyFault::Purpose) }
        }
        Some(_) => Err(KeyFault::Malformed),
    }
}

fn rsa(jwk: &Json, limits: &KeyLimits) -> Result<Material, KeyFault> {
    let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let modulus = der::trim(&modulus);
    let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros()) as usize;
    let bits = modulus.len().saturating_mul(8).saturating_sub(zeros);
    if bits < MIN_RSA_BITS {
        return Err(KeyFault::Short);
    }
    if bits > limits.max_rsa_bits {
        return Err(KeyFault::Long);
    }
    let odd = modulus.last().is_some_and(|byte| byte & 1 == 1);
    // jwt-simple takes no other exponent, and both ways of verifying have to agree.
    if !odd || der::trim(&exponent) != [1, 0, 1] {
        return Err(KeyFault::Invalid);
    }
    Material::rsa(modulus, bits).ok_or(KeyFault::Invalid)
}

fn ec(jwk: &Json, curve: Curve) -> Result<Material, KeyFault> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    // Both in full (RFC 7518, 6.2.1.2).
    if x.len() != curve.size() || y.len() != curve.size() {
        return Err(KeyFault::Malformed);
    }
    Material::ec(curve, &x, &y).ok_or(KeyFault::Invalid)
}

fn secret(jwk: &Json) -> Result<Vec<u8>, KeyFault> {
    let secret = bytes(jwk, "k")?;
    if secret.len() > MAX_SECRET {
        return Err(KeyFault::Long);
    }
    // A public key in PEM is known to everyone.
    if secret.starts_with(b"-----BEGIN") { Err(KeyFault::Invalid) } else { Ok(secret) }
}

/// The algorithms that a secret of this length is long enough for.
fn fitting(length: usize) -> impl Iterator<Item = Algorithm> {
    MIN_SECRET.iter().filter(move |(_, least)| length >= *least).map(|(algorithm, _)| *algorithm)
}

fn text<'j>(jwk: &'j Json, name: &str) -> Result<Option<&'j str>, KeyFault> {
    match jwk.get(name) {
        None => Ok(None),
        Some(member) => member.as_str().map(Some).ok_or(KeyFault::Malformed),
    }
}

fn bytes(jwk: &Json, name: &str) -> Result<Vec<u8>, KeyFault> {
    let text = text(jwk, name)?.ok_or(KeyFault::Malformed)?;
    base64::decode(text.as_bytes()).ok_or(KeyFault::Malformed)
}

#[cfg(test)]
mod tests;
