//! `Content-Security-Policy` (CSP3), on HTML responses.

use policy_core::header::is_protected;
use policy_core::{ConfigError, HeaderName, HeaderValue, Headers, Host};

use super::config::{CspConfig, Defaults, Lists, Mode};
use super::directive::{Directive, NONCE};
use super::known;
use super::nonce::Nonce;

/// What OWASP proposes, with `base-uri`, which has no fallback to `default-src`.
const OWASP: &[u8] = b"default-src 'self'; form-action 'self'; base-uri 'self'; object-src 'none'; \
    frame-ancestors 'none'; upgrade-insecure-requests";

/// The policy and how it is put on a response.
#[derive(Debug)]
pub(super) struct Csp {
    name: HeaderName,
    content_type: HeaderName,
    status: HeaderName,
    mode: Mode,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Fixed(HeaderValue),
    /// The text around the nonces, and the request header that gives the nonce to the upstream.
    WithNonce {
        texts: Vec<Vec<u8>>,
        request_header: HeaderName,
    },
}

impl Csp {
    pub(super) fn compile(
        config: Option<CspConfig>,
        defaults: Defaults,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(config) = defaults.fill(config) else { return Ok(None) };
        let texts = match &config.directives {
            Some(directives) => texts(directives).map_err(|error| error.under("directives"))?,
            None => vec![OWASP.to_vec()],
        };
        let value = match (texts.as_slice(), config.nonce_header) {
            ([text], None) => Value::Fixed(HeaderValue::escaped(text)),
            ([_], Some(_)) => {
                let message = "there is no nonce to hand on: put the word nonce into script-src or style-src";
                return Err(ConfigError::at("nonceHeader", message));
            }
            (_, Some(name)) if is_protected(name.as_bytes()) => {
                return Err(ConfigError::at("nonceHeader", format!("{name} decides framing or routing")));
            }
            (_, Some(request_header)) => Value::WithNonce { texts, request_header },
            (_, None) => Value::WithNonce { texts, request_header: known("x-csp-nonce")? },
        };
        let name = match config.report_only {
            false => known("content-security-policy")?,
            true => known("content-security-policy-report-only")?,
        };
        let mode = config.mode.unwrap_or(defaults.mode);
        let csp = Self { name, content_type: known("content-type")?, status: known(":status")?, mode, value };
        Ok((mode != Mode::Off).then_some(csp))
    }

    /// Where the upstream finds the nonce, when the policy has one.
    pub(super) fn nonce_header(&self) -> Option<&HeaderName> {
        match &self.value {
            Value::Fixed(_) => None,
            Value::WithNonce { request_header, .. } => Some(request_header),
        }
    }

    pub(super) fn apply(&self, nonce: Option<&Nonce>, headers: &mut Headers<'_>, host: &dyn Host) {
        let theirs = self.mode == Mode::IfAbsent && headers.contains(&self.name);
        if theirs || !self.is_html(headers) {
            return;
        }
        let value = match (&self.value, nonce) {
            (Value::Fixed(value), _) => value.clone(),
            // A cache takes the headers of a 304 for the page it has, whose nonce is an older one (RFC 9111, 4.3.4).
            (Value::WithNonce { .. }, _) if headers.first(&self.status) == Some(b"304") => return,
            (Value::WithNonce { texts, .. }, Some(nonce)) => with_nonce(texts, nonce),
            (Value::WithNonce { texts, .. }, None) => with_nonce(texts, &Nonce::new(host)),
        };
        match self.mode {
            // Browsers enforce all policies together (CSP3, 8.1), so a further one can only be stricter.
            Mode::Merge => headers.append(&self.name, value),
            _ => headers.set(&self.name, value),
        }
    }

    fn is_html(&self, headers: &Headers<'_>) -> bool {
        let mut types =
            headers.values(&self.content_type).flat_map(|value| value.split(|byte| *byte == b','));
        types.any(|media_type| {
            let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            essence.eq_ignore_ascii_case(b"text/html")
                || essence.eq_ignore_ascii_case(b"application/xhtml+xml")
        })
    }
}

fn with_nonce(texts: &[Vec<u8>], nonce: &Nonce) -> HeaderValue {
    HeaderValue::escaped(&texts.join(nonce.as_bytes()))
}

/// The policy as text, cut where the nonces go.
fn texts(directives: &Lists<Directive>) -> Result<Vec<Vec<u8>>, ConfigError> {
    if directives.0.is_empty() {
        return Err(ConfigError::at("", "a policy has directives, such as default-src: [\"'self'\"]"));
    }
    let mut texts = Vec::new();
    let mut text = Vec::new();
    for (directive, items) in &directives.0 {
        let name = directive.name();
        directive.check_list(items).map_err(|message| ConfigError::at(name, message))?;
        if !text.is_empty() || !texts.is_empty() {
            text.extend_from_slice(b"; ");
        }
        text.extend_from_slice(name.as_bytes());
        for (index, item) in items.iter().enumerate() {
            let mut checked = directive.check_item(item);
            if items.iter().take(index).any(|earlier| earlier == item) {
                checked = Err(ConfigError::at("", "the same item twice"));
            }
            checked.map_err(|error| error.under_item(name, index))?;
            text.push(b' ');
            if item == NONCE {
                text.extend_from_slice(b"'nonce-");
                texts.push(std::mem::take(&mut text));
                text.push(b'\'');
            } else {
                text.extend_from_slice(item.as_bytes());
            }
        }
    }
    texts.push(text);
    Ok(texts)
}
