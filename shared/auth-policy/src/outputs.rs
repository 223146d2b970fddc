//! What is told upstream of a token: its payload, its claims.

use policy_core::config::Wire;
use policy_core::json::Json;
use policy_core::{ConfigError, HeaderName, HeaderValue};

use crate::claim::{self, ClaimPath};
use crate::own_headers::{OwnHeaders, is_alias};

/// One item of `outputClaimToHeaders`.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ClaimConfig {
    /// The header that is written.
    header: HeaderName,
    /// The claim that is read.
    claim: ClaimPath,
}

/// The headers that a token's claims go to.
#[derive(Debug, Clone)]
pub(crate) struct Outputs {
    payload: Option<HeaderName>,
    claims: Vec<ClaimConfig>,
}

impl Outputs {
    /// Compiles `outputPayloadToHeader` and `outputClaimToHeaders`.
    pub(crate) fn compile(
        payload: Option<HeaderName>,
        claims: Vec<ClaimConfig>,
        own: &mut OwnHeaders,
    ) -> Result<Self, ConfigError> {
        if let Some(name) = &payload {
            own.add(name).map_err(|error| error.under("outputPayloadToHeader"))?;
        }
        for (index, claim) in claims.iter().enumerate() {
            let place = |error: ConfigError| error.under("header").under_item("outputClaimToHeaders", index);
            own.add(&claim.header).map_err(place)?;
            let same = |other: &HeaderName| is_alias(other.as_bytes(), claim.header.as_bytes());
            if claims.iter().take(index).any(|other| same(&other.header))
                || payload.as_ref().is_some_and(same)
            {
                return Err(place(ConfigError::at("", format!("{} is written twice", claim.header))));
            }
        }
        Ok(Self { payload, claims })
    }

    /// The headers for these claims, which came in this base64url text.
    pub(crate) fn headers(&self, claims: &Json, payload: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
        let payload = self.payload.clone().zip(payload.map(|text| HeaderValue::escaped(text.as_bytes())));
        let claims = self.claims.iter().filter_map(|output| {
            let value = claim::as_header(output.claim.find(claims)?)?;
            Some((output.header.clone(), HeaderValue::escaped(value.as_bytes())))
        });
        payload.into_iter().chain(claims).collect()
    }
}
