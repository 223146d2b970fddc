//! Runs a policy inside Envoy: contexts, host calls, metrics, and the exports of a module.
//!
//! A filter is one line, `filter_runtime::export_plugin!(header_policy::HeaderPlugin);`. This crate turns each Envoy
//! callback into an [`Exchange`](policy_core::Exchange), hands it to the policy, and writes what came of it: coalesced
//! single edits or one local reply, filter state and counters. It also carries out what a policy does outside
//! requests: errands, ticks, gauges, and waking the requests that wait for them; and it sends what a request asks.
//!
//! Of the SDK (`proxy-wasm`) it uses the ABI's types, the allocator that Envoy calls and the ABI's version. Its host calls
//! panic on any status they do not expect, and a panic costs Envoy's worker its filter; its dispatcher panics on any id
//! it does not know, and its way through contexts, maps and trait objects costs a request about 4 microseconds. So the
//! calls (module `host`) and the contexts ([`Contexts`]) are our own.

mod asks;
mod contexts;
pub mod export;
mod generation;
mod hall;
mod host;
mod logger;
mod root;
mod signature;
mod source;
mod stream;
mod ticker;

pub use asks::Sizes;
pub use contexts::{Callbacks, Contexts};

/// In place of the C library's, which is three times as large. One thread is all that a module has.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
