//! What a policy answers.

use crate::callout::Callout;
use crate::header::{HeaderName, HeaderValue};
use crate::json;

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
    /// It stops until this callout has an answer, or has none; then [`Policy::on_answer`](crate::Policy::on_answer)
    /// decides. A request may ask when its headers have arrived and when it was woken, and a policy that says so in
    /// [`Callbacks::asks`](crate::Callbacks::asks).
    ///
    /// All edits made so far are dropped and have to be made in that later call. What was counted so far stays counted.
    Ask(Box<Callout>),
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
    /// The caller has used up what it may use.
    ResourceExhausted = 8,
    /// Something on our side is broken.
    Internal = 13,
    /// Something we need is not there now; trying again may help.
    Unavailable = 14,
    /// The caller is not known.
    Unauthenticated = 16,
}

/// How a problem begins that has no type of its own.
const BLANK: &str = r#"{"type":"about:blank""#;

static CONTENT_TYPE: HeaderName = HeaderName::known("content-type");
static RETRY_AFTER: HeaderName = HeaderName::known("retry-after");

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
        let body = format!(r#"{BLANK},"status":{status},"title":"{title}","reason":"{reason}"}}"#);
        Self {
            status,
            details: format!("tollgate.{filter}.{reason}"),
            grpc_status,
            headers: vec![(CONTENT_TYPE.clone(), HeaderValue::escaped(b"application/problem+json"))],
            body: body.into_bytes(),
        }
    }

    /// The same problem with a type of its own (RFC 9457, 3.1.1), in place of `about:blank`.
    ///
    /// `uri` is text of the program that needs no escaping.
    #[must_use]
    pub fn with_type(mut self, uri: &'static str) -> Self {
        if let Some(rest) = self.body.strip_prefix(BLANK.as_bytes()) {
            self.body = [br#"{"type":""#, uri.as_bytes(), b"\"", rest].concat();
        }
        self
    }

    /// The same problem with one more member (RFC 9457, 3.2): a list of texts, which may hold anything.
    ///
    /// ```
    /// use policy_core::{GrpcStatus, LocalReply};
    /// let reply = LocalReply::problem("a", 429, GrpcStatus::ResourceExhausted, "over_limit", "Too many requests.")
    ///     .with_type("https://iana.org/assignments/http-problem-types#quota-exceeded")
    ///     .with_list("violated-policies", ["per \"client\""]);
    /// assert_eq!(
    ///     String::from_utf8(reply.body).expect("text"),
    ///     r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","status":429,"#.to_owned()
    ///         + r#""title":"Too many requests.","reason":"over_limit","violated-policies":["per \"client\""]}"#
    /// );
    /// ```
    #[must_use]
    pub fn with_list<'t>(mut self, name: &'static str, texts: impl IntoIterator<Item = &'t str>) -> Self {
        let Some(problem) = self.body.strip_suffix(b"}") else { return self };
        let mut member = format!(",\"{name}\":[");
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                member.push(',');
            }
            json::write_text(&mut member, text);
        }
        member.push_str("]}");
        self.body = [problem, member.as_bytes()].concat();
        self
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
        self.headers.push((RETRY_AFTER.clone(), value));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn body(reply: LocalReply) -> String {
        String::from_utf8(reply.body).unwrap()
    }

    fn problem() -> LocalReply {
        LocalReply::problem("a", 429, GrpcStatus::ResourceExhausted, "over", "No.")
    }

    #[test]
    fn a_problem_has_one_type_the_first_it_was_given() {
        assert_eq!(body(problem()), r#"{"type":"about:blank","status":429,"title":"No.","reason":"over"}"#);
        let typed = body(problem().with_type("urn:a").with_type("urn:b"));
        assert_eq!(typed, r#"{"type":"urn:a","status":429,"title":"No.","reason":"over"}"#);
    }

    #[test]
    fn what_is_listed_cannot_leave_its_list() {
        let listed = |texts: &[&str]| body(problem().with_list("l", texts.iter().copied()));
        for (texts, list) in
            [(["a\"]}", "b\\"].as_slice(), r#"["a\"]}","b\\"]}"#), (&[], "[]}"), (&["\n"], r#"["\u000a"]}"#)]
        {
            assert_eq!(listed(texts).split_once(r#""l":"#).unwrap().1, list);
        }
    }

    #[test]
    fn a_body_that_is_no_problem_is_left_alone() {
        let other = LocalReply { body: b"no".to_vec(), ..problem() };
        assert_eq!(body(other.with_type("urn:a").with_list("l", ["x"])), "no");
    }
}
