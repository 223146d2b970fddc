//! The header policy as a whole, over plain tables. Runs natively and, under wasm-bindgen-test, in wasm32.
#![allow(missing_docs, reason = "tests")]
#![cfg(test)]

#[path = "policy/support.rs"]
mod support;

#[path = "policy/cases.rs"]
mod cases;
#[path = "policy/refusals.rs"]
mod refusals;

#[cfg(not(target_arch = "wasm32"))]
#[path = "policy/properties.rs"]
mod properties;
