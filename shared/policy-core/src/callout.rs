//! Requests that a filter makes itself: what to ask, and what came back.

use std::fmt;
use std::time::Duration;

use crate::header::{HeaderName, HeaderValue};
use raw::Snapshot;

/// An HTTP request to a cluster that the proxy knows.
#[derive(Clone)]
pub struct Callout {
    /// Envoy's name of the cluster: `outbound|443||idp.example.com`.
    pub cluster: String,
    /// `GET`, `POST`.
    pub method: &'static str,
    /// `:authority`.
    pub authority: String,
    /// `:path`, the query included.
    pub path: String,
    /// Further headers, of any bytes. A gRPC call needs `te: trailers` and `content-type: application/grpc`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Any bytes; empty for none.
    pub body: Vec<u8>,
    /// After how long the answer counts as lost. Whole milliseconds, at least one.
    pub timeout: Duration,
    /// An answer with a larger body counts as lost.
    pub max_body: usize,
}

impl fmt::Debug for Callout {
    /// Prints no header's value and no body: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, method, authority, path, body, timeout, .. } = self;
        write!(f, "{method} {authority}{path} by {cluster} within {timeout:?}, {} bytes", body.len())
    }
}

/// What came back.
pub type CalloutReply = Result<Answer, Lost>;

/// An answer, of whoever gave it: Envoy itself answers 503 for an endpoint that is dead and 504 when time is up.
///
/// To a gRPC request, one whose `content-type` is that, it answers with status 200 and `grpc-status: 14` among the
/// headers instead, for all of that. A gRPC answer is good only where there is a `grpc-status` and it is 0.
#[derive(Default)]
pub struct Answer {
    /// HTTP status; 0 when there was none.
    pub status: u16,
    /// Its headers, pseudo headers included.
    pub headers: Snapshot,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers: where `grpc-status` is, or else it is among the headers of an answer without a body.
    pub trailers: Snapshot,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The proxy did not send the request: it knows no such cluster, the cluster has no endpoint that is up, or too many
    /// requests are on their way already.
    NotSent,
    /// The answer broke off or had not ended when time was up, or it was larger than Envoy takes, or unreadable.
    Broken,
    /// The body was larger than [`Callout::max_body`].
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_callout_is_printed_without_what_it_carries() {
        let callout = Callout {
            cluster: "idp".to_owned(),
            method: "POST",
            authority: "idp.example".to_owned(),
            path: "/introspect".to_owned(),
            headers: Vec::new(),
            body: b"token=hunter2".to_vec(),
            timeout: Duration::from_secs(1),
            max_body: 1,
        };
        assert_eq!(format!("{callout:?}"), "POST idp.example/introspect by idp within 1s, 13 bytes");
    }
}
