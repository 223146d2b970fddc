//! The `match` block, the same in every filter.
//!
//! Kinds of conditions are joined by AND; the items of `hosts`, `paths` and `methods` by OR, those of `headers` by AND.
//! A host is compared without case, port and trailing dot. A path is compared in the normal form of [`NormalPath`].
//! What cannot be brought into that form is [`Undecided`]: the policy refuses it rather than guess.

mod header;
mod host;
mod path;
mod pattern;

use std::cell::OnceCell;

use crate::config::Wire;

pub use header::HeaderMatch;
pub use host::{HostPattern, normal_host};
pub use path::NormalPath;
pub use pattern::PathPattern;

use crate::header::{HeaderName, is_token};
use crate::headers::Headers;

/// A `match` block. Without conditions it matches every request.
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Match {
    /// Hosts, one of which has to be asked for. Compared without case, port and trailing dot; `*.` stands for any depth below.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["shop.example.com", "*.example.com"]])))]
    hosts: Option<List<HostPattern>>,
    /// Paths, one of which has to be asked for.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{ "prefix": "/api" }]])))]
    paths: Option<List<PathPattern>>,
    /// Methods, one of which it has to be. They have their case.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["GET", "POST"]])))]
    methods: Option<List<Method>>,
    /// Conditions on headers, all of which have to hold.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{ "name": "x-canary", "exact": "1" }]])))]
    headers: Option<List<HeaderMatch>>,
}

/// A part of the request on which no decision may rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// The path has no normal form.
    Path,
    /// The authority is not one plain host.
    Host,
}

/// What matching needs of a request, worked out once however many rules ask.
pub struct Target<'h, 's> {
    headers: &'h Headers<'s>,
    path: OnceCell<Part<NormalPath<'h>>>,
    host: OnceCell<Part<Vec<u8>>>,
}

/// A part of the request: absent (a CONNECT has no path), in normal form, or without one.
type Part<T> = Result<Option<T>, Undecided>;

impl<'h, 's> Target<'h, 's> {
    /// The target of the request with these headers.
    #[must_use]
    pub fn new(headers: &'h Headers<'s>) -> Self {
        Self { headers, path: OnceCell::new(), host: OnceCell::new() }
    }

    /// The headers of the request.
    #[must_use]
    pub fn headers(&self) -> &'h Headers<'s> {
        self.headers
    }

    /// `:method`.
    #[must_use]
    pub fn method(&self) -> Option<&'h [u8]> {
        self.headers.first(&HeaderName::METHOD)
    }

    /// `:path` as it is, with its query.
    #[must_use]
    pub fn raw_path(&self) -> Option<&'h [u8]> {
        self.headers.first(&HeaderName::PATH)
    }

    /// The path in normal form; `None` where there is none.
    ///
    /// # Errors
    /// [`Undecided`] when it has no such form.
    pub fn path(&self) -> Result<Option<&NormalPath<'h>>, Undecided> {
        let path = self.path.get_or_init(|| match self.raw_path() {
            Some(path) => NormalPath::read(path).map(Some).ok_or(Undecided::Path),
            None => Ok(None),
        });
        path.as_ref().map(Option::as_ref).map_err(|undecided| *undecided)
    }

    /// The host in lower case, without port and trailing dot; `None` where there is none.
    ///
    /// # Errors
    /// [`Undecided`] when the authority is not one plain host.
    pub fn host(&self) -> Result<Option<&[u8]>, Undecided> {
        let host = self.host.get_or_init(|| match self.headers.first(&HeaderName::AUTHORITY) {
            Some(authority) => normal_host(authority).map(Some).ok_or(Undecided::Host),
            None => Ok(None),
        });
        host.as_ref().map(Option::as_deref).map_err(|undecided| *undecided)
    }
}

impl Match {
    /// True when the block has no condition.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.hosts.is_none() && self.paths.is_none() && self.methods.is_none() && self.headers.is_none()
    }

    /// True when every path that the block asks for is a template with `{name}` in it.
    #[must_use]
    pub fn captures(&self, name: &str) -> bool {
        self.paths.as_ref().is_some_and(|paths| paths.0.iter().all(|pattern| pattern.captures(name)))
    }

    /// What `{name}` stands for in the path of a request that matches: a segment in normal form.
    #[must_use]
    pub fn capture<'t>(&self, name: &str, target: &'t Target<'_, '_>) -> Option<&'t [u8]> {
        let path = target.path().ok()??;
        self.paths.as_ref()?.0.iter().find_map(|pattern| pattern.capture(name, path))
    }

    /// Whether the request matches.
    ///
    /// # Errors
    /// [`Undecided`] when everything else matches and the answer hangs on a host or path without a normal form.
    pub fn matches(&self, target: &Target<'_, '_>) -> Result<bool, Undecided> {
        if let Some(methods) = &self.methods {
            let method = target.method().unwrap_or_default();
            if !methods.0.iter().any(|allowed| allowed.0.as_bytes() == method) {
                return Ok(false);
            }
        }
        if let Some(conditions) = &self.headers
            && !conditions.0.iter().all(|condition| condition.matches(target.headers))
        {
            return Ok(false);
        }
        if let Some(hosts) = &self.hosts {
            let meant = |host| hosts.0.iter().any(|pattern| pattern.matches(host));
            if !target.host()?.is_some_and(meant) {
                return Ok(false);
            }
        }
        match &self.paths {
            None => Ok(true),
            Some(paths) => {
                let meant = |path| paths.0.iter().any(|pattern| pattern.matches(path));
                Ok(target.path()?.is_some_and(meant))
            }
        }
    }
}

/// A list with something in it.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "Vec<T>")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "Vec<T>", extend("minItems" = 1))
)]
struct List<T>(Vec<T>);

impl<T> TryFrom<Vec<T>> for List<T> {
    type Error = &'static str;

    fn try_from(items: Vec<T>) -> Result<Self, Self::Error> {
        if items.is_empty() {
            return Err("an empty list would match nothing; leave it out to match everything");
        }
        Ok(Self(items))
    }
}

/// An HTTP method. Methods are case-sensitive (RFC 9110, 9.1).
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("pattern" = r#"^[!#$%&'*+.^_`|~0-9A-Z-]+$"#))
)]
struct Method(String);

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(method: String) -> Result<Self, String> {
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err("a method is a word such as GET".to_owned());
        }
        let upper = method.to_ascii_uppercase();
        if method != upper {
            return Err(format!("methods are case-sensitive; write {upper}"));
        }
        Ok(Self(method))
    }
}
