//! The answers to refused requests.

use policy_core::config::Wire;
use policy_core::{ConfigError, GrpcStatus, HeaderName, HeaderValue, LocalReply};

use crate::config::NAME;

/// The problem type of draft-ietf-httpapi-ratelimit-headers-10, 5.1.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// How many seconds until it is worth trying again, when a limit could not be decided.
const RETRY_AFTER: u32 = 1;

/// `denial` as it is written down.
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Config {
    /// The status of a refusal.
    #[cfg_attr(feature = "schema", schemars(range(min = 400, max = 599), extend("default" = 429)))]
    status: Option<u64>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A rate is used up.
    Quota,
    /// There are as many requests at once as may be.
    Concurrency,
    /// Nothing may pass.
    Blocked,
    /// It cannot be decided, and the failure mode is `deny`.
    Unavailable,
}

/// The answers.
#[derive(Debug, Clone, Copy)]
pub struct Denials {
    status: u16,
}

impl Denials {
    /// Checks what is configured.
    ///
    /// # Errors
    /// Refuses a status that is no error's.
    pub fn compile(config: &Config) -> Result<Self, ConfigError> {
        match config.status.map_or(Ok(429), u16::try_from) {
            Ok(status @ 400..=599) => Ok(Self { status }),
            _ => Err(ConfigError::at("status", "a refusal has a status from 400 to 599, such as 429")),
        }
    }

    /// The answer to a request that a limit refuses.
    ///
    /// `policies` are the names of those that are violated, `retry_after` the seconds, rounded up, before which another
    /// try is in vain (none where it always is, or where nobody knows), `fields` what is told of the limits. The details
    /// are `tollgate.ratelimit.<reason>.<limit>`.
    #[must_use]
    pub fn refuse(
        &self,
        reason: Reason,
        limit: &str,
        policies: &[&str],
        retry_after: Option<u64>,
        fields: Vec<(HeaderName, HeaderValue)>,
    ) -> LocalReply {
        let (status, grpc) = match reason {
            Reason::Unavailable => (503, GrpcStatus::Unavailable),
            _ => (self.status, GrpcStatus::ResourceExhausted),
        };
        let (word, title) = reason.words();
        let mut reply = LocalReply::problem(NAME, status, grpc, word, title);
        reply.details.push('.');
        reply.details.push_str(limit);
        if reason != Reason::Unavailable {
            reply = reply.with_type(QUOTA_EXCEEDED).with_list("violated-policies", policies.iter().copied());
        }
        let retry_after = match reason {
            Reason::Unavailable => Some(RETRY_AFTER),
            // At least a second: 0 would be now.
            _ => retry_after.map(|seconds| u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)),
        };
        if let Some(seconds) = retry_after {
            reply = reply.retry_after(seconds);
        }
        fields.into_iter().fold(reply, |reply, (name, value)| reply.with(&name, value))
    }
}

impl Reason {
    /// The word in metrics, details and body, and a sentence for people.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Quota => ("quota_exceeded", "Too many requests."),
            Self::Concurrency => ("concurrency_exceeded", "Too many requests at once."),
            Self::Blocked => ("blocked", "No request may pass here."),
            Self::Unavailable => ("unavailable", "The rate limit cannot be checked now."),
        }
    }
}

#[cfg(test)]
mod tests {
    use policy_core::config;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn denials(json: &str) -> Result<Denials, ConfigError> {
        config::parse(json.as_bytes()).and_then(|config| Denials::compile(&config))
    }

    fn shown(reply: &LocalReply) -> String {
        let headers = reply
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value.as_bytes())));
        let headers = headers.collect::<Vec<_>>().join(" ");
        format!(
            "{} {:?} {} | {headers} | {}",
            reply.status,
            reply.grpc_status,
            reply.details,
            String::from_utf8_lossy(&reply.body)
        )
    }

    #[test]
    fn a_refusal_says_why_and_when_to_come_back() {
        let fields =
            vec![(HeaderName::parse("ratelimit").unwrap(), HeaderValue::parse("\"a\";r=0").unwrap())];
        let reply =
            denials("{}").unwrap().refuse(Reason::Quota, "per-client", &["per-client.day"], Some(7), fields);
        assert_eq!(
            shown(&reply),
            concat!(
                "429 ResourceExhausted tollgate.ratelimit.quota_exceeded.per-client",
                " | content-type=application/problem+json retry-after=7 ratelimit=\"a\";r=0 | ",
                r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","status":429,"#,
                r#""title":"Too many requests.","reason":"quota_exceeded","violated-policies":["per-client.day"]}"#,
            )
        );
    }

    #[test]
    fn each_reason_has_its_status() {
        let denials = denials(r#"{"status":420}"#).unwrap();
        for (reason, retry_after, start, told) in [
            (Reason::Quota, Some(0), "420 ResourceExhausted tollgate.ratelimit.quota_exceeded.a", Some("1")),
            (Reason::Quota, Some(u64::MAX), "420 ", Some("4294967295")),
            (Reason::Quota, None, "420 ", None),
            (
                Reason::Concurrency,
                Some(1),
                "420 ResourceExhausted tollgate.ratelimit.concurrency_exceeded.a",
                Some("1"),
            ),
            (Reason::Blocked, None, "420 ResourceExhausted tollgate.ratelimit.blocked.a", None),
            (Reason::Unavailable, None, "503 Unavailable tollgate.ratelimit.unavailable.a", Some("1")),
        ] {
            let reply = denials.refuse(reason, "a", &["a"], retry_after, Vec::new());
            assert!(shown(&reply).starts_with(start), "{}", shown(&reply));
            let value = reply
                .headers
                .iter()
                .find(|(name, _)| name.as_str() == "retry-after")
                .map(|(_, value)| value.as_bytes());
            assert_eq!(value, told.map(str::as_bytes), "{reason:?}");
            let exceeded = shown(&reply).contains("violated-policies");
            assert_eq!(exceeded, reason != Reason::Unavailable, "{reason:?}");
        }
    }

    #[test]
    fn a_status_that_is_no_refusal_is_refused() {
        for status in ["200", "399", "600", "70000", "18446744073709551615"] {
            let error = denials(&format!(r#"{{"status":{status}}}"#)).unwrap_err();
            assert!(
                error.to_string().starts_with("status: a refusal has a status from 400 to 599"),
                "{error}"
            );
        }
    }
}
