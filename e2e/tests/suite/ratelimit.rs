//! Rate limits, as an operator would configure them and as clients would try to get around them.

#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod accuracy;
mod answers;
mod choice;
mod concurrency;
mod failures;
mod flood;
mod global;
mod keys;
mod load;
mod restarts;
mod swap;
pub(crate) mod verbatim;
pub(crate) mod world;
