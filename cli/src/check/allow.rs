//! What a manifest accepts on purpose: `tollgate.dev/allow: "code, code: reason"`, one such line for each reason.

use crate::fault::{Code, Fault};
use crate::manifest::WasmPlugin;

const ANNOTATION: &str = "tollgate.dev/allow";
const PATH: &str = "metadata.annotations.tollgate.dev/allow";

/// One accepted code of one manifest.
struct Allowance<'p> {
    plugin: &'p WasmPlugin,
    code: Code,
    used: bool,
}

/// Takes away what is accepted, and adds what is wrong with the acceptances.
pub(super) fn apply(faults: Vec<Fault>, plugins: &[WasmPlugin]) -> Vec<Fault> {
    let mut complaints = Vec::new();
    let mut allowances = Vec::new();
    for plugin in plugins {
        read(plugin, &mut allowances, &mut complaints);
    }
    let mut left: Vec<Fault> =
        faults.into_iter().filter(|fault| !is_accepted(fault, &mut allowances)).collect();
    for unused in allowances.iter().filter(|allowance| !allowance.used) {
        let message = format!("{} is accepted here, and there is nothing of the kind", unused.code.name());
        complaints.push(unused.plugin.fault(PATH, message).coded(Code::AllowUnused));
    }
    left.extend(complaints);
    left
}

/// Whether it was found here.
pub(super) fn is_own(fault: &Fault) -> bool {
    matches!(fault.code, Code::AllowUnknown | Code::AllowUnused)
}

fn read<'p>(plugin: &'p WasmPlugin, allowances: &mut Vec<Allowance<'p>>, complaints: &mut Vec<Fault>) {
    let Some((_, text)) = plugin.metadata.annotations.iter().find(|(name, _)| name == ANNOTATION) else {
        return;
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut complain =
            |message: String| complaints.push(plugin.fault(PATH, message).coded(Code::AllowUnknown));
        let (codes, reason) = line.split_once(':').unwrap_or((line, ""));
        if reason.trim().is_empty() {
            complain("say why: \"code, code: reason\"".to_owned());
        }
        for name in codes.split(',').map(str::trim) {
            match Code::named(name) {
                None => complain(format!("there is no finding {name:?}; `tollgate check --list` prints all")),
                Some(code) if !code.is_acceptable() => {
                    complain(format!("{name} is an error, which cannot be accepted"));
                }
                Some(code) => allowances.push(Allowance { plugin, code, used: false }),
            }
        }
    }
}

fn is_accepted(fault: &Fault, allowances: &mut [Allowance<'_>]) -> bool {
    let fits = |allowance: &&mut Allowance<'_>| {
        let plugin = allowance.plugin;
        let (first, last) = (plugin.document.at, plugin.document.last());
        let inside = fault.at.is_some_and(|at| first <= at && at <= last);
        allowance.code == fault.code && plugin.file == fault.file && inside
    };
    match allowances.iter_mut().find(fits) {
        Some(allowance) => {
            allowance.used = true;
            true
        }
        None => false,
    }
}
