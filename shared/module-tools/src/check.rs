//! Reading what a module exports and imports.

use crate::{Error, parse};
use std::fmt;

pub(crate) const CALLBACK_PREFIX: &str = "proxy_on_";

/// The WASI functions that Rust's std links into every module; Envoy implements all of them, none reaches a file.
const ALLOWED_WASI: [&str; 6] = [
    "clock_time_get",    // Instant and SystemTime, linked by the SDK's and std's time code
    "environ_get",       // `vmConfig.env`: the only way a secret comes in
    "environ_sizes_get", // its other half
    "fd_write",          // the panic message, which Envoy writes to its log
    "proc_exit",         // abort, after that message
    "random_get",        // seeds of std's hash maps, UUIDs, nonces
];

/// One thing that a module asks of its host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The host module, `env` or `wasi_snapshot_preview1`.
    pub module: String,
    /// The name within that module.
    pub name: String,
}

impl Import {
    fn is_allowed(&self) -> bool {
        match self.module.as_str() {
            "env" => self.name.starts_with("proxy_"),
            "wasi_snapshot_preview1" => ALLOWED_WASI.contains(&self.name.as_str()),
            _ => false,
        }
    }
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}

/// The names of everything that the module exports, sorted.
///
/// # Errors
/// [`Error::Malformed`] when `wasm` is no module.
pub fn exports(wasm: &[u8]) -> Result<Vec<String>, Error> {
    let mut names: Vec<_> = parse(wasm)?.exports.iter().map(|export| export.name.clone()).collect();
    names.sort();
    Ok(names)
}

/// The names of the exported `proxy_on_*` callbacks, sorted: what Envoy will call.
///
/// # Errors
/// [`Error::Malformed`] when `wasm` is no module.
pub fn callbacks(wasm: &[u8]) -> Result<Vec<String>, Error> {
    let mut names = exports(wasm)?;
    names.retain(|name| name.starts_with(CALLBACK_PREFIX));
    Ok(names)
}

/// What the module asks of its host, sorted.
///
/// # Errors
/// [`Error::Malformed`] when `wasm` is no module.
pub fn imports(wasm: &[u8]) -> Result<Vec<Import>, Error> {
    let mut imports: Vec<_> = parse(wasm)?
        .imports
        .iter()
        .map(|import| Import { module: import.module.clone(), name: import.name.clone() })
        .collect();
    imports.sort();
    Ok(imports)
}

/// Makes sure that the module asks only for the proxy-wasm ABI and for what Rust's std cannot do without.
///
/// # Errors
/// [`Error::ForeignImports`] names every other import; Envoy would refuse such a module when it loads it.
pub fn check_imports(wasm: &[u8]) -> Result<(), Error> {
    let foreign: Vec<_> =
        imports(wasm)?.iter().filter(|import| !import.is_allowed()).map(ToString::to_string).collect();
    if foreign.is_empty() { Ok(()) } else { Err(Error::ForeignImports(foreign)) }
}
