//! Authentication and authorization as a pure policy: providers, rules, one identity.
