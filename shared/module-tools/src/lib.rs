//! What a filter module asks of its host, and how to make it ask for less.
//!
//! `proxy-wasm` exports every callback of the ABI, so Envoy calls a filter for bodies, trailers and logs that the
//! filter ignores. Each of those calls crosses the sandbox. [`trim()`] removes the callbacks that the filter does not
//! list in its [`CALLBACKS_SECTION`] after linking, and with them the code that only they could reach.

mod calls;
mod check;
mod error;
mod links;
mod mute;
mod names;
mod prune;
mod trim;

pub use check::{Import, callbacks, check_imports, exports, imports};
pub use error::Error;
pub use trim::{CALLBACKS_SECTION, Trimmed, trim};

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The SHA-256 of `bytes` in lower-case hexadecimal, the form that Istio's `WasmPlugin.sha256` takes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        // Writing into a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn parse(wasm: &[u8]) -> Result<walrus::Module, Error> {
    let mut config = walrus::ModuleConfig::new();
    // The producers section names the tools and their versions: bytes that serve nobody at run time.
    config.generate_producers_section(false);
    config.parse(wasm).map_err(|error| Error::Malformed(format!("{error:#}")))
}
