//! Short, readable function names.
//!
//! Envoy prints the name section's names in the backtrace of a trap, as they are. Rust's mangled names of generic
//! functions are hundreds of bytes each and a fifth of a module, and nobody can read them.

use walrus::Module;

/// The longest name that is kept, in bytes.
const LONGEST: usize = 40;

/// Gives every function the short form of its name.
pub(crate) fn shorten(module: &mut Module) {
    for function in module.funcs.iter_mut() {
        function.name = function.name.take().map(|name| short(&name));
    }
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
    fn a_name_is_cut_between_characters() {
        assert!(short(&"é".repeat(100)).len() <= LONGEST + 1);
    }
}
