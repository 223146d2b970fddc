//! Tiers: which budget a key has by what is known of the caller.

use policy_core::ConfigError;
use policy_core::config::{Entries, Wire};

use crate::facts::Facts;
use crate::key::{Element, Part};
use crate::rate::{Budget, BudgetConfig};

/// The most tiers, the default not counted.
const MAX_TIERS: usize = 256;

/// Tiers as they are written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Config {
    /// Where the tier stands.
    #[cfg_attr(feature = "schema", schemars(transform = crate::schema::tier_by))]
    by: Element,
    /// The rate of each tier.
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = MAX_TIERS)))]
    values: Entries<BudgetConfig>,
    /// The rate of those who have no tier, or one that is not named.
    default: BudgetConfig,
}

/// Compiled tiers: where to look, and the budget's number for each value.
#[derive(Debug, Clone)]
pub struct Tiers {
    by: Element,
    /// Sorted.
    values: Vec<(Vec<u8>, usize)>,
}

impl Tiers {
    /// Compiles tiers, with their budgets; number 0 is the default.
    ///
    /// # Errors
    /// Names the tier whose budget makes no sense; refuses no tiers, too many, and what is the same for everyone.
    pub fn compile(config: &Config) -> Result<(Self, Vec<Budget>), ConfigError> {
        if config.values.0.is_empty() || config.values.0.len() > MAX_TIERS {
            let message = format!("there are 1 to {MAX_TIERS} tiers; for one rate for everyone write rate");
            return Err(ConfigError::at("values", message));
        }
        if let Element::Value(_) | Element::ClientIp(_) = config.by {
            return Err(ConfigError::at(
                "by",
                "this tells nobody's tier; name an identity, a header or filter state",
            ));
        }
        let mut budgets = vec![config.default.compile().map_err(|error| error.under("default"))?];
        let mut values = Vec::new();
        for (name, budget) in config.values.sorted() {
            budgets.push(budget.compile().map_err(|error| error.under(name).under("values"))?);
            values.push((name.as_bytes().to_vec(), values.len().saturating_add(1)));
        }
        Ok((Self { by: config.by.clone(), values }, budgets))
    }

    /// The number of a request's budget. Who has no tier, or one that is not known, has the default.
    #[must_use]
    pub fn choose(&self, facts: &Facts<'_>) -> usize {
        match self.by.read(facts) {
            Part::Bytes(value) => {
                let found = place(&self.values, &value).ok().and_then(|at| self.values.get(at));
                found.map_or(0, |(_, number)| *number)
            }
            _ => 0,
        }
    }
}

/// Where a tier's name stands, or would.
fn place(values: &[(Vec<u8>, usize)], name: &[u8]) -> Result<usize, usize> {
    values.binary_search_by(|(known, _)| known.as_slice().cmp(name))
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    use policy_core::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::facts;

    const TIERS: &str = r#"{"by":{"identity":"labels.tier"},
        "values":{"gold":{"requests":1000,"unit":"second"},"silver":{"requests":300,"unit":"second"},"banned":{"block":true}},
        "default":{"requests":50,"unit":"second"}}"#;

    fn compile(json: &str) -> Result<(Tiers, Vec<Budget>), ConfigError> {
        config::parse(json.as_bytes()).and_then(|config| Tiers::compile(&config))
    }

    #[test]
    fn a_caller_has_the_budget_of_the_tier_or_the_default() {
        let (tiers, budgets) = compile(TIERS).unwrap();
        for (identity, most) in [
            (r#"{"id":"a","labels":{"tier":"gold"}}"#, 1000),
            (r#"{"id":"a","labels":{"tier":"silver"}}"#, 300),
            (r#"{"id":"a","labels":{"tier":"banned"}}"#, 0),
            (r#"{"id":"a","labels":{"tier":"Gold"}}"#, 50),
            (r#"{"id":"a","labels":{"tier":"bronze"}}"#, 50),
            (r#"{"id":"a"}"#, 50),
            ("", 50),
        ] {
            let table = Table {
                filter_state: vec![("wasm.tollgate.identity".to_owned(), identity.as_bytes().to_vec())],
                ..Table::default()
            };
            let number = facts::of_table(&table, |facts| tiers.choose(facts));
            assert_eq!(budgets[number].most(), most, "{identity}");
        }
    }

    #[test]
    fn tiers_that_make_no_sense_are_refused() {
        let rate = r#"{"requests":1,"unit":"second"}"#;
        for (json, expected) in [
            (format!(r#"{{"by":"method","values":{{}},"default":{rate}}}"#), "values: there are 1 to 256"),
            (
                format!(r#"{{"by":{{"value":"x"}},"values":{{"a":{rate}}},"default":{rate}}}"#),
                "by: this tells nobody's tier",
            ),
            (format!(r#"{{"by":"method","values":{{"a":{rate}}}}}"#), "\"default\" is missing"),
            (TIERS.replace("1000", "0"), "values.gold.requests: 0 requests are no rate"),
            (TIERS.replace("50", "0"), "default.requests: 0 requests"),
        ] {
            let error = compile(&json).unwrap_err().to_string();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
