//! Signatures: by the host where it can, else by jwt-simple's keys, with the same verdict.

use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike, RS256PublicKey, RSAPublicKeyLike,
};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use policy_core::{Host, Signature};
use superboring::hash::MessageDigest;
use superboring::pkey::{PKey, Public};
use superboring::rsa::Padding;
use superboring::sign::Verifier;

use crate::algorithm::Algorithm;
use crate::der;

/// The longest RSA modulus that the guest computes with, in bits.
const MAX_GUEST_RSA: usize = 4096;

/// The numbers of a key, known to be one.
pub(crate) enum Material {
    Rsa(Box<Rsa>),
    Ec(Box<Ec>),
    Ed25519(Box<Ed25519PublicKey>),
    /// For HMAC.
    Secret(Vec<u8>),
}

/// An RSA public key.
pub(crate) struct Rsa {
    info: Vec<u8>,
    /// Of the modulus, and so of each signature, in bytes.
    size: usize,
    guest: Option<PKey<Public>>,
}

/// A point on a curve.
pub(crate) struct Ec {
    info: Vec<u8>,
    curve: Curve,
    guest: Guest,
}

enum Guest {
    P256(ES256PublicKey),
    P384(ES384PublicKey),
    None,
}

/// A curve of RFC 7518, 6.2.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// Of a coordinate, and of half a signature, in bytes.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(crate) fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::P521 => Algorithm::Es512,
        }
    }

    fn hash(self) -> &'static str {
        match self {
            Self::P256 => "sha256",
            Self::P384 => "sha384",
            Self::P521 => "sha512",
        }
    }
}

impl Material {
    /// `None` for what is no key; the modulus comes without leading zeros, the exponent is 65537.
    pub(crate) fn rsa(modulus: &[u8], bits: usize) -> Option<Self> {
        let exponent = [1, 0, 1];
        let guest = if bits > MAX_GUEST_RSA {
            None
        } else {
            let key = RS256PublicKey::from_components(modulus, &exponent).ok()?;
            Some(PKey::from_rsa(key.public_key().as_ref().clone()).ok()?)
        };
        let info = der::rsa_key(modulus, &exponent);
        Some(Self::Rsa(Box::new(Rsa { info, size: modulus.len(), guest })))
    }

    /// `None` for a point off the curve; of P-521, that is left to the host.
    pub(crate) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Option<Self> {
        let point = [&[4], x, y].concat();
        let guest = match curve {
            Curve::P256 => Guest::P256(ES256PublicKey::from_bytes(&point).ok()?),
            Curve::P384 => Guest::P384(ES384PublicKey::from_bytes(&point).ok()?),
            Curve::P521 => Guest::None,
        };
        let code = match curve {
            Curve::P256 => der::P256,
            Curve::P384 => der::P384,
            Curve::P521 => der::P521,
        };
        Some(Self::Ec(Box::new(Ec { info: der::ec_key(code, &point), curve, guest })))
    }

    /// `None` for what is no point, not canonical, or of small order.
    pub(crate) fn ed25519(key: &[u8]) -> Option<Self> {
        Ed25519PublicKey::from_bytes(key).ok().map(|key| Self::Ed25519(Box::new(key)))
    }

    /// Whether the signature is this key's; `None` when neither host nor guest can compute it.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        text: &[u8],
        signature: &[u8],
        host: &dyn Host,
    ) -> Option<bool> {
        match self {
            Self::Rsa(key) => key.verify(algorithm, text, signature, host),
            Self::Ec(key) => key.verify(algorithm, text, signature, host),
            Self::Ed25519(key) => Some(ed25519(key, text, signature)),
            Self::Secret(secret) => Some(hmac(algorithm, secret, text, signature)),
        }
    }
}

impl Rsa {
    fn verify(&self, algorithm: Algorithm, text: &[u8], signature: &[u8], host: &dyn Host) -> Option<bool> {
        let (hash, digest, padding) = match algorithm {
            Algorithm::Rs256 => ("sha256", MessageDigest::sha256(), Padding::PKCS1),
            Algorithm::Rs384 => ("sha384", MessageDigest::sha384(), Padding::PKCS1),
            Algorithm::Rs512 => ("sha512", MessageDigest::sha512(), Padding::PKCS1),
            Algorithm::Ps256 => ("sha256", MessageDigest::sha256(), Padding::PKCS1_PSS),
            Algorithm::Ps384 => ("sha384", MessageDigest::sha384(), Padding::PKCS1_PSS),
            Algorithm::Ps512 => ("sha512", MessageDigest::sha512(), Padding::PKCS1_PSS),
            _ => return Some(false),
        };
        if signature.len() != self.size {
            return Some(false);
        }
        // Hosts only know PKCS #1 v1.5.
        if padding == Padding::PKCS1 {
            let known = Signature { hash, public_key: &self.info, signature, text };
            if let Some(verdict) = host.verify_signature(&known) {
                return Some(verdict);
            }
        }
        let mut verifier = Verifier::new(digest, self.guest.as_ref()?).ok()?;
        verifier.set_rsa_padding(padding).ok()?;
        verifier.update(text).ok()?;
        Some(verifier.verify(signature).unwrap_or(false))
    }
}

impl Ec {
    fn verify(&self, algorithm: Algorithm, text: &[u8], signature: &[u8], host: &dyn Host) -> Option<bool> {
        let (r, s) = match signature.split_at_checked(self.curve.size()) {
            Some((r, s)) if r.len() == s.len() && algorithm == self.curve.algorithm() => (r, s),
            _ => return Some(false),
        };
        // Java once took such a signature for anyone's (CVE-2022-21449).
        if r.iter().all(|byte| *byte == 0) || s.iter().all(|byte| *byte == 0) {
            return Some(false);
        }
        let for_host = der::ecdsa_signature(r, s);
        let hash = self.curve.hash();
        host.verify_signature(&Signature { hash, public_key: &self.info, signature: &for_host, text })
            .or_else(|| self.guest.verify(text, signature))
    }
}

impl Guest {
    fn verify(&self, text: &[u8], signature: &[u8]) -> Option<bool> {
        match self {
            Self::P256(key) => {
                let digest = hmac_sha256::Hash::hash(text);
                let Ok(signature) = p256::ecdsa::Signature::from_slice(signature) else { return Some(false) };
                Some(key.public_key().as_ref().verify_prehash(&digest, &signature).is_ok())
            }
            Self::P384(key) => {
                let digest = hmac_sha512::sha384::Hash::hash(text);
                let Ok(signature) = p384::ecdsa::Signature::from_slice(signature) else { return Some(false) };
                Some(key.public_key().as_ref().verify_prehash(&digest, &signature).is_ok())
            }
            Self::None => None,
        }
    }
}

fn ed25519(key: &Ed25519PublicKey, text: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = ed25519_compact::Signature::from_slice(signature) else { return false };
    key.public_key().as_ref().verify(text, &signature).is_ok()
}

/// Compares in constant time.
fn hmac(algorithm: Algorithm, secret: &[u8], text: &[u8], signature: &[u8]) -> bool {
    match algorithm {
        Algorithm::Hs256 => {
            signature.try_into().is_ok_and(|mac| hmac_sha256::HMAC::verify(text, secret, mac))
        }
        Algorithm::Hs384 => {
            signature.try_into().is_ok_and(|mac| hmac_sha512::sha384::HMAC::verify(text, secret, mac))
        }
        Algorithm::Hs512 => {
            signature.try_into().is_ok_and(|mac| hmac_sha512::HMAC::verify(text, secret, mac))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
