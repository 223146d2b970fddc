//! Requests that a filter makes itself: what to ask, and what came back.

use std::time::Duration;

use crate::header::{HeaderName, HeaderValue};
use crate::snapshot::Snapshot;

/// An HTTP request to a cluster that the proxy knows.
#[derive(Debug, Clone)]
pub struct Callout {
    /// Envoy's name of the cluster: `outbound|443||idp.example.com`.
    pub cluster: String,
    /// `GET`, `POST`.
    pub method: &'static str,
    /// `:authority`.
    pub authority: String,
    /// `:path`, the query included.
    pub path: String,
    /// Further headers. Values have to be ASCII: the host call takes text.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// After how long the answer counts as lost. Whole milliseconds, at least one.
    pub timeout: Duration,
    /// An answer with a larger body counts as lost.
    pub max_body: usize,
}

/// What came back.
pub type CalloutReply = Result<Answer, Lost>;

/// An answer, of whoever gave it: Envoy itself answers 503 for an endpoint that is dead and 504 when time is up.
#[derive(Default)]
pub struct Answer {
    /// HTTP status; 0 when there was none.
    pub status: u16,
    /// Its headers, pseudo headers included.
    pub headers: Snapshot,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The proxy did not send the request: most often it knows no such cluster.
    NotSent,
    /// The connection broke, or the answer was larger than Envoy takes.
    Broken,
    /// The body was larger than [`Callout::max_body`].
    TooLarge,
}
