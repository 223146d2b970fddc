//! The rate limit policy as a whole: a configuration and requests in, answers out, on one worker and on several.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "what overflows in a test fails it")]

mod answers;
mod concurrency;
mod costs;
mod failures;
mod global;
mod kinds;
mod service;
mod shadow;
mod sharing;
mod support;
