//! The three filters one behind the other, and the edge filter: for every request both must come to the same, down to counters,
//! filter state, the store and what is asked of services. Whole filters run, in testkit's fake Envoy.
#![allow(missing_docs, reason = "tests")]
#![cfg(test)]

mod calls;
mod cases;
mod configs;
mod random;
mod refused;
mod world;
