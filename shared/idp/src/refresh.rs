//! How often keys are fetched.

use policy_core::ConfigError;
use policy_core::config::Wire;
use policy_core::time::Span;

/// `jwksRefresh`: durations as they are written (`30s`).
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefreshConfig {
    /// How often keys are fetched: 1s to 7d.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "5m")))]
    interval: Option<Span>,
    /// How often at most for keys that nobody knows: 100ms to 1d.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "10s")))]
    min_interval: Option<Span>,
    /// How long an answer may take: 10ms to 10s.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "2s")))]
    timeout: Option<Span>,
    /// How long keys serve after the last good fetch: at least `interval`, up to 365d.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "24h")))]
    max_stale: Option<Span>,
}

/// Milliseconds of an optional field; an error at `key` outside of the bounds.
pub(crate) fn millis(
    span: Option<Span>,
    default: u64,
    key: &str,
    (least, most, words): (u64, u64, &str),
) -> Result<u64, ConfigError> {
    let Some(Span(span)) = span else { return Ok(default) };
    match u64::try_from(span.as_millis()) {
        Ok(millis) if (least..=most).contains(&millis) => Ok(millis),
        _ => Err(ConfigError::at(key, format!("this has to be from {words}"))),
    }
}

/// Checked, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refresh {
    pub(crate) interval: u64,
    pub(crate) min_interval: u64,
    pub(crate) timeout: u64,
    pub(crate) max_stale: u64,
}

const HOUR: u64 = 3_600_000;
const DAY: u64 = 86_400_000;

impl RefreshConfig {
    pub(crate) fn check(&self) -> Result<Refresh, ConfigError> {
        let interval = millis(self.interval, 300_000, "interval", (1000, 7 * DAY, "1s to 7d"))?;
        // A default that is longer than the longest interval allowed would make one field an error of the other.
        let fallback = (24 * HOUR).max(interval);
        let refresh = Refresh {
            interval,
            min_interval: millis(self.min_interval, 10_000, "minInterval", (100, DAY, "100ms to 1d"))?,
            timeout: millis(self.timeout, 2000, "timeout", (10, 10_000, "10ms to 10s"))?,
            max_stale: millis(self.max_stale, fallback, "maxStale", (1000, 365 * DAY, "1s to 365d"))?,
        };
        if refresh.max_stale < interval {
            return Err(ConfigError::at(
                "maxStale",
                "this has to be at least interval, or keys would expire between two refreshes",
            ));
        }
        Ok(refresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(json: &str) -> Result<Refresh, String> {
        let config: RefreshConfig =
            policy_core::config::parse(json.as_bytes()).map_err(|error| error.to_string())?;
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        for (json, expected) in [
            ("{}", [300_000, 10_000, 2000, DAY]),
            (
                r#"{"interval":"10s","minInterval":"1s","timeout":"10ms","maxStale":"10s"}"#,
                [10_000, 1000, 10, 10_000],
            ),
            (r#"{"interval":"7d"}"#, [7 * DAY, 10_000, 2000, 7 * DAY]),
        ] {
            let refresh = read(json).unwrap();
            let found = [refresh.interval, refresh.min_interval, refresh.timeout, refresh.max_stale];
            assert_eq!(found, expected, "{json}");
        }
    }

    #[test]
    fn what_would_hammer_or_never_fetch_is_refused() {
        for (json, reason) in [
            (r#"{"interval":"999ms"}"#, "interval: this has to be from 1s to 7d"),
            (r#"{"interval":"8d"}"#, "interval: this has to be from 1s to 7d"),
            (r#"{"interval":"5"}"#, "interval: a duration is"),
            (r#"{"interval":5}"#, "interval: expected a string"),
            (r#"{"minInterval":"99ms"}"#, "minInterval: this has to be from 100ms to 1d"),
            (r#"{"timeout":"9ms"}"#, "timeout: this has to be from 10ms to 10s"),
            (r#"{"timeout":"31s"}"#, "timeout: this has to be from 10ms to 10s"),
            (r#"{"maxStale":"1m"}"#, "maxStale: this has to be at least interval"),
            (r#"{"maxStale":"366d"}"#, "maxStale: this has to be from 1s to 365d"),
            (r#"{"maxstale":"1h"}"#, "did you mean \"maxStale\""),
        ] {
            let message = read(json).err().unwrap();
            assert!(message.contains(reason), "{json}: {message}");
        }
    }
}
