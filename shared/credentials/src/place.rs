//! Where a credential stands in a request: a header, a parameter of the query, a cookie.
//!
//! [`find`] looks at every value of every place, so that what is checked here is what any later reader sees; where two
//! readers could see different credentials, the request is [`Ambiguous`].

mod cookie;
mod header;
#[cfg(test)]
mod properties;
mod query;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use policy_core::bytes::same;
use policy_core::config::Wire;
use policy_core::header::{is_protected, is_token};
use policy_core::{ConfigError, HeaderName, Headers};

pub use query::remove_query;

/// The most places that one provider may name.
pub const MAX_PLACES: usize = 16;

const MAX_NAME: usize = 128;
const MAX_PREFIX: usize = 64;

/// Where a credential stands, as `{header: x-api-key, prefix: "ApiKey "}`, `{query: api_key}` or `{cookie: key}`.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(try_from = "Written")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "Written", transform = crate::schema::place)
)]
pub enum Place {
    /// A header's value, after the prefix if there is one.
    ///
    /// A prefix compares without case; one that ends in a blank is an authentication scheme, after which any number of
    /// blanks may come. A header without the prefix holds no credential of this place.
    Header {
        /// The header.
        name: HeaderName,
        /// What stands before the credential.
        prefix: Option<String>,
    },
    /// A parameter of the query. Names and values are percent-decoded, `+` is a plus: a key may hold one.
    Query(String),
    /// A cookie (RFC 6265), without the quotes around its value.
    Cookie(String),
}

#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Written {
    /// A header, all of whose value is the credential, but for the prefix.
    header: Option<HeaderName>,
    /// What stands before the credential; one that ends in a blank is an authentication scheme.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("pattern" = r"^([!-+\x2d-~][ -+\x2d-~]*)?$", "maxLength" = MAX_PREFIX, "examples" = ["Bearer "]))
    )]
    prefix: Option<String>,
    /// A parameter of the query.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^[A-Za-z0-9._~\[\]:$-]{1,128}$")))]
    query: Option<String>,
    /// A cookie.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")))]
    cookie: Option<String>,
}

/// A header as `fromHeaders` lists them: `{name: Authorization, prefix: "Bearer "}`.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HeaderPlace {
    /// The header.
    pub name: HeaderName,
    /// What stands before the credential; see [`Place::Header`].
    #[cfg_attr(
        feature = "schema",
        schemars(extend("pattern" = r"^([!-+\x2d-~][ -+\x2d-~]*)?$", "maxLength" = MAX_PREFIX, "examples" = ["Bearer "]))
    )]
    pub prefix: Option<String>,
}

impl Place {
    /// A header.
    ///
    /// # Errors
    /// Refuses a header that is not the client's to give, and a prefix that could not match.
    pub fn header(name: HeaderName, prefix: Option<String>) -> Result<Self, String> {
        if is_protected(name.as_bytes()) || name == HeaderName::COOKIE {
            return Err(format!("{name} cannot hold a credential; for a cookie write {{cookie: name}}"));
        }
        let prefix = prefix.filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = &prefix {
            let printable = prefix.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',');
            if prefix.len() > MAX_PREFIX || !printable || prefix.starts_with(' ') {
                return Err(format!(
                    "a prefix has at most {MAX_PREFIX} printable characters, no comma and no blank in front"
                ));
            }
        }
        Ok(Self::Header { name, prefix })
    }

    /// A parameter of the query, by its name after percent-decoding.
    ///
    /// # Errors
    /// Refuses a name that is empty, too long, or holds more than ASCII letters, digits and `-._~[]:$`.
    pub fn query(name: String) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]:$".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(allowed) {
            return Err(format!(
                "the name of a parameter has 1 to {MAX_NAME} letters, digits or any of -._~[]:$"
            ));
        }
        Ok(Self::Query(name))
    }

    /// A cookie.
    ///
    /// # Errors
    /// Refuses a name that is not an RFC 6265 token.
    pub fn cookie(name: String) -> Result<Self, String> {
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_token) {
            return Err(format!(
                "the name of a cookie has 1 to {MAX_NAME} letters, digits or any of !#$%&'*+-.^_`|~"
            ));
        }
        Ok(Self::Cookie(name))
    }

    /// True when one credential could stand in both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header { name, prefix }, Self::Header { name: other, prefix: other_prefix }) => {
                name == other
                    && match (prefix, other_prefix) {
                        (Some(one), Some(other)) => header::one_covers(one, other),
                        _ => true,
                    }
            }
            _ => self == other,
        }
    }

    /// The one credential that stands here, if there is one.
    fn look(&self, headers: &Headers<'_>) -> Result<Option<Vec<u8>>, Ambiguous> {
        match self {
            Self::Header { name, prefix } => header::look(headers, name, prefix.as_deref()),
            Self::Query(name) => query::look(headers, name),
            Self::Cookie(name) => cookie::look(headers, name),
        }
    }
}

impl TryFrom<HeaderPlace> for Place {
    type Error = String;

    fn try_from(place: HeaderPlace) -> Result<Self, String> {
        Self::header(place.name, place.prefix)
    }
}

impl TryFrom<Written> for Place {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match (written.header, written.query, written.cookie, written.prefix) {
            (Some(name), None, None, prefix) => Self::header(name, prefix),
            (None, Some(name), None, None) => Self::query(name),
            (None, None, Some(name), None) => Self::cookie(name),
            (.., Some(_)) => {
                Err("a prefix belongs to a header: {header: name, prefix: \"Scheme \"}".to_owned())
            }
            _ => Err("expected exactly one of header, query, cookie".to_owned()),
        }
    }
}

/// Refuses a list of places that is empty, too long, or has two places that could hold one credential.
///
/// # Errors
/// Its path is the index of the place, to be seen [`under`](ConfigError::under) the list's name.
pub fn check_places(places: &[Place]) -> Result<(), ConfigError> {
    if places.is_empty() || places.len() > MAX_PLACES {
        return Err(ConfigError::at("", format!("name 1 to {MAX_PLACES} places")));
    }
    for (index, place) in places.iter().enumerate() {
        if places.iter().take(index).any(|other| other.overlaps(place)) {
            let error = "the same place is given twice, or a header both with and without a prefix";
            return Err(ConfigError::at("", error).under_item("", index));
        }
    }
    Ok(())
}

/// A credential, and where it stood.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The credential. It may be empty: then it is there and bad.
    pub value: Vec<u8>,
    /// Where it was looked for.
    places: Rc<[Place]>,
    /// Where it stood: a bit for each place.
    stood: u16,
}

/// Two readers of this request could see different credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// The credential of a request: `None` where no place holds one.
///
/// # Errors
/// [`Ambiguous`] where two places hold different values, or one place holds two: two fields of a header, a parameter or
/// a cookie given twice (even with one value), an `Authorization` with a comma, which is how Envoy joins two.
pub fn find(places: &Rc<[Place]>, headers: &Headers<'_>) -> Result<Option<Found>, Ambiguous> {
    let mut found: Option<Found> = None;
    for (place, bit) in places.iter().zip(bits()) {
        let Some(value) = place.look(headers)? else { continue };
        match &mut found {
            None => found = Some(Found { value, places: Rc::clone(places), stood: bit }),
            Some(found) if same(&found.value, &value) => found.stood |= bit,
            Some(_) => return Err(Ambiguous),
        }
    }
    Ok(found)
}

/// One bit for each of [`MAX_PLACES`].
fn bits() -> impl Iterator<Item = u16> {
    const { assert!(MAX_PLACES == u16::BITS as usize) };
    (0..u16::BITS).map(|place| 1 << place)
}

impl Found {
    /// Takes the credential out of the request, wherever it stood, and leaves everything else as it was.
    pub fn remove(&self, headers: &mut Headers<'_>) {
        for place in self.places() {
            match place {
                Place::Header { name, .. } => headers.remove(name),
                Place::Query(name) => query::remove(headers, name),
                Place::Cookie(name) => cookie::remove(headers, name),
            }
        }
    }

    /// Where it stood.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().zip(bits()).filter(|(_, bit)| self.stood & bit != 0).map(|(place, _)| place)
    }
}

impl std::fmt::Debug for Found {
    /// Prints no credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({:?})", self.places().collect::<Vec<_>>())
    }
}
