//! Opaque tokens, about which their issuer is asked (RFC 7662).

use std::cell::RefCell;
use std::rc::Rc;

use credentials::{HeaderPlace, Place, checked_realm};
use idp::{ActiveToken, Introspected, Introspection, IntrospectionConfig};
use jose::Claims;
use policy_core::config::{Secret, Wire};
use policy_core::json::Json;
use policy_core::recent::{Limits, Recent};
use policy_core::time::Span;
use policy_core::{CalloutReply, ConfigError, Host, Outside};

use super::{Evidence, Fingerprint, Question, Vouched, Waiting, Workshop, tokens};
use crate::denial::Denial;
use crate::identity::{Identity, Parts};
use crate::outputs::{self, Outputs};

/// `introspection` as it is written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// The endpoint's address, asked as RFC 7662 says.
    #[cfg_attr(feature = "schema", schemars(transform = crate::schema::address))]
    endpoint: String,
    /// Envoy's name of the cluster; without it `outbound|<port>||<host>`, which a ServiceEntry makes.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    cluster: Option<String>,
    /// Who asks: HTTP Basic, form-encoded.
    #[cfg_attr(feature = "schema", schemars(extend("minLength" = 1)))]
    client_id: String,
    /// The client's secret.
    client_secret: Secret,
    /// How long an answer may take: 10ms to 10s.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "1s")))]
    timeout: Option<Span>,
    /// How long answers are kept, never past `exp`.
    #[serde(default)]
    cache: idp::CacheConfig,
    /// Where tokens stand; when any of these three is given, only there. Without them `Authorization: Bearer`, then the parameter `access_token`.
    from_headers: Option<Vec<HeaderPlace>>,
    /// Parameters of the query that tokens stand in.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": r"^[A-Za-z0-9._~\[\]:$-]{1,128}$" }))
    )]
    from_params: Option<Vec<String>>,
    /// Cookies that tokens stand in.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("items" = { "type": "string", "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$" }))
    )]
    from_cookies: Option<Vec<String>>,
    /// The token stays in the request. Otherwise it is taken out of header, query and cookie.
    #[serde(default)]
    forward_original_token: bool,
    /// Claims that go to headers: as text, lists joined by commas, objects as JSON.
    #[serde(default)]
    output_claim_to_headers: Vec<outputs::ClaimConfig>,
    /// Of the challenge; without it the provider's name.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[ -~]{1,128}$")))]
    realm: Option<String>,
}

/// A compiled provider of this kind.
pub(crate) struct Opaque {
    introspection: Introspection,
    places: Rc<[Place]>,
    provider: String,
    realm: String,
    forward: bool,
    outputs: Outputs,
    /// Of active tokens.
    identities: RefCell<Recent<Fingerprint, Introduced>>,
}

/// An identity, and the answer it was made of.
type Introduced = (Rc<ActiveToken>, Rc<Identity>);

impl Opaque {
    /// Compiles the block `introspection`.
    pub(crate) fn compile(config: Config, shop: &mut Workshop<'_>) -> Result<Self, ConfigError> {
        let places = tokens::places(config.from_headers, config.from_params, config.from_cookies)?;
        let outputs = Outputs::compile(None, config.output_claim_to_headers, shop.own)?;
        let introspection = IntrospectionConfig {
            endpoint: config.endpoint,
            cluster: config.cluster,
            client_id: config.client_id,
            client_secret: config.client_secret,
            timeout: config.timeout,
            cache: config.cache,
        };
        let introspection =
            Introspection::compile(&introspection, shop.environment, shop.slot, shop.name, shop.counters)?;
        Ok(Self {
            introspection,
            places: places.into(),
            provider: shop.name.to_owned(),
            realm: checked_realm(config.realm.unwrap_or_else(|| shop.name.to_owned()))?,
            forward: config.forward_original_token,
            outputs,
            identities: RefCell::new(Recent::salted(Limits { entries: 1024, weight: 4 << 20 })),
        })
    }

    /// Where tokens stand.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// The protection space, for the challenge.
    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// What it says of a request.
    pub(crate) fn examine(&self, question: Question<'_, '_>) -> Evidence {
        let found = match question.credential(&self.places) {
            Ok(found) => found,
            Err(evidence) => return evidence,
        };
        // Nobody outside is asked about a token that is known here.
        let is_taken = |credential: &Option<credentials::Found>| {
            credential.as_ref().is_some_and(|other| other.value == found.value)
        };
        if question.vouched.iter().any(|(_, vouched)| is_taken(&vouched.credential)) {
            return Evidence::Absent;
        }
        if !is_token(&found.value) {
            return Evidence::Foreign(found.value, Denial::NOT_A_TOKEN);
        }
        let key = idp::token_hash(&found.value);
        match self.introspection.ask_hashed(&key, &found.value, question.host) {
            Introspected::Active(token) => Evidence::Good(Vouched {
                identity: self.identity(key, &token),
                credential: Some(found),
                hide: !self.forward,
            }),
            Introspected::Inactive => Evidence::Foreign(found.value, Denial::INACTIVE),
            Introspected::Wait => Evidence::Wait(Waiting::Token(key, found.value)),
            Introspected::Unavailable => Evidence::Bad(Denial::NO_INTROSPECTION),
        }
    }

    /// True while nothing is known of the token yet.
    pub(crate) fn still_waits(&self, key: &Fingerprint, token: &[u8], host: &dyn Host) -> bool {
        matches!(self.introspection.ask_hashed(key, token, host), Introspected::Wait)
    }

    /// Time has passed.
    pub(crate) fn on_tick(&self, out: &mut Outside<'_>) {
        self.introspection.on_tick(out);
    }

    /// The endpoint has answered, or has not.
    pub(crate) fn on_errand(&self, local: u32, reply: CalloutReply, out: &mut Outside<'_>) {
        self.introspection.on_errand(local, reply, out);
    }

    fn identity(&self, key: Fingerprint, token: &Rc<ActiveToken>) -> Rc<Identity> {
        let mut identities = self.identities.borrow_mut();
        if let Some((answer, identity)) = identities.get(&key)
            && Rc::ptr_eq(&answer, token)
        {
            return identity;
        }
        let member = |name: &str| token.claims.get(name).and_then(Json::as_str);
        let id = ["sub", "username", "client_id"].into_iter().find_map(member).unwrap_or_default();
        let identity = Rc::new(Identity::new(Parts {
            provider: &self.provider,
            kind: "introspection",
            id: id.to_owned(),
            headers: self.outputs.headers(&token.claims, None),
            claims: Some(Claims::of(token.claims.clone())),
            ..Parts::default()
        }));
        let bytes = identity.size().saturating_mul(2);
        identities.insert(key, (Rc::clone(token), Rc::clone(&identity)), bytes);
        identity
    }
}

/// What an access token is made of (RFC 6749, A.12), less what no header carries unquoted. Nobody is asked about more.
fn is_token(value: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\\' | b',');
    !value.is_empty() && value.iter().all(allowed)
}
