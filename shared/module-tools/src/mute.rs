//! Taking out what nobody calls, and text that nobody reads.

use std::collections::BTreeSet;

use crate::calls::called;
use walrus::{FunctionBuilder, FunctionId, FunctionKind, InstrSeqBuilder, Module, ValType};

/// Functions that need not write anything, by how their demangled names begin.
///
/// A panic hook prints a backtrace, and a guest has none: no frame ever gets there, but with it come demangling and the
/// printing of paths. Whether one is wanted std asks the C library, whose environment brings an allocator along; of ours
/// nothing does (`filter-runtime`'s `host::variable`). The others are in the tables of errors that we drop unseen.
const MUTED: [&str; 14] = [
    "<wasi::lib_generated::Errno as core::fmt::Debug>::fmt",
    "getenv",
    "<<std::sys::backtrace::BacktraceLock>::print::DisplayBacktrace as core::fmt::Display>::fmt",
    "<std::backtrace::Backtrace as core::fmt::Display>::fmt::{closure#0}",
    "<<std::backtrace::Backtrace as core::fmt::Display>::fmt::{closure#0} as core::ops::function::FnOnce",
    "<std::backtrace_rs::symbolize::SymbolName as core::fmt::Display>::fmt",
    "<&rustc_demangle::DemangleStyle as core::fmt::Display>::fmt",
    "<anyhow::error::ErrorImpl<E> as core::fmt::Debug>::fmt",
    "<jwt_simple::error::JWTError as core::fmt::Debug>::fmt",
    "<jwt_simple::error::JWTError as core::fmt::Display>::fmt",
    "<der::error::ErrorKind as core::fmt::Debug>::fmt",
    "<der::error::ErrorKind as core::fmt::Display>::fmt",
    "<rsa::errors::Error as core::fmt::Debug>::fmt",
    "<rsa::errors::Error as core::fmt::Display>::fmt",
];

/// The SDK's dispatcher and the defaults of its traits, by the same rule. Its exports are gone, so nobody makes a context
/// of its any more, but tables of methods still name them.
const UNREACHABLE: [&str; 2] = ["proxy_wasm::", "<proxy_wasm::"];

/// Lets the functions of [`MUTED`] do nothing and report success, and those of [`UNREACHABLE`] trap. Gives those it rewrote.
pub(crate) fn mute(module: &mut Module) -> BTreeSet<FunctionId> {
    let (muted, unreachable) = (functions(module, &MUTED), functions(module, &UNREACHABLE));
    let mut rewritten: BTreeSet<FunctionId> = muted.into_iter().filter(|id| succeed(module, *id)).collect();
    for id in unreachable {
        replace_body(module, id, |body| {
            body.unreachable();
        });
        rewritten.insert(id);
    }
    rewritten
}

/// The functions of ours that call one which now traps: someone has begun to use the SDK for more than its types. For a
/// module from which everything that nothing reaches is gone, and whose names are not shortened yet.
pub(crate) fn callers_of_unreachable(module: &Module) -> Vec<String> {
    let gone: BTreeSet<FunctionId> = functions(module, &UNREACHABLE).into_iter().collect();
    let mut callers = Vec::new();
    for (id, function) in module.funcs.iter_local().filter(|(id, _)| !gone.contains(id)) {
        if !called(function).is_disjoint(&gone) {
            let name = module.funcs.get(id).name.clone().unwrap_or_default();
            callers.push(format!("{:#}", rustc_demangle::demangle(&name)));
        }
    }
    callers
}

fn functions(module: &Module, prefixes: &[&str]) -> Vec<FunctionId> {
    let wanted = |name: &str| is_one_of(name, prefixes);
    let found = module.funcs.iter().filter(|function| function.name.as_deref().is_some_and(wanted));
    found.map(walrus::Function::id).collect()
}

fn is_one_of(mangled: &str, prefixes: &[&str]) -> bool {
    // A copy that was internalized has a number after a dot, which is no part of its path.
    let path = mangled.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix('.').unwrap_or(mangled);
    let name = format!("{:#}", rustc_demangle::demangle(path));
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// What `core::fmt` calls gives 0 for success. False for a function of another shape, which stays as it is.
fn succeed(module: &mut Module, id: FunctionId) -> bool {
    let is_of_fmt = module.types.results(module.funcs.get(id).ty()) == [ValType::I32];
    if is_of_fmt {
        replace_body(module, id, |body| {
            body.i32_const(0);
        });
    }
    is_of_fmt
}

fn replace_body(module: &mut Module, id: FunctionId, write: impl FnOnce(&mut InstrSeqBuilder<'_>)) {
    let (parameters, results) = module.types.params_results(module.funcs.get(id).ty());
    let (parameters, results) = (parameters.to_vec(), results.to_vec());
    let arguments = parameters.iter().map(|of| module.locals.add(*of)).collect();
    let mut builder = FunctionBuilder::new(&mut module.types, &parameters, &results);
    write(&mut builder.func_body());
    module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANGLED: [(&str, bool); 7] = [
        (
            "_RNvXs2_NtNtCset5xJoy1xWQ_3std12backtrace_rs9symbolizeNtB5_10SymbolNameNtNtCsdHhIpgkcIfN_4core3fmt7Display3fmt",
            true,
        ),
        ("_ZN55_$LT$rsa..errors..Error$u20$as$u20$core..fmt..Debug$GT$3fmt17hd4a5e216427547c1E", true),
        ("_ZN58_$LT$der..error..ErrorKind$u20$as$u20$core..fmt..Debug$GT$3fmt17hc76466a9898193b5E.827", true),
        (
            "_ZN63_$LT$regex_lite..error..Error$u20$as$u20$core..fmt..Display$GT$3fmt17hf3318ca9c34b330bE",
            false,
        ),
        ("getenv", true),
        ("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", false),
        ("dlmalloc", false),
    ];

    /// A function of this name and type in a table, that calls an import.
    fn module(name: &str, result: &str) -> Module {
        let text = format!(
            "(module (import \"env\" \"write\" (func $write)) (table 1 funcref) (elem (i32.const 0) ${name})
             (func ${name} (param i32 i32) (result {result}) call $write {result}.const 1) (export \"t\" (table 0)))"
        );
        Module::from_buffer(&wat::parse_str(text).unwrap()).unwrap()
    }

    fn reaches_the_import(mut module: Module) -> bool {
        mute(&mut module);
        walrus::passes::gc::run(&mut module);
        module.imports.iter().next().is_some()
    }

    #[test]
    fn a_muted_function_no_longer_reaches_what_it_would_write_with() {
        for (name, muted) in MANGLED {
            assert_eq!(reaches_the_import(module(name, "i32")), !muted, "{name}");
        }
    }

    #[test]
    fn the_sdks_dispatcher_reaches_nothing_whatever_its_shape() {
        for (name, gone) in [
            ("_ZN10proxy_wasm10dispatcher10Dispatcher7on_done17h0123456789abcdefE", true),
            (
                "_ZN80_$LT$proxy_wasm..dispatcher..NoopRoot$u20$as$u20$proxy_wasm..traits..Context$GT$7on_done17h0123456789abcdefE",
                true,
            ),
            ("proxy_on_memory_allocate", false),
            ("_ZN14filter_runtime4host10proxy_wasm17h0123456789abcdefE", false),
        ] {
            assert_eq!(reaches_the_import(module(name, "i64")), !gone, "{name}");
        }
    }

    #[test]
    fn whoever_calls_the_sdk_is_named() {
        let sdk = "_ZN10proxy_wasm5types9something17h0123456789abcdefE";
        let text = format!(
            "(module (func ${sdk}) (func $_ZN5quota5visit17h0123456789abcdefE call ${sdk})
             (func $other) (export \"a\" (func $other)) (export \"b\" (func $_ZN5quota5visit17h0123456789abcdefE)))"
        );
        let mut module = Module::from_buffer(&wat::parse_str(text).unwrap()).unwrap();
        mute(&mut module);
        assert_eq!(callers_of_unreachable(&module), ["quota::visit"]);
        let module = module_of_no_calls(sdk);
        assert!(callers_of_unreachable(&module).is_empty());
    }

    fn module_of_no_calls(sdk: &str) -> Module {
        let mut module = module(sdk, "i32");
        mute(&mut module);
        module
    }

    #[test]
    fn a_function_of_another_shape_is_left_alone() {
        let (name, _) = MANGLED[0];
        assert!(reaches_the_import(module(name, "i64")));
    }
}
