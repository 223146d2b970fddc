//! A cookie's name, or all names with a beginning or an end in common. Names of cookies have their case.

use policy_core::config::Wire;
use policy_core::header::is_token;

/// `XSRF-TOKEN`, `pref-*` or `*-debug`.
#[derive(Debug, Clone, PartialEq, Eq, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String"),
    schemars(extend("pattern" = r#"^([!#$%&'+.^_`|~0-9A-Za-z-]+\*?|\*[!#$%&'+.^_`|~0-9A-Za-z-]+)$"#))
)]
pub(super) enum Pattern {
    /// This name.
    Exact(String),
    /// Names that begin so.
    Prefix(String),
    /// Names that end so.
    Suffix(String),
}

impl Pattern {
    /// True when the name is meant.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => name == exact.as_bytes(),
            Self::Prefix(prefix) => name.starts_with(prefix.as_bytes()),
            Self::Suffix(suffix) => name.ends_with(suffix.as_bytes()),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (pattern, bare): (fn(String) -> Self, &str) =
            match (text.strip_suffix('*'), text.strip_prefix('*')) {
                (Some(prefix), _) => (Self::Prefix, prefix),
                (None, Some(suffix)) => (Self::Suffix, suffix),
                (None, None) => (Self::Exact, &text),
            };
        if bare.is_empty() || !bare.bytes().all(|byte| is_token(byte) && byte != b'*') {
            return Err("write a name, or one with a * at its end or its beginning (pref-*, *-debug)");
        }
        Ok(pattern(bare.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_star_stands_at_one_end() {
        for (text, yes, no) in
            [("XSRF", "XSRF", "xsrf"), ("pref-*", "pref-a", "pref"), ("*-debug", "x-debug", "x-debug2")]
        {
            let pattern = Pattern::try_from(text.to_owned()).unwrap();
            assert!(pattern.matches(yes.as_bytes()) && !pattern.matches(no.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_pattern_that_names_all_or_nothing_is_refused() {
        for bad in ["", "*", "**", "a*b", "*a*", "a b", "a:", "é"] {
            assert!(Pattern::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
