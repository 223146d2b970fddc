//! The header filter: see `shared/header-policy` for what it does, and the README for how to use it.

filter_runtime::export_plugin!(header_policy::HeaderPlugin);
