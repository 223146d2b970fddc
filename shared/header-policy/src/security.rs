//! `securityHeaders`: what a browser should be told, put on responses, and what a client need not know, taken off.
//!
//! Each header has a mode. `ifAbsent` leaves the application's own header alone, `override` replaces it, `merge` keeps
//! the stricter of the two, `off` leaves the header out of what the preset gives. Naming a header switches it on; a
//! value that is not written is the one that the OWASP Secure Headers Project proposes
//! (<https://owasp.org/www-project-secure-headers/>).
//!
//! | part | standard |
//! |---|---|
//! | [`hsts`] | RFC 6797 |
//! | [`words`] | HTML (`X-Frame-Options`, COOP, COEP), Fetch (CORP, nosniff), Referrer Policy |
//! | [`permissions`] | Permissions Policy, over the Structured Fields of RFC 9651 ([`fields`]) |
//! | [`csp`] | Content Security Policy Level 3 |
//! | [`leaking`] | OWASP's list of headers to remove |
//!
//! Values of the application are bytes from anywhere. They are read leniently: what a browser would not understand
//! counts as not said.

mod config;
mod csp;
mod directive;
mod fields;
mod hsts;
mod leaking;
mod nonce;
mod permissions;
#[cfg(feature = "schema")]
mod schema;
mod words;

#[cfg(test)]
mod tests;

use policy_core::{ConfigError, Exchange, HeaderName, HeaderValue, Headers, Host};

pub(crate) use config::Config;
use config::{Defaults, Mode, Preset};
use nonce::Nonce;

/// The compiled `securityHeaders` block.
#[derive(Debug)]
pub(crate) struct Security {
    leaking: Option<leaking::Leaking>,
    hsts: Option<hsts::Hsts>,
    words: Vec<words::WordHeader>,
    permissions: Option<permissions::Permissions>,
    csp: Option<csp::Csp>,
}

/// What the response phase needs of the request.
#[derive(Debug)]
pub(crate) struct Remembered {
    nonce: Option<Nonce>,
    /// A trusted `x-forwarded-proto` said that the client uses TLS.
    forwarded_tls: bool,
}

impl Security {
    /// Checks the block. Paths in errors are relative to it.
    pub(crate) fn compile(config: Config) -> Result<Self, ConfigError> {
        let owasp = config.preset == Preset::Owasp;
        let mode = config.mode.unwrap_or(Mode::IfAbsent);
        if mode == Mode::Off {
            return Err(ConfigError::at(
                "mode",
                "off is for a single header; to switch all off leave securityHeaders out",
            ));
        }
        let defaults = Defaults { mode, owasp };
        let mut words = Vec::new();
        for (spec, word) in [
            (&words::FRAME_OPTIONS, config.frame_options),
            (&words::CONTENT_TYPE_OPTIONS, config.content_type_options),
            (&words::REFERRER_POLICY, config.referrer_policy),
            (&words::OPENER_POLICY, config.cross_origin_opener_policy),
            (&words::EMBEDDER_POLICY, config.cross_origin_embedder_policy),
            (&words::RESOURCE_POLICY, config.cross_origin_resource_policy),
            (&words::CROSS_DOMAIN_POLICIES, config.permitted_cross_domain_policies),
            (&words::DNS_PREFETCH_CONTROL, config.dns_prefetch_control.map(Into::into)),
        ] {
            words.extend(words::WordHeader::compile(spec, word, defaults)?);
        }
        let security = Self {
            leaking: leaking::Leaking::compile(config.remove_leaking, defaults)
                .map_err(|error| error.under("removeLeaking"))?,
            hsts: hsts::Hsts::compile(config.strict_transport_security, defaults)
                .map_err(|error| error.under("strictTransportSecurity"))?,
            words,
            permissions: permissions::Permissions::compile(config.permissions_policy, defaults)
                .map_err(|error| error.under("permissionsPolicy"))?,
            csp: csp::Csp::compile(config.content_security_policy, defaults)
                .map_err(|error| error.under("contentSecurityPolicy"))?,
        };
        if security.is_empty() {
            return Err(ConfigError::at(
                "",
                format!("this does nothing; write preset: owasp, or one of {}", config::HEADERS),
            ));
        }
        Ok(security)
    }

    fn is_empty(&self) -> bool {
        let Self { leaking, hsts, words, permissions, csp } = self;
        leaking.is_none() && hsts.is_none() && words.is_empty() && permissions.is_none() && csp.is_none()
    }

    /// The request phase: makes the nonce when the policy needs one and gives it to the upstream, in place of whatever
    /// a client sent under that name. `None` when the response phase needs nothing of the request.
    pub(crate) fn on_request(&self, exchange: &mut Exchange<'_>, host: &dyn Host) -> Option<Remembered> {
        let forwarded_tls = self.hsts.as_ref().is_some_and(|hsts| hsts.forwarded_tls(&exchange.headers));
        let nonce = self.csp.as_ref().and_then(csp::Csp::nonce_header).map(|header| {
            let nonce = Nonce::new(host);
            exchange.headers.set(header, HeaderValue::escaped(nonce.as_bytes()));
            nonce
        });
        (forwarded_tls || nonce.is_some()).then_some(Remembered { nonce, forwarded_tls })
    }

    /// The response phase. Nothing is remembered when this filter never saw the request: a nonce is then made here.
    pub(crate) fn on_response(
        &self,
        remembered: Option<&Remembered>,
        exchange: &mut Exchange<'_>,
        host: &dyn Host,
    ) {
        if let Some(leaking) = &self.leaking {
            leaking.remove(&mut exchange.headers);
        }
        if let Some(hsts) = &self.hsts {
            hsts.apply(remembered.is_some_and(|remembered| remembered.forwarded_tls), exchange);
        }
        for word in &self.words {
            word.apply(&mut exchange.headers);
        }
        if let Some(permissions) = &self.permissions {
            permissions.apply(&mut exchange.headers);
        }
        if let Some(csp) = &self.csp {
            csp.apply(
                remembered.and_then(|remembered| remembered.nonce.as_ref()),
                &mut exchange.headers,
                host,
            );
        }
    }
}

/// Writes a header that has no merge of its own to do: `ifAbsent` or, for every other mode, in place of what is there.
fn write(mode: Mode, headers: &mut Headers<'_>, name: &HeaderName, value: &HeaderValue) {
    if mode != Mode::IfAbsent || !headers.contains(name) {
        headers.set(name, value.clone());
    }
}

/// A header name that this module knows. It is a token, so this never fails.
fn known(name: &'static str) -> Result<HeaderName, ConfigError> {
    HeaderName::parse(name).map_err(|message| ConfigError::at("", message))
}
