//! Several workers, one store, one identity provider that misbehaves; time is turned by hand.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod clocks;
mod discovery;
mod outages;
#[cfg(not(target_arch = "wasm32"))]
mod properties;
mod refetch;
mod sharing;
mod world;
