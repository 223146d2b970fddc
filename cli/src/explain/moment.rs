//! Points in time as fixtures write them.

use policy_core::config::Wire;
use policy_core::time::Timestamp;

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[serde(try_from = "String")]
pub(super) struct Moment(pub(super) u64);

/// The first moment of the year 10000, which has no such text.
const END: u64 = 253_402_300_800_000;
const NANOS: u64 = 1_000_000;

impl Moment {
    pub(super) fn nanos(self) -> u64 {
        self.0.saturating_mul(NANOS)
    }
}

fn written(millis: u64) -> String {
    Timestamp(millis.saturating_mul(NANOS)).to_rfc3339()
}

impl TryFrom<String> for Moment {
    type Error = &'static str;

    /// Such text sorts as time does: the moment is searched for, and one that is in no calendar is not found.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "a time is written like 2026-11-21T10:00:00Z or 2026-11-21T10:00:00.250Z";
        let whole = text.strip_suffix('Z').ok_or(wrong)?;
        let text = if whole.contains('.') { text.clone() } else { format!("{whole}.000Z") };
        let (mut low, mut high) = (0, END);
        while low < high {
            let middle = u64::midpoint(low, high);
            if written(middle) < text {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        if low < END && written(low) == text { Ok(Self(low)) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_millisecond() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T10:00:00Z", 1_795_255_200_000),
            ("2026-11-21T10:00:00.250Z", 1_795_255_200_250),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
        ] {
            assert_eq!(Moment::try_from(text.to_owned()), Ok(Moment(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_in_no_calendar_is_refused() {
        for text in [
            "",
            "Z",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21 10:00:00Z",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00:00+01:00",
            "2026-11-21T10:00:00.25Z",
            "1969-12-31T23:59:59Z",
            "99999-01-01T00:00:00Z",
        ] {
            assert!(Moment::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
