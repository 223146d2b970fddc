//! The `authorize` block: what a known caller may do.
//!
//! One caller has to meet all conditions: the rights of one and the tenant of another are nobody's. Where a rule asks for all
//! of several providers, its conditions are about the caller that these know together: each has to be met by one of them, and
//! what must not be there, by all.

use std::collections::BTreeMap;

use policy_core::config::Wire;
use policy_core::percent::decoded;
use policy_core::route::{Match, Target};
use policy_core::{ConfigError, HeaderName};

use crate::claim::{self, ClaimPath};
use crate::denial::Denial;
use crate::identity::Identity;

/// `authorize` as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::authorize))]
pub(crate) struct Config {
    /// Words that have to be in `scope` or `scp`.
    scopes: Option<Words>,
    /// Conditions on claims, all of which have to hold.
    #[serde(default)]
    claims: Vec<ClaimConfig>,
    /// One of them has to be the caller's id: `sub`, key id, user, certificate name.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    ids: Option<Vec<String>>,
    /// The API key has to have one of these labels, for each name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(transform = crate::schema::filled_lists))]
    labels: BTreeMap<String, Vec<String>>,
}

/// Words of which all, or any, are needed.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::all_or_any))]
struct Words {
    /// All of these.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    all_of: Option<Vec<String>>,
    /// One of these.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    any_of: Option<Vec<String>>,
}

#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::claim))]
struct ClaimConfig {
    /// The claim.
    path: ClaimPath,
    /// The claim, or one item of the list, is one of these.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    any_of: Option<Vec<String>>,
    /// All of these are among the items of the list.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    all_of: Option<Vec<String>>,
    /// It is a value of the request.
    equals: Option<Operand>,
    /// It is there, or not.
    present: Option<bool>,
}

/// A value of the request.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Operand {
    /// What `{name}` stands for in the path's template.
    Path(String),
    /// The one value of a header.
    Header(HeaderName),
}

/// The compiled block.
#[derive(Debug, Clone)]
pub(crate) struct Authorize {
    scopes: Option<Wanted>,
    claims: Vec<(ClaimPath, Condition)>,
    ids: Option<Vec<String>>,
    labels: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
enum Wanted {
    All(Vec<String>),
    Any(Vec<String>),
}

#[derive(Debug, Clone)]
enum Condition {
    Values(Wanted),
    Equals(Operand),
    Present(bool),
}

impl Authorize {
    /// Compiles the block of a rule with this `match`.
    pub(crate) fn compile(config: Config, matches: &Match) -> Result<Self, ConfigError> {
        let Config { scopes, claims, ids, labels } = config;
        if scopes.is_none() && claims.is_empty() && ids.is_none() && labels.is_empty() {
            return Err(ConfigError::at("", "the block is empty; give scopes, claims, ids or labels"));
        }
        if ids.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::at("ids", NOBODY));
        }
        if let Some((name, _)) = labels.iter().find(|(_, values)| values.is_empty()) {
            return Err(ConfigError::at(name, NOBODY).under("labels"));
        }
        let claims = claims.into_iter().enumerate().map(|(index, claim)| {
            condition(&claim, matches)
                .map(|condition| (claim.path, condition))
                .map_err(|error| error.under_item("claims", index))
        });
        Ok(Self {
            claims: claims.collect::<Result<_, _>>()?,
            scopes: scopes
                .map(|words| wanted(words.all_of, words.any_of))
                .transpose()
                .map_err(|error| error.under("scopes"))?,
            ids,
            labels,
        })
    }

    /// The scopes that a token needs, for the challenge.
    pub(crate) fn scopes(&self) -> &[String] {
        match &self.scopes {
            Some(Wanted::All(words) | Wanted::Any(words)) => words,
            None => &[],
        }
    }

    /// Which of these callers, by number, may make this request, which the rule's `match` matches. `together`: they are one.
    pub(crate) fn check(
        &self,
        callers: &[&Identity],
        together: bool,
        matches: &Match,
        target: &Target<'_, '_>,
    ) -> Result<usize, Denial> {
        if together {
            return self.check_all(callers, matches, target).map(|()| 0);
        }
        let mut first = Denial::MISSING;
        for (number, caller) in callers.iter().enumerate() {
            match self.check_all(&[caller], matches, target) {
                Ok(()) => return Ok(number),
                // The one who is named first speaks for all in a refusal too.
                Err(denial) if number == 0 => first = denial,
                Err(_) => {}
            }
        }
        Err(first)
    }

    fn check_all(
        &self,
        callers: &[&Identity],
        matches: &Match,
        target: &Target<'_, '_>,
    ) -> Result<(), Denial> {
        let one_of = |meets: &dyn Fn(&Identity) -> bool| callers.iter().any(|caller| meets(caller));
        if let Some(ids) = &self.ids
            && !one_of(&|caller| ids.contains(&caller.id))
        {
            return Err(Denial::ID);
        }
        for (name, values) in &self.labels {
            if !one_of(&|caller| caller.labels.get(name).is_some_and(|value| values.contains(value))) {
                return Err(Denial::LABEL);
            }
        }
        for (path, condition) in &self.claims {
            let meets = |caller: &Identity| condition.is_met(path, caller, matches, target);
            let met = match condition {
                Condition::Present(false) => callers.iter().all(|caller| meets(caller)),
                _ => one_of(&meets),
            };
            if !met {
                return Err(Denial::CLAIM);
            }
        }
        match &self.scopes {
            Some(scopes) if !one_of(&|caller| scopes.are_among(&caller.scopes)) => Err(Denial::SCOPE),
            _ => Ok(()),
        }
    }
}

const NOBODY: &str = "an empty list would allow nobody";

fn wanted(all: Option<Vec<String>>, any: Option<Vec<String>>) -> Result<Wanted, ConfigError> {
    let (words, place) = match (&all, &any) {
        (Some(words), None) => (words, "allOf"),
        (None, Some(words)) => (words, "anyOf"),
        _ => return Err(ConfigError::at("", "give exactly one of allOf and anyOf")),
    };
    if words.is_empty() {
        return Err(ConfigError::at(place, "an empty list asks for nothing"));
    }
    Ok(match (all, any) {
        (Some(words), _) => Wanted::All(words),
        (_, words) => Wanted::Any(words.unwrap_or_default()),
    })
}

fn condition(config: &ClaimConfig, matches: &Match) -> Result<Condition, ConfigError> {
    let ClaimConfig { any_of, all_of, equals, present, .. } = config;
    match (any_of.is_some() || all_of.is_some(), equals, present) {
        (true, None, None) => wanted(all_of.clone(), any_of.clone()).map(Condition::Values),
        (false, Some(Operand::Path(name)), None) if !matches.captures(name) => Err(ConfigError::at(
            "equals.path",
            format!("each path of this rule has to be a template with {{{name}}} in it"),
        )),
        (false, Some(operand), None) => Ok(Condition::Equals(operand.clone())),
        (false, None, Some(present)) => Ok(Condition::Present(*present)),
        _ => Err(ConfigError::at("", "give exactly one of anyOf, allOf, equals, present")),
    }
}

impl Wanted {
    fn are_among(&self, found: &[impl AsRef<str>]) -> bool {
        let is_found = |word: &String| found.iter().any(|found| found.as_ref() == word);
        match self {
            Self::All(words) => words.iter().all(is_found),
            Self::Any(words) => words.iter().any(is_found),
        }
    }
}

impl Condition {
    fn is_met(&self, path: &ClaimPath, caller: &Identity, matches: &Match, target: &Target<'_, '_>) -> bool {
        let claim = path.find(caller.claims.json());
        let values = || claim.map(claim::values).unwrap_or_default();
        match self {
            Self::Present(wanted) => claim.is_some() == *wanted,
            Self::Values(wanted) => wanted.are_among(&values()),
            Self::Equals(operand) => operand
                .value(matches, target)
                .is_some_and(|wanted| values().iter().any(|value| value.as_bytes() == wanted)),
        }
    }
}

impl Operand {
    fn value(&self, matches: &Match, target: &Target<'_, '_>) -> Option<Vec<u8>> {
        match self {
            // What is left of escapes in a path in normal form is never broken.
            Self::Path(name) => matches.capture(name, target).map(|segment| decoded(segment).collect()),
            Self::Header(name) => {
                let mut values = target.headers().values(name);
                let value = values.next().filter(|value| !value.is_empty())?.to_vec();
                values.next().is_none().then_some(value)
            }
        }
    }
}

#[cfg(test)]
mod tests;
