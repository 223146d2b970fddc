//! The directives of Content Security Policy Level 3 and what may stand in their lists.

use policy_core::ConfigError;

/// The word that stands for a fresh nonce.
pub(super) const NONCE: &str = "nonce";

/// Every directive of CSP3 and of the specifications that add to it. Directives that browsers have dropped
/// (`plugin-types`, `prefetch-src`, `navigate-to`, `referrer`) are not among them.
pub(super) const DIRECTIVES: &[&str] = &[
    "base-uri",
    "block-all-mixed-content",
    "child-src",
    "connect-src",
    "default-src",
    "fenced-frame-src",
    "font-src",
    "form-action",
    "frame-ancestors",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "report-to",
    "report-uri",
    "require-trusted-types-for",
    "sandbox",
    "script-src",
    "script-src-attr",
    "script-src-elem",
    "style-src",
    "style-src-attr",
    "style-src-elem",
    "trusted-types",
    "upgrade-insecure-requests",
    "webrtc",
    "worker-src",
];

/// The keywords of a source list. Their single quotes belong to them.
const KEYWORDS: &[&str] = &[
    "'self'",
    "'none'",
    "'unsafe-inline'",
    "'unsafe-eval'",
    "'unsafe-hashes'",
    "'unsafe-allow-redirects'",
    "'strict-dynamic'",
    "'report-sample'",
    "'report-sha256'",
    "'report-sha384'",
    "'report-sha512'",
    "'wasm-unsafe-eval'",
    "'trusted-types-eval'",
    "'inline-speculation-rules'",
];

pub(super) const SANDBOX: &[&str] = &[
    "allow-downloads",
    "allow-forms",
    "allow-modals",
    "allow-orientation-lock",
    "allow-pointer-lock",
    "allow-popups",
    "allow-popups-to-escape-sandbox",
    "allow-presentation",
    "allow-same-origin",
    "allow-scripts",
    "allow-storage-access-by-user-activation",
    "allow-top-navigation",
    "allow-top-navigation-by-user-activation",
    "allow-top-navigation-to-custom-protocols",
];

/// A directive's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directive(pub(super) &'static str);

impl Directive {
    /// The directive with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        DIRECTIVES.iter().find(|known| **known == name).map(|known| Self(known))
    }
}

/// What a directive's list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Sources: hosts, schemes, keywords, perhaps nonces and hashes.
    Sources,
    /// Nothing.
    Bare,
    /// One or more words of a fixed set, in quotes or not.
    Words(&'static [&'static str]),
    /// Words of a fixed set, or nothing.
    Sandbox,
    /// `'none'`, `'allow-duplicates'`, `*` and names of policies, or nothing.
    PolicyNames,
    /// References to resources or groups.
    Reports,
}

impl Directive {
    pub(super) fn name(self) -> &'static str {
        self.0
    }

    pub(super) fn kind(self) -> Kind {
        match self.0 {
            "upgrade-insecure-requests" | "block-all-mixed-content" => Kind::Bare,
            "sandbox" => Kind::Sandbox,
            "report-uri" | "report-to" => Kind::Reports,
            "trusted-types" => Kind::PolicyNames,
            "require-trusted-types-for" => Kind::Words(&["'script'"]),
            "webrtc" => Kind::Words(&["'allow'", "'block'"]),
            _ => Kind::Sources,
        }
    }

    /// CSP3 6.7.3.1: a nonce is on an element, so it says nothing of attributes, frames or images.
    fn takes_nonce(self) -> bool {
        matches!(self.0, "default-src" | "script-src" | "script-src-elem" | "style-src" | "style-src-elem")
    }

    /// Checks the list as a whole.
    pub(super) fn check_list(self, items: &[String]) -> Result<(), &'static str> {
        let none = items.len() > 1 && items.iter().any(|item| item.eq_ignore_ascii_case("'none'"));
        match self.kind() {
            Kind::Bare if !items.is_empty() => Err("this directive has no value: write []"),
            Kind::Sources if items.is_empty() => Err("an empty list allows nothing: write [\"'none'\"]"),
            Kind::Words(_) | Kind::Reports if items.is_empty() => Err("this directive needs a value"),
            Kind::Words(_) if items.len() > 1 => Err("this directive has one value"),
            Kind::Sources | Kind::PolicyNames if none => Err("'none' stands alone"),
            Kind::Reports if self.0 == "report-to" && items.len() > 1 => Err("report-to names one group"),
            _ => Ok(()),
        }
    }

    /// Checks one item of the list. [`NONCE`] is fine where a nonce is.
    pub(super) fn check_item(self, item: &str) -> Result<(), ConfigError> {
        if item.is_empty()
            || !item.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b','))
        {
            return refuse(
                "an item is one word of plain ASCII without blank, comma or semicolon \
                 (each source is an item of its own, an international host is written as xn--…)",
            );
        }
        match self.kind() {
            Kind::Sources => self.check_source(item),
            Kind::Words(words) => one_of(item, words),
            Kind::Sandbox => one_of(item, SANDBOX),
            Kind::PolicyNames if item.contains('\'') => one_of(item, &["'none'", "'allow-duplicates'"]),
            Kind::PolicyNames | Kind::Bare | Kind::Reports => Ok(()),
        }
    }

    fn check_source(self, source: &str) -> Result<(), ConfigError> {
        let bare = source.trim_matches('\'');
        let is_quoted = source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) == Some(bare);
        let is_keyword = is_hash(bare)
            || KEYWORDS.iter().any(|keyword| keyword.trim_matches('\'').eq_ignore_ascii_case(bare));
        match (is_quoted, bare == source) {
            _ if bare == NONCE && !self.takes_nonce() => {
                refuse("a nonce counts in default-src, script-src(-elem) and style-src(-elem) only")
            }
            (true, _) if bare == NONCE => {
                refuse("write nonce without quotes: it stands for a fresh one per response")
            }
            (true, _) if bare.starts_with("nonce-") => refuse(
                "a nonce that is written down can be guessed: write nonce, without quotes, for a fresh one",
            ),
            (true, _) if is_keyword => Ok(()),
            (true, _) => Err(ConfigError::unknown_word(source, KEYWORDS)),
            (false, true) if is_keyword => {
                refuse(&format!("a keyword stands in single quotes: \"'{source}'\""))
            }
            (false, true) if !source.contains(['\'', '"']) => Ok(()),
            _ => refuse("a quote is missing or out of place"),
        }
    }
}

fn refuse(message: &str) -> Result<(), ConfigError> {
    Err(ConfigError::at("", message))
}

fn one_of(item: &str, words: &'static [&'static str]) -> Result<(), ConfigError> {
    if words.contains(&item) { Ok(()) } else { Err(ConfigError::unknown_word(item, words)) }
}

/// `sha256-…` with base64 or base64url after it.
fn is_hash(word: &str) -> bool {
    let digest = ["sha256-", "sha384-", "sha512-"].iter().find_map(|algorithm| word.strip_prefix(algorithm));
    digest.is_some_and(|digest| {
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let bare = digest.trim_end_matches('=');
        !bare.is_empty() && bare.bytes().all(is_base64)
    })
}
