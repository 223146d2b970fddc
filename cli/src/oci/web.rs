//! HTTP with bounds: whatever answers may send anything, for ever.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::{Client, Response};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// A client for requests to a host (without port). As in Go, what is on this machine is never asked through a proxy.
/// How long all may take is for the caller to say.
pub(crate) fn client(host: &str) -> Result<Client, String> {
    // Fails when one is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let agent = concat!("tollgate/", env!("CARGO_PKG_VERSION"));
    let builder = Client::builder().user_agent(agent).connect_timeout(CONNECT);
    let builder = if is_this_machine(host) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| format!("cannot make an HTTP client: {}", reason(&error)))
}

/// An error with all that caused it; reqwest's own text says only that something went wrong.
pub(crate) fn reason(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

/// The whole body, unless it is longer than so many bytes.
pub(crate) async fn body(response: &mut Response, most: u64) -> Result<Vec<u8>, String> {
    let too_long = || format!("the answer is longer than {most} bytes");
    if response.content_length().is_some_and(|length| length > most) {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        let length = u64::try_from(bytes.len().saturating_add(chunk.len())).unwrap_or(u64::MAX);
        if length > most {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Foreign text as it may stand in a message: short, on one line, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(300).map(clean).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.trim().to_owned()
}

/// Whether a host (without port) is this machine.
pub(crate) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || address(host).is_some_and(|ip| ip.is_loopback())
}

/// Whether a host (without port) is this machine or an address of a private network: go-containerregistry speaks
/// plain HTTP with these when they do not speak TLS.
pub(crate) fn is_nearby(host: &str) -> bool {
    let private = |ip: IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_private());
    is_this_machine(host) || host.ends_with(".local") || address(host).is_some_and(private)
}

/// Whether istio-agent would refuse to ask this host for a token.
pub(crate) fn is_unsafe_realm(host: &str) -> bool {
    let local = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified(),
    };
    is_this_machine(host) || host == "metadata.google.internal" || address(host).is_some_and(local)
}

/// The address that a host is, when it is one: `[::1]` too.
fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The host of `host:port`.
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_apart() {
        for (host, this, nearby, unsafe_realm) in [
            ("localhost", true, true, true),
            ("a.localhost", true, true, true),
            ("127.0.0.7", true, true, true),
            ("[::1]", true, true, true),
            ("10.1.2.3", false, true, true),
            ("192.168.0.1", false, true, true),
            ("169.254.169.254", false, false, true),
            ("metadata.google.internal", false, false, true),
            ("reg.local", false, true, false),
            ("kind-registry", false, false, false),
            ("8.8.8.8", false, false, false),
            ("localhost.evil.com", false, false, false),
        ] {
            let said = (is_this_machine(host), is_nearby(host), is_unsafe_realm(host));
            assert_eq!(said, (this, nearby, unsafe_realm), "{host}");
        }
        assert_eq!((host_of("a:50"), host_of("a"), host_of("[::1]:5")), ("a", "a", "[::1]"));
    }

    #[test]
    fn foreign_text_is_cut_and_cleaned() {
        assert_eq!(shown("a\x1b[31m\nb "), "a [31m b");
        assert_eq!(shown(&"x".repeat(400)).chars().count(), 301);
    }
}
