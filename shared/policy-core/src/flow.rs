//! What a policy answers.

use crate::header::{HeaderName, HeaderValue};

/// What happens to the exchange after a policy has seen it.
#[derive(Debug)]
#[must_use]
pub enum Flow {
    /// It goes on, with the edits made.
    Continue,
    /// It stops until something outside has changed; then [`Policy::on_wake`](crate::Policy::on_wake) decides.
    ///
    /// All edits made so far are dropped: the later call starts from the message as it arrived.
    Wait,
    /// It ends here with this answer.
    Reply(LocalReply),
}

/// The gRPC status of a refusal (the codes of `google.rpc.Code` that refusals need).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum GrpcStatus {
    /// The client sent something malformed.
    InvalidArgument = 3,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// Something on our side is broken.
    Internal = 13,
    /// Something we need is not there now; trying again may help.
    Unavailable = 14,
    /// The caller is not known.
    Unauthenticated = 16,
}

/// An answer made by the proxy instead of the upstream.
#[derive(Debug)]
pub struct LocalReply {
    /// HTTP status code.
    pub status: u16,
    /// `%RESPONSE_CODE_DETAILS%`: `tollgate.<filter>.<reason>`, no blanks.
    pub details: String,
    /// What a gRPC client gets instead of the HTTP status.
    pub grpc_status: GrpcStatus,
    /// Headers of the answer. Envoy adds each of them as it is: a name that stands twice is sent twice.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body of the answer.
    pub body: Vec<u8>,
}

impl LocalReply {
    /// A refusal as RFC 9457 `application/problem+json`.
    ///
    /// `reason` is one word of a fixed set, `title` one sentence for people: text of the program, so that nothing a
    /// client sent is in it and nothing needs escaping.
    #[must_use]
    pub fn problem(
        filter: &str,
        status: u16,
        grpc_status: GrpcStatus,
        reason: &'static str,
        title: &'static str,
    ) -> Self {
        let body =
            format!(r#"{{"type":"about:blank","status":{status},"title":"{title}","reason":"{reason}"}}"#);
        let content_type = HeaderName::parse("content-type")
            .map(|name| (name, HeaderValue::escaped(b"application/problem+json")));
        Self {
            status,
            details: format!("tollgate.{filter}.{reason}"),
            grpc_status,
            headers: content_type.into_iter().collect(),
            body: body.into_bytes(),
        }
    }

    /// The same reply with one more header.
    #[must_use]
    pub fn with(mut self, name: &HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name.clone(), value));
        self
    }

    /// The same reply with `Retry-After` (RFC 9110, 10.2.3): in so many seconds it is worth trying again.
    ///
    /// ```
    /// use policy_core::{GrpcStatus, LocalReply};
    /// let reply = LocalReply::problem("auth", 503, GrpcStatus::Unavailable, "busy", "Try again.").retry_after(30);
    /// let (name, value) = reply.headers.last().expect("two headers");
    /// assert_eq!((name.as_str(), value.as_bytes()), ("retry-after", b"30".as_slice()));
    /// ```
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        let value = HeaderValue::escaped(seconds.to_string().as_bytes());
        self.headers.extend(HeaderName::parse("retry-after").map(|name| (name, value)));
        self
    }
}
