//! Why a request is refused: one word of a fixed set, one sentence, and the status that goes with it.

use jose::Refused;
use policy_core::GrpcStatus;

/// A refusal, before it becomes an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) class: Class,
    /// The word in metrics, response-code details and the body.
    pub(crate) reason: &'static str,
    /// For people. Nothing that a client sent is in it.
    pub(crate) sentence: &'static str,
}

/// What kind of refusal it is: it decides the status and the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// No credential: 401 with plain challenges (RFC 6750, 3.1: no error code then).
    Missing,
    /// A credential that is no good: 401, `invalid_token`.
    Invalid,
    /// A caller who may not do this: 403.
    Forbidden,
    /// A token without the scope: 403, `insufficient_scope`.
    Scope,
    /// It cannot be decided now: 503 with Retry-After.
    Unavailable,
    /// The request can be read in two ways: 400.
    Ambiguous,
}

impl Denial {
    pub(crate) const MISSING: Self =
        Self::new(Class::Missing, "missing_credential", "This needs a credential, and none was sent.");
    pub(crate) const AMBIGUOUS_CREDENTIAL: Self = Self::new(
        Class::Invalid,
        "ambiguous_credential",
        "More than one credential was sent where one is expected.",
    );
    pub(crate) const UNKNOWN_KEY: Self =
        Self::new(Class::Invalid, "unknown_api_key", "The API key is not known.");
    pub(crate) const MALFORMED_PASSWORD: Self =
        Self::new(Class::Invalid, "malformed_credential", "The user name and password cannot be read.");
    pub(crate) const WRONG_PASSWORD: Self =
        Self::new(Class::Invalid, "wrong_password", "The user name or the password is wrong.");
    pub(crate) const INACTIVE: Self = Self::new(Class::Invalid, "inactive_token", "The token is not active.");
    pub(crate) const NOT_A_TOKEN: Self =
        Self::new(Class::Invalid, "malformed_token", "The token cannot be read.");
    pub(crate) const UNBOUND: Self = Self::new(
        Class::Invalid,
        "certificate_mismatch",
        "The token is not bound to the certificate of this connection.",
    );
    pub(crate) const NO_CERTIFICATE: Self =
        Self::new(Class::Forbidden, "missing_certificate", "This needs a client certificate that is known.");
    pub(crate) const SCOPE: Self =
        Self::new(Class::Scope, "insufficient_scope", "The token lacks a scope that this needs.");
    pub(crate) const CLAIM: Self =
        Self::new(Class::Forbidden, "claim_not_allowed", "The caller's claims do not allow this.");
    pub(crate) const ID: Self = Self::new(Class::Forbidden, "id_not_allowed", "The caller may not do this.");
    pub(crate) const LABEL: Self =
        Self::new(Class::Forbidden, "label_not_allowed", "The caller's labels do not allow this.");
    pub(crate) const DENIED: Self = Self::new(Class::Forbidden, "denied", "Nobody may do this.");
    pub(crate) const NO_RULE: Self = Self::new(Class::Forbidden, "no_rule", "No rule allows this.");
    pub(crate) const NO_KEYS: Self =
        Self::new(Class::Unavailable, "no_keys", "The keys to check tokens with are not there yet.");
    pub(crate) const NO_INTROSPECTION: Self =
        Self::new(Class::Unavailable, "no_introspection", "The token cannot be checked now.");
    pub(crate) const BUSY: Self =
        Self::new(Class::Unavailable, "too_many_passwords", "Too many passwords are being checked.");
    /// Only ever reported: a rule in shadow does not make a request wait.
    pub(crate) const UNDECIDED: Self =
        Self::new(Class::Unavailable, "undecided", "Something outside has to be asked first.");
    pub(crate) const AMBIGUOUS_PATH: Self =
        Self::new(Class::Ambiguous, "ambiguous_path", "The path can be read in more than one way.");
    pub(crate) const AMBIGUOUS_HOST: Self =
        Self::new(Class::Ambiguous, "ambiguous_host", "The host can be read in more than one way.");

    /// A refusal of this class.
    pub(crate) const fn new(class: Class, reason: &'static str, sentence: &'static str) -> Self {
        Self { class, reason, sentence }
    }

    /// A token that was read and is no good.
    pub(crate) fn token(refused: Refused) -> Self {
        Self::new(Class::Invalid, refused.reason(), refused.sentence())
    }
}

/// Every reason there is, each once.
pub(crate) fn reasons() -> impl Iterator<Item = &'static str> {
    let own = [
        Denial::MISSING,
        Denial::AMBIGUOUS_CREDENTIAL,
        Denial::UNKNOWN_KEY,
        Denial::MALFORMED_PASSWORD,
        Denial::WRONG_PASSWORD,
        Denial::INACTIVE,
        Denial::NOT_A_TOKEN,
        Denial::UNBOUND,
        Denial::NO_CERTIFICATE,
        Denial::SCOPE,
        Denial::CLAIM,
        Denial::ID,
        Denial::LABEL,
        Denial::DENIED,
        Denial::NO_KEYS,
        Denial::NO_INTROSPECTION,
        Denial::BUSY,
        Denial::UNDECIDED,
        Denial::NO_RULE,
        Denial::AMBIGUOUS_PATH,
        Denial::AMBIGUOUS_HOST,
    ];
    let of_tokens = [
        Refused::AlgorithmNotAllowed,
        Refused::UnknownKey,
        Refused::BadSignature,
        Refused::WrongIssuer,
        Refused::WrongAudience,
        Refused::Expired,
        Refused::NotYetValid,
        Refused::IssuedInFuture,
        Refused::LifetimeTooLong,
        Refused::NoExpiration,
        Refused::WrongType,
        Refused::BadClaim,
        Refused::Unsupported,
    ];
    own.into_iter().map(|denial| denial.reason).chain(of_tokens.into_iter().map(Refused::reason))
}

impl Class {
    /// The HTTP status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Missing | Self::Invalid => 401,
            Self::Forbidden | Self::Scope => 403,
            Self::Unavailable => 503,
            Self::Ambiguous => 400,
        }
    }

    /// The same for gRPC clients.
    pub(crate) fn grpc_status(self) -> GrpcStatus {
        match self {
            Self::Missing | Self::Invalid => GrpcStatus::Unauthenticated,
            Self::Forbidden | Self::Scope => GrpcStatus::PermissionDenied,
            Self::Unavailable => GrpcStatus::Unavailable,
            Self::Ambiguous => GrpcStatus::InvalidArgument,
        }
    }
}
