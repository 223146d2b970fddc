//! API keys.
//!
//! What is presented is hashed first, and the digest is looked up: how long that takes says nothing about a key that
//! cannot be guessed. The comparison at the end is in constant time and is made for unknown keys too.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use hmac_sha256::Hash;
use policy_core::config::{Environment, Secret, Wire, writable};
use policy_core::{ConfigError, HeaderName};
use subtle::ConstantTimeEq;

use crate::place::{Place, check_places};
use crate::words::{hex32, realm};

const MAX_KEYS: usize = 100_000;
pub(crate) const MAX_TEXT: usize = 256;
pub(crate) const MAX_LABELS: usize = 32;

/// The `apiKey` of a provider.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKeyConfig {
    /// Where a key may stand; `[{header: x-api-key}]` where nothing is said.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 16)))]
    pub from: Option<Vec<Place>>,
    /// The keys.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_KEYS)))]
    pub keys: Vec<ApiKeyEntry>,
    /// Whether the key is taken out of the request before it goes on; true where nothing is said.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub hide_credential: Option<bool>,
    /// Receives the client's id.
    pub forward_id_header: Option<HeaderName>,
    /// The realm of the challenge.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[ -~]{1,128}$")))]
    pub realm: Option<String>,
}

/// One key, as its SHA-256 digest or written out. A client may have several, with the same labels.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::api_key))]
pub struct ApiKeyEntry {
    /// The client.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r"\S", "maxLength" = MAX_TEXT)))]
    pub id: String,
    /// The digest of the key in hexadecimal: `printf %s "$KEY" | sha256sum`.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9A-Fa-f]{64}$")))]
    pub sha256: Option<String>,
    /// The key itself.
    pub key: Option<Secret>,
    /// What else is known of the client.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(transform = crate::schema::labels))]
    pub labels: BTreeMap<String, String>,
}

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// The keys of one provider.
pub struct ApiKeys {
    places: Rc<[Place]>,
    by_digest: HashMap<[u8; 32], Rc<Client>>,
    hide_credential: bool,
    forward_id_header: Option<HeaderName>,
    realm: Option<String>,
}

impl ApiKeys {
    /// Checks the configuration and hashes the keys.
    ///
    /// # Errors
    /// Names the entry and the remedy, and never a key.
    pub fn compile(config: ApiKeyConfig, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let places = match config.from {
            Some(places) => places,
            None => vec![Place::Header { name: const { HeaderName::known("x-api-key") }, prefix: None }],
        };
        check_places(&places).map_err(|error| error.under("from"))?;
        writable("forwardIdHeader", config.forward_id_header.as_ref())?;
        let taken = |place: &Place| matches!(place, Place::Header { name, .. } if Some(name) == config.forward_id_header.as_ref());
        if places.iter().any(taken) {
            let error =
                "a header that holds a key cannot receive the id: it is removed from every request first";
            return Err(ConfigError::at("forwardIdHeader", error));
        }
        Ok(Self {
            by_digest: Keys::read(config.keys, environment)?.by_digest,
            places: places.into(),
            hide_credential: config.hide_credential.unwrap_or(true),
            forward_id_header: config.forward_id_header,
            realm: config.realm.map(realm).transpose()?,
        })
    }

    /// Where a key may stand.
    #[must_use]
    pub fn places(&self) -> &Rc<[Place]> {
        &self.places
    }

    /// Whose key this is; `None` where it is nobody's.
    #[must_use]
    pub fn check(&self, presented: &[u8]) -> Option<&Client> {
        let digest = Hash::hash(presented);
        let known = self.by_digest.get_key_value(&digest);
        // A stand-in that no digest equals.
        let mut other = digest;
        other.iter_mut().for_each(|byte| *byte = !*byte);
        let same = bool::from(known.map_or(&other, |(digest, _)| digest).ct_eq(&digest));
        known.map(|(_, client)| &**client).filter(|_| same)
    }

    /// Whether the key is taken out of the request before it goes on.
    #[must_use]
    pub const fn hide_credential(&self) -> bool {
        self.hide_credential
    }

    /// The header that receives the client's id.
    #[must_use]
    pub const fn forward_id_header(&self) -> Option<&HeaderName> {
        self.forward_id_header.as_ref()
    }

    /// The realm of the challenge, where the configuration gives one.
    #[must_use]
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }
}

#[derive(Default)]
struct Keys {
    by_digest: HashMap<[u8; 32], Rc<Client>>,
    clients: HashMap<String, Rc<Client>>,
}

impl Keys {
    fn read(entries: Vec<ApiKeyEntry>, environment: Environment<'_>) -> Result<Self, ConfigError> {
        if entries.is_empty() || entries.len() > MAX_KEYS {
            return Err(ConfigError::at("keys", format!("give 1 to {MAX_KEYS} keys")));
        }
        let mut keys = Self::default();
        for (index, entry) in entries.into_iter().enumerate() {
            keys.add(entry, environment).map_err(|error| error.under_item("keys", index))?;
        }
        Ok(keys)
    }

    fn add(&mut self, entry: ApiKeyEntry, environment: Environment<'_>) -> Result<(), ConfigError> {
        let digest = digest(&entry, environment)?;
        let client = Client { id: entry.id, labels: entry.labels };
        check_client(&client)?;
        let known = self.clients.entry(client.id.clone()).or_insert_with(|| Rc::new(client.clone()));
        if **known != client {
            let error = "another key of this id has other labels; give both the same";
            return Err(ConfigError::at("labels", error));
        }
        match self.by_digest.insert(digest, Rc::clone(known)) {
            Some(_) => Err(ConfigError::at("", "the same key is given twice; each client needs its own")),
            None => Ok(()),
        }
    }
}

fn digest(entry: &ApiKeyEntry, environment: Environment<'_>) -> Result<[u8; 32], ConfigError> {
    let digest = match (&entry.sha256, &entry.key) {
        (Some(hex), None) => hex32(hex.as_bytes()).ok_or_else(|| {
            let error = "expected the 64 hexadecimal digits that printf %s \"$KEY\" | sha256sum prints";
            ConfigError::at("sha256", error)
        })?,
        (None, Some(key)) => {
            let text = key.resolve(environment).map_err(|error| error.under("key"))?;
            let text = text.reveal();
            if text.trim() != text || text.chars().any(char::is_control) {
                let error =
                    "a key must not begin or end with a blank or hold a line break: no header carries it";
                return Err(ConfigError::at("key", error));
            }
            Hash::hash(text.as_bytes())
        }
        _ => return Err(ConfigError::at("", "give exactly one of sha256 and key")),
    };
    if digest == Hash::hash(b"") {
        return Err(ConfigError::at(
            "sha256",
            "this is the digest of an empty key, which would let everyone in",
        ));
    }
    Ok(digest)
}

fn check_client(client: &Client) -> Result<(), ConfigError> {
    let fits = |text: &str| text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control);
    if client.id.trim().is_empty() || !fits(&client.id) {
        return Err(ConfigError::at("id", format!("an id has 1 to {MAX_TEXT} printable characters")));
    }
    let label = |(key, value): (&String, &String)| !key.is_empty() && fits(key) && fits(value);
    if client.labels.len() > MAX_LABELS || !client.labels.iter().all(label) {
        let error = format!("at most {MAX_LABELS} labels of at most {MAX_TEXT} printable characters each");
        return Err(ConfigError::at("labels", error));
    }
    Ok(())
}
