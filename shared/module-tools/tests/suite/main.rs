//! The tools on small modules written by hand.

#![cfg(test)] // tells clippy that helpers, too, may unwrap

mod prune;

use module_tools::{CALLBACKS_SECTION, Error, callbacks, check_imports, exports, imports, sha256, trim};

/// What a linker leaves of a filter: the SDK's callbacks `names` and the filter's own of the same names, each reaching
/// one import of its own, both starts, and the list `section`.
fn module(names: &[&str], section: Option<&str>) -> Vec<u8> {
    let own: Vec<String> =
        names.iter().filter_map(|name| Some(format!("tollgate_{}", name.strip_prefix("proxy_")?))).collect();
    let mut names = names.to_vec();
    names.extend(own.iter().map(String::as_str));
    let imports: String = names
        .iter()
        .map(|name| format!("(import \"env\" \"proxy_for_{name}\" (func $import_{name}))"))
        .collect();
    let functions: String =
        names.iter().map(|name| format!("(func ${name} (export \"{name}\") call $import_{name})")).collect();
    let section = section
        .map(|names| {
            let bytes: String = names.bytes().map(|byte| format!("\\{byte:02x}")).collect();
            format!("(@custom \"{CALLBACKS_SECTION}\" \"{bytes}\")")
        })
        .unwrap_or_default();
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1) {functions} (func (export \"_initialize\") unreachable)
         (func $start (export \"tollgate_initialize\")) {section})"
    );
    wat::parse_str(text).expect("the test's WAT is valid")
}

#[test]
fn unlisted_callbacks_go_with_all_that_only_they_reach() {
    let wasm = module(&["proxy_on_tick", "proxy_on_log"], Some("proxy_on_tick"));
    let trimmed = trim(&wasm).unwrap();
    assert_eq!(trimmed.dropped, ["proxy_on_log"]);
    assert_eq!(exports(&trimmed.wasm).unwrap(), ["_initialize", "memory", "proxy_on_tick"]);
    let left: Vec<_> = imports(&trimmed.wasm).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(left, ["env.proxy_for_tollgate_on_tick"]);
}

#[test]
fn memory_allocation_is_kept_without_being_listed() {
    let wasm = module(&["proxy_on_memory_allocate", "proxy_on_log"], Some(""));
    let trimmed = trim(&wasm).unwrap().wasm;
    assert_eq!(callbacks(&trimmed).unwrap(), ["proxy_on_memory_allocate"]);
    assert_eq!(imports(&trimmed).unwrap().len(), 1, "the SDK's own");
}

#[test]
fn the_filters_own_start_takes_the_place_of_the_linkers() {
    let trimmed = trim(&module(&["proxy_on_tick"], Some(""))).unwrap().wasm;
    assert!(contains(&trimmed, "start"));
    assert_eq!(exports(&trimmed).unwrap(), ["_initialize", "memory"]);
    let no_start = wat::parse_str(format!("(module (@custom \"{CALLBACKS_SECTION}\" \"\"))")).unwrap();
    assert!(matches!(trim(&no_start), Err(Error::MissingCallbacks(names)) if names == ["_initialize"]));
}

#[test]
fn names_may_be_separated_by_blanks_line_ends_and_nuls() {
    let names = ["proxy_on_a", "proxy_on_b", "proxy_on_c"];
    let wasm = module(&names, Some("\0proxy_on_a\nproxy_on_b\0\0 proxy_on_c  \n"));
    assert_eq!(callbacks(&trim(&wasm).unwrap().wasm).unwrap(), names);
}

#[test]
fn the_section_itself_is_removed() {
    let wasm = module(&["proxy_on_tick"], Some("proxy_on_tick"));
    let trimmed = trim(&wasm).unwrap().wasm;
    assert!(contains(&wasm, CALLBACKS_SECTION));
    assert!(!contains(&trimmed, CALLBACKS_SECTION));
    assert!(matches!(trim(&trimmed), Err(Error::NoCallbackList)));
}

#[test]
fn function_names_survive_for_backtraces() {
    let wasm = module(&["proxy_on_tick", "proxy_on_log"], Some("proxy_on_tick"));
    let trimmed = trim(&wasm).unwrap().wasm;
    let (_, names) = trimmed.split_at(trimmed.windows(5).position(|bytes| bytes == b"\x04name").unwrap());
    for (name, stays) in
        [("start", true), ("tollgate_on_tick", true), ("import_tollgate_on_tick", false), ("_log", false)]
    {
        assert_eq!(contains(names, name), stays, "{name}");
    }
}

#[test]
fn trimming_twice_gives_the_same_bytes() {
    let names: Vec<String> = (0..50).map(|n| format!("proxy_on_{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wasm = module(&names, Some("proxy_on_7 proxy_on_23 proxy_on_42"));
    assert_eq!(trim(&wasm).unwrap(), trim(&wasm).unwrap());
}

#[test]
fn a_module_without_the_list_is_told_which_macro_writes_it() {
    let refused = trim(&module(&["proxy_on_tick"], None)).unwrap_err();
    assert!(refused.to_string().contains("filter_runtime::export_plugin!"), "{refused}");
}

#[test]
fn a_listed_callback_that_is_not_exported_is_refused_by_name() {
    let wasm = module(&["proxy_on_tick"], Some("proxy_on_tick proxy_on_requst_headers"));
    let refused = trim(&wasm).unwrap_err();
    assert!(matches!(&refused, Error::MissingCallbacks(names) if names == &["proxy_on_requst_headers"]));
    assert!(refused.to_string().contains("proxy_on_requst_headers"), "{refused}");
}

#[test]
fn a_listed_name_that_is_no_callback_is_refused() {
    let wasm = module(&["proxy_on_tick"], Some("proxy_on_tick,proxy_on_log main"));
    assert!(matches!(trim(&wasm), Err(Error::BadCallbackName(name)) if name == "main"));
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    for bytes in [&b""[..], b"\0asm", b"#!/bin/sh\n"] {
        assert!(matches!(trim(bytes), Err(Error::Malformed(_))), "{bytes:?}");
    }
}

#[test]
fn imports_of_the_abi_and_of_std_pass() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))))"#,
    )
    .unwrap();
    assert!(check_imports(&wasm).is_ok());
}

#[test]
fn every_other_import_is_refused_by_name() {
    let wasm = wat::parse_str(
        r#"(module
            (import "env" "malloc" (func))
            (import "env" "proxy_log" (func))
            (import "wasi_snapshot_preview1" "path_open" (func))
            (import "__wbindgen_placeholder__" "proxy_x" (func)))"#,
    )
    .unwrap();
    let refused = check_imports(&wasm).unwrap_err();
    assert!(
        matches!(&refused, Error::ForeignImports(names) if names ==
            &["__wbindgen_placeholder__.proxy_x", "env.malloc", "wasi_snapshot_preview1.path_open"]),
        "{refused}"
    );
}

#[test]
fn a_digest_is_written_as_istio_takes_it() {
    assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
}
