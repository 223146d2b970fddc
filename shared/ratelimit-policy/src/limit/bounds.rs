//! What a limit bounds, of the many ways to say so.

use policy_core::ConfigError;

use super::{Choice, Config, Kind};
use crate::rate::{Budget, Written};
use crate::tier::Tiers;
use crate::variant::Variants;

/// As many requests at once as one record counts.
const MOST_AT_ONCE: u64 = 65_535;

/// What a limit of this proxy bounds.
pub(super) fn local(name: &str, config: &Config) -> Result<(Kind, Vec<Budget>), ConfigError> {
    const ONE: &str = "give exactly one of rate, rates, tiers, variants, concurrency and block: true";
    let plain = config.rate.is_some() || config.rates.is_some() || config.block;
    let one = match (plain, &config.tiers, &config.variants, config.concurrency) {
        (true, None, None, None) => {
            let written =
                Written { rate: config.rate.as_ref(), rates: config.rates.as_deref(), block: config.block };
            match written.compile()? {
                Some(Budget::Block) => (Kind::Block, Vec::new()),
                Some(budget) => (Kind::Local(Choice::Only), vec![budget]),
                None => return Err(ConfigError::at("", ONE)),
            }
        }
        (false, Some(tiers), None, None) => {
            let (tiers, budgets) = Tiers::compile(tiers).map_err(|error| error.under("tiers"))?;
            (Kind::Local(Choice::Tiers(tiers)), budgets)
        }
        (false, None, Some(variants), None) => {
            if config.key.is_empty() {
                return Err(ConfigError::at(
                    "key",
                    "a variant is chosen by the key; give one, such as [{header: x-user}]",
                ));
            }
            let (variants, budgets) =
                Variants::compile(name, variants).map_err(|error| error.under("variants"))?;
            (Kind::Local(Choice::Variants(variants)), budgets)
        }
        (false, None, None, Some(most)) => match u16::try_from(most) {
            Ok(0) => {
                return Err(ConfigError::at(
                    "concurrency",
                    "0 is no limit; write block: true in place of it",
                ));
            }
            Ok(most) => (Kind::Concurrency(most), Vec::new()),
            Err(_) => {
                let message = format!("there are at most {MOST_AT_ONCE} requests at once");
                return Err(ConfigError::at("concurrency", message));
            }
        },
        _ => return Err(ConfigError::at("", ONE)),
    };
    Ok(one)
}

/// The numbers of a limit of the service, where they are given: `tollgate render --to limitador` writes them out.
pub(super) fn global(config: &Config) -> Result<Vec<Budget>, ConfigError> {
    let of_proxy = [
        ("tiers", config.tiers.is_some()),
        ("variants", config.variants.is_some()),
        ("concurrency", config.concurrency.is_some()),
        ("block", config.block),
        ("maxKeys", config.max_keys.is_some()),
    ];
    if let Some((field, _)) = of_proxy.iter().find(|(_, given)| *given) {
        let message =
            "the service counts a global limit and knows nothing of this; leave it out, or scope: global";
        return Err(ConfigError::at(field, message));
    }
    if config.key.is_empty() {
        let message =
            "the service tells limits apart by their entries; give a key, such as [{value: checkout}]";
        return Err(ConfigError::at("key", message));
    }
    let written = Written { rate: config.rate.as_ref(), rates: config.rates.as_deref(), block: false };
    let budget = match (&config.rate, &config.rates) {
        (None, None) => return Ok(Vec::new()),
        (Some(_), Some(_)) => return Err(ConfigError::at("", "give rate or rates, not both")),
        _ => written.compile()?,
    };
    if let Some(Budget::Windows(rates)) = &budget
        && rates.iter().any(|rate| rate.burst != rate.requests)
    {
        let message = "the service counts in fixed windows, which have no burst; leave burst out";
        return Err(ConfigError::at("", message));
    }
    Ok(budget.into_iter().collect())
}
