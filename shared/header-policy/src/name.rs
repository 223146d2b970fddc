//! Which header names a configuration may write and remove.

use policy_core::HeaderName;
use policy_core::config::Wire;
use policy_core::format::Phase;
use policy_core::header::is_protected;

/// What a configuration wants to do to a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Give it one value: how a path or an authority is rewritten.
    Set,
    /// Anything else.
    Edit,
}

/// Checks that this name may be written in this phase.
///
/// # Errors
/// Says why not, and what to do instead.
pub(crate) fn check(name: &HeaderName, phase: Phase, usage: Use) -> Result<(), String> {
    let rewrites = matches!(name.as_str(), ":authority" | ":path");
    if !is_protected(name.as_bytes()) || (rewrites && phase == Phase::Request && usage == Use::Set) {
        return Ok(());
    }
    Err(match name.as_str() {
        ":authority" | ":path" => format!("{name} can be rewritten with request.set only"),
        "host" => "Envoy calls this header :authority; rewrite it with request.set".to_owned(),
        name if name.starts_with(':') => {
            format!("{name} decides how the message is understood and cannot be edited")
        }
        name => format!(
            "{name} frames the message or belongs to one connection; Envoy keeps it right and it cannot be edited"
        ),
    })
}

/// Checks the value that a pseudo header is rewritten with; for all others everything is good.
pub(crate) fn is_good_value(name: &HeaderName, value: &[u8]) -> bool {
    match name.as_str() {
        ":path" => {
            value.first() == Some(&b'/')
                && value.iter().all(|byte| matches!(byte, 0x21..=0x7e) && *byte != b'#')
        }
        ":authority" => policy_core::route::normal_host(value).is_some(),
        _ => true,
    }
}

/// What `remove` names: one header, `x-int-*` or `*-debug`.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String"),
    schemars(extend("pattern" = r#"^(:?[!#$%&'+.^_`|~0-9A-Za-z-]+\*?|\*:?[!#$%&'+.^_`|~0-9A-Za-z-]+)$"#))
)]
pub(crate) enum Removal {
    /// This header.
    Exact(HeaderName),
    /// All that start so.
    Prefix(String),
    /// All that end so.
    Suffix(String),
}

impl Removal {
    /// True when a pattern means this header. Names that frame or route the message are never meant.
    pub(crate) fn accepts(&self, name: &[u8]) -> bool {
        let meant = match self {
            Self::Exact(exact) => name == exact.as_bytes(),
            Self::Prefix(prefix) => name.starts_with(prefix.as_bytes()),
            Self::Suffix(suffix) => name.ends_with(suffix.as_bytes()),
        };
        meant && !is_protected(name)
    }
}

impl TryFrom<String> for Removal {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        if pattern == "*" {
            return Err("* would remove every header; name them, or give a start or an end such as x-int-*"
                .to_owned());
        }
        let fixed = |text: &str| HeaderName::parse(text).map(|name| name.as_str().to_owned());
        let removal = match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (None, None) => Self::Exact(HeaderName::parse(&pattern)?),
            (Some(suffix), None) => Self::Suffix(fixed(suffix)?),
            (None, Some(prefix)) => Self::Prefix(fixed(prefix)?),
            (Some(_), Some(_)) => {
                return Err("a name to remove has one * at most, at its start or end".to_owned());
            }
        };
        let starred = match &removal {
            Self::Exact(name) => {
                // The response's pseudo headers are refused by the same words as the request's.
                check(name, Phase::Response, Use::Edit)?;
                name.as_str()
            }
            Self::Prefix(text) | Self::Suffix(text) => text,
        };
        if starred.contains('*') {
            return Err("a name to remove has one * at most, at its start or end".to_owned());
        }
        Ok(removal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn removal(pattern: &str) -> Result<Removal, String> {
        Removal::try_from(pattern.to_owned())
    }

    #[test]
    fn patterns_mean_what_they_say() {
        for (pattern, yes, no) in [
            ("X-Debug", "x-debug", "x-debugger"),
            ("x-int-*", "x-int-a", "x-int"),
            ("*-debug", "a-debug", "debug"),
            ("c*", "cookie", "content-length"),
        ] {
            let removal = removal(pattern).unwrap();
            assert!(removal.accepts(yes.as_bytes()), "{pattern} {yes}");
            assert!(!removal.accepts(no.as_bytes()), "{pattern} {no}");
        }
    }

    #[test]
    fn a_pattern_for_everything_or_for_framing_is_refused() {
        for bad in
            ["*", "", "a*b", "**", "*a*", "a b*", ":path", "content-length", "host", "transfer-encoding"]
        {
            assert!(removal(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_path_and_authority_can_be_rewritten_and_only_by_set() {
        for (name, phase, usage, allowed) in [
            (":path", Phase::Request, Use::Set, true),
            (":authority", Phase::Request, Use::Set, true),
            (":path", Phase::Request, Use::Edit, false),
            (":path", Phase::Response, Use::Set, false),
            (":method", Phase::Request, Use::Set, false),
            (":status", Phase::Response, Use::Set, false),
            ("content-length", Phase::Request, Use::Set, false),
            ("x-a", Phase::Request, Use::Edit, true),
        ] {
            let name = HeaderName::parse(name).unwrap();
            assert_eq!(check(&name, phase, usage).is_ok(), allowed, "{name}");
        }
    }

    #[test]
    fn a_path_that_would_break_the_request_line_is_no_value() {
        let path = HeaderName::parse(":path").unwrap();
        assert!(is_good_value(&path, b"/a?b=c"));
        for bad in [&b""[..], b"a", b"/a b", b"/a#b", b"/\xff", b"/%0A\n"] {
            assert!(!is_good_value(&path, bad));
        }
        assert!(!is_good_value(&HeaderName::parse(":authority").unwrap(), b"a,b"));
    }
}
