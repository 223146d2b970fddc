//! Tollgate's own filters: their configuration is compiled here by the very code that runs in the module.

use policy_core::config::Environment;
use policy_core::{ConfigError, Plugin};

use crate::explain::{Filter, Surroundings, open};

type Open = fn(&[u8], Environment<'_>, &Surroundings) -> Result<Box<dyn Filter>, ConfigError>;

/// Which modules' configurations can be checked, by the module's file name without `.wasm`.
#[derive(Debug, Clone)]
pub struct Filters(Vec<(&'static str, Check, Open)>);

type Check = fn(&[u8], Environment<'_>) -> Result<(), ConfigError>;

impl Filters {
    /// All filters of this suite.
    #[must_use]
    pub fn builtin() -> Self {
        Self(vec![
            ("auth-filter", check::<auth_policy::AuthPlugin>, open::<auth_policy::AuthPlugin>),
            ("edge-filter", check::<edge_policy::EdgePlugin>, open::<edge_policy::EdgePlugin>),
            ("header-filter", check::<header_policy::HeaderPlugin>, open::<header_policy::HeaderPlugin>),
            (
                "ratelimit-filter",
                check::<ratelimit_policy::RateLimitPlugin>,
                open::<ratelimit_policy::RateLimitPlugin>,
            ),
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
        self.0.iter().find(|(name, ..)| *name == module).map(|(_, check, _)| check(json, environment))
    }

    /// Compiles a configuration and has it ready to run; `None` when the module is not one of these.
    pub(crate) fn open(
        &self,
        module: &str,
        json: &[u8],
        environment: Environment<'_>,
        surroundings: &Surroundings,
    ) -> Option<Result<Box<dyn Filter>, ConfigError>> {
        let (.., open) = self.0.iter().find(|(name, ..)| *name == module)?;
        Some(open(json, environment, surroundings))
    }
}

fn check<P: Plugin>(json: &[u8], environment: Environment<'_>) -> Result<(), ConfigError> {
    P::from_json(json, environment).map(drop)
}
