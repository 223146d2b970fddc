//! What a limit counts by: the elements of its `key`, each as bytes.

mod config;
mod read;
#[cfg(test)]
mod tests;

use policy_core::{ConfigError, HeaderName};

pub use config::{Bits, Element, IdentityPath, Prefixes, Word};
pub use read::Part;

use crate::facts::Facts;
use crate::percent;

/// The most elements that one key may have.
pub const MAX_ELEMENTS: usize = 8;
/// A longer value, in bytes, shares one entry with all that are as long: the service is asked in bounded messages.
pub const LONGEST_ENTRY: usize = 512;
/// What stands in an entry for a value that can be read in more than one way, or is too long. No value is written so.
pub const UNDECIDED: &str = "%";

/// Takes the parts of a key. A hash over tags, lengths and bytes of the parts tells any two keys of a limit apart.
pub trait Sink {
    /// One part. The tag says which kind of element it is and what became of it.
    fn part(&mut self, tag: u8, bytes: &[u8]);
}

/// What a limit counts by.
#[derive(Debug, Clone)]
pub struct Key {
    elements: Vec<Element>,
    required: bool,
}

/// A key is missing a part, so that the limit does not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

/// An entry of a descriptor: a key and a value.
pub type Entry = (String, String);

impl Key {
    /// Checks a key. Without elements there is one bucket for all requests.
    ///
    /// # Errors
    /// Refuses more than [`MAX_ELEMENTS`], and an element given twice.
    pub fn compile(elements: Vec<Element>, required: bool) -> Result<Self, ConfigError> {
        if elements.len() > MAX_ELEMENTS {
            return Err(ConfigError::at("key", format!("a key has at most {MAX_ELEMENTS} elements")));
        }
        for (index, element) in elements.iter().enumerate() {
            let name = element.entry_name();
            if matches!(element, Element::Cookie(name) if !config::is_cookie_name(name.as_str())) {
                return Err(ConfigError::at("", "no cookie can have the name").under_item("key", index));
            }
            if elements.iter().take(index).any(|earlier| earlier.entry_name() == name) {
                let message = format!("{name} is in this key already");
                return Err(ConfigError::at("", message).under_item("key", index));
            }
        }
        if required && elements.is_empty() {
            return Err(ConfigError::at("required", "there is no key here; give one, or leave this out"));
        }
        Ok(Self { elements, required })
    }

    /// Hands over the key's parts, one for each element. What a sink got of a key that turns out to miss a part is void.
    ///
    /// # Errors
    /// [`Missing`] unless the key is required: then all requests without the part share a bucket.
    pub fn feed(&self, facts: &Facts<'_>, sink: &mut impl Sink) -> Result<(), Missing> {
        for element in &self.elements {
            let part = element.read(facts);
            if matches!(part, Part::Missing) && !self.required {
                return Err(Missing);
            }
            part.feed(element.kind(), sink);
        }
        Ok(())
    }

    /// The key as entries of a descriptor, valid UTF-8 whatever the request was: an element's value percent-encoded where
    /// it is none, nothing for a part that is missing.
    ///
    /// # Errors
    /// As [`Key::feed`].
    pub fn entries(&self, facts: &Facts<'_>) -> Result<Vec<Entry>, Missing> {
        let entry = |element: &Element| match element.read(facts) {
            Part::Missing if !self.required => Err(Missing),
            part => Ok((element.entry_name(), part.text())),
        };
        self.elements.iter().map(entry).collect()
    }

    /// The elements.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }
}

impl Element {
    /// Under which key the element's value stands in a descriptor: `clientIp`, `header.x-user`, `cookie.sid`, `query.q`,
    /// `path`, `method`, `host`, `identity`, `identity.labels.tier`, `filterState.wasm.tenant`, `value`.
    #[must_use]
    pub fn entry_name(&self) -> String {
        match self {
            Self::ClientIp(_) => "clientIp".to_owned(),
            Self::Header(header) => format!("header.{}", header.name()),
            Self::Cookie(name) => format!("cookie.{}", name.as_str()),
            Self::Query(name) => format!("query.{}", name.as_str()),
            Self::Path => "path".to_owned(),
            Self::Method => "method".to_owned(),
            Self::Host => "host".to_owned(),
            Self::Identity(path) if path.is_id() => "identity".to_owned(),
            Self::Identity(path) => format!("identity.{}", path.segments().join(".")),
            Self::FilterState(key) => format!("filterState.{}", key.as_str()),
            Self::Value(_) => "value".to_owned(),
        }
    }

    /// The value that is the same for every request, as it stands in a descriptor.
    #[must_use]
    pub fn constant(&self) -> Option<String> {
        match self {
            Self::Value(value) => Some(percent::text(value.as_str().as_bytes())),
            _ => None,
        }
    }

    /// The header that it reads.
    #[must_use]
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(header) => Some(header.name()),
            _ => None,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::ClientIp(_) => 1,
            Self::Header(_) => 2,
            Self::Cookie(_) => 3,
            Self::Query(_) => 4,
            Self::Path => 5,
            Self::Method => 6,
            Self::Host => 7,
            Self::Identity(_) => 8,
            Self::FilterState(_) => 9,
            Self::Value(_) => 10,
        }
    }
}
