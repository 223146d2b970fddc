//! Headers as fixtures write them.

use std::fmt;

use policy_core::table::Pairs;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Headers in order, names in lower case: `[{name, value}]`, or `{name: value}` where no name comes twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    value: String,
}

impl Headers {
    pub(super) fn pairs(&self) -> Pairs {
        let bytes = |(name, value): &(String, String)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        self.0.iter().map(bytes).collect()
    }

    fn push<E: de::Error>(&mut self, name: &str, value: String) -> Result<(), E> {
        let name = name.to_ascii_lowercase();
        policy_core::HeaderName::parse(&name).map_err(E::custom)?;
        policy_core::HeaderValue::parse(&value).map_err(E::custom)?;
        self.0.push((name, value));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{name: value} or [{name, value}]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some((name, value)) = entries.next_entry::<String, String>()? {
                    headers.push::<A::Error>(&name, value)?;
                }
                Ok(headers)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(Header { name, value }) = items.next_element()? {
                    headers.push::<A::Error>(&name, value)?;
                }
                Ok(headers)
            }
        }
        deserializer.deserialize_any(Written)
    }
}

/// What a header or a fact shall be: `text`, `true` for anything, `null` for not there at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Is(String),
    Present,
    Absent,
}

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Wanted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, true (for any) or null (for none)")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wanted, E> {
                Ok(Wanted::Is(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, present: bool) -> Result<Wanted, E> {
                Ok(if present { Wanted::Present } else { Wanted::Absent })
            }

            fn visit_unit<E: de::Error>(self) -> Result<Wanted, E> {
                Ok(Wanted::Absent)
            }
        }
        deserializer.deserialize_any(Written)
    }
}
