//! What a request costs.

use policy_core::config::{Reader, Wire};
use policy_core::json::Json;
use policy_core::{ConfigError, Exchange, HeaderName};

/// The largest cost of a request where nothing else bounds it.
pub const MAX_COST: u64 = 1_000_000;

/// A cost as it is written down: `3`, or `{header: x-cost, default: 1, max: 10}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// The same for every request.
    Constant(u64),
    /// What a header says.
    Header(FromHeader),
}

/// A cost that a header says.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FromHeader {
    /// The header; the largest number it has counts. Take it from a proxy, not from a client.
    header: HeaderName,
    /// What a request without a number costs.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_COST), extend("default" = 1)))]
    default: Option<u64>,
    /// The most that a request can cost; without it the smallest burst.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_COST)))]
    max: Option<u64>,
}

impl Wire for Config {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Unsigned(cost) => Some(Self::Constant(*cost)),
            Json::Object(_) => FromHeader::read(json, reader).map(Self::Header),
            _ => reader.mismatch("a number, or {header: x-cost, default: 1, max: 10}", json),
        }
    }
}

/// What a request costs: at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cost {
    /// The same for every request.
    Constant(u64),
    /// What a header says.
    Header {
        /// The header.
        name: HeaderName,
        /// What a request without it costs, or with one that is no number.
        default: u64,
        /// The most that a request can cost.
        max: u64,
    },
}

impl Cost {
    /// Checks a cost; `most` is the largest that can ever pass.
    ///
    /// # Errors
    /// Refuses 0, and what could never pass.
    pub fn compile(config: Option<&Config>, most: u64) -> Result<Self, ConfigError> {
        let fits = |field: &str, cost: u64| match cost {
            0 => Err(ConfigError::at(field, "a request costs at least 1")),
            cost if cost > most => {
                let message = format!(
                    "a request that costs more than {most} could never pass; raise the burst, or lower this"
                );
                Err(ConfigError::at(field, message))
            }
            cost => Ok(cost),
        };
        match config {
            None => Ok(Self::Constant(1)),
            Some(Config::Constant(cost)) => fits("", *cost).map(Self::Constant),
            Some(Config::Header(FromHeader { header, default, max })) => {
                let max = fits("max", max.unwrap_or(most))?;
                let default = fits("default", default.unwrap_or(1))?;
                if default > max {
                    return Err(ConfigError::at("default", "this is more than max"));
                }
                Ok(Self::Header { name: header.clone(), default, max })
            }
        }
    }

    /// What this request costs. Of several values that a header has the largest counts; 0 counts as 1.
    #[must_use]
    pub fn of(&self, exchange: &Exchange<'_>) -> u64 {
        match self {
            Self::Constant(cost) => *cost,
            Self::Header { name, default, max } => {
                let values = exchange.headers.values(name).flat_map(|line| line.split(|byte| *byte == b','));
                values.filter_map(number).max().map_or(*default, |cost| cost.clamp(1, *max))
            }
        }
    }
}

/// A whole number; one that is too large for 64 bits is the largest of these.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add =
        |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')));
    Some(text.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    use policy_core::table::Table;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn compile(json: &str, most: u64) -> Result<Cost, String> {
        let config = config::parse::<Config>(json.as_bytes());
        config.and_then(|config| Cost::compile(Some(&config), most)).map_err(|error| error.to_string())
    }

    fn cost(cost: &Cost, values: &[&str]) -> u64 {
        let table = Table::of(&values.iter().map(|value| ("x-cost", *value)).collect::<Vec<_>>());
        cost.of(&Exchange::new(&table))
    }

    #[test]
    fn a_header_says_what_a_request_costs_within_bounds() {
        let from_header = compile(r#"{"header":"X-Cost","default":2,"max":10}"#, 100).unwrap();
        for (values, expected) in [
            (&[][..], 2),
            (&["7"], 7),
            (&[" 7 "], 7),
            (&["0"], 1),
            (&["11"], 10),
            (&["99999999999999999999999"], 10),
            (&["3", "5"], 5),
            (&["3, 5,x"], 5),
            (&["x"], 2),
            (&["-1"], 2),
            (&["1.5"], 2),
            (&[""], 2),
        ] {
            assert_eq!(cost(&from_header, values), expected, "{values:?}");
        }
        assert_eq!(cost(&compile("3", 5).unwrap(), &["9"]), 3);
        assert_eq!(Cost::compile(None, 5), Ok(Cost::Constant(1)));
        let unbounded = compile(r#"{"header":"x-cost"}"#, 5).unwrap();
        assert_eq!((cost(&unbounded, &[]), cost(&unbounded, &["50"])), (1, 5));
    }

    #[test]
    fn a_cost_that_could_never_pass_is_refused() {
        for (json, expected) in [
            ("0", "a request costs at least 1"),
            ("6", "more than 5 could never pass"),
            (r#"{"header":"a","max":6}"#, "max: a request that costs more than 5"),
            (r#"{"header":"a","max":0}"#, "max: a request costs at least 1"),
            (r#"{"header":"a","default":0}"#, "default: a request costs at least 1"),
            (r#"{"header":"a","default":3,"max":2}"#, "default: this is more than max"),
            (r#"{"header":"a","deflaut":3}"#, "deflaut: unknown field \"deflaut\", did you mean \"default\""),
            (r#"{"max":3}"#, "\"header\" is missing"),
            (r#""3""#, "expected a number, or {header: x-cost"),
        ] {
            let error = compile(json, 5).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
