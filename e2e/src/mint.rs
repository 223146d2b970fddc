//! Keys and tokens of our own: good ones, and every kind of bad one. Signed with `ring`, which is not what verifies them.

use ct_codecs::{Base64UrlSafeNoPadding, Encoder as _};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::client::Error;

/// Test keys; see keys/README.md.
const RSA: [&[u8]; 2] = [include_bytes!("keys/rsa1.der"), include_bytes!("keys/rsa2.der")];

/// A key that signs, and its public half.
pub struct Key {
    /// `kid`.
    pub id: String,
    /// `alg`.
    pub algorithm: &'static str,
    secret: Secret,
}

enum Secret {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair, &'static str),
    Ed25519(Ed25519KeyPair),
    Hmac(hmac::Key, Vec<u8>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// A key for an algorithm. Elliptic keys are new ones each time; of RSA there are two, told apart by whether the id
    /// ends in `2`; the secret of an HMAC key is made of its id.
    ///
    /// # Errors
    /// When there is no such algorithm here.
    pub fn new(id: &str, algorithm: &str) -> Result<Self, Error> {
        let (algorithm, secret) = secret(id, algorithm)?;
        Ok(Self { id: id.to_owned(), algorithm, secret })
    }

    /// The public half as a JWK; of an HMAC key the secret.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.secret {
            Secret::Rsa(pair, _) => {
                let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": base64(&public.n), "e": base64(&public.e)})
            }
            Secret::Ecdsa(pair, curve) => {
                // An uncompressed point: a byte 4, then both coordinates.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len().checked_div(2).unwrap_or_default());
                json!({"kty": "EC", "crv": curve, "x": base64(x), "y": base64(y)})
            }
            Secret::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64(pair.public_key().as_ref())})
            }
            Secret::Hmac(_, secret) => json!({"kty": "oct", "k": base64(secret)}),
        };
        if let Some(fields) = jwk.as_object_mut() {
            fields.insert("kid".to_owned(), json!(self.id));
            fields.insert("alg".to_owned(), json!(self.algorithm));
            fields.insert("use".to_owned(), json!("sig"));
        }
        jwk
    }

    /// A token with these claims and the header that goes with the key.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&json!({"alg": self.algorithm, "kid": self.id, "typ": "JWT"}), claims)
    }

    /// A token with any header.
    #[must_use]
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        self.raw(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token of any bytes.
    #[must_use]
    pub fn raw(&self, header: &[u8], claims: &[u8]) -> String {
        let input = format!("{}.{}", base64(header), base64(claims));
        let signature = self.signature(input.as_bytes());
        format!("{input}.{}", base64(&signature))
    }

    /// The signature of some bytes; empty when `ring` fails, which no verifier takes.
    #[must_use]
    pub fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                match pair.sign(*encoding, &random, bytes, &mut signature) {
                    Ok(()) => signature,
                    Err(_) => Vec::new(),
                }
            }
            Secret::Ecdsa(pair, _) => {
                pair.sign(&random, bytes).map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
            }
            Secret::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Secret::Hmac(key, _) => hmac::sign(key, bytes).as_ref().to_vec(),
        }
    }
}

fn secret(id: &str, algorithm: &str) -> Result<(&'static str, Secret), Error> {
    Ok(match algorithm {
        "RS256" => ("RS256", rsa(id, &signature::RSA_PKCS1_SHA256)?),
        "RS384" => ("RS384", rsa(id, &signature::RSA_PKCS1_SHA384)?),
        "RS512" => ("RS512", rsa(id, &signature::RSA_PKCS1_SHA512)?),
        "PS256" => ("PS256", rsa(id, &signature::RSA_PSS_SHA256)?),
        "PS384" => ("PS384", rsa(id, &signature::RSA_PSS_SHA384)?),
        "PS512" => ("PS512", rsa(id, &signature::RSA_PSS_SHA512)?),
        "ES256" => ("ES256", ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")?),
        "ES384" => ("ES384", ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")?),
        "EdDSA" => {
            let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(bad)?;
            ("EdDSA", Secret::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).map_err(bad)?))
        }
        "HS256" => ("HS256", shared(id, hmac::HMAC_SHA256)),
        "HS384" => ("HS384", shared(id, hmac::HMAC_SHA384)),
        "HS512" => ("HS512", shared(id, hmac::HMAC_SHA512)),
        other => return Err(format!("no algorithm {other} here").into()),
    })
}

fn rsa(id: &str, encoding: &'static dyn RsaEncoding) -> Result<Secret, Error> {
    let [first, second] = RSA;
    let pair = RsaKeyPair::from_pkcs8(if id.ends_with('2') { second } else { first }).map_err(bad)?;
    Ok(Secret::Rsa(Box::new(pair), encoding))
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Result<Secret, Error> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(bad)?;
    Ok(Secret::Ecdsa(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(bad)?, curve))
}

fn shared(id: &str, algorithm: hmac::Algorithm) -> Secret {
    let bytes: Vec<u8> = id.bytes().cycle().take(64).collect();
    Secret::Hmac(hmac::Key::new(algorithm, &bytes), bytes)
}

fn bad(error: impl std::fmt::Display) -> Error {
    format!("no key: {error}").into()
}

/// A key set, as `jwks_uri` serves it.
#[must_use]
pub fn jwks(keys: &[&Key]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

/// Base64 for URLs, without padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap_or_default()
}

/// Seconds since 1970, and so many more.
#[must_use]
pub fn now(more: i64) -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
    i64::try_from(since).unwrap_or(i64::MAX).saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_signs_what_its_public_half_describes() {
        for (algorithm, kind, length) in [
            ("RS256", "RSA", 256),
            ("RS384", "RSA", 256),
            ("PS512", "RSA", 256),
            ("ES256", "EC", 64),
            ("ES384", "EC", 96),
            ("EdDSA", "OKP", 64),
            ("HS512", "oct", 64),
        ] {
            let key = Key::new("k", algorithm).unwrap();
            assert_eq!((&key.jwk()["kty"], &key.jwk()["alg"]), (&json!(kind), &json!(algorithm)));
            assert_eq!(key.signature(b"x").len(), length, "{algorithm}");
            assert_eq!(key.token(&json!({"sub": "a"})).split('.').count(), 3);
        }
        assert!(Key::new("k", "none").is_err());
        assert_ne!(Key::new("1", "RS256").unwrap().jwk()["n"], Key::new("2", "RS256").unwrap().jwk()["n"]);
    }
}
