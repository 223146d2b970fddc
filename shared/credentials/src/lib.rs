//! API keys, passwords, certificate names: where a credential stands in a request, and whether it is good.
//!
//! | module | what it holds |
//! |---|---|
//! | [`place`] | where a credential stands; finding it without guessing, and taking it out |
//! | [`api_key`] | API keys, written out or as digests |
//! | [`basic`] | user names and passwords (RFC 7617) against htpasswd lines |
//! | [`certificate`] | names in the client's certificate |
//! | [`challenge`] | `WWW-Authenticate` values |

pub mod api_key;
pub mod basic;
pub mod certificate;
pub mod challenge;
pub mod place;
#[cfg(feature = "schema")]
mod schema;
mod words;

pub use api_key::{ApiKeyConfig, ApiKeys, Client};
pub use basic::{Basic, BasicConfig, BasicOutcome};
pub use certificate::{CertificateConfig, CertificateNames, peer_thumbprint};
pub use challenge::Challenge;
pub use place::{Ambiguous, Found, HeaderPlace, Place, check_places, find, remove_query};
pub use words::realm as checked_realm;
