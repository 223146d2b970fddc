//! Header names and values that cannot hold what would break a message.
//!
//! Envoy does not check what a Wasm filter writes: a CR LF in a response value arrives at the client as a second
//! header. These two types are the choke point. A [`HeaderName`] is a lower-case RFC 9110 token (or a pseudo header);
//! a [`HeaderValue`] has no control byte other than a tab. Bytes above 0x7f are legal in values and are kept.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::config::Wire;

use raw::bytes::{is_printable, same};

/// The longest header name that a configuration may give, in bytes.
pub const MAX_NAME: usize = 256;

/// A header name: a lower-case token, or a pseudo header such as `:path`.
#[derive(Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r"^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "maxLength" = MAX_NAME))
)]
pub struct HeaderName(Text);

/// Read at run time, or written in the program.
#[derive(Clone)]
enum Text {
    Given(Arc<str>),
    Known(&'static str),
}

impl HeaderName {
    /// `:authority`.
    pub const AUTHORITY: Self = Self::known(":authority");
    /// `authorization`.
    pub const AUTHORIZATION: Self = Self::known("authorization");
    /// `cookie`.
    pub const COOKIE: Self = Self::known("cookie");
    /// `:method`.
    pub const METHOD: Self = Self::known(":method");
    /// `:path`.
    pub const PATH: Self = Self::known(":path");
    /// `x-request-id`.
    pub const REQUEST_ID: Self = Self::known("x-request-id");

    /// A name that the program knows, for constants: a wrong one is refused while compiling.
    ///
    /// ```
    /// use policy_core::HeaderName;
    /// const RETRY_AFTER: HeaderName = HeaderName::known("retry-after");
    /// assert_eq!(HeaderName::parse("Retry-After").as_ref(), Ok(&RETRY_AFTER));
    /// ```
    ///
    /// ```compile_fail
    /// use policy_core::HeaderName;
    /// const NONE: HeaderName = HeaderName::known("Retry After");
    /// ```
    #[must_use]
    pub const fn known(name: &'static str) -> Self {
        assert!(is_lower_case_name(name.as_bytes()), "not a header name in lower case");
        Self(Text::Known(name))
    }

    /// Reads a name, folding upper case.
    ///
    /// # Errors
    /// Refuses an empty name, one over [`MAX_NAME`] bytes, and any byte that RFC 9110 does not allow in a token.
    ///
    /// ```
    /// use policy_core::HeaderName;
    /// assert_eq!(HeaderName::parse("X-Env")?.as_str(), "x-env");
    /// assert!(HeaderName::parse("x env").is_err());
    /// # Ok::<(), String>(())
    /// ```
    pub fn parse(name: &str) -> Result<Self, String> {
        if name.len() > MAX_NAME {
            return Err(format!("a header name has at most {MAX_NAME} bytes"));
        }
        Self::of_message(name)
    }

    /// Reads a name that a message has, however long it is.
    pub(crate) fn of_message(name: &str) -> Result<Self, String> {
        let token = name.strip_prefix(':').unwrap_or(name);
        if token.is_empty() {
            return Err("a header name must not be empty".to_owned());
        }
        match token.chars().find(|c| !u8::try_from(*c).is_ok_and(is_token)) {
            Some(c) => Err(format!(
                "{name:?} is not a header name: {c:?} is not allowed (use letters, digits and !#$%&'*+-.^_`|~)"
            )),
            None => Ok(Self(Text::Given(name.to_ascii_lowercase().into()))),
        }
    }

    /// The name as text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Given(name) => name,
            Text::Known(name) => name,
        }
    }

    /// The name as bytes, in lower case.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }

    /// True for `:path` and its like.
    #[must_use]
    pub fn is_pseudo(&self) -> bool {
        self.as_str().starts_with(':')
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        same(self.as_bytes(), other.as_bytes())
    }
}

impl Eq for HeaderName {}

impl PartialOrd for HeaderName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeaderName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl TryFrom<String> for HeaderName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name)
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// True for a byte that RFC 9110 allows in a token.
#[must_use]
pub const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// True for what [`HeaderName::known`] takes.
const fn is_lower_case_name(name: &[u8]) -> bool {
    let mut rest = match name {
        [b':', rest @ ..] => rest,
        name => name,
    };
    if rest.is_empty() {
        return false;
    }
    while let [first, others @ ..] = rest {
        if !is_token(*first) || first.is_ascii_uppercase() {
            return false;
        }
        rest = others;
    }
    true
}

/// True for a header name that decides framing, the connection or the route. No configuration may write it: a false
/// `content-length` desynchronises the upstream, `connection` and its kin belong to one hop only.
#[must_use]
pub fn is_protected(name: &[u8]) -> bool {
    const PROTECTED: [&[u8]; 10] = [
        b"connection",
        b"content-length",
        b"host",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    name.first() == Some(&b':') || PROTECTED.contains(&name)
}

/// A header value without control bytes (a tab is allowed).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HeaderValue(Arc<[u8]>);

impl HeaderValue {
    /// Reads a value that someone wrote, as a configuration does.
    ///
    /// # Errors
    /// Refuses control characters, naming the first one.
    pub fn parse(value: &str) -> Result<Self, String> {
        match value.bytes().find(|byte| is_control(*byte)) {
            Some(byte) => Err(format!("a header value must not hold the control character 0x{byte:02x}")),
            None => Ok(Self(value.as_bytes().into())),
        }
    }

    /// Makes a value of bytes from anywhere: each control byte becomes `%XX`, the rest is kept as it is.
    ///
    /// Nothing is lost and nothing can end the header early.
    ///
    /// ```
    /// use policy_core::HeaderValue;
    /// assert_eq!(HeaderValue::escaped(b"a\r\nx-evil: 1").as_bytes(), b"a%0D%0Ax-evil: 1");
    /// ```
    #[must_use]
    pub fn escaped(bytes: &[u8]) -> Self {
        if is_printable(bytes) || !bytes.iter().any(|byte| is_control(*byte)) {
            return Self(bytes.into());
        }
        let mut out = Vec::with_capacity(bytes.len().saturating_add(16));
        for byte in bytes {
            if is_control(*byte) {
                push_percent(&mut out, *byte);
            } else {
                out.push(*byte);
            }
        }
        Self(out.into())
    }

    /// The value as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HeaderValue {
    /// Prints the length only: a value may be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderValue({} bytes)", self.0.len())
    }
}

const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Writes `%XX` in upper-case hexadecimal (RFC 3986, 2.1).
pub(crate) fn push_percent(out: &mut Vec<u8>, byte: u8) {
    let digit =
        |nibble: u8| char::from_digit(u32::from(nibble), 16).map_or(b'0', |c| c.to_ascii_uppercase() as u8);
    out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0x0f)]);
}

#[cfg(test)]
mod tests;
