//! What the filters' own requests are answered with.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use policy_core::config::Wire;
use policy_core::{Answer, Callout, CalloutReply, Lost, Snapshot};

use super::message::Headers;
use crate::fault::Fault;

/// The path that stands for all others of a cluster.
const ANY: &str = "*";

/// An answer as a fixture gives it.
#[derive(Debug, Clone, Default, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Given {
    status: Option<u16>,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    body: String,
    /// The body as a file, seen from the fixture.
    file: Option<String>,
    /// In place of all that: what a rate limit service says (gRPC).
    rate_limit: Option<Verdict>,
    /// In place of all that: no answer comes.
    #[serde(default)]
    lost: bool,
}

/// `overall_code` of a rate limit service's answer.
#[derive(Debug, Clone, Copy, Wire)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    Ok,
    OverLimit,
}

impl Given {
    /// Reads the body's file.
    pub(super) fn take_body(
        &mut self,
        folder: &Path,
        read: &dyn Fn(&Path) -> Result<String, Fault>,
    ) -> Result<(), Fault> {
        if let Some(file) = self.file.take() {
            self.body = read(&folder.join(file))?;
        }
        Ok(())
    }

    fn reply(&self, max_body: usize) -> CalloutReply {
        if self.lost {
            return Err(Lost::Broken);
        }
        if let Some(verdict) = self.rate_limit {
            return Ok(verdict.message());
        }
        if self.body.len() > max_body {
            return Err(Lost::TooLarge);
        }
        let status = self.status.unwrap_or(200);
        let mut headers = vec![(b":status".to_vec(), status.to_string().into_bytes())];
        headers.extend(self.headers.pairs());
        let (body, headers) = (self.body.clone().into_bytes(), Snapshot::from_pairs(&headers));
        Ok(Answer { status, headers, body, trailers: Snapshot::default() })
    }
}

impl Verdict {
    /// `RateLimitResponse {overall_code}` in a gRPC frame.
    fn message(self) -> Answer {
        let code = match self {
            Self::Ok => 1,
            Self::OverLimit => 2,
        };
        Answer {
            status: 200,
            headers: Snapshot::from_pairs(&[(":status", "200"), ("content-type", "application/grpc")]),
            body: vec![0, 0, 0, 0, 2, 0x08, code],
            trailers: Snapshot::from_pairs(&[("grpc-status", "0")]),
        }
    }
}

/// The services of a fixture, and what was asked of them.
#[derive(Debug, Default)]
pub(crate) struct Services {
    given: BTreeMap<String, BTreeMap<String, Given>>,
    asked: RefCell<Vec<String>>,
}

impl Services {
    pub(super) fn new(given: BTreeMap<String, BTreeMap<String, Given>>) -> Self {
        Self { given, asked: RefCell::default() }
    }

    /// The answer to a request; what the fixture has none for was never sent.
    pub(super) fn ask(&self, callout: &Callout) -> CalloutReply {
        let path = callout.path.split('?').next().unwrap_or_default();
        let paths = self.given.get(&callout.cluster);
        let given = paths.and_then(|paths| {
            paths.get(&callout.path).or_else(|| paths.get(path)).or_else(|| paths.get(ANY))
        });
        let reply = given.map_or(Err(Lost::NotSent), |given| given.reply(callout.max_body));
        let outcome = match &reply {
            Ok(answer) => answer.status.to_string(),
            Err(Lost::NotSent) => "not sent: the fixture has no answer for it under services".to_owned(),
            Err(Lost::Broken) => "no answer".to_owned(),
            Err(Lost::TooLarge) => "too large an answer".to_owned(),
        };
        let (cluster, method) = (&callout.cluster, callout.method);
        self.asked.borrow_mut().push(format!("{method} {path} of {cluster}: {outcome}"));
        reply
    }

    /// What was asked since this was last called.
    pub(super) fn take_asked(&self) -> Vec<String> {
        self.asked.take()
    }
}
