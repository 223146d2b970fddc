//! How much is allowed: one rate, several windows at once, or nothing.

use std::time::Duration;

use policy_core::ConfigError;
use policy_core::config::Wire;

/// The most windows that one limit may have.
pub const MAX_WINDOWS: usize = 4;
/// The most requests in a second: beyond, the interval between two would be too few nanoseconds to be exact.
const MAX_PER_SECOND: u64 = 1_000_000;
/// A bucket that takes longer to fill, in nanoseconds, is a mistake.
const LONGEST_FILL: u128 = 366 * 86_400 * 1_000_000_000;

/// As many tokens as one bucket holds.
const LARGEST_BURST: u64 = u32::MAX as u64;

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Unit {
    /// 1 s.
    Second,
    /// 60 s.
    Minute,
    /// 3600 s.
    Hour,
    /// 86,400 s.
    Day,
}

impl Unit {
    /// The length of the window, in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// The unit as it is written down.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// So many requests in a window, so many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests in each window, at least one.
    pub requests: u64,
    /// The window.
    pub unit: Unit,
    /// How many requests may come at once after a pause, at least one.
    pub burst: u64,
}

impl Rate {
    /// The window.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_secs(self.unit.seconds())
    }
}

/// What a key may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    /// Nothing at all.
    Block,
    /// All of these rates at once: 1 to [`MAX_WINDOWS`], each with a unit of its own, the shortest first.
    Windows(Vec<Rate>),
}

impl Budget {
    /// The largest cost that can ever pass; 0 where nothing can.
    #[must_use]
    pub fn most(&self) -> u64 {
        match self {
            Self::Block => 0,
            Self::Windows(rates) => rates.iter().map(|rate| rate.burst).min().unwrap_or_default(),
        }
    }
}

/// A rate as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateConfig {
    requests: u64,
    unit: Unit,
    burst: Option<u64>,
}

impl RateConfig {
    /// Checks a rate. The burst is the number of requests where it is not given.
    ///
    /// # Errors
    /// Refuses 0, more than 1,000,000 a second, and a burst that would take more than a year to come back.
    pub fn compile(&self) -> Result<Rate, ConfigError> {
        let Self { requests, unit, burst } = *self;
        if requests == 0 {
            let message = "0 requests are no rate; write block: true in place of it";
            return Err(ConfigError::at("requests", message));
        }
        if requests > MAX_PER_SECOND.saturating_mul(unit.seconds()) {
            return Err(ConfigError::at("requests", "there are at most 1000000 requests in a second"));
        }
        let burst = burst.unwrap_or(requests);
        if burst == 0 {
            let message = "with a burst of 0 nothing could pass; leave it out, or write block: true in place of the rate";
            return Err(ConfigError::at("burst", message));
        }
        if burst > LARGEST_BURST {
            return Err(ConfigError::at("burst", "a burst is at most 4294967295; give a smaller one"));
        }
        let interval = u128::from(unit.seconds()).saturating_mul(1_000_000_000).div_ceil(requests.into());
        if interval.saturating_mul(burst.into()) > LONGEST_FILL {
            return Err(ConfigError::at(
                "burst",
                "at this rate it would take more than a year until it is back",
            ));
        }
        Ok(Rate { requests, unit, burst })
    }
}

/// `rate`, `rates` or `block` of a limit or a variant. An absent one is `None` or false.
#[derive(Debug, Default)]
pub(crate) struct Written<'c> {
    pub(crate) rate: Option<&'c RateConfig>,
    pub(crate) rates: Option<&'c [RateConfig]>,
    pub(crate) block: bool,
}

impl Written<'_> {
    /// The budget; `None` unless just one is given.
    pub(crate) fn compile(&self) -> Result<Option<Budget>, ConfigError> {
        match (self.rate, self.rates, self.block) {
            (None, None, true) => Ok(Some(Budget::Block)),
            (Some(rate), None, false) => {
                let rate = rate.compile().map_err(|error| error.under("rate"))?;
                Ok(Some(Budget::Windows(vec![rate])))
            }
            (None, Some(rates), false) => windows(rates).map(Some),
            _ => Ok(None),
        }
    }
}

fn windows(configs: &[RateConfig]) -> Result<Budget, ConfigError> {
    if configs.is_empty() || configs.len() > MAX_WINDOWS {
        return Err(ConfigError::at("rates", format!("there are 1 to {MAX_WINDOWS} rates in one limit")));
    }
    let mut rates: Vec<Rate> = Vec::with_capacity(configs.len());
    for (index, config) in configs.iter().enumerate() {
        let at = |error: ConfigError| error.under_item("rates", index);
        let rate = config.compile().map_err(at)?;
        if rates.iter().any(|known| known.unit == rate.unit) {
            let message = format!("there is a rate for each {} already", rate.unit.name());
            return Err(at(ConfigError::at("unit", message)));
        }
        let place = rates.partition_point(|known| known.unit < rate.unit);
        rates.insert(place, rate);
    }
    Ok(Budget::Windows(rates))
}

/// A tier as it is written down: a rate, several, or nothing.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetConfig {
    requests: Option<u64>,
    unit: Option<Unit>,
    burst: Option<u64>,
    rates: Option<Vec<RateConfig>>,
    #[serde(default)]
    block: bool,
}

impl BudgetConfig {
    /// Checks a budget.
    ///
    /// # Errors
    /// Refuses what [`RateConfig::compile`] refuses, and more or less than one of a rate, `rates` and `block`.
    pub fn compile(&self) -> Result<Budget, ConfigError> {
        let rate = match (self.requests, self.unit) {
            (Some(requests), Some(unit)) => Some(RateConfig { requests, unit, burst: self.burst }),
            (None, None) if self.burst.is_none() => None,
            _ => {
                return Err(ConfigError::at(
                    "",
                    "a rate is {requests: 100, unit: second}, with a burst or without",
                ));
            }
        };
        let written = Written { rate: rate.as_ref(), rates: self.rates.as_deref(), block: self.block };
        // The rate stands here, without a name of its own.
        let budget = match &rate {
            Some(rate) if written.rates.is_none() && !written.block => {
                Some(Budget::Windows(vec![rate.compile()?]))
            }
            _ => written.compile()?,
        };
        budget.ok_or_else(|| {
            ConfigError::at("", "give exactly one of requests with unit, rates and block: true")
        })
    }
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn budget(json: &str) -> Result<Budget, String> {
        let budget = config::parse::<BudgetConfig>(json.as_bytes()).and_then(|config| config.compile());
        budget.map_err(|error| error.to_string())
    }

    #[test]
    fn the_burst_is_the_number_of_requests_unless_it_is_given() {
        for (json, expected) in [
            (r#"{"requests":100,"unit":"second"}"#, Rate { requests: 100, unit: Unit::Second, burst: 100 }),
            (r#"{"requests":1,"unit":"day","burst":3}"#, Rate { requests: 1, unit: Unit::Day, burst: 3 }),
        ] {
            assert_eq!(budget(json), Ok(Budget::Windows(vec![expected])), "{json}");
        }
        assert_eq!(Rate { requests: 1, unit: Unit::Hour, burst: 1 }.period().as_secs(), 3600);
    }

    #[test]
    fn several_windows_stand_by_their_length_and_the_smallest_burst_is_the_most() {
        let json = r#"{"rates":[{"requests":1000,"unit":"hour","burst":5},{"requests":100,"unit":"minute"},
            {"requests":10,"unit":"second"},{"requests":5000,"unit":"day"}]}"#;
        let budget = budget(json).unwrap();
        let Budget::Windows(rates) = &budget else { panic!("{budget:?}") };
        assert_eq!(rates.iter().map(|rate| rate.requests).collect::<Vec<_>>(), [10, 100, 1000, 5000]);
        assert_eq!((budget.most(), Budget::Block.most()), (5, 0));
    }

    #[test]
    fn a_rate_that_makes_no_sense_is_refused() {
        for (json, expected) in [
            ("{}", "give exactly one of requests with unit, rates and block: true"),
            (r#"{"block":true,"requests":1,"unit":"second"}"#, "give exactly one of"),
            (r#"{"block":true,"rates":[]}"#, "give exactly one of"),
            (r#"{"requests":1}"#, "a rate is {requests: 100, unit: second}"),
            (r#"{"burst":1}"#, "a rate is"),
            (r#"{"requests":0,"unit":"second"}"#, "requests: 0 requests are no rate; write block: true"),
            (r#"{"requests":1,"unit":"second","burst":0}"#, "burst: with a burst of 0 nothing could pass"),
            (r#"{"requests":1000001,"unit":"second"}"#, "requests: there are at most 1000000"),
            (r#"{"requests":60000001,"unit":"minute"}"#, "requests: there are at most 1000000"),
            (
                r#"{"requests":1,"unit":"day","burst":367}"#,
                "burst: at this rate it would take more than a year",
            ),
            (r#"{"requests":18446744073709551615,"unit":"day"}"#, "requests: there are at most"),
            (
                r#"{"requests":1,"unit":"day","burst":18446744073709551615}"#,
                "burst: a burst is at most 4294967295",
            ),
            (r#"{"requests":86400000000,"unit":"day"}"#, "burst: a burst is at most"),
            (r#"{"requests":1,"unit":"week"}"#, "unit: unknown value \"week\""),
            (r#"{"requests":-1,"unit":"day"}"#, "requests: expected"),
            (r#"{"rates":[]}"#, "rates: there are 1 to 4 rates"),
            (
                r#"{"rates":[{"requests":1,"unit":"day"},{"requests":2,"unit":"day"}]}"#,
                "rates[1].unit: there is a rate for each day",
            ),
            (r#"{"rates":[{"requests":0,"unit":"day"}]}"#, "rates[0].requests: 0 requests are no rate"),
        ] {
            let error = budget(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let five = [r#"{"requests":1,"unit":"day"}"#; 5].join(",");
        assert!(budget(&format!(r#"{{"rates":[{five}]}}"#)).unwrap_err().contains("1 to 4"));
        assert_eq!(budget(r#"{"block":true}"#), Ok(Budget::Block));
    }
}
