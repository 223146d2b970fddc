//! Short, readable function names, of our own functions.
//!
//! Envoy prints the name section's names in the backtrace of a trap, as they are, and a function without a name by its
//! number. Rust's mangled names of generic functions are hundreds of bytes each and a fifth of a module, and nobody can
//! read them. Of library functions not even the short names are kept: they would be a tenth of a module, and a panic
//! logs its message and place before it traps.

use walrus::Module;

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

/// Gives every function of ours, and every one that has no Rust path, the short form of its name; takes it from others.
pub(crate) fn shorten(module: &mut Module) {
    for function in module.funcs.iter_mut() {
        function.name = function.name.take().map(|name| short(&name)).filter(|name| is_kept(name));
    }
}

/// True for callbacks, C functions and Rust functions of [`OURS`].
fn is_kept(short: &str) -> bool {
    let path = short.trim_start_matches(['<', '&']);
    !path.contains("::")
        || OURS.iter().any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.starts_with("::")))
}

/// `<header_policy::edits::Edits>::apply` for its mangled form; what stands deeper than one `<` becomes `_`.
fn short(mangled: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(mangled));
    let mut out = String::new();
    let mut depth: usize = 0;
    for c in name.chars() {
        if c == '>' && !out.ends_with('-') {
            depth = depth.saturating_sub(1);
        }
        match depth {
            0 | 1 => out.push(c),
            _ if out.ends_with('_') => {}
            _ => out.push('_'),
        }
        if c == '<' {
            depth = depth.saturating_add(1);
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_demangled_and_its_inner_generics_are_left_out() {
        for (mangled, name) in [
            ("proxy_on_configure", "proxy_on_configure"),
            ("_RNvMNtCs1_13header_policy5editsNtB2_5Edits5apply", "<header_policy::edits::Edits>::apply"),
            ("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"),
        ] {
            assert_eq!(short(mangled), name);
        }
        assert!(short(&"x".repeat(500)).len() <= LONGEST);
    }

    #[test]
    fn a_library_function_has_no_name() {
        for (short, kept) in [
            ("proxy_on_configure", true),
            ("dlmalloc", true),
            ("jose::key_set::KeySet::verify", true),
            ("<&json::Json as core::fmt::D", true),
            ("alloc::vec::Vec<T,A>::push", false),
            ("<T as core::fmt::Display>::fmt", false),
            ("core::ptr::drop_in_place<jose::key::Key>", false),
            ("josephine::Empress::new", false),
        ] {
            assert_eq!(is_kept(short), kept, "{short}");
        }
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        assert!(short(&"é".repeat(100)).len() <= LONGEST + 1);
    }
}
