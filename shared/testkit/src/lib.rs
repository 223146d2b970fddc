//! A fake Envoy for tests: it defines the host functions that a filter imports and calls the exports a filter has, in
//! one process, so that a whole filter runs at native speed under a debugger, a fuzzer or a property test.
//!
//! It keeps Envoy's phases: headers can be touched only while their message is at hand, `request.*` attributes are gone
//! in the response phase. It is no model of Envoy's routing, buffering or failure policy; `e2e` has the real one.
//!
//! Each thread has its own fake, so tests run in parallel.

#![allow(unsafe_code, reason = "the host's side of the ABI")]
#![allow(clippy::panic, reason = "a misused test double should fail the test that misuses it")]

mod call;
mod chain;
mod exports;
mod imports;
mod memory;
mod proxy;
mod request;
mod state;

pub use call::Call;
pub use chain::Chain;
pub use proxy::{Proxy, Refused};
pub use request::{Answer, Paused, Request};
pub use state::Reply;

/// Header names and values as a test writes them.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Pairs from text.
#[must_use]
pub fn pairs(headers: &[(&str, &str)]) -> Pairs {
    headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}
