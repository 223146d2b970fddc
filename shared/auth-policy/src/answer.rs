//! The answer to a refused request.

use credentials::Challenge;
use policy_core::{HeaderName, HeaderValue, LocalReply};

use crate::denial::{Class, Denial};
use crate::provider::Scheme;

static CHALLENGE: HeaderName = HeaderName::known("www-authenticate");

/// How many seconds until it is worth trying again, when something we need is not there.
const RETRY_AFTER: u32 = 1;

/// What answers are made of besides the refusal.
pub(crate) struct Answers {
    filter: &'static str,
    resource_metadata: Option<String>,
}

/// Whom a refused request could have convinced.
pub(crate) struct Addressee<'a> {
    /// One for each provider of the rule.
    pub(crate) schemes: Vec<Scheme<'a>>,
    /// The one whose credential was no good.
    pub(crate) failed: Option<Scheme<'a>>,
    /// The scopes that the rule asks for.
    pub(crate) scopes: &'a [String],
}

impl Answers {
    /// Answers of this filter.
    pub(crate) fn new(filter: &'static str, resource_metadata: Option<String>) -> Self {
        Self { filter, resource_metadata }
    }

    /// The answer to a request that was refused for this reason.
    pub(crate) fn refuse(&self, denial: Denial, to: &Addressee<'_>) -> LocalReply {
        let Denial { class, reason, sentence } = denial;
        let mut reply =
            LocalReply::problem(self.filter, class.status(), class.grpc_status(), reason, sentence);
        if class == Class::Unavailable {
            reply = reply.retry_after(RETRY_AFTER);
        }
        let mut told: Vec<HeaderValue> = Vec::new();
        for scheme in &to.schemes {
            if let Some(challenge) = self.challenge(denial, *scheme, to)
                && !told.contains(&challenge)
            {
                told.push(challenge);
            }
        }
        told.into_iter().fold(reply, |reply, challenge| reply.with(&CHALLENGE, challenge))
    }

    fn challenge(&self, denial: Denial, scheme: Scheme<'_>, to: &Addressee<'_>) -> Option<HeaderValue> {
        let refused = matches!(denial.class, Class::Missing | Class::Invalid);
        match scheme {
            Scheme::Bearer(realm) if refused || denial.class == Class::Scope => {
                let mut challenge = Challenge::bearer(realm);
                if denial.class == Class::Scope {
                    challenge = challenge.insufficient_scope(to.scopes);
                } else if denial.class == Class::Invalid && to.failed == Some(scheme) {
                    challenge = challenge.invalid_token(denial.sentence);
                }
                if let Some(uri) = &self.resource_metadata {
                    challenge = challenge.resource_metadata(uri);
                }
                Some(challenge.value())
            }
            Scheme::ApiKey(realm) if refused => Some(Challenge::api_key(realm).value()),
            Scheme::Basic(realm) if refused => Some(Challenge::basic(realm).value()),
            _ => None,
        }
    }
}
