//! A described request as Envoy has it when the first plugin sees it.

use policy_core::Attribute;
use policy_core::table::Table;

use super::fixture::{Described, Tls};

/// A header of a message.
pub(super) fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

impl Described {
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
