//! Removing the callbacks that a filter does not use.

use crate::check::CALLBACK_PREFIX;
use crate::{Error, mute, names, parse};
use std::collections::BTreeSet;

/// The custom section in which a filter lists its callbacks; `filter_runtime::export_plugin!` writes it.
pub const CALLBACKS_SECTION: &str = "tollgate.callbacks";

/// Envoy allocates guest memory through this one, whatever a filter does.
const ALWAYS_KEPT: &str = "proxy_on_memory_allocate";

/// A module that exports only the callbacks it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// The module.
    pub wasm: Vec<u8>,
    /// The callbacks that were removed, sorted.
    pub dropped: Vec<String>,
}

/// Removes every exported `proxy_on_*` callback that is not listed in [`CALLBACKS_SECTION`], the section itself, and
/// all that nothing reaches any more. Names of our functions stay, shortened, for Envoy's backtraces. The same input
/// gives the same bytes.
///
/// # Errors
/// When `wasm` is no module, has no such section, or lists a callback that it does not export.
pub fn trim(wasm: &[u8]) -> Result<Trimmed, Error> {
    let mut module = parse(wasm)?;
    let section = module.customs.remove_raw(CALLBACKS_SECTION).ok_or(Error::NoCallbackList)?;
    let listed = listed_callbacks(&section.data)?;
    let exported: BTreeSet<String> = module
        .exports
        .iter()
        .map(|export| export.name.clone())
        .filter(|name| name.starts_with(CALLBACK_PREFIX))
        .collect();

    let missing: Vec<_> = listed.difference(&exported).cloned().collect();
    if !missing.is_empty() {
        return Err(Error::MissingCallbacks(missing));
    }

    let dropped: Vec<_> =
        exported.difference(&listed).filter(|name| name.as_str() != ALWAYS_KEPT).cloned().collect();
    for name in &dropped {
        module.exports.remove(name).map_err(|error| Error::Malformed(format!("{error:#}")))?;
    }
    mute::mute(&mut module);
    walrus::passes::gc::run(&mut module);
    names::shorten(&mut module);
    Ok(Trimmed { wasm: module.emit_wasm(), dropped })
}

/// Names separated by blanks, line ends or NULs: a macro can only join literals with padding.
fn listed_callbacks(section: &[u8]) -> Result<BTreeSet<String>, Error> {
    section
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = String::from_utf8_lossy(name).into_owned();
            if name.starts_with(CALLBACK_PREFIX) { Ok(name) } else { Err(Error::BadCallbackName(name)) }
        })
        .collect()
}
