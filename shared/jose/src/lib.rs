//! Signed tokens and key sets (RFC 7515 to 7519, 8725): strict reading, verification, claims.
//!
//! [`Token::read`] splits and decodes, [`KeySet::verify`] checks the signature, [`Expectations::check`] the claims; a
//! token counts for nothing before all three have passed. Only the compact serialization of a JWS is known: no
//! encryption, no `none`, no keys that come with the token.
//!
//! ```
//! use jose::{Algorithm, KeyLimits, KeySet, Refused, Token};
//! use policy_core::table::Still;
//!
//! let keys = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
//! let keys = KeySet::read(keys, &KeyLimits::default()).expect("a usable key");
//! let token = Token::read(b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.").expect("well formed, and worthless");
//! let verdict = keys.verify(&token, Algorithm::DEFAULT, &Still::default());
//! assert_eq!(verdict, Err(Refused::AlgorithmNotAllowed));
//! ```

mod algorithm;
mod base64;
mod claims;
mod der;
mod expectations;
mod key;
mod key_set;
mod refused;
mod signature;
mod token;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use algorithm::Algorithm;
pub use claims::{Claims, UnknownBinding};
pub use expectations::{Expectations, Times};
pub use key::KeyFault;
pub use key_set::{KeyLimits, KeySet, KeySetError};
pub use refused::{Malformed, Refused};
pub use token::{MAX_TOKEN, Token, looks_like_a_token};
