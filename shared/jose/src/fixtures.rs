//! Keys that sign, and a host that verifies: all out of what is published in RFC 7515 and 8037.

use std::cell::Cell;

use ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use jwt_simple::algorithms::{RS256KeyPair, RSAKeyPairLike};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::pkcs8::DecodePublicKey;
use policy_core::time::Timestamp;
use policy_core::{Host, Signature};
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::{Padding, Rsa};
use superboring::sign::{Signer, Verifier};

use crate::algorithm::Algorithm;
use crate::key_set::{KeyLimits, KeySet};
use crate::vectors::{A1_SECRET, A2_MODULUS, A2_PRIVATE, A3_X, A3_Y, EDDSA_X};

pub(crate) const EVERY: [Algorithm; 13] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
];

/// What the guest can sign: all but ES512.
pub(crate) fn signable() -> impl Iterator<Item = Algorithm> {
    EVERY.into_iter().filter(|algorithm| *algorithm != Algorithm::Es512)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    crate::base64::decode(text.as_bytes()).unwrap()
}

/// A JWK of these members.
pub(crate) fn jwk(members: &[(&str, &str)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
    format!("{{{}}}", members.join(","))
}

/// The public key that goes with [`sign`].
pub(crate) fn jwk_for(algorithm: Algorithm, kid: Option<&str>) -> String {
    let mut members = match algorithm.name().split_at(2).0 {
        "RS" | "PS" => vec![("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB")],
        "ES" if algorithm == Algorithm::Es256 => {
            vec![("kty", "EC"), ("crv", "P-256"), ("x", A3_X), ("y", A3_Y)]
        }
        "Ed" => vec![("kty", "OKP"), ("crv", "Ed25519"), ("x", EDDSA_X)],
        "HS" => vec![("kty", "oct"), ("k", A1_SECRET)],
        _ => vec![("kty", "EC"), ("crv", "P-384")],
    };
    let point = p384_key().verifying_key().to_sec1_point(false);
    let (x, y) = (encode(point.x().unwrap()), encode(point.y().unwrap()));
    if algorithm == Algorithm::Es384 {
        members.extend([("x", x.as_str()), ("y", y.as_str())]);
    }
    members.extend(kid.map(|kid| ("kid", kid)));
    jwk(&members)
}

fn p384_key() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap()
}

pub(crate) fn set(keys: &[String]) -> KeySet {
    let limits = KeyLimits { algorithms: EVERY.to_vec(), ..KeyLimits::default() };
    KeySet::read(set_text(keys).as_bytes(), &limits).unwrap()
}

pub(crate) fn set_text(keys: &[String]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// A token with this header and payload.
pub(crate) fn signed(algorithm: Algorithm, header: &str, claims: &str) -> String {
    let text = format!("{}.{}", encode(header), encode(claims));
    format!("{text}.{}", encode(sign(algorithm, text.as_bytes())))
}

/// A token with nothing but `alg` in its header.
pub(crate) fn plain(algorithm: Algorithm, claims: &str) -> String {
    signed(algorithm, &format!(r#"{{"alg":"{}"}}"#, algorithm.name()), claims)
}

pub(crate) fn sign(algorithm: Algorithm, text: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Es256 => {
            let d = decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
            let key = p256::ecdsa::SigningKey::from_slice(&d).unwrap();
            let signature: p256::ecdsa::Signature = key.sign(text);
            signature.to_vec()
        }
        Algorithm::Es384 => {
            let signature: p384::ecdsa::Signature = p384_key().sign(text);
            signature.to_vec()
        }
        Algorithm::EdDsa => {
            let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
            let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::from_slice(&seed).unwrap());
            pair.sk.sign(text, None).to_vec()
        }
        Algorithm::Hs256 => hmac_sha256::HMAC::mac(text, decode(A1_SECRET)).to_vec(),
        Algorithm::Hs384 => hmac_sha512::sha384::HMAC::mac(text, decode(A1_SECRET)).to_vec(),
        Algorithm::Hs512 => hmac_sha512::HMAC::mac(text, decode(A1_SECRET)).to_vec(),
        _ => sign_rsa(algorithm, text),
    }
}

fn sign_rsa(algorithm: Algorithm, text: &[u8]) -> Vec<u8> {
    let public = [("kty", "RSA"), ("n", A2_MODULUS), ("e", "AQAB")];
    let pair = RS256KeyPair::from_jwk(&jwk(&[&public[..], &A2_PRIVATE].concat())).unwrap();
    let key = PKey::from_rsa(pair.key_pair().as_ref().clone()).unwrap();
    let (kind, bits) = algorithm.name().split_at(2);
    let mut signer = Signer::new(digest(bits), &key).unwrap();
    signer.set_rsa_padding(if kind == "PS" { Padding::PKCS1_PSS } else { Padding::PKCS1 }).unwrap();
    signer.update(text).unwrap();
    signer.sign_to_vec().unwrap()
}

fn digest(bits: &str) -> MessageDigest {
    match bits {
        "256" => MessageDigest::sha256(),
        "384" => MessageDigest::sha384(),
        _ => MessageDigest::sha512(),
    }
}

/// A host that checks signatures as Envoy does: from what it is told alone, key and signature read as DER.
#[derive(Default)]
pub(crate) struct Checking {
    pub(crate) asked: Cell<usize>,
}

impl Host for Checking {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn fill_random(&self, _: &mut [u8]) {}

    fn verify_signature(&self, signature: &Signature<'_>) -> Option<bool> {
        self.asked.set(self.asked.get().saturating_add(1));
        let hashed = match signature.hash {
            "sha256" => hmac_sha256::Hash::hash(signature.text).to_vec(),
            "sha384" => hmac_sha512::sha384::Hash::hash(signature.text).to_vec(),
            _ => hmac_sha512::Hash::hash(signature.text).to_vec(),
        };
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(signature.public_key) {
            let signature = p256::ecdsa::Signature::from_der(signature.signature);
            return Some(signature.is_ok_and(|signature| key.verify_prehash(&hashed, &signature).is_ok()));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(signature.public_key) {
            let signature = p384::ecdsa::Signature::from_der(signature.signature);
            return Some(signature.is_ok_and(|signature| key.verify_prehash(&hashed, &signature).is_ok()));
        }
        let key = PKey::from_rsa(Rsa::public_key_from_der(signature.public_key).unwrap()).unwrap();
        let mut verifier = Verifier::new(digest(signature.hash.trim_start_matches("sha")), &key).unwrap();
        verifier.set_rsa_padding(Padding::PKCS1).unwrap();
        verifier.update(signature.text).unwrap();
        verifier.verify(signature.signature).ok()
    }
}
