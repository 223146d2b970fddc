//! Where an identity provider is asked.

use policy_core::ConfigError;

/// What a request to a URI needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// `:authority`: the host in lower case, and the port where the URI names one.
    pub authority: String,
    /// `:path`, the query included.
    pub path: String,
    /// Whether the URI's scheme is `https`.
    pub secure: bool,
}

/// Longer URIs are refused.
const MAX_URI: usize = 2048;

impl Endpoint {
    /// Takes an absolute `http` or `https` URI (RFC 9110, 4.2) apart.
    ///
    /// Without `cluster` it is the one that Istio makes of a `ServiceEntry`: `outbound|<port>||<host>`.
    ///
    /// # Errors
    /// Refuses other schemes, user information, a fragment, an empty host, a port out of range and any character that a
    /// URI does not have. The text does not repeat the URI.
    ///
    /// ```
    /// let endpoint = idp::Endpoint::parse("https://idp.example.com/keys", None)?;
    /// assert_eq!(endpoint.cluster, "outbound|443||idp.example.com");
    /// assert_eq!((endpoint.authority.as_str(), endpoint.path.as_str()), ("idp.example.com", "/keys"));
    /// # Ok::<(), String>(())
    /// ```
    pub fn parse(uri: &str, cluster: Option<&str>) -> Result<Self, String> {
        if uri.len() > MAX_URI {
            return Err(format!("a URI here has at most {MAX_URI} bytes"));
        }
        if !uri.bytes().all(is_uri) {
            return Err("a URI has printable ASCII only, without blanks, quotes, \\ and <>^`{|}".to_owned());
        }
        if uri.contains('#') {
            return Err("the URI must not have a fragment (#…)".to_owned());
        }
        let (scheme, rest) = uri.split_once("://").ok_or_else(scheme_wanted)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(scheme_wanted()),
        };
        let (authority, path) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        let (host, port) = host_and_port(authority)?;
        let host = host.to_ascii_lowercase();
        let number = port.unwrap_or(if secure { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let cluster = match cluster {
            Some("") => return Err("the cluster's name must not be empty".to_owned()),
            Some(name) => name.to_owned(),
            None => format!("outbound|{number}||{bare}"),
        };
        Ok(Self {
            cluster,
            authority: port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            secure,
        })
    }

    /// The same, as an error at the place `key` of a configuration.
    pub(crate) fn at(key: &str, uri: &str, cluster: Option<&str>) -> Result<Self, ConfigError> {
        Self::parse(uri, cluster).map_err(|message| ConfigError::at(key, message))
    }
}

fn scheme_wanted() -> String {
    "an absolute URI is needed, such as \"https://idp.example.com/keys\" (https or http)".to_owned()
}

/// Whether RFC 3986 lets a byte stand in a URI.
const fn is_uri(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    if authority.contains('@') {
        return Err("the URI must not name a user; credentials have their own fields".to_owned());
    }
    let end = authority.rfind(']').and_then(|at| at.checked_add(1)).unwrap_or_default();
    let tail = authority.get(end..).unwrap_or_default();
    let (host, port) = match tail.rfind(':') {
        Some(colon) => {
            let (host, port) =
                authority.split_at_checked(end.saturating_add(colon)).unwrap_or((authority, ""));
            (host, Some(port.trim_start_matches(':')))
        }
        None => (authority, None),
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => match port.parse::<u16>() {
            Ok(number) if number > 0 => Some(number),
            _ => return Err("the port is a number from 1 to 65535".to_owned()),
        },
        Some(_) => return Err("the port is a number from 1 to 65535".to_owned()),
        None => None,
    };
    let named = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = bracketed.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    if host.is_empty() || !(named || address) {
        return Err(
            "the URI needs a host: a name, an IPv4 address, or an IPv6 address in brackets".to_owned()
        );
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_uri_becomes_what_a_request_needs() {
        for (uri, cluster, authority, path, secure) in [
            ("https://idp.example.com", "outbound|443||idp.example.com", "idp.example.com", "/", true),
            ("http://IDP/a/b?c=d", "outbound|80||idp", "idp", "/a/b?c=d", false),
            ("HTTPS://idp:8443/keys", "outbound|8443||idp", "idp:8443", "/keys", true),
            ("https://idp:443/", "outbound|443||idp", "idp:443", "/", true),
            ("https://idp?x=/y", "outbound|443||idp", "idp", "/?x=/y", true),
            ("http://10.0.0.1:80/", "outbound|80||10.0.0.1", "10.0.0.1:80", "/", false),
            ("http://[2001:DB8::1]:81/", "outbound|81||2001:db8::1", "[2001:db8::1]:81", "/", false),
            ("http://[::1]/", "outbound|80||::1", "[::1]", "/", false),
        ] {
            let endpoint = Endpoint::parse(uri, None).unwrap();
            let expected = Endpoint {
                cluster: cluster.to_owned(),
                authority: authority.to_owned(),
                path: path.to_owned(),
                secure,
            };
            assert_eq!(endpoint, expected, "{uri}");
        }
        assert_eq!(Endpoint::parse("https://idp/", Some("mine")).unwrap().cluster, "mine");
    }

    #[test]
    fn what_is_not_such_a_uri_is_refused() {
        for (uri, reason) in [
            ("", "absolute URI"),
            ("/keys", "absolute URI"),
            ("idp.example.com/keys", "absolute URI"),
            ("ftp://idp/", "absolute URI"),
            ("file:///etc/passwd", "absolute URI"),
            ("https:///keys", "needs a host"),
            ("https://ann:hunter2@idp/", "must not name a user"),
            ("https://idp/#top", "fragment"),
            ("https://idp:0/", "1 to 65535"),
            ("https://idp:/", "1 to 65535"),
            ("https://idp:65536/", "1 to 65535"),
            ("https://idp:8x/", "1 to 65535"),
            ("https://idp::80/", "needs a host"),
            ("https://a:1:2/", "needs a host"),
            ("https://[::1/", "needs a host"),
            ("https://[::1]x/", "needs a host"),
            ("https://[idp]/", "needs a host"),
            ("https://id%70/", "needs a host"),
            ("https://a,b/", "needs a host"),
            ("https://idp/a b", "printable ASCII"),
            ("https://idp/\r\nx-evil: 1", "printable ASCII"),
            ("https://idp/é", "printable ASCII"),
            ("https://idp\\@evil/", "printable ASCII"),
            (&format!("https://idp/{}", "a".repeat(2048)), "at most 2048"),
        ] {
            let message = Endpoint::parse(uri, None).unwrap_err();
            assert!(message.contains(reason), "{uri}: {message}");
            assert!(!message.contains("hunter2"));
        }
        assert!(Endpoint::parse("https://idp/", Some("")).unwrap_err().contains("cluster"));
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(text in "(https?://)?[a-z\\[\\]:@/?#.%0-9]{0,40}|.{0,40}") {
            if let Ok(endpoint) = Endpoint::parse(&text, None) {
                let whole = format!("{}{}", endpoint.authority, endpoint.path);
                proptest::prop_assert!(whole.bytes().all(is_uri));
                proptest::prop_assert!(endpoint.path.starts_with('/') && !endpoint.authority.contains('/'));
            }
        }
    }
}
