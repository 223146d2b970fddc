//! Headers whose value is one word of a few, ordered by strictness.

use policy_core::{ConfigError, HeaderName, HeaderValue, Headers};

use super::config::{Defaults, Mode, WordConfig};
use super::fields;
use super::{known, write};

/// What is known of one such header.
#[derive(Debug)]
pub(super) struct Spec {
    header: &'static str,
    /// Its name in the configuration.
    field: &'static str,
    /// From the most lenient to the strictest.
    pub(super) words: &'static [&'static str],
    /// What OWASP proposes.
    pub(super) owasp: &'static str,
    pub(super) syntax: Syntax,
}

/// How browsers read the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// One word in any case.
    Word,
    /// One word, byte for byte.
    Exact,
    /// A structured field: a token, perhaps with parameters such as `report-to`.
    Item,
    /// A list of words in any case, of which the last known one counts.
    List,
}

/// HTML, "The X-Frame-Options header".
pub(super) static FRAME_OPTIONS: Spec = Spec {
    header: "x-frame-options",
    field: "frameOptions",
    words: &["SAMEORIGIN", "DENY"],
    owasp: "DENY",
    syntax: Syntax::Word,
};

/// Fetch, "X-Content-Type-Options header".
pub(super) static CONTENT_TYPE_OPTIONS: Spec = Spec {
    header: "x-content-type-options",
    field: "contentTypeOptions",
    words: &["nosniff"],
    owasp: "nosniff",
    syntax: Syntax::Word,
};

/// Referrer Policy, 3. The order is by what other origins learn: everything, everything save on a downgrade, the
/// origin, the origin save on a downgrade, nothing. Between equals, by what the own origin learns.
pub(super) static REFERRER_POLICY: Spec = Spec {
    header: "referrer-policy",
    field: "referrerPolicy",
    words: &[
        "unsafe-url",
        "no-referrer-when-downgrade",
        "origin-when-cross-origin",
        "origin",
        "strict-origin-when-cross-origin",
        "strict-origin",
        "same-origin",
        "no-referrer",
    ],
    owasp: "no-referrer",
    syntax: Syntax::List,
};

/// HTML, "Cross-origin opener policies".
pub(super) static OPENER_POLICY: Spec = Spec {
    header: "cross-origin-opener-policy",
    field: "crossOriginOpenerPolicy",
    words: &["unsafe-none", "same-origin-allow-popups", "noopener-allow-popups", "same-origin"],
    owasp: "same-origin",
    syntax: Syntax::Item,
};

/// HTML, "Cross-origin embedder policies".
pub(super) static EMBEDDER_POLICY: Spec = Spec {
    header: "cross-origin-embedder-policy",
    field: "crossOriginEmbedderPolicy",
    words: &["unsafe-none", "credentialless", "require-corp"],
    owasp: "require-corp",
    syntax: Syntax::Item,
};

/// Fetch, "Cross-Origin-Resource-Policy header".
pub(super) static RESOURCE_POLICY: Spec = Spec {
    header: "cross-origin-resource-policy",
    field: "crossOriginResourcePolicy",
    words: &["cross-origin", "same-site", "same-origin"],
    owasp: "same-origin",
    syntax: Syntax::Exact,
};

/// Adobe's cross-domain policy file specification, 1.3.
pub(super) static CROSS_DOMAIN_POLICIES: Spec = Spec {
    header: "x-permitted-cross-domain-policies",
    field: "permittedCrossDomainPolicies",
    words: &["all", "by-ftp-filename", "by-content-type", "master-only", "none"],
    owasp: "none",
    syntax: Syntax::Word,
};

/// No standard; browsers built on Chromium read it.
pub(super) static DNS_PREFETCH_CONTROL: Spec = Spec {
    header: "x-dns-prefetch-control",
    field: "dnsPrefetchControl",
    words: &["on", "off"],
    owasp: "off",
    syntax: Syntax::Word,
};

/// One such header with its value.
#[derive(Debug)]
pub(super) struct WordHeader {
    name: HeaderName,
    spec: &'static Spec,
    value: HeaderValue,
    rank: usize,
    mode: Mode,
}

impl WordHeader {
    pub(super) fn compile(
        spec: &'static Spec,
        config: Option<WordConfig>,
        defaults: Defaults,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(config) = defaults.fill(config) else { return Ok(None) };
        let value = config.value.as_deref().unwrap_or(spec.owasp);
        let rank = spec.check(value).map_err(|error| error.under("value").under(spec.field))?;
        let mode = config.mode.unwrap_or(defaults.mode);
        let value = HeaderValue::escaped(value.as_bytes());
        let header = Self { name: known(spec.header)?, spec, value, rank, mode };
        Ok((mode != Mode::Off).then_some(header))
    }

    pub(super) fn apply(&self, headers: &mut Headers<'_>) {
        if self.mode != Mode::Merge {
            return write(self.mode, headers, &self.name, &self.value);
        }
        match self.spec.read(headers, &self.name) {
            Some(App { rank, well_formed: true }) if rank >= self.rank => {}
            Some(App { rank, .. }) if rank > self.rank => {
                let word = self.spec.words.get(rank).copied().unwrap_or(self.spec.owasp);
                headers.set(&self.name, HeaderValue::escaped(word.as_bytes()));
            }
            _ => headers.set(&self.name, self.value.clone()),
        }
    }
}

/// What the application says.
struct App {
    rank: usize,
    /// A browser reads it the way it was meant.
    well_formed: bool,
}

impl Spec {
    /// The strictness of a configured value.
    fn check(&self, value: &str) -> Result<usize, ConfigError> {
        let find = |word: &str| {
            let rank = self.words.iter().position(|known| *known == word);
            rank.ok_or_else(|| ConfigError::unknown_word(word, self.words))
        };
        match value.rsplit_once(',') {
            Some((first, last)) if self.syntax == Syntax::List => {
                first.split(',').try_for_each(|word| find(word.trim_ascii()).map(|_| ()))?;
                find(last.trim_ascii())
            }
            _ => find(value),
        }
    }

    /// The application's own value, `None` when there is none that a browser understands.
    fn read(&self, headers: &Headers<'_>, name: &HeaderName) -> Option<App> {
        let (mut lines, mut items) = (0_usize, 0_usize);
        let mut found: Option<usize> = None;
        for line in headers.values(name) {
            lines = lines.saturating_add(1);
            for item in line.split(|byte| *byte == b',') {
                items = items.saturating_add(1);
                if let Some(rank) = self.rank(item.trim_ascii()) {
                    let last_counts = self.syntax == Syntax::List;
                    found = found.filter(|stricter| !last_counts && *stricter > rank).or(Some(rank));
                }
            }
        }
        let well_formed = lines == 1 && (items == 1 || self.syntax == Syntax::List);
        found.map(|rank| App { rank, well_formed })
    }

    fn rank(&self, item: &[u8]) -> Option<usize> {
        let word = if self.syntax == Syntax::Item { fields::token_item(item)? } else { item };
        self.words.iter().position(|known| match self.syntax {
            Syntax::Exact | Syntax::Item => known.as_bytes() == word,
            Syntax::Word | Syntax::List => known.as_bytes().eq_ignore_ascii_case(word),
        })
    }
}
