//! Headers as fixtures write them.

use policy_core::config::{Reader, Wire};
use policy_core::json::Json;
use policy_core::table::Pairs;

/// Headers in order, names in lower case: `[{name, value}]`, or `{name: value}` where no name comes twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

#[derive(Wire)]
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

    fn push(&mut self, name: &str, value: String, reader: &mut Reader) -> Option<()> {
        let name = name.to_ascii_lowercase();
        reader.checked(policy_core::HeaderName::parse(&name))?;
        reader.checked(policy_core::HeaderValue::parse(&value))?;
        self.0.push((name, value));
        Some(())
    }
}

impl Wire for Headers {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let mut headers = Self::default();
        match json {
            Json::Object(members) => {
                for (name, value) in members {
                    let value = reader.under(name, value)?;
                    headers.push(name, value, reader)?;
                }
            }
            Json::List(_) => {
                for Header { name, value } in Vec::read(json, reader)? {
                    headers.push(&name, value, reader)?;
                }
            }
            _ => return reader.mismatch("{name: value} or [{name, value}]", json),
        }
        Some(headers)
    }
}

/// What a header or a fact shall be: `text`, `true` for anything, `null` for not there at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Is(String),
    Present,
    Absent,
}

impl Wire for Wanted {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Text(text) => Some(Self::Is(text.clone())),
            Json::Bool(true) => Some(Self::Present),
            Json::Bool(false) | Json::Null => Some(Self::Absent),
            _ => reader.mismatch("a string, true (for any) or null (for none)", json),
        }
    }
}
