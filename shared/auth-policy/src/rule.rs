//! One rule: whom it concerns, what it asks for, how far it is enforced.

use policy_core::config::Wire;
use policy_core::enforcement::{Enforcement, Percent, Rollout};
use policy_core::format::Compiler;
use policy_core::route::{Match, Target};
use policy_core::{ConfigError, Counter, Counters, Exchange, Host, Label};

use crate::authorize::{self, Authorize};
use crate::denial::Denial;
use crate::identity::Identity;
use crate::require::{self, Require};
use crate::tally::Tally;

/// A rule as it is written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::rule))]
pub(crate) struct Config {
    /// Part of the metrics' labels; unique. Without it `rule-<index>`.
    name: Option<Label>,
    /// Whom the rule concerns; everything where nothing is said.
    #[serde(default, rename = "match")]
    matches: Match,
    /// Whether its verdict is carried out.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "enforce")))]
    enforcement: Enforcement,
    /// The share for which the rule is enforced, by a stable hash; for the rest it only reports.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 100)))]
    percent: Percent,
    /// By what the share is taken: a value with operators.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")))]
    percent_by: Option<String>,
    /// Nobody has to vouch.
    #[serde(default)]
    public: bool,
    /// Refused, whoever it is.
    #[serde(default)]
    deny: bool,
    /// Who has to vouch.
    require: Option<require::Config>,
    /// What a known caller has to have.
    authorize: Option<authorize::Config>,
}

/// A compiled rule.
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) matches: Match,
    pub(crate) access: Access,
    enforcement: Enforcement,
    rollout: Rollout,
    tally: Tally,
}

/// What a rule asks for.
pub(crate) enum Access {
    /// Nothing.
    Public,
    /// The impossible.
    Deny,
    /// A credential.
    Known(Known),
}

/// Who is let through.
pub(crate) struct Known {
    pub(crate) require: Require,
    /// The providers in the order in which they are asked.
    pub(crate) order: Vec<usize>,
    pub(crate) authorize: Option<Authorize>,
}

/// How much a rule's decision weighs for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It is carried out.
    Enforced,
    /// It is reported.
    Reported,
    /// The rule is switched off.
    None,
}

/// What rules refer to.
pub(crate) struct Context<'c> {
    /// Names and ranks of the providers.
    pub(crate) providers: &'c [(&'c str, u8)],
    pub(crate) compiler: &'c mut Compiler,
    pub(crate) counters: &'c mut Counters,
}

/// Compiles all rules.
pub(crate) fn compile_all(configs: Vec<Config>, context: &mut Context<'_>) -> Result<Vec<Rule>, ConfigError> {
    let mut rules: Vec<Rule> = Vec::with_capacity(configs.len());
    for (index, config) in configs.into_iter().enumerate() {
        let name =
            config.name.as_ref().map_or_else(|| format!("rule-{index}"), |name| name.as_str().to_owned());
        let taken = rules.iter().any(|rule| rule.name == name) || RESERVED.contains(&name.as_str());
        if taken {
            let message = format!("there is a rule named {name:?} already (default and preflight are ours)");
            return Err(ConfigError::at("name", message).under_item("rules", index));
        }
        let rule = Rule::compile(name, config, context).map_err(|error| error.under_item("rules", index))?;
        rules.push(rule);
    }
    Ok(rules)
}

/// What requests are counted under that no rule decides.
const RESERVED: [&str; 2] = ["default", "preflight"];

/// The first to be asked first; among equals, as they are written.
fn by_rank(numbers: &[usize], providers: &[(&str, u8)]) -> Vec<usize> {
    let rank = |number: usize| providers.get(number).map(|(_, rank)| *rank);
    let mut order = Vec::with_capacity(numbers.len());
    for &number in numbers {
        let at = order.partition_point(|known| rank(*known) <= rank(number));
        order.insert(at, number);
    }
    order
}

impl Rule {
    fn compile(name: String, config: Config, context: &mut Context<'_>) -> Result<Self, ConfigError> {
        let access = match (config.public, config.deny, &config.require) {
            (true, false, None) => Access::Public,
            (false, true, None) => Access::Deny,
            (false, false, Some(require)) => {
                let names: Vec<&str> = context.providers.iter().map(|(name, _)| *name).collect();
                let require = Require::compile(require, &names).map_err(|error| error.under("require"))?;
                let order = by_rank(require.providers(), context.providers);
                let authorize =
                    config.authorize.clone().map(|block| Authorize::compile(block, &config.matches));
                let authorize = authorize.transpose().map_err(|error| error.under("authorize"))?;
                Access::Known(Known { require, order, authorize })
            }
            _ => return Err(ConfigError::at("", "give exactly one of public: true, deny: true and require")),
        };
        if config.authorize.is_some() && !matches!(access, Access::Known(_)) {
            return Err(ConfigError::at("authorize", "nobody is known here: authorize goes with require"));
        }
        Ok(Self {
            matches: config.matches,
            access,
            enforcement: config.enforcement,
            rollout: Rollout::compile(config.percent, config.percent_by.as_deref(), context.compiler)?,
            tally: Tally::new(&name, context.counters),
            name,
        })
    }

    /// How much the rule weighs for this request.
    pub(crate) fn weight(&self, exchange: &Exchange<'_>, host: &dyn Host) -> Weight {
        match self.enforcement {
            Enforcement::Off => Weight::None,
            Enforcement::Shadow => Weight::Reported,
            Enforcement::Enforce if self.rollout.includes(&self.name, exchange, host) => Weight::Enforced,
            Enforcement::Enforce => Weight::Reported,
        }
    }

    /// Which of these callers, by number, may make the request.
    pub(crate) fn authorize(
        &self,
        known: &Known,
        callers: &[&Identity],
        target: &Target<'_, '_>,
    ) -> Result<usize, Denial> {
        match &known.authorize {
            None => Ok(0),
            // Only where a credential is optional: what it would have to say is asked of those who show one.
            Some(_) if callers.is_empty() => Ok(0),
            Some(authorize) => authorize.check(callers, known.require.is_all(), &self.matches, target),
        }
    }

    /// The counters for a verdict of this rule.
    pub(crate) fn counters(
        &self,
        weight: Weight,
        verdict: Result<(), Denial>,
    ) -> impl Iterator<Item = Counter> + use<> {
        self.tally.of(weight, verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::by_rank;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn providers_are_asked_by_rank_and_then_as_written() {
        let providers = [("cert", 4), ("a", 0), ("key", 1), ("b", 0)];
        assert_eq!(by_rank(&[0, 3, 2, 1], &providers), [3, 1, 2, 0]);
        assert!(by_rank(&[], &providers).is_empty());
    }
}
