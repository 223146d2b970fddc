//! Rate limits as a pure policy.
//!
//! A configuration is compiled ([`config`]) into limits ([`limit`]): whom each concerns, what it counts by ([`key`], of
//! what [`facts`] and [`client_ip`] find in a request), and how much is allowed ([`rate`], by [`tier`] or [`variant`]).
//! Counting is `quota`'s, or that of a service ([`global`], for which [`limitador`] writes the limits). What clients are
//! told is in [`fields`] and [`denial`].

pub mod client_ip;
pub mod config;
pub mod cost;
mod counting;
pub mod denial;
pub mod facts;
pub mod fields;
pub mod global;
pub mod key;
pub mod limit;
pub mod limitador;
mod local;
pub mod percent;
mod policy;
pub mod rate;
#[cfg(feature = "schema")]
mod schema;
mod service;
pub mod tally;
pub mod tier;
pub mod variant;
mod verdict;

pub use config::{Compiled, Config, FailureMode, NAME, compile};
pub use policy::{RateLimitPlugin, RateLimitPolicy, Stream};
