//! `Permissions-Policy` (<https://www.w3.org/TR/permissions-policy/>).

use policy_core::{ConfigError, HeaderName, HeaderValue, Headers};

use super::config::{Defaults, Lists, Mode, PermissionsConfig};
use super::{fields, known, write};

/// What OWASP proposes: synchronous requests for the page's own origin, and nothing else.
const OWASP: &str = "accelerometer=(), autoplay=(), camera=(), clipboard-read=(), clipboard-write=(), \
    cross-origin-isolated=(), display-capture=(), encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), \
    gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), keyboard-map=(), magnetometer=(), microphone=(), \
    midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), \
    sync-xhr=(self), unload=(), usb=(), web-share=(), xr-spatial-tracking=()";

/// The policy.
#[derive(Debug)]
pub(super) struct Permissions {
    name: HeaderName,
    mode: Mode,
    value: HeaderValue,
    /// Each `feature=(…)`.
    features: Vec<String>,
}

impl Permissions {
    pub(super) fn compile(
        config: Option<PermissionsConfig>,
        defaults: Defaults,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(config) = defaults.fill(config) else { return Ok(None) };
        let mut features = Vec::new();
        if defaults.owasp || config.features.is_none() {
            features.extend(OWASP.split(", ").map(str::to_owned));
        }
        if let Some(own) = &config.features {
            lay_over(&mut features, own).map_err(|error| error.under("features"))?;
        }
        let mode = config.mode.unwrap_or(defaults.mode);
        let value = HeaderValue::escaped(features.join(", ").as_bytes());
        let permissions = Self { name: known("permissions-policy")?, mode, value, features };
        Ok((mode != Mode::Off).then_some(permissions))
    }

    pub(super) fn apply(&self, headers: &mut Headers<'_>) {
        if self.mode != Mode::Merge {
            return write(self.mode, headers, &self.name, &self.value);
        }
        let app = headers.joined(&self.name).unwrap_or_default();
        // A browser ignores a field that it cannot read, or that is empty: nothing of it is worth keeping.
        let Some(named) = fields::dictionary_keys(&app).filter(|named| !named.is_empty()) else {
            return headers.set(&self.name, self.value.clone());
        };
        let mut merged = app.trim_ascii().to_vec();
        for member in self.features.iter().filter(|member| !named.contains(&key(member).as_bytes())) {
            merged.extend_from_slice(b", ");
            merged.extend_from_slice(member.as_bytes());
        }
        headers.set(&self.name, HeaderValue::escaped(&merged));
    }
}

/// Puts the configured features in the place of those of the same name, or after them.
fn lay_over(features: &mut Vec<String>, own: &Lists<String>) -> Result<(), ConfigError> {
    if own.0.is_empty() {
        return Err(ConfigError::at("", "name features, such as camera: []; leave it out for OWASP's list"));
    }
    for (name, origins) in &own.0 {
        let member = member(name, origins).map_err(|error| error.under(name))?;
        match features.iter_mut().find(|known| key(known) == name) {
            Some(known) => *known = member,
            None => features.push(member),
        }
    }
    Ok(())
}

fn key(member: &str) -> &str {
    member.split('=').next().unwrap_or_default()
}

/// `camera=()`, `fullscreen=*`, `geolocation=(self "https://a.example")`.
fn member(name: &str, origins: &[String]) -> Result<String, ConfigError> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        return Err(ConfigError::at(
            "",
            "a feature is a word in lower case such as camera or screen-wake-lock",
        ));
    }
    let mut list = Vec::new();
    for (index, origin) in origins.iter().enumerate() {
        let refused = |message: &str| Err(ConfigError::at("", message).under_item("", index));
        if origins.iter().take(index).any(|earlier| earlier == origin) {
            return refused("the same item twice");
        }
        match origin.as_str() {
            "*" if origins.len() == 1 => return Ok([name, "=*"].concat()),
            "*" => return refused("* stands alone"),
            "self" | "src" => list.push(origin.clone()),
            "none" | "'none'" => return refused("an empty list denies a feature: write []"),
            "'self'" => return refused("self has no quotes here"),
            _ if is_origin(origin) => list.push(["\"", origin, "\""].concat()),
            _ => return refused("write self, src, * or an origin such as https://a.example, without path"),
        }
    }
    Ok([name, "=(", &list.join(" "), ")"].concat())
}

/// A scheme and a host, perhaps with a port.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_host =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'*' | b':' | b'[' | b']');
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !host.is_empty()
        && host.bytes().all(is_host)
}
