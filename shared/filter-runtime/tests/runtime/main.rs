//! Filters as a whole, driven natively through the SDK's own exports by testkit's fake Envoy.
#![allow(missing_docs, reason = "tests")]
#![cfg(test)]

mod asker;
mod asking;
mod budget;
mod config;
mod ending;
mod exchange;
mod faults;
mod outside;
mod patient;
mod waiting;
