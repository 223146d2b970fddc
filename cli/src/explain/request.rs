//! A described request as Envoy has it when the first plugin sees it.

use policy_core::Attribute;
use policy_core::table::Table;

use super::fixture::{Described, Tls};

/// A header of a message.
pub(super) fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

/// A field of a request, and what is wrong with it.
type Complaint = (&'static str, &'static str);

impl Described {
    /// What Envoy would have answered by itself: no filter sees such a request (RFC 9110, 5.1, 7.2 and 9.1; RFC 9112, 3.2).
    pub(super) fn impossible(&self) -> Option<Complaint> {
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let path = self.path.starts_with('/') || (self.path == "*" && self.method == "OPTIONS");
        let named = |name: &str| self.headers.0.iter().any(|(known, _)| known == name);
        let schemes = [None, Some("http"), Some("https")];
        [
            (self.method.is_empty() || !self.method.bytes().all(is_word), ("method", "this is no method")),
            (!path || !visible(&self.path), ("path", "a path starts with / and has no blanks: /a?b=c")),
            (!visible(&self.authority), ("authority", "this is no host, with or without a port")),
            (!schemes.contains(&self.scheme.as_deref()), ("scheme", "http or https")),
            (
                self.headers.0.iter().any(|(name, _)| name.starts_with(':')),
                ("headers", "the request line has fields of its own: method, path, authority, scheme"),
            ),
            (named("host"), ("headers", "the host is the authority: write it there")),
            (
                !(200..600).contains(&self.response.status),
                ("response.status", "an answer has a status from 200 to 599"),
            ),
        ]
        .into_iter()
        .find_map(|(wrong, complaint)| wrong.then_some(complaint))
    }

    /// When it comes, where the one before came at that time.
    pub(super) fn comes_at(&self, before: u64) -> u64 {
        let after = self.after.map(|after| u64::try_from(after.0.as_nanos()).unwrap_or(u64::MAX));
        match (self.time, after) {
            (Some(time), _) => time.nanos(),
            (None, Some(after)) => before.saturating_add(after),
            (None, None) => before,
        }
    }

    fn scheme(&self) -> &str {
        let usual = if self.peer.tls.is_some() { "https" } else { "http" };
        self.scheme.as_deref().unwrap_or(usual)
    }

    pub(super) fn line(&self) -> String {
        format!("{} {}://{}{}", self.method, self.scheme(), self.authority, self.path)
    }

    /// The message and what is known besides it.
    pub(super) fn message(&self, now: u64) -> Table {
        let mut headers = vec![
            pair(":authority", &self.authority),
            pair(":path", &self.path),
            pair(":method", &self.method),
            pair(":scheme", self.scheme()),
        ];
        headers.extend(self.headers.pairs());
        let text = |text: Option<&String>| text.map(|text| text.clone().into_bytes());
        let tls = self.peer.tls.as_ref();
        let of_tls = |read: fn(&Tls) -> Option<&String>| text(tls.and_then(read));
        let version = tls.map(|tls| tls.version.clone().unwrap_or_else(|| "TLSv1.3".to_owned()).into_bytes());
        let names = [
            (Attribute::PeerUriSan, of_tls(|tls| tls.uri_san.as_ref())),
            (Attribute::PeerDnsSan, of_tls(|tls| tls.dns_san.as_ref())),
            (Attribute::PeerCertificateDigest, of_tls(|tls| tls.sha256.as_ref())),
        ];
        let certificate = names.iter().any(|(_, name)| name.is_some());
        let others = [
            (Attribute::SourceAddress, self.peer.socket().map(String::into_bytes)),
            (
                Attribute::Protocol,
                Some(self.protocol.clone().unwrap_or_else(|| "HTTP/1.1".to_owned()).into_bytes()),
            ),
            (Attribute::StartTime, Some(now.to_le_bytes().to_vec())),
            (Attribute::RouteName, text(self.route.as_ref())),
            (Attribute::ClusterName, text(self.cluster.as_ref())),
            (Attribute::TlsVersion, version),
            (Attribute::Mtls, tls.map(|_| vec![u8::from(certificate)])),
        ];
        let attributes = others.into_iter().chain(names);
        Table {
            headers,
            attributes: attributes.filter_map(|(attribute, value)| Some((attribute, value?))).collect(),
            filter_state: self
                .filter_state
                .iter()
                .map(|(key, value)| (key.clone(), value.clone().into_bytes()))
                .collect(),
            ..Table::default()
        }
    }
}
