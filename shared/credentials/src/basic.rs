//! User names and passwords (RFC 7617) against htpasswd lines.
//!
//! bcrypt is slow by design and runs on Envoy's worker thread. Three things keep it from being felt: a verdict is
//! remembered (under a salted hash), the work per second is bounded, and what exceeds it is [`BasicOutcome::Busy`].
//! Every verdict costs the same work, whether the user is known or not.

mod budget;
mod cache;
mod hash;
mod presented;
#[cfg(test)]
mod tests;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use policy_core::config::{Environment, Secret, Wire, writable};
use policy_core::{ConfigError, HeaderName, Headers, Host};

use crate::place::{Found, Place, find};
use crate::words::realm;
use budget::Budget;
use cache::Cache;
use hash::Password;
use presented::Presented;

const DEFAULT_REALM: &str = "tollgate";
const MAX_USERS: usize = 10_000;
/// Two, so that a password can be changed without a gap.
const MAX_PASSWORDS: usize = 2;
/// A verdict cannot become wrong while this configuration lasts: only memory and hygiene ask for an end.
const REMEMBER_GOOD: Duration = Duration::from_secs(3600);
const REMEMBER_BAD: Duration = Duration::from_secs(60);
/// How many bad passwords are remembered, about.
const MAX_BAD: usize = 1024;

/// The `basic` of a provider.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BasicConfig {
    /// The realm of the challenge.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[ -~]{1,128}$", "default" = DEFAULT_REALM)))]
    pub realm: Option<String>,
    /// htpasswd lines, `name:hash`; `{env: NAME}` may hold several. A user may have two, to change a password.
    /// A password of more than 72 bytes never matches a bcrypt hash, which would compare the first 72 only.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub users: Vec<Secret>,
    /// Whether `Authorization` is taken out of the request before it goes on; true where nothing is said.
    #[cfg_attr(feature = "schema", schemars(extend("default" = true)))]
    pub hide_credential: Option<bool>,
    /// Receives the user's name.
    pub forward_user_header: Option<HeaderName>,
}

/// What a request's `Authorization` is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BasicOutcome {
    /// There is none, or it is of another scheme.
    Absent,
    /// There are two.
    Ambiguous,
    /// It does not follow RFC 7617.
    Malformed,
    /// No such user, or not the password; and where it stood.
    Refused(Found),
    /// This user, and where the password stood.
    User(Rc<str>, Found),
    /// Too many passwords to check at once: ask again after a second.
    Busy,
}

/// The users of one provider.
pub struct Basic {
    places: Rc<[Place]>,
    users: HashMap<Rc<str>, Vec<Password>>,
    /// bcrypt rounds that every verdict costs: those of the most expensive user.
    rounds: u32,
    realm: String,
    hide_credential: bool,
    forward_user_header: Option<HeaderName>,
    salt: OnceCell<[u8; 32]>,
    good: RefCell<Cache>,
    bad: RefCell<Cache>,
    budget: RefCell<Budget>,
}

impl Basic {
    /// Reads the users.
    ///
    /// # Errors
    /// Names the entry, the line and the remedy, and never a hash.
    pub fn compile(config: BasicConfig, environment: Environment<'_>) -> Result<Self, ConfigError> {
        writable("forwardUserHeader", config.forward_user_header.as_ref())?;
        if config.forward_user_header == Some(HeaderName::AUTHORIZATION) {
            return Err(ConfigError::at(
                "forwardUserHeader",
                "authorization holds the password; name another header",
            ));
        }
        let users = users(&config.users, environment)?;
        let rounds = users.values().map(|passwords| hash::rounds(passwords)).max().unwrap_or_default();
        let passwords = users.values().map(Vec::len).fold(0, usize::saturating_add);
        Ok(Self {
            places: Rc::new([Place::Header {
                name: HeaderName::AUTHORIZATION,
                prefix: Some("Basic ".to_owned()),
            }]),
            users,
            rounds,
            realm: realm(config.realm.unwrap_or_else(|| DEFAULT_REALM.to_owned()))?,
            hide_credential: config.hide_credential.unwrap_or(true),
            forward_user_header: config.forward_user_header,
            salt: OnceCell::new(),
            // Each password is right for one entry, so no guesser can push a good verdict out.
            good: RefCell::new(Cache::new(REMEMBER_GOOD, passwords.saturating_mul(2))),
            bad: RefCell::new(Cache::new(REMEMBER_BAD, MAX_BAD)),
            budget: RefCell::default(),
        })
    }

    /// Whose password the request carries.
    pub fn check(&self, headers: &Headers<'_>, host: &dyn Host) -> BasicOutcome {
        let found = match find(&self.places, headers) {
            Err(_) => return BasicOutcome::Ambiguous,
            Ok(None) => return BasicOutcome::Absent,
            Ok(Some(found)) => found,
        };
        let Some(presented) = Presented::read(&found.value) else { return BasicOutcome::Malformed };
        let known = self.users.get_key_value(presented.user());
        let key = presented.digest(self.salt(host));
        let now = host.now();
        if let Some((user, _)) = known
            && self.good.borrow_mut().has(&key, now)
        {
            return BasicOutcome::User(Rc::clone(user), found);
        }
        if self.bad.borrow_mut().has(&key, now) {
            return BasicOutcome::Refused(found);
        }
        if !self.budget.borrow_mut().spend(self.rounds, now) {
            return BasicOutcome::Busy;
        }
        let passwords = known.map(|(_, passwords)| passwords.as_slice()).unwrap_or_default();
        let right = hash::verify(passwords, presented.password(), self.rounds);
        match known.filter(|_| right) {
            Some((user, _)) => {
                self.good.borrow_mut().put(key, now);
                BasicOutcome::User(Rc::clone(user), found)
            }
            None => {
                self.bad.borrow_mut().put(key, now);
                BasicOutcome::Refused(found)
            }
        }
    }

    /// The realm of the challenge.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Whether `Authorization` is taken out of the request before it goes on.
    #[must_use]
    pub const fn hide_credential(&self) -> bool {
        self.hide_credential
    }

    /// The header that receives the user's name.
    #[must_use]
    pub const fn forward_user_header(&self) -> Option<&HeaderName> {
        self.forward_user_header.as_ref()
    }

    /// Random, so that nobody can aim at the caches' keys or read a password from them.
    fn salt(&self, host: &dyn Host) -> &[u8; 32] {
        self.salt.get_or_init(|| {
            let mut salt = [0; 32];
            host.fill_random(&mut salt);
            salt
        })
    }
}

fn users(
    secrets: &[Secret],
    environment: Environment<'_>,
) -> Result<HashMap<Rc<str>, Vec<Password>>, ConfigError> {
    let mut users: HashMap<Rc<str>, Vec<Password>> = HashMap::new();
    let mut count: usize = 0;
    for (index, secret) in secrets.iter().enumerate() {
        let here = |error: ConfigError| error.under_item("users", index);
        let text = secret.resolve(environment).map_err(here)?;
        for (number, line) in text.reveal().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = number.saturating_add(1);
            add(&mut users, line).map_err(|e| here(ConfigError::at("", format!("line {number}: {e}"))))?;
            count = count.saturating_add(1);
        }
        if count > MAX_USERS {
            return Err(here(ConfigError::at("", format!("at most {MAX_USERS} users"))));
        }
    }
    match users.is_empty() {
        true => {
            Err(ConfigError::at("users", "give at least one line name:hash, as htpasswd -nB name prints it"))
        }
        false => Ok(users),
    }
}

fn add(users: &mut HashMap<Rc<str>, Vec<Password>>, line: &str) -> Result<(), String> {
    let Some((name, hash)) = line.split_once(':') else {
        return Err("expected name:hash, as htpasswd -nB name prints it".to_owned());
    };
    if name.is_empty() || name.len() > presented::MAX_USER || name.chars().any(char::is_control) {
        return Err(format!("a user name has 1 to {} bytes and no control characters", presented::MAX_USER));
    }
    let password = Password::parse(hash)?;
    let passwords = users.entry(name.into()).or_default();
    if passwords.len() >= MAX_PASSWORDS {
        return Err(format!("this user has {MAX_PASSWORDS} passwords already; remove the oldest"));
    }
    passwords.push(password);
    Ok(())
}
