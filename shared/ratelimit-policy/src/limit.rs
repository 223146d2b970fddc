//! One limit: whom it concerns, what it counts by, how much is allowed.

mod bounds;

use std::mem;

use policy_core::config::Wire;
use policy_core::enforcement::{Enforcement, Percent, Rollout};
use policy_core::format::Compiler;
use policy_core::route::{Match, Target};
use policy_core::{ConfigError, Counters, Exchange, Host, Label};

use crate::cost::{self, Cost, MAX_COST};
use crate::facts::Facts;
use crate::fields::Policies;
use crate::key::{Element, Key, Missing};
use crate::rate::{Budget, RateConfig};
use crate::tally::Tally;
use crate::tier::{self, Tiers};
use crate::variant::{self, Variants};

/// The fewest keys that a table may be made for: the ways of one set.
const FEWEST_KEYS: u64 = 8;
/// The most keys that a table may be made for.
const MOST_KEYS: u64 = 1 << 20;
/// A limit as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::limit))]
pub struct Config {
    /// Part of the metrics' labels, of the answers, and of where the counts are: renamed, a limit begins anew.
    pub(crate) name: Label,
    /// Whom the limit concerns; everything where nothing is said.
    #[serde(default, rename = "match")]
    matches: Match,
    /// What is counted by; one bucket for all where nothing is said.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 8)))]
    key: Vec<Element>,
    /// A request that lacks a part of the key is counted with all others that lack it. Otherwise the limit does not apply to it.
    #[serde(default)]
    required: bool,
    /// Where it is counted.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "local")))]
    scope: Scope,
    /// How many requests over time.
    rate: Option<RateConfig>,
    /// Several windows at once, each with another unit.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = crate::rate::MAX_WINDOWS)))]
    rates: Option<Vec<RateConfig>>,
    /// A rate by what is known of the caller.
    tiers: Option<tier::Config>,
    /// A rate by a stable share of the keys.
    #[cfg_attr(feature = "schema", schemars(length(min = 2, max = 16)))]
    variants: Option<Vec<variant::Config>>,
    /// So many requests at once.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 65535)))]
    concurrency: Option<u64>,
    /// Nothing passes.
    #[serde(default)]
    block: bool,
    /// What a request counts.
    #[cfg_attr(feature = "schema", schemars(extend("default" = 1)))]
    cost: Option<cost::Config>,
    /// Whether it refuses; `shadow` is counted and reported.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "enforce")))]
    enforcement: Enforcement,
    /// The share of requests for which it is enforced, by a stable hash; for the rest it reports.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 100)))]
    percent: Percent,
    /// By what the share is taken: a value with operators.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")))]
    percent_by: Option<String>,
    /// For how many keys its table is made.
    max_keys: Option<MaxKeys>,
}

/// Where a limit is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Scope {
    /// By this proxy, across its workers.
    #[default]
    Local,
    /// By the service that `global` names.
    Global,
}

/// For how many keys a table is made: a power of two, to which any other number is rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(try_from = "u64")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "u64", extend("minimum" = FEWEST_KEYS, "maximum" = MOST_KEYS))
)]
pub struct MaxKeys(u32);

impl MaxKeys {
    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for MaxKeys {
    fn default() -> Self {
        Self(65_536)
    }
}

impl TryFrom<u64> for MaxKeys {
    type Error = String;

    fn try_from(keys: u64) -> Result<Self, String> {
        match u32::try_from(keys) {
            Ok(rounded) if (FEWEST_KEYS..=MOST_KEYS).contains(&keys) => Ok(Self(rounded.next_power_of_two())),
            _ => Err(format!(
                "a table has room for {FEWEST_KEYS} to {MOST_KEYS} keys, rounded up to a power of two"
            )),
        }
    }
}

/// What a limit bounds.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Requests over time, counted by this proxy.
    Local(Choice),
    /// Requests at once, counted by this proxy.
    Concurrency(u16),
    /// Everything: nothing passes.
    Block,
    /// Requests over time, counted by a service, which has the numbers.
    Global,
}

/// Which of the limit's budgets is a request's.
#[derive(Debug, Clone)]
pub enum Choice {
    /// The only one.
    Only,
    /// That of the caller's tier.
    Tiers(Tiers),
    /// That of the key's variant.
    Variants(Variants),
}

/// How much a limit's answer weighs for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It is carried out.
    Enforced,
    /// It is counted and reported.
    Reported,
}

/// A compiled limit.
#[derive(Debug)]
pub struct Limit {
    /// Its name, which no other limit has.
    pub name: String,
    /// What it counts by.
    pub key: Key,
    /// What it bounds.
    pub kind: Kind,
    /// What keys may use, by the number that [`Limit::budget`] gives. Empty for [`Kind::Concurrency`], [`Kind::Block`],
    /// and for a global limit whose numbers only the service has.
    pub budgets: Vec<Budget>,
    /// What a request costs.
    pub cost: Cost,
    /// For how many keys its table is made.
    pub max_keys: MaxKeys,
    /// What is told of each budget; one for [`Kind::Concurrency`].
    pub policies: Vec<Policies>,
    /// What is counted of its answers.
    pub tally: Tally,
    matches: Match,
    enforcement: Enforcement,
    rollout: Rollout,
}

/// What limits are compiled with.
pub(crate) struct Context<'c> {
    pub(crate) compiler: &'c mut Compiler,
    pub(crate) counters: &'c mut Counters,
    pub(crate) max_keys: MaxKeys,
}

impl Limit {
    pub(crate) fn compile(config: &mut Config, context: &mut Context<'_>) -> Result<Self, ConfigError> {
        let name = config.name.as_str().to_owned();
        let (kind, budgets) = match config.scope {
            Scope::Local => bounds::local(&name, config)?,
            Scope::Global => (Kind::Global, bounds::global(config)?),
        };
        let most = budgets.iter().filter(|budget| **budget != Budget::Block).map(Budget::most).min();
        if let (Some(_), Kind::Concurrency(_) | Kind::Block) = (&config.cost, &kind) {
            return Err(ConfigError::at("cost", "a cost goes with rates only; leave it out"));
        }
        let cost = Cost::compile(config.cost.as_ref(), most.unwrap_or(MAX_COST).min(MAX_COST));
        let policies = match &kind {
            Kind::Concurrency(most) => vec![Policies::of_concurrency(&name, *most)],
            _ => budgets.iter().map(|budget| Policies::of_budget(&name, budget)).collect(),
        };
        Ok(Self {
            key: Key::compile(mem::take(&mut config.key), config.required)?,
            cost: cost.map_err(|error| error.under("cost"))?,
            max_keys: config.max_keys.unwrap_or(context.max_keys),
            matches: mem::take(&mut config.matches),
            enforcement: config.enforcement,
            rollout: Rollout::compile(config.percent, config.percent_by.as_deref(), context.compiler)?,
            tally: Tally::new(&name, context.counters),
            name,
            kind,
            budgets,
            policies,
        })
    }

    /// How much its answer weighs for this request; `None` when it does not concern it.
    ///
    /// A host or path that can be read in two ways is taken for one that is meant: nobody escapes a limit by writing
    /// `/x/../api`.
    #[must_use]
    pub fn weight(
        &self,
        target: &Target<'_, '_>,
        exchange: &Exchange<'_>,
        host: &dyn Host,
    ) -> Option<Weight> {
        if self.enforcement == Enforcement::Off || matches!(self.matches.matches(target), Ok(false)) {
            return None;
        }
        let enforced =
            self.enforcement == Enforcement::Enforce && self.rollout.includes(&self.name, exchange, host);
        Some(if enforced { Weight::Enforced } else { Weight::Reported })
    }

    /// The number of the budget that a request has.
    ///
    /// # Errors
    /// [`Missing`] when the request lacks a part of the key that a variant is chosen by.
    pub fn budget(&self, facts: &Facts<'_>) -> Result<usize, Missing> {
        match &self.kind {
            Kind::Local(Choice::Tiers(tiers)) => Ok(tiers.choose(facts)),
            Kind::Local(Choice::Variants(variants)) => variants.choose(&self.key, facts),
            _ => Ok(0),
        }
    }

    /// True when it is switched off altogether.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.enforcement == Enforcement::Off
    }
}
