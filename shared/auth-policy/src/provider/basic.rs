//! User names and passwords (RFC 7617).

use std::collections::BTreeMap;

use credentials::{BasicConfig, BasicOutcome};
use policy_core::ConfigError;

use super::roster::Roster;
use super::{Evidence, Question, Vouched, Workshop};
use crate::denial::Denial;

/// A compiled provider of this kind.
pub(crate) struct Basic {
    passwords: credentials::Basic,
    users: Roster,
}

impl Basic {
    /// Compiles the block `basic`.
    pub(crate) fn compile(config: BasicConfig, shop: &mut Workshop<'_>) -> Result<Self, ConfigError> {
        let passwords = credentials::Basic::compile(config, shop.environment)?;
        if let Some(name) = passwords.forward_user_header() {
            shop.own.add(name).map_err(|error| error.under("forwardUserHeader"))?;
        }
        let users = Roster::new(shop.name, "basic", passwords.forward_user_header());
        Ok(Self { users, passwords })
    }

    /// The protection space, for the challenge.
    pub(crate) fn realm(&self) -> &str {
        self.passwords.realm()
    }

    /// What it says of a request.
    pub(crate) fn examine(&self, question: &Question<'_, '_>) -> Evidence {
        match self.passwords.check(&question.exchange.headers, question.host) {
            BasicOutcome::Absent => Evidence::Absent,
            BasicOutcome::Ambiguous => Evidence::Bad(Denial::AMBIGUOUS_CREDENTIAL),
            BasicOutcome::Malformed => Evidence::Bad(Denial::MALFORMED_PASSWORD),
            BasicOutcome::Busy => Evidence::Bad(Denial::BUSY),
            // Another provider of passwords may know the user.
            BasicOutcome::Refused(found) => Evidence::Foreign(found.value, Denial::WRONG_PASSWORD),
            BasicOutcome::User(user, found) => Evidence::Good(Vouched {
                identity: self.users.identity(&user, &BTreeMap::new()),
                credential: Some(found),
                hide: self.passwords.hide_credential(),
            }),
        }
    }
}
