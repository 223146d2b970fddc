//! One rule: whom it concerns, how far it is enforced, what it edits.

use policy_core::config::Wire;
use policy_core::counter::Label;
use policy_core::enforcement::{Enforcement, Percent, Rollout};
use policy_core::format::{Captured, Compiler, Phase};
use policy_core::route::{Match, Target, Undecided};
use policy_core::{ConfigError, Counter, Counters, Exchange, Host};

use crate::edits::{self, Edits, Unfit};

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
    /// Whether it is carried out.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "enforce")))]
    enforcement: Enforcement,
    /// The share of requests, by a stable hash of the rule's name and `percentBy`; raising it only adds.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = 100)))]
    percent: Percent,
    /// By what the share is taken: a value with operators.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")))]
    percent_by: Option<String>,
    /// Edits of the request.
    request: Option<edits::Config>,
    /// Edits of the response.
    response: Option<edits::Config>,
}

/// A compiled rule.
pub(crate) struct Rule {
    name: String,
    matches: Match,
    enforcement: Enforcement,
    rollout: Rollout,
    request: Option<Edits>,
    response: Option<Edits>,
    applied: Counter,
    shadowed: Counter,
}

/// What a rule says to a request.
pub(crate) enum Verdict {
    /// Its edits are made.
    Apply,
    /// Its edits would be made.
    Report(Counter),
    /// It does not concern this request.
    Skip,
    /// It cannot tell.
    Undecided(Undecided),
}

/// Compiles all rules.
pub(crate) fn compile_all(
    configs: Vec<Config>,
    compiler: &mut Compiler,
    counters: &mut Counters,
) -> Result<Vec<Rule>, ConfigError> {
    let mut rules: Vec<Rule> = Vec::with_capacity(configs.len());
    for (index, config) in configs.into_iter().enumerate() {
        let name =
            config.name.as_ref().map_or_else(|| format!("rule-{index}"), |name| name.as_str().to_owned());
        if rules.iter().any(|rule| rule.name == name) {
            return Err(ConfigError::at("name", format!("there are two rules named {name:?}"))
                .under_item("rules", index));
        }
        let rule = Rule::compile(name, config, compiler, counters)
            .map_err(|error| error.under_item("rules", index))?;
        rules.push(rule);
    }
    Ok(rules)
}

impl Rule {
    fn compile(
        name: String,
        config: Config,
        compiler: &mut Compiler,
        counters: &mut Counters,
    ) -> Result<Self, ConfigError> {
        if config.request.is_none() && config.response.is_none() {
            return Err(ConfigError::at("", "the rule is empty; give it edits under request or response"));
        }
        let edits = |config: Option<edits::Config>, phase: Phase, part: &str, compiler: &mut Compiler| {
            config
                .map(|config| Edits::compile(config, phase, compiler))
                .transpose()
                .map_err(|error| error.under(part))
        };
        let rollout = Rollout::compile(config.percent, config.percent_by.as_deref(), compiler)?;
        Ok(Self {
            request: edits(config.request, Phase::Request, "request", compiler)?,
            response: edits(config.response, Phase::Response, "response", compiler)?,
            applied: counters.requests(&name, "applied"),
            shadowed: counters.requests(&name, "shadow"),
            matches: config.matches,
            enforcement: config.enforcement,
            rollout,
            name,
        })
    }

    /// Whether the rule concerns this request, as it arrived.
    pub(crate) fn decide(
        &self,
        target: &Target<'_, '_>,
        exchange: &Exchange<'_>,
        host: &dyn Host,
    ) -> Verdict {
        if self.enforcement == Enforcement::Off {
            return Verdict::Skip;
        }
        match self.matches.matches(target) {
            Ok(false) => Verdict::Skip,
            Ok(true) | Err(_) if !self.rollout.includes(&self.name, exchange, host) => Verdict::Skip,
            Err(undecided) => Verdict::Undecided(undecided),
            Ok(true) if self.enforcement == Enforcement::Shadow => Verdict::Report(self.shadowed),
            Ok(true) => Verdict::Apply,
        }
    }

    /// The counter of requests that the rule edited.
    pub(crate) fn applied(&self) -> Counter {
        self.applied
    }

    /// True when the rule has edits for responses.
    pub(crate) fn edits_response(&self) -> bool {
        self.response.is_some()
    }

    /// True when the rule's decisions are carried out.
    pub(crate) fn is_enforced(&self) -> bool {
        self.enforcement == Enforcement::Enforce
    }

    /// True when the rule concerns every exchange, whatever its request was.
    pub(crate) fn is_unconditional(&self) -> bool {
        self.is_enforced() && self.rollout.is_all() && self.matches.is_any()
    }

    /// Edits the request.
    ///
    /// # Errors
    /// [`Unfit`] when a path or authority was to be rewritten with what is none.
    pub(crate) fn edit_request(&self, exchange: &mut Exchange<'_>, host: &dyn Host) -> Result<(), Unfit> {
        self.request.as_ref().map_or(Ok(()), |edits| edits.apply(exchange, &Captured::default(), host))
    }

    /// Edits the response.
    pub(crate) fn edit_response(&self, exchange: &mut Exchange<'_>, captured: &Captured, host: &dyn Host) {
        if let Some(edits) = &self.response {
            // No pseudo header of a response can be written, so nothing here can be unfit.
            let _ = edits.apply(exchange, captured, host);
        }
    }
}
