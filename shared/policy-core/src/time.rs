//! Timestamps and durations as Tollgate writes them.

use std::time::Duration;

use crate::config::Wire;

/// Nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// RFC 3339 in UTC with milliseconds, as Envoy's `%START_TIME%` prints it: `2026-11-21T06:03:00.125Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let millis = self.as_millis();
        let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
    }
}

/// Year, month and day of a count of days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>) for dates after 1970.
/// Every operand is below 2^45 for any `u64` of nanoseconds, so nothing here can wrap.
#[allow(clippy::arithmetic_side_effects, reason = "operands are bounded by u64 nanoseconds, see above")]
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Reads a duration such as `250ms`, `30s`, `5m`, `24h` or `365d`.
///
/// # Errors
/// Refuses anything else, a number without a unit included, and what does not fit 64 bits of milliseconds.
///
/// ```
/// use policy_core::time::parse_duration;
/// assert_eq!(parse_duration("5m")?.as_secs(), 300);
/// assert!(parse_duration("5").is_err());
/// # Ok::<(), String>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("a duration is a whole number and one of ms, s, m, h, d, such as \"30s\"".to_owned()),
    };
    let number: u64 =
        number.parse().map_err(|_| "a duration starts with a whole number, such as \"30s\"".to_owned())?;
    let millis = number.checked_mul(millis_per_unit).ok_or_else(|| "this duration is too long".to_owned())?;
    Ok(Duration::from_millis(millis))
}

/// A duration as configurations write it; see [`parse_duration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = "^[0-9]+(ms|s|m|h|d)$", "examples" = ["30s"]))
)]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn dates_are_printed_as_envoy_prints_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.125Z"),
            (951_782_400, "2000-02-29T00:00:00.125Z"),
            (1_709_210_096, "2024-02-29T12:34:56.125Z"),
            (4_102_444_799, "2099-12-31T23:59:59.125Z"),
        ] {
            assert_eq!(Timestamp(seconds * 1_000_000_000 + 125_000_000).to_rfc3339(), text);
        }
        assert_eq!(Timestamp(u64::MAX).to_rfc3339(), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("250ms").unwrap().as_millis(), 250);
        assert_eq!(parse_duration("365d").unwrap().as_secs(), 31_536_000);
        for bad in
            ["", "s", "5", "-5s", "1.5s", "5 s", "5S", "99999999999999999999s", "18446744073709551615d", "é"]
        {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_span_is_read_from_text_and_from_nothing_else() {
        let read = |json: &str| crate::config::parse::<Span>(json.as_bytes()).map_err(|e| e.to_string());
        assert_eq!(read("\"90s\""), Ok(Span(Duration::from_secs(90))));
        for (json, reason) in
            [("\"90\"", "a duration is"), ("90", "expected a string"), ("null", "expected a string")]
        {
            assert!(read(json).unwrap_err().contains(reason), "{json}: {:?}", read(json));
        }
    }
}
