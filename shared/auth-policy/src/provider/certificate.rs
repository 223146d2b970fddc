//! The certificate of the connection.

use std::rc::Rc;

use credentials::{CertificateConfig, CertificateNames};
use policy_core::ConfigError;

use super::{Evidence, Question, Vouched, Workshop};
use crate::identity::{Identity, Parts};

/// A compiled provider of this kind.
pub(crate) struct Certificate {
    names: CertificateNames,
    provider: String,
}

impl Certificate {
    /// Compiles the block `mtls`.
    pub(crate) fn compile(config: CertificateConfig, shop: &mut Workshop<'_>) -> Result<Self, ConfigError> {
        Ok(Self { names: CertificateNames::compile(config)?, provider: shop.name.to_owned() })
    }

    /// What it says of a request. A certificate with another name is no bad credential: in a mesh everyone has one.
    pub(crate) fn examine(&self, question: &Question<'_, '_>) -> Evidence {
        match self.names.check(question.exchange) {
            None => Evidence::Absent,
            Some(name) => Evidence::Good(Vouched {
                identity: Rc::new(Identity::new(Parts {
                    provider: &self.provider,
                    kind: "mtls",
                    id: name,
                    ..Parts::default()
                })),
                credential: None,
                hide: false,
            }),
        }
    }
}
