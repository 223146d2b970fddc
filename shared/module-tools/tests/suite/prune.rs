//! What the linker's notes let go.

#![allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]

use module_tools::{CALLBACKS_SECTION, exports, imports, trim};

const FUNCTION: u8 = 0;
const FUNCTION_INDEX: u8 = 0;
const TABLE_INDEX: u8 = 2;
const MEMORY_ADDRESS: u8 = 4;
const POINTED_TO: u8 = 5;

/// Imports are functions 0 to 2. The start reads the text of `live`, beside which `kept` is pointed to; what is dropped reads that
/// of `dead`, beside which `gone` is. `far` is reached through a pointer in `live` to data, `built` through a call on which the
/// linker has no note. Some text belongs to no symbol.
const TEXT: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (import "env" "for_kept" (func $for_kept))
    (import "env" "for_gone" (func $for_gone))
    (memory (export "memory") 1)
    (table (export "table") 4 funcref)
    (elem (i32.const 1) $kept $gone)
    (func $start (export "tollgate_initialize") i32.const 1024 call $log call $constructor)
    (func $dropped (export "proxy_on_log") i32.const 1088 call $log)
    (func $kept call $for_kept)
    (func $gone call $for_gone)
    (func $constructor i32.const 1216 call $log)
    (data (i32.const 1024) "the text that stays\00\01\00\00\00\80\04\00\00nobody's\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
        "the text that goes__\02\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
        "pointed to\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00"
        "what it reads"))"#;

fn leb(mut value: usize, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn custom(name: &str, content: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    leb(1 + name.len() + content.len(), out);
    leb(name.len(), out);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(content);
}

/// The number and the start of the section with this id.
fn section(wasm: &[u8], id: u8) -> (usize, usize) {
    let (mut at, mut number) = (8, 0);
    loop {
        let (mut size, mut shift, mut start) = (0, 0, at + 1);
        loop {
            size |= usize::from(wasm[start] & 127) << shift;
            shift += 7;
            start += 1;
            if wasm[start - 1] < 128 {
                break;
            }
        }
        if wasm[at] == id {
            return (number, start);
        }
        (at, number) = (start + size, number + 1);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).unwrap()
}

/// Type, place, symbol; those of memory have an addend.
fn relocations(section: usize, entries: &[(u8, usize, usize)]) -> Vec<u8> {
    let mut out = Vec::new();
    leb(section, &mut out);
    leb(entries.len(), &mut out);
    for (of, place, symbol) in entries {
        out.push(*of);
        leb(*place, &mut out);
        leb(*symbol, &mut out);
        out.extend((*of >= 3).then_some(0));
    }
    out
}

/// [`TEXT`] with the list of its callbacks, of which there are none, and the linker's notes.
fn module(with_notes: bool) -> Vec<u8> {
    let mut wasm = wat::parse_str(TEXT).unwrap();
    let ((code, code_start), (data, data_start)) = (section(&wasm, 10), section(&wasm, 11));
    let in_code = |wanted: &[u8]| code_start + find(&wasm[code_start..], wanted) + 1 - code_start;
    let in_data = |wanted: &[u8], behind: usize| find(&wasm[data_start..], wanted) + behind;
    let of_code = relocations(
        code,
        &[
            (MEMORY_ADDRESS, in_code(&[0x41, 0x80, 0x08]), 4),
            (MEMORY_ADDRESS, in_code(&[0x41, 0xc0, 0x08]), 5),
            (MEMORY_ADDRESS, in_code(&[0x41, 0xc0, 0x09]), 7),
            (FUNCTION_INDEX, in_code(&[0x10, 1]), 0),
            (FUNCTION_INDEX, in_code(&[0x10, 2]), 1),
        ],
    );
    let of_data = relocations(
        data,
        &[
            (TABLE_INDEX, in_data(b"the text that stays", 20), 2),
            (POINTED_TO, in_data(b"the text that stays", 24), 6),
            (TABLE_INDEX, in_data(b"the text that goes", 20), 3),
        ],
    );
    let mut linking = vec![2, 8];
    let mut symbols = vec![8];
    for (index, name) in [(1, None), (2, None), (5, Some("kept")), (6, Some("gone"))] {
        // An import that is not named by its symbol is undefined, and has no name.
        symbols.extend([FUNCTION, if name.is_some() { 0 } else { 0x10 }, index]);
        if let Some(name) = name {
            leb(name.len(), &mut symbols);
            symbols.extend_from_slice(name.as_bytes());
        }
    }
    for (name, offset, size) in [("live", 0, 28), ("dead", 64, 24), ("far", 128, 10), ("built", 192, 13)] {
        symbols.extend([1, 0]);
        leb(name.len(), &mut symbols);
        symbols.extend_from_slice(name.as_bytes());
        symbols.push(0);
        leb(offset, &mut symbols);
        leb(size, &mut symbols);
    }
    leb(symbols.len(), &mut linking);
    linking.extend(symbols);
    custom(CALLBACKS_SECTION, b"", &mut wasm);
    if with_notes {
        custom("linking", &linking, &mut wasm);
        custom("reloc.CODE", &of_code, &mut wasm);
        custom("reloc.DATA", &of_data, &mut wasm);
    }
    wasm
}

fn has(wasm: &[u8], wanted: &str) -> bool {
    wasm.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

#[test]
fn data_goes_with_what_refers_to_it_and_functions_with_the_data() {
    let trimmed = trim(&module(true)).unwrap();
    assert_eq!(trimmed.dropped, ["proxy_on_log"]);
    assert_eq!(exports(&trimmed.wasm).unwrap(), ["_initialize", "memory", "table"]);
    let left: Vec<_> = imports(&trimmed.wasm).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(left, ["env.for_kept", "env.log"]);
    for (text, stays) in [
        ("the text that stays", true),
        ("pointed to", true),
        ("what it reads", true),
        ("nobody's", true),
        ("the text that goes", false),
    ] {
        assert_eq!(has(&trimmed.wasm, text), stays, "{text}");
    }
    assert!(!has(&trimmed.wasm, "linking") && !has(&trimmed.wasm, "reloc."));
    // `i32.const 1152` and 1216, the offsets of segments: what stays is where it was.
    for offset in [[0x41, 0x80, 0x09, 0x0b], [0x41, 0xc0, 0x09, 0x0b]] {
        assert!(trimmed.wasm.windows(4).any(|bytes| bytes == offset));
    }
}

#[test]
fn without_notes_all_data_stays() {
    let trimmed = trim(&module(false)).unwrap().wasm;
    assert!(has(&trimmed, "the text that goes") && imports(&trimmed).unwrap().len() == 3);
}

/// The module with these notes in place of its own.
fn with_notes(notes: &[(&str, &[u8])]) -> Vec<u8> {
    let mut wasm = module(false);
    notes.iter().for_each(|(name, content)| custom(name, content, &mut wasm));
    wasm
}

#[test]
fn notes_that_are_not_whole_are_refused() {
    let (code, _) = section(&module(false), 10);
    let none: &[u8] = &[2, 8, 1, 0];
    let of_code = relocations(code, &[(FUNCTION_INDEX, 5, 0)]);
    let of_data = relocations(code + 1, &[]);
    for (notes, reason) in [
        (vec![("linking", [2, 8, 100, 7].as_slice()), ("reloc.CODE", &[3, 1])], ""),
        (vec![("linking", none), ("reloc.CODE", &of_code)], "on one section and not on another"),
        (
            vec![("linking", none), ("reloc.CODE", &of_code), ("reloc.DATA", &of_data)],
            "name a symbol that they do not have",
        ),
    ] {
        let Err(module_tools::Error::Malformed(why)) = trim(&with_notes(&notes)) else { panic!("{notes:?}") };
        assert!(why.contains(reason), "{why}");
    }
}
