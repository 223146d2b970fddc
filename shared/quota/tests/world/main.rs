//! Several workers, one store: events in time, visits that take time, writes that come too late. An exact bucket looks on.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod accuracy;
mod bound;
mod clocks;
mod flood;
mod rng;
mod world;
