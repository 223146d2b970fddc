//! Hosts: compared without case, port and trailing dot.

use crate::config::Wire;

/// A host to match: `api.example.com`, `*.example.com` (any depth below, not the domain itself), or `*`.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String"),
    schemars(extend("pattern" = r#"^(\*|(\*\.)?([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]))$"#))
)]
pub struct HostPattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Any,
    Exact(Vec<u8>),
    /// With its leading dot.
    Below(Vec<u8>),
}

impl HostPattern {
    /// True when the host, in the form of [`normal_host`], is meant.
    #[must_use]
    pub fn matches(&self, host: &[u8]) -> bool {
        match &self.0 {
            Kind::Any => true,
            Kind::Exact(exact) => host == exact,
            Kind::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        if pattern == "*" {
            return Ok(Self(Kind::Any));
        }
        let (below, host) = pattern.strip_prefix("*.").map_or((false, pattern.as_str()), |host| (true, host));
        let wrong =
            || format!("{pattern:?} is not a host; write api.example.com, *.example.com or *, without port");
        let mut normal = normal_host(host.as_bytes()).ok_or_else(wrong)?;
        // normal_host cuts a port; in a pattern a port is a mistake, because it would be ignored.
        if normal.contains(&b'*') || normal.len() < host.trim_end_matches('.').len() {
            return Err(wrong());
        }
        if below {
            normal.insert(0, b'.');
        }
        Ok(Self(if below { Kind::Below(normal) } else { Kind::Exact(normal) }))
    }
}

/// The host of an authority in lower case, without port and trailing dot. IPv6 keeps its brackets.
///
/// `None` for anything that two readers may understand differently: no host, a list (two `Host` headers arrive joined
/// by a comma), user information, blanks, a port that is no number.
#[must_use]
pub fn normal_host(authority: &[u8]) -> Option<Vec<u8>> {
    let (host, port) = if authority.first() == Some(&b'[') {
        let end = authority.iter().position(|byte| *byte == b']')?;
        authority.split_at_checked(end.checked_add(1)?)?
    } else {
        let end = authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len());
        authority.split_at_checked(end)?
    };
    let port_is_number = match port.split_first() {
        None => true,
        Some((colon, digits)) => {
            *colon == b':' && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    let ipv6 = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    let plain = match ipv6 {
        Some(address) => address.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')),
        // An empty label is none: `a..` is not `a`.
        None => host.split(|byte| *byte == b'.').all(is_label),
    };
    (port_is_number && plain && !host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn is_label(label: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'*');
    !label.is_empty() && label.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(pattern: &str, authority: &str) -> bool {
        let host = normal_host(authority.as_bytes()).unwrap();
        HostPattern::try_from(pattern.to_owned()).unwrap().matches(&host)
    }

    #[test]
    fn case_port_and_trailing_dot_do_not_matter() {
        for authority in ["api.example.com", "API.Example.COM", "api.example.com:8080", "api.example.com.:80"]
        {
            assert!(matches("api.example.com", authority), "{authority}");
            assert!(matches("API.example.com.", authority), "{authority}");
            assert!(matches("*.example.com", authority), "{authority}");
            assert!(matches("*", authority), "{authority}");
        }
        assert!(matches("[::1]", "[::1]:80"));
    }

    #[test]
    fn a_wildcard_needs_a_label_of_its_own() {
        assert!(!matches("*.example.com", "example.com"));
        assert!(!matches("*.example.com", "badexample.com"));
        assert!(matches("*.example.com", "a.b.example.com"));
    }

    #[test]
    fn an_authority_that_can_be_read_two_ways_is_undecided() {
        for bad in [
            "", "a,b", "user@a", "a b", "a:b", "a:", "[::1", "[::1]x", "a/b", "a\0", ".", "..", "a..", ".a",
            "a..b", "é",
        ] {
            assert_eq!(normal_host(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn patterns_that_could_not_match_are_refused() {
        for bad in ["", "a.*.com", "*.", "a:80", "http://a", "*a.com", "a b"] {
            assert!(HostPattern::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
