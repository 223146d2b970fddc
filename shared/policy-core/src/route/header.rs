//! Conditions on headers.

use crate::config::Wire;
use crate::header::HeaderName;
use crate::headers::Headers;
use crate::regex::Regex;

/// A condition on one header. It holds when any of the header's values is as asked.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "Written")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "Written", transform = crate::schema::header_match)
)]
pub struct HeaderMatch {
    name: HeaderName,
    test: Test,
    invert: bool,
}

#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Written {
    /// The header.
    name: HeaderName,
    /// A value is this text.
    exact: Option<String>,
    /// A value begins with this text.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    prefix: Option<String>,
    /// A value ends with this text.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    suffix: Option<String>,
    /// A value has this text in it.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    contains: Option<String>,
    /// An expression that matches a whole value.
    regex: Option<String>,
    /// True: the header is there; false: it is not.
    present: Option<bool>,
    /// Turns the condition round.
    #[serde(default)]
    invert: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Present,
    Exact(String),
    Prefix(String),
    Suffix(String),
    Contains(String),
    Regex(Regex),
}

impl HeaderMatch {
    /// True when the headers are as asked.
    #[must_use]
    pub fn matches(&self, headers: &Headers<'_>) -> bool {
        headers.values(&self.name).any(|value| self.test.accepts(value)) != self.invert
    }
}

impl Test {
    fn accepts(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(text) => value == text.as_bytes(),
            Self::Prefix(text) => value.starts_with(text.as_bytes()),
            Self::Suffix(text) => value.ends_with(text.as_bytes()),
            Self::Contains(text) => value.windows(text.len()).any(|window| window == text.as_bytes()),
            Self::Regex(regex) => regex.is_match(value),
        }
    }
}

impl TryFrom<Written> for HeaderMatch {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let filled = |text: String| match text.as_str() {
            "" => Err("an empty text is in every value; use present: true".to_owned()),
            _ => Ok(text),
        };
        let mut tests = [
            written.exact.map(|text| Ok(Test::Exact(text))),
            written.prefix.map(|text| filled(text).map(Test::Prefix)),
            written.suffix.map(|text| filled(text).map(Test::Suffix)),
            written.contains.map(|text| filled(text).map(Test::Contains)),
            written.regex.map(|pattern| Regex::whole(&pattern).map(Test::Regex)),
            written.present.map(|_| Ok(Test::Present)),
        ]
        .into_iter()
        .flatten();
        let (Some(test), None) = (tests.next(), tests.next()) else {
            return Err("give exactly one of exact, prefix, suffix, contains, regex, present".to_owned());
        };
        // `present: false` reads as "absent"; with `invert` on top it means present again.
        let invert = written.invert != (written.present == Some(false));
        Ok(Self { name: written.name, test: test?, invert })
    }
}
