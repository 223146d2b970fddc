//! The switch that every rule has: `enforce`, `shadow` or `off`, for all requests or a stable share of them.

use crate::config::{ConfigError, Reader, Wire};
use crate::exchange::Exchange;
use crate::format::{Captured, Compiler, Format, Phase};
use crate::hash;
use crate::header::{HeaderName, HeaderValue};
use crate::host::Host;
use crate::json::Json;

/// What a rule's decision is good for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Enforcement {
    /// It is carried out.
    #[default]
    Enforce,
    /// It is made, counted and reported, and nothing changes.
    Shadow,
    /// It is not made.
    Off,
}

/// A share of requests, from a billionth of a percent to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "f64", extend("minimum" = 1e-9, "maximum" = 100))
)]
pub struct Percent(f64);

impl Percent {
    /// All requests.
    pub const ALL: Self = Self(100.0);

    /// True when a rule applies to everyone, so that no key needs to be read.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.0 >= 100.0
    }

    /// True when the request with this key is in the share.
    ///
    /// The same rule and key always give the same answer, and raising the percentage only ever adds keys.
    #[must_use]
    pub fn includes(self, rule: &str, key: &[u8]) -> bool {
        let place = hash::stable(&[rule.as_bytes(), key]) >> 32;
        // Both sides are exact: 32 bits fit the 53 of an f64.
        (place as f64) < self.0 / 100.0 * 4_294_967_296.0
    }
}

/// Tells upstream, in a header if there is one for it, and later filters, in filter state, what those would have said that only
/// report: `a=allow,b=deny`. Nothing where none of them has said anything.
pub fn tell(exchange: &mut Exchange<'_>, header: Option<&HeaderName>, key: &str, said: &[String]) {
    if said.is_empty() {
        return;
    }
    let said = HeaderValue::escaped(said.join(",").as_bytes());
    if let Some(name) = header {
        exchange.headers.set(name, said.clone());
    }
    exchange.publish(key, said);
}

impl Default for Percent {
    fn default() -> Self {
        Self::ALL
    }
}

impl Wire for Percent {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        if !matches!(json, Json::Unsigned(_) | Json::Signed(_) | Json::Decimal(_)) {
            return reader.mismatch("a number", json);
        }
        match json.scaled(9).filter(|billionths| (1..=100_000_000_000).contains(billionths)) {
            // Both are exact, so this is the nearest float.
            Some(billionths) => Some(Self(billionths as f64 / 1e9)),
            None => reader.refuse(
                "a percentage is above 0 (0.000000001 or more) and at most 100; to switch a rule off write enforcement: off",
            ),
        }
    }
}

/// The share of requests that a rule concerns, and by what it is taken.
#[derive(Debug, Clone)]
pub struct Rollout {
    percent: Percent,
    by: Format,
}

impl Rollout {
    /// What to take the share by when a rule does not say: the client's address.
    const DEFAULT_BY: &'static str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";

    /// Compiles the fields `percent` and `percentBy` of a rule.
    ///
    /// # Errors
    /// Refuses a `percentBy` that is no value, or the same for every request.
    pub fn compile(percent: Percent, by: Option<&str>, compiler: &mut Compiler) -> Result<Self, ConfigError> {
        let by = compiler
            .compile(by.unwrap_or(Self::DEFAULT_BY), Phase::Request)
            .map_err(|message| ConfigError::at("percentBy", message))?;
        if by.is_literal() {
            let message = "this is the same for every request; use an operator such as %REQ(x-user)%";
            return Err(ConfigError::at("percentBy", message));
        }
        Ok(Self { percent, by })
    }

    /// True when the rule concerns every request.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.percent.is_all()
    }

    /// True when the rule of this name concerns this request.
    #[must_use]
    pub fn includes(&self, rule: &str, exchange: &Exchange<'_>, host: &dyn Host) -> bool {
        self.percent.is_all() || {
            let key = self.by.value(exchange, &Captured::default(), host);
            self.percent.includes(rule, key.as_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_share_is_about_as_large_as_asked() {
        for percent in [0.5, 10.0, 50.0, 99.0] {
            let share = Percent(percent);
            let hits = (0..20_000).filter(|n: &u32| share.includes("rule", &n.to_le_bytes())).count();
            assert!((hits as f64 / 200.0 - percent).abs() < 1.5, "{percent}: {hits}");
        }
    }

    #[test]
    fn a_larger_share_holds_the_smaller_one() {
        let (small, large) = (Percent(20.0), Percent(30.0));
        for n in 0..5_000u32 {
            assert!(!small.includes("r", &n.to_le_bytes()) || large.includes("r", &n.to_le_bytes()));
        }
    }

    #[test]
    fn everyone_is_in_a_hundred_percent() {
        assert!((0..1000u32).all(|n| Percent::ALL.includes("r", &n.to_le_bytes())));
    }

    #[test]
    fn off_is_off_however_yaml_reads_it() {
        for (json, expected) in
            [("\"off\"", Enforcement::Off), ("false", Enforcement::Off), ("\"shadow\"", Enforcement::Shadow)]
        {
            assert_eq!(crate::config::parse::<Enforcement>(json.as_bytes()).unwrap(), expected);
        }
        assert!(crate::config::parse::<Enforcement>(b"true").is_err());
    }

    #[test]
    fn a_percentage_is_the_nearest_float() {
        for text in
            ["1", "100", "0.1", "12.5", "33.333", "99.999999999", "0.000000001", "1e1", "2.5E-3", "100.0"]
        {
            let percent: Percent = crate::config::parse(text.as_bytes()).unwrap();
            assert_eq!(percent, Percent(text.parse().unwrap()), "{text}");
        }
        for text in
            ["0", "0.0", "-0", "-1", "-0.5", "100.000000001", "101", "1e3", "1e-10", "1e999999999", "-1e400"]
        {
            let error = crate::config::parse::<Percent>(text.as_bytes()).unwrap_err();
            assert!(
                error.message().starts_with("a percentage is above 0 (0.000000001 or more) and at most 100"),
                "{text}: {error}"
            );
        }
    }
}
