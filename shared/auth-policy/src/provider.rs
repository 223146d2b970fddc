//! Those who can vouch for a request.

pub(crate) mod api_key;
pub(crate) mod basic;
pub(crate) mod certificate;
pub(crate) mod jwt;
pub(crate) mod opaque;
mod print;
mod roster;
pub(crate) mod tokens;

use std::rc::Rc;

use credentials::{Ambiguous, Found, Place, find};
use policy_core::config::{Environment, Wire};
use policy_core::{CalloutReply, ConfigError, Counter, Counters, Exchange, Host, Label, Outside};

use crate::denial::Denial;
use crate::identity::Identity;
use crate::own_headers::OwnHeaders;

/// The SHA-256 of an opaque token, by which its answer is known.
pub(crate) type Fingerprint = [u8; 32];

/// A provider as it is written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("minProperties" = 2, "maxProperties" = 2))
)]
pub(crate) struct Config {
    /// By which rules refer to it; unique.
    pub(crate) name: Label,
    /// Signed tokens (JWT). The words are those of Istio's RequestAuthentication.
    jwt: Option<jwt::Config>,
    /// API keys.
    api_key: Option<credentials::ApiKeyConfig>,
    /// User names and passwords.
    basic: Option<credentials::BasicConfig>,
    /// Opaque tokens, about which their issuer is asked (RFC 7662).
    introspection: Option<opaque::Config>,
    /// Names in the client's certificate.
    mtls: Option<credentials::CertificateConfig>,
}

/// A compiled provider.
pub(crate) struct Provider {
    pub(crate) name: String,
    kind: Kind,
}

enum Kind {
    Jwt(Box<jwt::Jwt>),
    ApiKey(api_key::ApiKey),
    Basic(Box<basic::Basic>),
    Opaque(Box<opaque::Opaque>),
    Certificate(certificate::Certificate),
}

/// What a provider says of a request.
pub(crate) enum Evidence {
    /// Nothing stands where this provider looks.
    Absent,
    /// Something stands there that is not made for this provider. Unless another one takes it, it is refused.
    Foreign(Vec<u8>, Denial),
    /// It vouches.
    Good(Vouched),
    /// It refuses.
    Bad(Denial),
    /// It cannot say before something outside has been heard of.
    Wait(Waiting),
}

/// A caller that a provider vouches for.
pub(crate) struct Vouched {
    pub(crate) identity: Rc<Identity>,
    /// The credential, where it stands in the message.
    pub(crate) credential: Option<Found>,
    /// Whether it is taken out of the message.
    pub(crate) hide: bool,
}

/// What a request waits for; kept in its stream, so that being woken for nothing costs next to nothing.
#[derive(Clone)]
pub(crate) enum Waiting {
    /// Keys that may have the one that is needed, others than those of this version.
    Keys(Option<idp::Asked>, u64),
    /// What the introspection endpoint says of the token with this SHA-256.
    Token(Fingerprint, Vec<u8>),
}

/// What a provider is asked with.
pub(crate) struct Question<'q, 'x> {
    pub(crate) exchange: &'q Exchange<'x>,
    pub(crate) host: &'q dyn Host,
    /// What the request waited for at this provider before.
    pub(crate) waited: Option<Waiting>,
    /// Those who vouch already, once they are enough.
    pub(crate) vouched: &'q [(usize, Vouched)],
    /// Counters to be raised.
    pub(crate) counts: &'q mut Vec<Counter>,
}

impl Question<'_, '_> {
    /// The one credential that stands in these places, or what it means that there is not one.
    fn credential(&self, places: &Rc<[Place]>) -> Result<Found, Evidence> {
        match find(places, &self.exchange.headers) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(Evidence::Absent),
            Err(Ambiguous) => Err(Evidence::Bad(Denial::AMBIGUOUS_CREDENTIAL)),
        }
    }
}

/// How a client is told to show a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme<'p> {
    Bearer(&'p str),
    ApiKey(&'p str),
    Basic(&'p str),
    /// Nothing a client could answer with.
    None,
}

/// What compiling a provider needs besides its configuration.
pub(crate) struct Workshop<'w> {
    pub(crate) name: &'w str,
    /// The provider's number, which tells errands apart.
    pub(crate) slot: u8,
    pub(crate) environment: Environment<'w>,
    pub(crate) counters: &'w mut Counters,
    pub(crate) own: &'w mut OwnHeaders,
}

impl Provider {
    /// Compiles one.
    pub(crate) fn compile(config: Config, mut shop: Workshop<'_>) -> Result<Self, ConfigError> {
        let name = config.name.as_str().to_owned();
        let Config { jwt, api_key, basic, introspection, mtls, .. } = config;
        let shop = &mut shop;
        let kind = match (jwt, api_key, basic, introspection, mtls) {
            (Some(config), None, None, None, None) => jwt::Jwt::compile(config, shop)
                .map(|jwt| Kind::Jwt(Box::new(jwt)))
                .map_err(|e| e.under("jwt")),
            (None, Some(config), None, None, None) => {
                api_key::ApiKey::compile(config, shop).map(Kind::ApiKey).map_err(|e| e.under("apiKey"))
            }
            (None, None, Some(config), None, None) => basic::Basic::compile(config, shop)
                .map(|basic| Kind::Basic(Box::new(basic)))
                .map_err(|e| e.under("basic")),
            (None, None, None, Some(config), None) => opaque::Opaque::compile(config, shop)
                .map(|opaque| Kind::Opaque(Box::new(opaque)))
                .map_err(|e| e.under("introspection")),
            (None, None, None, None, Some(config)) => certificate::Certificate::compile(config, shop)
                .map(Kind::Certificate)
                .map_err(|e| e.under("mtls")),
            _ => Err(ConfigError::at("", "give exactly one of jwt, apiKey, basic, introspection, mtls")),
        }?;
        Ok(Self { name, kind })
    }

    /// Where its credentials stand, as far as a configuration says so.
    pub(crate) fn places(&self) -> &[Place] {
        match &self.kind {
            Kind::Jwt(jwt) => jwt.places(),
            Kind::ApiKey(keys) => keys.places(),
            Kind::Opaque(opaque) => opaque.places(),
            Kind::Basic(_) | Kind::Certificate(_) => &[],
        }
    }

    /// What it says of a request.
    pub(crate) fn examine(&self, question: Question<'_, '_>) -> Evidence {
        match &self.kind {
            Kind::Jwt(jwt) => jwt.examine(question),
            Kind::ApiKey(keys) => keys.examine(&question),
            Kind::Basic(basic) => basic.examine(&question),
            Kind::Opaque(opaque) => opaque.examine(question),
            Kind::Certificate(names) => names.examine(&question),
        }
    }

    /// True while a request that waits here would only wait on.
    pub(crate) fn still_waits(&self, waiting: &mut Waiting, host: &dyn Host) -> bool {
        match (&self.kind, waiting) {
            (Kind::Jwt(jwt), Waiting::Keys(asked, version)) => jwt.still_waits(asked, *version, host),
            (Kind::Opaque(opaque), Waiting::Token(key, token)) => opaque.still_waits(key, token, host),
            _ => false,
        }
    }

    /// The order in which providers are asked: those who know at once first, and a certificate, which costs host calls
    /// and hurts nobody by being there, last.
    pub(crate) fn rank(&self) -> u8 {
        match &self.kind {
            Kind::Jwt(_) => 0,
            Kind::ApiKey(_) => 1,
            Kind::Basic(_) => 2,
            Kind::Opaque(_) => 3,
            Kind::Certificate(_) => 4,
        }
    }

    /// True when asking can be left out once enough others vouch.
    pub(crate) fn is_certificate(&self) -> bool {
        matches!(self.kind, Kind::Certificate(_))
    }

    /// How a client shows a credential of this provider.
    pub(crate) fn scheme(&self) -> Scheme<'_> {
        match &self.kind {
            Kind::Jwt(jwt) => Scheme::Bearer(jwt.realm()),
            Kind::Opaque(opaque) => Scheme::Bearer(opaque.realm()),
            Kind::ApiKey(keys) => Scheme::ApiKey(keys.realm()),
            Kind::Basic(basic) => Scheme::Basic(basic.realm()),
            Kind::Certificate(_) => Scheme::None,
        }
    }

    /// The policy is live in this VM.
    pub(crate) fn on_start(&self, out: &mut Outside<'_>) {
        match &self.kind {
            Kind::Jwt(jwt) => jwt.on_start(out),
            // A rule in shadow asks without waiting: only ticks send its questions.
            Kind::Opaque(opaque) => opaque.on_tick(out),
            Kind::ApiKey(_) | Kind::Basic(_) | Kind::Certificate(_) => {}
        }
    }

    /// Time has passed.
    pub(crate) fn on_tick(&self, out: &mut Outside<'_>) {
        match &self.kind {
            Kind::Jwt(jwt) => jwt.on_tick(out),
            Kind::Opaque(opaque) => opaque.on_tick(out),
            Kind::ApiKey(_) | Kind::Basic(_) | Kind::Certificate(_) => {}
        }
    }

    /// An errand of this provider has an answer.
    pub(crate) fn on_errand(&self, local: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        match &self.kind {
            Kind::Jwt(jwt) => jwt.on_errand(local, reply, out),
            Kind::Opaque(opaque) => opaque.on_errand(local, reply, out),
            Kind::ApiKey(_) | Kind::Basic(_) | Kind::Certificate(_) => {}
        }
    }
}
