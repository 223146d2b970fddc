//! One rule: whom it concerns, how far it is enforced, what it edits.

use policy_core::enforcement::{Enforcement, Percent};
use policy_core::format::{Captured, Compiler, Format, Phase};
use policy_core::route::{Match, Target, Undecided};
use policy_core::{ConfigError, Counter, Counters, Exchange, Host};
use serde::Deserialize;

use crate::edits::{self, Edits, Unfit};

/// A rule as it is written down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    name: Option<RuleName>,
    #[serde(default, rename = "match")]
    matches: Match,
    #[serde(default)]
    enforcement: Enforcement,
    #[serde(default)]
    percent: Percent,
    percent_by: Option<String>,
    request: Option<edits::Config>,
    response: Option<edits::Config>,
}

/// A name that is safe as a part of a metric's name.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct RuleName(String);

impl TryFrom<String> for RuleName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(plain) {
            return Err(
                "a rule's name has 1 to 63 letters, digits, - and _: it becomes part of metric names",
            );
        }
        Ok(Self(name))
    }
}

/// A compiled rule.
pub(crate) struct Rule {
    name: String,
    matches: Match,
    enforcement: Enforcement,
    percent: Percent,
    percent_by: Format,
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
        let name = config.name.as_ref().map_or_else(|| format!("rule-{index}"), |name| name.0.clone());
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
        let percent_by = config.percent_by.as_deref().unwrap_or("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%");
        let percent_by = compiler
            .compile(percent_by, Phase::Request)
            .map_err(|message| ConfigError::at("percentBy", message))?;
        if percent_by.is_literal() {
            return Err(ConfigError::at(
                "percentBy",
                "this is the same for every request; use an operator such as %REQ(x-user)%",
            ));
        }
        Ok(Self {
            request: edits(config.request, Phase::Request, "request", compiler)?,
            response: edits(config.response, Phase::Response, "response", compiler)?,
            applied: counters.requests(&name, "applied"),
            shadowed: counters.requests(&name, "shadow"),
            matches: config.matches,
            enforcement: config.enforcement,
            percent: config.percent,
            percent_by,
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
            Ok(true) | Err(_) if !self.includes(exchange, host) => Verdict::Skip,
            Err(undecided) => Verdict::Undecided(undecided),
            Ok(true) if self.enforcement == Enforcement::Shadow => Verdict::Report(self.shadowed),
            Ok(true) => Verdict::Apply,
        }
    }

    fn includes(&self, exchange: &Exchange<'_>, host: &dyn Host) -> bool {
        self.percent.is_all() || {
            let key = self.percent_by.value(exchange, &Captured::default(), host);
            self.percent.includes(&self.name, key.as_bytes())
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
        self.is_enforced() && self.percent.is_all() && self.matches.is_any()
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
