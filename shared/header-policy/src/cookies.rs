//! `cookies`: adds to each `Set-Cookie` the attributes it lacks (RFC 6265bis).
//!
//! What the application wrote stays byte for byte and in its order; attributes are added after it. Several cookies stay
//! several headers: a comma cannot join them, it stands in `Expires`.

mod pattern;
#[cfg(test)]
mod tests;

use policy_core::config::Wire;
use policy_core::{ConfigError, HeaderName, HeaderValue, Headers};

use pattern::Pattern;

static SET_COOKIE: HeaderName = HeaderName::known("set-cookie");

/// The `cookies` block.
#[derive(Debug, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::cookies))]
pub(crate) struct Config {
    /// Adds `Secure`. Browsers drop such a cookie from plain HTTP, save on localhost.
    #[serde(default)]
    secure: bool,
    /// Adds `HttpOnly`: scripts cannot read the cookie.
    #[serde(default)]
    http_only: bool,
    /// Adds `SameSite=…`; `None` needs `secure: true`.
    same_site: Option<SameSite>,
    /// Adds `Path=…`.
    path: Option<CookiePath>,
    /// Cookies that are left alone entirely: a name, `pref-*` or `*-debug`. They have their case.
    #[serde(default)]
    except: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Wire)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum SameSite {
    Strict,
    Lax,
    None,
}

/// A path that starts with a slash and cannot end the attribute.
#[derive(Debug, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r#"^/[!-:<-~]*$"#))
)]
struct CookiePath(String);

impl TryFrom<String> for CookiePath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
            return Err("a cookie's path starts with / and has no blank, control character or semicolon");
        }
        Ok(Self(path))
    }
}

/// The compiled `cookies` block.
#[derive(Debug)]
pub(crate) struct Cookies {
    secure: bool,
    http_only: bool,
    /// `SameSite=Lax`.
    same_site: Option<&'static str>,
    /// `Path=/`.
    path: Option<String>,
    except: Vec<Pattern>,
}

impl Cookies {
    /// Checks the block. Paths in errors are relative to it.
    pub(crate) fn compile(config: Config) -> Result<Self, ConfigError> {
        let Config { secure, http_only, same_site, path, except } = config;
        if !secure && !http_only && same_site.is_none() && path.is_none() {
            let message =
                "this adds nothing; write secure: true, httpOnly: true, sameSite (Strict, Lax, None) or path";
            return Err(ConfigError::at("", message));
        }
        if same_site == Some(SameSite::None) && !secure {
            return Err(ConfigError::at(
                "sameSite",
                "browsers drop a cookie with None that is not secure: write secure: true too",
            ));
        }
        Ok(Self {
            secure,
            http_only,
            same_site: same_site.map(|same_site| match same_site {
                SameSite::Strict => "SameSite=Strict",
                SameSite::Lax => "SameSite=Lax",
                SameSite::None => "SameSite=None",
            }),
            path: path.map(|path| ["Path=", &path.0].concat()),
            except,
        })
    }

    /// Hardens every cookie of a response. Cookies that lack nothing cost no write.
    pub(crate) fn harden(&self, headers: &mut Headers<'_>) {
        let hardened: Vec<Option<Vec<u8>>> =
            headers.values(&SET_COOKIE).map(|cookie| self.hardened(cookie)).collect();
        if hardened.iter().all(Option::is_none) {
            return;
        }
        let cookies = headers.values(&SET_COOKIE).zip(&hardened);
        let cookies = cookies.map(|(own, new)| HeaderValue::escaped(new.as_deref().unwrap_or(own))).collect();
        headers.set_all(&SET_COOKIE, cookies);
    }

    /// The cookie with what it lacked; `None` when it lacks nothing, is excepted, or is no cookie at all.
    fn hardened(&self, cookie: &[u8]) -> Option<Vec<u8>> {
        let mut parts = cookie.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let name = pair.get(..pair.iter().position(|byte| *byte == b'=')?)?.trim_ascii();
        if name.is_empty() || self.except.iter().any(|pattern| pattern.matches(name)) {
            return None;
        }
        let has = Attributes::read(parts);
        // A cookie with this prefix lives only with Path=/ (RFC 6265bis, 4.1.3.2); browsers ignore its case.
        let host_only = name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case(b"__Host-"));
        let path = self.path.as_deref().filter(|path| !has.path && (!host_only || *path == "Path=/"));
        let added = [
            (self.secure && !has.secure).then_some("Secure"),
            (self.http_only && !has.http_only).then_some("HttpOnly"),
            self.same_site.filter(|_| !has.same_site),
            path,
        ];
        if added.iter().all(Option::is_none) {
            return None;
        }
        let mut out = cookie.trim_ascii_end().to_vec();
        for attribute in added.into_iter().flatten() {
            out.extend_from_slice(if out.ends_with(b";") { b" " } else { b"; " });
            out.extend_from_slice(attribute.as_bytes());
        }
        Some(out)
    }
}

/// Which attributes a cookie has, with whatever value: one that is there is the application's decision.
#[derive(Default)]
struct Attributes {
    secure: bool,
    http_only: bool,
    same_site: bool,
    path: bool,
}

impl Attributes {
    fn read<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut has = Self::default();
        for part in parts {
            let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            has.secure |= name.eq_ignore_ascii_case(b"secure");
            has.http_only |= name.eq_ignore_ascii_case(b"httponly");
            has.same_site |= name.eq_ignore_ascii_case(b"samesite");
            has.path |= name.eq_ignore_ascii_case(b"path");
        }
        has
    }
}
