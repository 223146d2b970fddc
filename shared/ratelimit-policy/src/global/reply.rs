//! What came back of a call.

use policy_core::{CalloutReply, HeaderName, HeaderValue, Lost, Snapshot};

use super::wire;

/// The words of [`Failure::word`].
pub(super) const WORDS: [&str; 7] =
    ["not_sent", "broken", "timeout", "unavailable", "http_error", "grpc_error", "garbage"];
/// `grpc-status` of a call whose time was up, by the service's own clock.
const DEADLINE_EXCEEDED: u32 = 4;
/// `grpc-status` of a service that is not there.
const UNAVAILABLE: u32 = 14;
/// What Envoy says of a call whose time was up: to gRPC it gives the status of a service that is not there.
const TIME_WAS_UP: &[u8] = b"upstream request timeout";

/// What the service said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// True when the request is over a limit.
    pub over: bool,
    /// One for each descriptor, of a service that gives them (envoyproxy/ratelimit does, Limitador does not).
    pub statuses: Vec<Status>,
    /// What the response shall get. None that decides route or framing.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
    /// What the request shall get on its way. None that decides route or framing.
    pub request_headers: Vec<(HeaderName, HeaderValue)>,
}

/// What the service said of one descriptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// True when it is over its limit.
    pub over: bool,
    /// True when the service has a limit for it.
    pub known: bool,
    /// How many requests are left.
    pub remaining: u64,
    /// In how many seconds, rounded up, there are all again.
    pub reset: Option<u64>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The call was not made.
    NotSent,
    /// The connection broke, or the answer was too large.
    Broken,
    /// Time was up.
    Timeout,
    /// The service is down, resets its connections, or says so itself.
    Unavailable,
    /// Any other HTTP status than 200.
    Http(u16),
    /// Any other status of gRPC than 0.
    Grpc(u32),
    /// No gRPC, or no `RateLimitResponse`.
    Garbage,
}

impl Failure {
    /// The word in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        let [not_sent, broken, timeout, unavailable, http, grpc, garbage] = WORDS;
        match self {
            Self::NotSent => not_sent,
            Self::Broken => broken,
            Self::Timeout => timeout,
            Self::Unavailable => unavailable,
            Self::Http(_) => http,
            Self::Grpc(_) => grpc,
            Self::Garbage => garbage,
        }
    }
}

impl Response {
    /// Reads what came back.
    ///
    /// # Errors
    /// [`Failure`] when the service did not say whether the request is over a limit.
    pub fn read(reply: CalloutReply) -> Result<Self, Failure> {
        let answer = reply.map_err(|lost| match lost {
            Lost::NotSent => Failure::NotSent,
            Lost::Broken | Lost::TooLarge => Failure::Broken,
        })?;
        match answer.status {
            200 => {}
            // What is no gRPC to Envoy gets these.
            503 => return Err(Failure::Unavailable),
            504 => return Err(Failure::Timeout),
            other => return Err(Failure::Http(other)),
        }
        // An answer without a message has the status among its headers.
        let status = grpc_status(&answer.trailers).or_else(|| grpc_status(&answer.headers));
        match status {
            Some(0) => wire::unframed(&answer.body).and_then(wire::response).ok_or(Failure::Garbage),
            Some(DEADLINE_EXCEEDED) => Err(Failure::Timeout),
            Some(UNAVAILABLE) => {
                let told = answer.headers.values(b"grpc-message").next();
                let was_up = told.is_some_and(|message| message.starts_with(TIME_WAS_UP));
                Err(if was_up { Failure::Timeout } else { Failure::Unavailable })
            }
            Some(status) => Err(Failure::Grpc(status)),
            None => Err(Failure::Garbage),
        }
    }

    /// How many requests are left of the limit that is nearest its end; nothing when the service does not say.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        let told = self.statuses.iter().filter(|status| status.known && status.over == self.over);
        told.map(|status| status.remaining).min().or_else(|| self.number("x-ratelimit-remaining"))
    }

    /// In how many seconds it is worth trying again, when the request is over a limit; else, when the limit that is
    /// nearest its end begins anew. Nothing when the service does not say.
    #[must_use]
    pub fn reset(&self) -> Option<u64> {
        let told = self.statuses.iter().filter(|status| status.over == self.over);
        told.filter_map(|status| status.reset).max().or_else(|| self.number("x-ratelimit-reset"))
    }

    /// The places of the descriptors that are over their limits, of a service that gives statuses.
    pub fn over_limits(&self) -> impl Iterator<Item = usize> {
        self.statuses.iter().enumerate().filter(|(_, status)| status.over).map(|(place, _)| place)
    }

    /// The name of the limit that is nearest its end, as Limitador tells it in `x-ratelimit-limit`: the first one there.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        let text = self.text("x-ratelimit-limit")?;
        let mut parameters = text.match_indices(';').filter_map(|(at, _)| text.get(at..));
        let name = parameters.find_map(|parameter| parameter.strip_prefix(";name=\""))?;
        name.split_once('"').map(|(name, _)| name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.response_headers.iter().find(|(known, _)| known.as_str() == name)?;
        std::str::from_utf8(value.as_bytes()).ok()
    }

    /// The number that a header of the answer is.
    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }
}

fn grpc_status(headers: &Snapshot) -> Option<u32> {
    let value = headers.values(b"grpc-status").next()?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use policy_core::Answer;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &[u8], trailers: &[(&str, &str)]) -> CalloutReply {
        let (headers, trailers) = (Snapshot::from_pairs(headers), Snapshot::from_pairs(trailers));
        Ok(Answer { status, headers, body: body.to_vec(), trailers })
    }

    const OK: &[u8] = b"\0\0\0\0\x02\x08\x01";
    const OVER: &[u8] = b"\0\0\0\0\x02\x08\x02";
    const FINE: [(&str, &str); 1] = [("grpc-status", "0")];

    #[test]
    fn an_answer_counts_only_when_grpc_says_so() {
        for (reply, expected) in [
            (answer(200, &[], OK, &FINE), Ok(false)),
            (answer(200, &[], OVER, &FINE), Ok(true)),
            (answer(200, &FINE, OVER, &[]), Ok(true)),
            (answer(200, &[("grpc-status", "14")], b"", &[]), Err(Failure::Unavailable)),
            (
                answer(200, &[("grpc-status", "14"), ("grpc-message", "upstream request timeout")], b"", &[]),
                Err(Failure::Timeout),
            ),
            (
                answer(200, &[("grpc-status", "14"), ("grpc-message", "no healthy upstream")], b"", &[]),
                Err(Failure::Unavailable),
            ),
            (answer(200, &[], OK, &[("grpc-status", "14")]), Err(Failure::Unavailable)),
            (answer(200, &[], b"", &[("grpc-status", "4")]), Err(Failure::Timeout)),
            (answer(200, &[], OK, &[("grpc-status", "2")]), Err(Failure::Grpc(2))),
            (answer(200, &FINE, OK, &[("grpc-status", "8")]), Err(Failure::Grpc(8))),
            (answer(200, &[], OK, &[]), Err(Failure::Garbage)),
            (answer(200, &[], OK, &[("grpc-status", "x")]), Err(Failure::Garbage)),
            (answer(200, &[], b"", &FINE), Err(Failure::Garbage)),
            (answer(200, &[], b"<html>", &FINE), Err(Failure::Garbage)),
            (answer(200, &[], b"\0\0\0\0\x02\x08\x00", &FINE), Err(Failure::Garbage)),
            (answer(504, &[], b"", &[]), Err(Failure::Timeout)),
            (answer(503, &FINE, OK, &FINE), Err(Failure::Unavailable)),
            (answer(502, &FINE, OK, &FINE), Err(Failure::Http(502))),
            (answer(0, &[], OK, &FINE), Err(Failure::Http(0))),
            (Err(Lost::NotSent), Err(Failure::NotSent)),
            (Err(Lost::Broken), Err(Failure::Broken)),
            (Err(Lost::TooLarge), Err(Failure::Broken)),
        ] {
            assert_eq!(Response::read(reply).map(|response| response.over), expected);
        }
    }

    #[test]
    fn statuses_say_more_than_headers() {
        let header =
            |name: &str, value: &str| (HeaderName::parse(name).unwrap(), HeaderValue::parse(value).unwrap());
        let told = vec![header("x-ratelimit-remaining", "2"), header("x-ratelimit-reset", "30")];
        let status = |over, remaining, reset| Status { over, known: true, remaining, reset };
        for (over, statuses, headers, expected) in [
            (true, vec![], told.clone(), (Some(2), Some(30))),
            (true, vec![], vec![header("x-ratelimit-reset", "soon")], (None, None)),
            (true, vec![], vec![], (None, None)),
            (
                true,
                vec![status(true, 0, Some(5)), status(false, 1, Some(60)), status(true, 0, Some(9))],
                told.clone(),
                (Some(0), Some(9)),
            ),
            (
                false,
                vec![status(false, 7, Some(5)), status(false, 3, None)],
                told.clone(),
                (Some(3), Some(5)),
            ),
            // A status that says nothing.
            (false, vec![Status::default()], told, (Some(2), Some(30))),
        ] {
            let response = Response { over, statuses, response_headers: headers, ..Response::default() };
            assert_eq!((response.remaining(), response.reset()), expected);
        }
    }

    #[test]
    fn the_limits_that_deny_are_found_in_statuses_or_by_name() {
        let status = |over| Status { over, ..Status::default() };
        let header = |value: &str| {
            (HeaderName::parse("x-ratelimit-limit").unwrap(), HeaderValue::parse(value).unwrap())
        };
        let of = |value: &str| Response { response_headers: vec![header(value)], ..Response::default() };
        for (value, name) in [
            (r#"2, 2;w=3600;name="user.hour", 50;w=86400;name="user.day""#, Some("user.hour")),
            (r#"2, 2;w=3600;name="user.a;b""#, Some("user.a;b")),
            (r#"2, 2;w=3600;name="user"#, None),
            ("2, 2;w=3600", None),
            ("", None),
        ] {
            assert_eq!(of(value).nearest(), name, "{value}");
        }
        assert_eq!(Response::default().nearest(), None);
        let statuses = vec![status(false), status(true), status(false), status(true)];
        let response = Response { statuses, ..Response::default() };
        assert_eq!(response.over_limits().collect::<Vec<_>>(), [1, 3]);
    }
}
