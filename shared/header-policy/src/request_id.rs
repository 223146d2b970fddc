//! The request id: kept, required or replaced; echoed and published.

use policy_core::Plugin as _;
use policy_core::config::Wire;
use policy_core::format::{Phase, uuid_v4, uuid_v7};
use policy_core::{
    ConfigError, Counter, Counters, Exchange, GrpcStatus, HeaderName, HeaderValue, Host, LocalReply,
};

use crate::HeaderPlugin;
use crate::filter_state::StateKey;
use crate::name::{Use, check};

/// The longest id of a client that is kept, in bytes.
const MAX_ID: usize = 128;

/// `requestId` as it is written down.
#[derive(Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Config {
    /// What a client's own id is worth.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "keep")))]
    mode: Mode,
    /// Where the id stands.
    #[cfg_attr(feature = "schema", schemars(extend("default" = "x-request-id")))]
    header: Option<HeaderName>,
    /// Of the ids that are made here (RFC 9562).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = "uuidv4")))]
    format: IdFormat,
    /// Give it to the client too.
    #[serde(default)]
    echo: bool,
    /// Publish it as `wasm.<key>`.
    filter_state: Option<StateKey>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum Mode {
    /// A good id of the client stays; else there is a new one.
    #[default]
    Keep,
    /// A request without a good id is refused.
    Require,
    /// There is always a new one.
    Replace,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Wire)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum IdFormat {
    #[default]
    UuidV4,
    UuidV7,
}

/// A compiled `requestId`.
pub(crate) struct RequestId {
    mode: Mode,
    header: HeaderName,
    format: IdFormat,
    echo: bool,
    filter_state: Option<StateKey>,
    refused: Counter,
}

/// The header that carries the id: the configured one, else `x-request-id`.
pub(crate) fn header_of(request_id: Option<&RequestId>) -> HeaderName {
    request_id.map_or(HeaderName::REQUEST_ID, |request_id| request_id.header.clone())
}

impl RequestId {
    /// Compiles `requestId`.
    pub(crate) fn compile(config: Config, counters: &mut Counters) -> Result<Self, ConfigError> {
        let header = config.header.unwrap_or(HeaderName::REQUEST_ID);
        check(&header, Phase::Request, Use::Edit).map_err(|message| ConfigError::at("header", message))?;
        Ok(Self {
            mode: config.mode,
            header,
            format: config.format,
            echo: config.echo,
            filter_state: config.filter_state,
            refused: counters.requests("request-id", "refused"),
        })
    }

    /// The key under which the id is published.
    pub(crate) fn filter_state(&self) -> Option<&StateKey> {
        self.filter_state.as_ref()
    }

    /// Settles the id of this request and gives it to the upstream.
    ///
    /// # Errors
    /// The refusal of a request that lacks a required id.
    pub(crate) fn on_request(
        &self,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) -> Result<HeaderValue, LocalReply> {
        let incoming = match self.mode {
            Mode::Replace => None,
            Mode::Keep | Mode::Require => self.incoming(exchange),
        };
        let id = match incoming {
            Some(id) => id,
            None if self.mode == Mode::Require => {
                exchange.count(self.refused);
                return Err(refusal());
            }
            None => HeaderValue::escaped(self.generate(host).as_bytes()),
        };
        exchange.headers.set(&self.header, id.clone());
        if let Some(key) = &self.filter_state {
            exchange.publish(key.as_str(), id.clone());
        }
        Ok(id)
    }

    /// Gives the id to the client, when it is to have it.
    pub(crate) fn on_response(&self, exchange: &mut Exchange<'_>, id: HeaderValue) {
        if self.echo {
            exchange.headers.set(&self.header, id);
        }
    }

    /// The client's id, when it sent one good one: it goes into logs and other people's systems.
    fn incoming(&self, exchange: &Exchange<'_>) -> Option<HeaderValue> {
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@~".contains(byte);
        let mut values = exchange.headers.values(&self.header);
        let id = values.next()?;
        let single = values.next().is_none() && !id.is_empty() && id.len() <= MAX_ID;
        (single && id.iter().all(good)).then(|| HeaderValue::escaped(id))
    }

    fn generate(&self, host: &dyn Host) -> String {
        match self.format {
            IdFormat::UuidV4 => uuid_v4(host),
            IdFormat::UuidV7 => uuid_v7(host),
        }
    }
}

fn refusal() -> LocalReply {
    LocalReply::problem(
        HeaderPlugin::NAME,
        400,
        GrpcStatus::InvalidArgument,
        "request_id_required",
        "A request id of 1 to 128 letters, digits and -_.:/+=@~ is required, once.",
    )
}
