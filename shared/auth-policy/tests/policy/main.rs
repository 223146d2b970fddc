//! The auth policy as a whole: a configuration and a request in, what upstream sees or the refusal out.
#![cfg(test)]

mod answers;
mod combined;
mod keys;
mod refused_configs;
mod shadow;
mod stripping;
mod support;
mod tokens;
mod verbatim;
