//! What a policy answers.

use crate::header::{HeaderName, HeaderValue};

/// What happens to the exchange after a policy has seen it.
#[derive(Debug)]
#[must_use]
pub enum Flow {
    /// It goes on, with the edits made.
    Continue,
    /// It ends here with this answer.
    Reply(LocalReply),
}

/// The gRPC status of a refusal (the codes of `google.rpc.Code` that refusals need).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum GrpcStatus {
    /// The client sent something malformed.
    InvalidArgument = 3,
    /// Something on our side is broken.
    Internal = 13,
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
    /// Headers of the answer. Each name once: Envoy adds, it does not replace.
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
}
