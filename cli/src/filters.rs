//! Tollgate's own filters: their configuration is compiled here by the very code that runs in the module.

use policy_core::config::Environment;
use policy_core::{ConfigError, Plugin};

type Check = fn(&[u8], Environment<'_>) -> Result<(), ConfigError>;

/// Which modules' configurations can be checked, by the module's file name without `.wasm`.
#[derive(Debug, Clone)]
pub struct Filters(Vec<(&'static str, Check)>);

impl Filters {
    /// All filters of this suite.
    #[must_use]
    pub fn builtin() -> Self {
        Self(vec![
            ("auth-filter", check::<auth_policy::AuthPlugin>),
            ("header-filter", check::<header_policy::HeaderPlugin>),
            ("ratelimit-filter", check::<ratelimit_policy::RateLimitPlugin>),
        ])
    }

    /// None: every configuration goes to Envoy as it is. For tests of what Envoy and the module make of a bad one.
    #[must_use]
    pub fn unchecked() -> Self {
        Self(Vec::new())
    }

    /// Compiles a configuration; `None` when the module is not one of these.
    #[must_use]
    pub fn check(
        &self,
        module: &str,
        json: &[u8],
        environment: Environment<'_>,
    ) -> Option<Result<(), ConfigError>> {
        self.0.iter().find(|(name, _)| *name == module).map(|(_, check)| check(json, environment))
    }
}

fn check<P: Plugin>(json: &[u8], environment: Environment<'_>) -> Result<(), ConfigError> {
    P::from_json(json, environment).map(drop)
}
