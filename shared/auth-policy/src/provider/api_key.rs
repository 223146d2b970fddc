//! API keys.

use credentials::{ApiKeyConfig, ApiKeys, Place};
use policy_core::ConfigError;

use super::roster::Roster;
use super::{Evidence, Question, Vouched, Workshop};
use crate::denial::Denial;

/// A compiled provider of this kind.
pub(crate) struct ApiKey {
    keys: ApiKeys,
    clients: Roster,
    realm: String,
}

impl ApiKey {
    /// Compiles the block `apiKey`.
    pub(crate) fn compile(config: ApiKeyConfig, shop: &mut Workshop<'_>) -> Result<Self, ConfigError> {
        let keys = ApiKeys::compile(config, shop.environment)?;
        if let Some(name) = keys.forward_id_header() {
            shop.own.add(name).map_err(|error| error.under("forwardIdHeader"))?;
        }
        Ok(Self {
            clients: Roster::new(shop.name, "apiKey", keys.forward_id_header()),
            realm: keys.realm().unwrap_or(shop.name).to_owned(),
            keys,
        })
    }

    /// Where keys stand.
    pub(crate) fn places(&self) -> &[Place] {
        self.keys.places()
    }

    /// The protection space, for the challenge.
    pub(crate) fn realm(&self) -> &str {
        &self.realm
    }

    /// What it says of a request.
    pub(crate) fn examine(&self, question: &Question<'_, '_>) -> Evidence {
        let found = match question.credential(self.keys.places()) {
            Ok(found) => found,
            Err(evidence) => return evidence,
        };
        match self.keys.check(&found.value) {
            None => Evidence::Foreign(found.value, Denial::UNKNOWN_KEY),
            Some(client) => Evidence::Good(Vouched {
                identity: self.clients.identity(&client.id, &client.labels),
                credential: Some(found),
                hide: self.keys.hide_credential(),
            }),
        }
    }
}
