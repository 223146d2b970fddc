//! Requests and answers, with header values as the bytes they are.

use std::fmt;

/// Header fields in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(pub Vec<(String, Vec<u8>)>);

/// How a request travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 without TLS, known beforehand.
    Http2,
}

/// A request to send.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `Host` or `:authority`.
    pub authority: String,
    /// The headers.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// The protocol.
    pub protocol: Protocol,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
}

impl Fields {
    /// The values of a name, in order; bytes that are not UTF-8 shown as U+FFFD.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        self.bytes(name).iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The only value of a name: nothing when there is none, all of them joined by ` | ` when there are several, so
    /// that a comparison with one value fails.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let all = self.all(name);
        (!all.is_empty()).then(|| all.join(" | "))
    }

    /// The values of a name as bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Vec<&[u8]> {
        let fields = self.0.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        fields.map(|(_, value)| value.as_slice()).collect()
    }

    /// Whether there is such a header.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        !self.bytes(name).is_empty()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii()));
        f.debug_list().entries(lines).finish()
    }
}

impl Request {
    /// A GET.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST with a body.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", path) }
    }

    /// Any method.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            authority: "test.example.com".to_owned(),
            headers: Fields::default(),
            body: Vec::new(),
            protocol: Protocol::Http1,
        }
    }

    /// To another host than `test.example.com`.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.authority = host.to_owned();
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.0.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With a header that the echo puts on its answer.
    #[must_use]
    pub fn answered_with(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let mut set = format!("{name}=").into_bytes();
        set.extend_from_slice(value.as_ref());
        self.header("x-echo-set", set)
    }

    /// By HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.protocol = Protocol::Http2;
        self
    }
}

impl Response {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
