//! What is asked of identity providers outside requests: key sets, discovery, introspection.
//!
//! State machines only: what they send goes through [`policy_core::Outside`], what they share between the VMs of a proxy
//! through the store of [`policy_core::Host`].

mod endpoint;
mod errand;
mod introspection;
mod keys;
mod refresh;
mod stamp;

pub use endpoint::Endpoint;
pub use errand::{errand, split};
pub use introspection::{
    ActiveToken, CacheConfig, Introspected, Introspection, IntrospectionConfig, token_hash,
};
pub use keys::{Asked, KeySource, MAX_SET, Parse, Parsed, Refetch, RemoteConfig};
pub use refresh::RefreshConfig;
