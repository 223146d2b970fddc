//! The words every Tollgate policy is written in.
//!
//! A policy is a pure value: it reads an [`Exchange`], edits it in memory and returns a [`Flow`]. Nothing in this
//! crate knows of Envoy or of WebAssembly, so a policy runs the same in a filter, in the `tollgate` tool and in an
//! ordinary unit test. `filter-runtime` is the only crate that turns these words into host calls.
//!
//! | module | what it holds |
//! |---|---|
//! | [`header`] | names and values that cannot hold what would break a message |
//! | [`headers`] | one message's headers: an immutable snapshot and a journal of edits |
//! | [`exchange`] | what a policy sees of one HTTP exchange |
//! | [`flow`] | what a policy answers: go on, wait, ask, or a local reply |
//! | [`callout`] | a request that a filter makes itself |
//! | [`policy`] | the traits a policy and its plugin implement |
//! | [`chain`] | several policies in one module |
//! | [`host`] | what a policy may ask for: clock, randomness, store, signatures |
//! | [`outside`] | work outside requests |
//! | [`json`] | JSON that refuses a key given twice: the crate `json`, passed on |
//! | [`config`] | strict reading of `pluginConfig`, errors that name the place |
//! | [`mod@format`] | values with Envoy's format operators |
//! | [`route`] | the `match` block |
//! | [`enforcement`] | `enforce`, `shadow`, `off`, and a stable percentage |
//! | [`regex`] | regular expressions over bytes |
//! | [`percent`], [`cookie`] | what stands in paths, queries and `Cookie` fields |
//! | [`bytes`], [`snapshot`] | a message as bytes: the crate `raw`, passed on |
//! | [`ids`] | a map by ids that somebody else counts |
//! | [`recent`] | a bounded map of what was needed lately |
//! | [`table`] | plain values in place of Envoy, for tests and tools |
//! | [`time`] | timestamps and durations |

// For what `Wire` writes in this crate itself.
extern crate self as policy_core;

pub mod callout;
pub mod chain;
pub mod config;
pub mod cookie;
pub mod counter;
pub mod enforcement;
pub mod exchange;
pub mod flow;
pub mod format;
pub mod hash;
pub mod header;
pub mod headers;
pub mod host;
pub mod ids;
pub mod outside;
pub mod percent;
pub mod policy;
pub mod recent;
pub mod regex;
pub mod route;
#[cfg(feature = "schema")]
pub mod schema;
pub mod table;
pub mod time;

pub use callout::{Answer, Callout, CalloutReply, Lost};
pub use chain::{Chain, Part};
pub use config::ConfigError;
pub use counter::{Counter, Counters, Gauge, Label};
pub use exchange::{Attribute, Exchange, Source};
pub use flow::{Flow, GrpcStatus, LocalReply};
pub use header::{HeaderName, HeaderValue};
pub use headers::{Headers, Write};
pub use host::{Host, Signature, Stale, Stored};
pub use json;
pub use outside::Outside;
pub use policy::{Callbacks, Plugin, Policy};
pub use raw::{Snapshot, bytes, snapshot};
