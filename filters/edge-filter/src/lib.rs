//! The edge filter: see `shared/edge-policy` for what it does, and the README for how to use it.

filter_runtime::export_plugin!(edge_policy::EdgePlugin);
