//! `WWW-Authenticate` values (RFC 9110 11.6.1, RFC 6750 3, RFC 7617 2, RFC 9728 5.1).

#[cfg(test)]
mod tests;

use policy_core::HeaderValue;

/// One challenge. Send each in a header field of its own.
///
/// ```
/// use credentials::Challenge;
/// assert_eq!(Challenge::bearer("corp").value().as_bytes(), br#"Bearer realm="corp""#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// `Bearer realm="…"`: where no token was given, it carries no error (RFC 6750 3).
    #[must_use]
    pub fn bearer(realm: &str) -> Self {
        Self::of("Bearer", realm)
    }

    /// `Basic realm="…", charset="UTF-8"`.
    #[must_use]
    pub fn basic(realm: &str) -> Self {
        Self::of("Basic", realm).parameter("charset", "UTF-8")
    }

    /// `ApiKey realm="…"`. The scheme is not registered; there is none for API keys.
    #[must_use]
    pub fn api_key(realm: &str) -> Self {
        Self::of("ApiKey", realm)
    }

    /// Adds `error="invalid_token"` with a description: fixed text, never anything of the token. For status 401.
    #[must_use]
    pub fn invalid_token(self, description: &str) -> Self {
        // RFC 6750 3 allows neither a quote nor a backslash in a description, not even escaped.
        self.parameter("error", "invalid_token")
            .parameter("error_description", &description.replace(['"', '\\'], "'"))
    }

    /// Adds `error="insufficient_scope", scope="a b"` with the scopes that would be enough, if there are any. For
    /// status 403.
    #[must_use]
    pub fn insufficient_scope<S: AsRef<str>>(self, scopes: &[S]) -> Self {
        let told = self.parameter("error", "insufficient_scope");
        if scopes.is_empty() {
            return told;
        }
        let words: Vec<&str> = scopes.iter().map(AsRef::as_ref).collect();
        told.parameter("scope", &words.join(" "))
    }

    /// Adds `resource_metadata="https://…"` (RFC 9728 5.1).
    #[must_use]
    pub fn resource_metadata(self, uri: &str) -> Self {
        self.parameter("resource_metadata", uri)
    }

    /// The header's value.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        HeaderValue::escaped(self.0.as_bytes())
    }

    fn of(scheme: &str, realm: &str) -> Self {
        let mut out = Self(scheme.to_owned());
        out.push(" ", "realm", realm);
        out
    }

    fn parameter(mut self, name: &str, value: &str) -> Self {
        self.push(", ", name, value);
        self
    }

    /// Writes the value as a quoted-string (RFC 9110 5.6.4); what is not printable ASCII becomes `?`.
    fn push(&mut self, separator: &str, name: &str, value: &str) {
        self.0.push_str(separator);
        self.0.push_str(name);
        self.0.push_str("=\"");
        for c in value.chars() {
            match c {
                '"' | '\\' => self.0.extend(['\\', c]),
                ' '..='~' => self.0.push(c),
                _ => self.0.push('?'),
            }
        }
        self.0.push('"');
    }
}
