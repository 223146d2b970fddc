//! Removing the callbacks that a filter does not use.

use crate::check::CALLBACK_PREFIX;
use crate::{Error, links, mute, names, parse, prune};
use std::collections::BTreeSet;
use walrus::Module;

/// The custom section in which a filter lists its callbacks; `filter_runtime::export_plugin!` writes it.
pub const CALLBACKS_SECTION: &str = "tollgate.callbacks";

/// The linker's notes: of use here, and to nobody later.
const NOTES: [&str; 3] = ["linking", "reloc.CODE", "reloc.DATA"];

/// How Envoy calls the start of a module.
const START: &str = "_initialize";

/// Envoy allocates guest memory through this one, whatever a filter does.
const ALWAYS_KEPT: &str = "proxy_on_memory_allocate";

/// A module that exports only the callbacks it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// The module.
    pub wasm: Vec<u8>,
    /// The callbacks that Envoy will not call, sorted.
    pub dropped: Vec<String>,
}

/// Gives the filter's own exports (`tollgate_initialize`, `tollgate_on_*`) the names that Envoy calls, in place of those
/// the linker left there, as far as [`CALLBACKS_SECTION`] lists them. Removes every other callback, the section itself,
/// and all that nothing reaches any more; of data only where the linker left its notes (`--emit-relocs`). Names of our functions stay, shortened, for Envoy's backtraces. The same
/// input gives the same bytes.
///
/// # Errors
/// When `wasm` is no module, has no such section, or lists a callback of which the filter exports none of its own; when its code
/// calls functions of the SDK.
pub fn trim(wasm: &[u8]) -> Result<Trimmed, Error> {
    let links = links::read(wasm)?;
    let mut module = parse(wasm)?;
    let indices: Vec<_> = module.funcs.iter().map(walrus::Function::id).collect();
    for notes in NOTES {
        module.customs.remove_raw(notes);
    }
    let section = module.customs.remove_raw(CALLBACKS_SECTION).ok_or(Error::NoCallbackList)?;
    let mut wanted = listed_callbacks(&section.data)?;
    wanted.insert(START.to_owned());
    let own: BTreeSet<String> = module.exports.iter().filter_map(|export| abi_name(&export.name)).collect();

    let missing: Vec<_> = wanted.difference(&own).cloned().collect();
    if !missing.is_empty() {
        return Err(Error::MissingCallbacks(missing));
    }

    let dropped = replace_exports(&mut module, &wanted);
    let rewritten = mute::mute(&mut module);
    if let Some(links) = links {
        prune::prune(&mut module, &links, &indices, &rewritten);
    }
    walrus::passes::gc::run(&mut module);
    let callers = mute::callers_of_unreachable(&module);
    if !callers.is_empty() {
        return Err(Error::CallsTheSdk(callers));
    }
    names::shorten(&mut module);
    Ok(Trimmed { wasm: module.emit_wasm(), dropped })
}

/// Keeps of the callbacks, and of the starts, the filter's own that are wanted; returns the names of the unwanted.
fn replace_exports(module: &mut Module, wanted: &BTreeSet<String>) -> Vec<String> {
    let mut dropped = BTreeSet::new();
    let mut removed = Vec::new();
    for export in module.exports.iter_mut() {
        let linkers = export.name == START || is_callback(&export.name) && export.name != ALWAYS_KEPT;
        match abi_name(&export.name) {
            Some(name) if wanted.contains(&name) => export.name = name,
            Some(_) => removed.push(export.id()),
            None if linkers => {
                removed.push(export.id());
                dropped.extend(Some(&export.name).filter(|name| !wanted.contains(*name)).cloned());
            }
            None => {}
        }
    }
    for id in removed {
        module.exports.delete(id);
    }
    dropped.into_iter().collect()
}

/// How Envoy calls what the filter exports under a name of its own.
fn abi_name(own: &str) -> Option<String> {
    let name = own.strip_prefix("tollgate_")?;
    Some(if name.starts_with("on_") { format!("proxy_{name}") } else { format!("_{name}") })
}

fn is_callback(name: &str) -> bool {
    name.starts_with(CALLBACK_PREFIX)
}

/// Names separated by blanks, line ends or NULs: a macro can only join literals with padding.
fn listed_callbacks(section: &[u8]) -> Result<BTreeSet<String>, Error> {
    section
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let name = String::from_utf8_lossy(name).into_owned();
            if is_callback(&name) { Ok(name) } else { Err(Error::BadCallbackName(name)) }
        })
        .collect()
}
