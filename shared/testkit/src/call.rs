//! Requests that a filter makes itself.

use std::time::Duration;

use crate::Pairs;

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What its answer is handed in under.
    pub token: u32,
    /// Envoy's name of the cluster.
    pub cluster: String,
    /// Its headers, pseudo headers included.
    pub headers: Pairs,
    /// Its body.
    pub body: Vec<u8>,
    /// After this time Envoy answers it with 504.
    pub timeout: Duration,
    pub(crate) root: u32,
}

impl Call {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }
}
