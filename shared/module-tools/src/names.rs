//! Short, readable function names, of our own functions.
//!
//! Envoy prints the name section's names in the backtrace of a trap, as they are, and a function without a name by its
//! number. Rust's mangled names of generic functions are hundreds of bytes each and a fifth of a module, and nobody can
//! read them. Of library functions not even the short names are kept: they would be a tenth of a module, and a panic
//! logs its message and place before it traps.

use walrus::{FunctionKind, Module};

/// The longest name that is kept, in bytes.
const LONGEST: usize = 40;

/// The crates whose functions keep a name.
const OURS: [&str; 10] = [
    "auth_policy",
    "credentials",
    "filter_runtime",
    "header_policy",
    "idp",
    "jose",
    "json",
    "policy_core",
    "quota",
    "ratelimit_policy",
];

/// Gives every function of ours, and every one that has no Rust path, the short form of its name. Takes it from others, imports
/// among them: the host knows those.
pub(crate) fn shorten(module: &mut Module) {
    for function in module.funcs.iter_mut() {
        let is_imported = matches!(function.kind, FunctionKind::Import(_));
        function.name = function.name.take().filter(|_| !is_imported).and_then(|name| short(&name));
    }
}

/// `edits::Edits::apply` for the mangled form of `header_policy::edits::Edits::apply`, whether it is the type's own or some
/// trait's: without crate, trait and type parameters. Nothing for a library's function.
fn short(mangled: &str) -> Option<String> {
    let name = format!("{:#}", rustc_demangle::demangle(mangled));
    let (of, function) = match name.strip_prefix('<') {
        Some(rest) => rest.split_at(outermost(rest, ">").unwrap_or(rest.len())),
        None => ("", name.as_str()),
    };
    let of = of.get(..outermost(of, " as ").unwrap_or(of.len())).unwrap_or_default();
    let path = plain(of.trim_start_matches('&')) + plain(function.trim_start_matches('>')).as_str();
    let Some((first, rest)) = path.split_once("::") else { return Some(cut(&path)) };
    OURS.contains(&first).then(|| cut(rest))
}

/// Where this stands outside all angle brackets.
fn outermost(name: &str, wanted: &str) -> Option<usize> {
    let mut depth: usize = 0;
    for (at, c) in name.char_indices() {
        if depth == 0 && name.get(at..).is_some_and(|rest| rest.starts_with(wanted)) {
            return Some(at);
        }
        depth = deeper(depth, c, name.get(..at).unwrap_or_default());
    }
    None
}

/// What stands outside all angle brackets.
fn plain(name: &str) -> String {
    let mut depth: usize = 0;
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        let before = depth;
        depth = deeper(depth, c, name.get(..at).unwrap_or_default());
        if before == 0 && depth == 0 {
            out.push(c);
        }
    }
    out
}

/// The number of open brackets behind this character. That of an arrow is none.
fn deeper(depth: usize, c: char, before: &str) -> usize {
    match c {
        '<' => depth.saturating_add(1),
        '>' if !before.ends_with('-') => depth.saturating_sub(1),
        _ => depth,
    }
}

/// At most so many bytes, cut between characters.
fn cut(path: &str) -> String {
    let end = (0..=LONGEST).rev().find(|end| path.is_char_boundary(*end)).unwrap_or_default();
    path.get(..end).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_without_crate_trait_and_parameters() {
        for (mangled, name) in [
            ("proxy_on_configure", "proxy_on_configure"),
            ("malloc", "malloc"),
            ("_RNvMNtCs1_13header_policy5editsNtB2_5Edits5apply", "edits::Edits::apply"),
            (
                "_ZN83_$LT$ratelimit_policy..limit..Config$u20$as$u20$policy_core..config..read..Wire$GT$4read17h0123456789abcdefE",
                "limit::Config::read",
            ),
            (
                "_ZN71_$LT$$RF$policy_core..ids..Ids$LT$V$GT$$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
                "ids::Ids::fmt",
            ),
            ("_ZN14filter_runtime6stream13Seat$LT$P$GT$3run17h0123456789abcdefE", "stream::Seat::run"),
            (
                "_ZN11policy_core5outer28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
                "outer::{{closure}}",
            ),
        ] {
            assert_eq!(short(mangled).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_library_function_has_no_name() {
        for mangled in [
            "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
            "_ZN40_$LT$T$u20$as$u20$core..fmt..Display$GT$3fmt17h0123456789abcdefE",
            "_ZN4core3ptr35drop_in_place$LT$jose..key..Key$GT$17h0123456789abcdefE",
            "_ZN9josephine7Empress3new17h0123456789abcdefE",
        ] {
            assert_eq!(short(mangled), None, "{mangled}");
        }
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        assert!(short(&"x".repeat(500)).unwrap().len() == LONGEST);
        assert!(cut(&"aé".repeat(100)).len() <= LONGEST);
    }
}
