//! What is told of a fixture: the same for people and as JSON.

use serde::Serialize;

/// One fixture.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub(super) fixture: String,
    /// Whose chain it is.
    pub(super) proxy: String,
    /// What requests pass, in order.
    pub(super) chain: Vec<Stop>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) excluded: Vec<LeftOut>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// What the filters asked for before the first request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<String>,
    pub(super) requests: Vec<Told>,
    /// What makes its expectations say nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mismatches: Vec<String>,
}

impl Explained {
    /// True when nothing differs from what the fixture expects.
    pub(super) fn as_expected(&self) -> bool {
        self.mismatches.is_empty() && self.requests.iter().all(|request| request.mismatches.is_empty())
    }
}

/// One stop of the chain.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    /// `namespace.name`, or what of Istio's own stands here.
    pub(super) name: String,
    /// Phase and priority of a plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
    /// False for what only a mesh or a module can do.
    pub(super) run: bool,
}

/// A plugin that the proxy does not get.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut {
    pub(super) plugin: String,
    pub(super) reason: String,
}

/// One request.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// `GET http://localhost/`.
    pub(super) request: String,
    pub(super) time: String,
    /// What the filters asked for since the request before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<String>,
    pub(super) steps: Vec<Step>,
    /// The request as it goes on; `None` when it was refused.
    pub(super) upstream: Option<Vec<Field>>,
    pub(super) answer: Answer,
    /// Whether the fixture says what shall come of it.
    pub(super) expected: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mismatches: Vec<String>,
}

/// What one plugin did in one phase.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    pub(super) plugin: String,
    /// `request` or `response`.
    pub(super) phase: &'static str,
    /// `goes on` or `replies`.
    pub(super) verdict: &'static str,
    /// Which of its rules, limits and the like came to what: `per-user denied`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) says: Vec<String>,
    /// `tollgate.<filter>.<reason>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) edits: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filter_state: Vec<Field>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) counters: Vec<String>,
    /// The filter's own requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waited_ms: Option<u64>,
}

/// The answer to the client.
#[derive(Debug, Default, Serialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    pub(super) headers: Vec<Field>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

/// A name and a value, credentials hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: String,
}
