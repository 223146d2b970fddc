//! The auth filter: see `shared/auth-policy` for what it does, and the README for how to use it.
