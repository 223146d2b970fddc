//! The auth filter: see `shared/auth-policy` for what it does, and the README for how to use it.

filter_runtime::export_plugin!(auth_policy::AuthPlugin);
