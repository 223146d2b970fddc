//! The rate limit filter: see `shared/ratelimit-policy` for what it does, and the README for how to use it.

filter_runtime::export_plugin!(ratelimit_policy::RateLimitPlugin);
