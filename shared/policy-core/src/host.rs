//! What a policy may ask of its surroundings. A test turns the clock and looks into the store.

use crate::time::Timestamp;

/// The proxy, as a policy sees it. What has a default here is not there: no entries, no signatures.
pub trait Host {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;

    /// Fills the buffer with bytes from a cryptographic source.
    fn fill_random(&self, buffer: &mut [u8]);

    /// What the plugin's store holds under this key: one store for all workers and VMs of a proxy, which survives a
    /// change of configuration and of module, and not a restart.
    fn load(&self, _key: &str) -> Option<Stored> {
        None
    }

    /// Writes to the store; with `over`, only where the entry still has that version.
    ///
    /// There is no delete and no create-if-absent: keys come from a bounded set, and an entry is best created in
    /// [`Policy::on_start`](crate::Policy::on_start), which runs on Envoy's main thread before any worker's.
    ///
    /// # Errors
    /// [`Stale`] when someone else has written since, or the host took nothing.
    fn store(&self, _key: &str, _value: &[u8], _over: Option<u32>) -> Result<(), Stale> {
        Err(Stale)
    }

    /// Whether a signature is right, checked by the host's own cryptography. `None` when the host has none.
    fn verify_signature(&self, _signature: &Signature<'_>) -> Option<bool> {
        None
    }
}

/// An entry of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What was written.
    pub value: Vec<u8>,
    /// Differs from that of every other write.
    pub version: u32,
}

/// Someone else was faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

/// A signature for the host to check: RSA with PKCS #1 v1.5 padding, or ECDSA with an ASN.1 signature.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// `sha256`, `sha384`, `sha512`.
    pub hash: &'static str,
    /// A `SubjectPublicKeyInfo` in DER (RFC 5280).
    pub public_key: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// What was signed, not its digest.
    pub text: &'a [u8],
}
