//! `filters/*/examples`: what is refused there is refused as its first lines say, and what is good is clean.
//!
//! A refused manifest begins with a remark, then `# flags:` where it needs some, then one
//! `# expect: line:column level code: path: message` for each finding, and there are no others.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::args::{Args, Command};
use crate::fault::Code;
use crate::report::Reporter;
use clap::Parser as _;
use serde_json::Value;

/// What no single manifest can show; `cli/src/check/tests.rs` and the tests of `cli/src/manifest` do.
const ELSEWHERE: [&str; 7] = [
    "given-twice",
    "invalid",
    "limits-differ",
    "module-missing",
    "module-other",
    "module-refused",
    "unreadable",
];
/// Rows of the list of mistakes that need a module (tested there, too) or a cluster or registry (not looked at).
const ROWS_ELSEWHERE: [u32; 7] = [11, 12, 37, 42, 44, 55, 56];

fn filters() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters")
}

/// All `*.yaml` in this folder of each filter.
fn examples(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for filter in std::fs::read_dir(filters()).unwrap() {
        let Ok(files) = std::fs::read_dir(filter.unwrap().path().join(folder)) else { continue };
        found.extend(files.map(|file| file.unwrap().path()));
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    found.sort();
    found
}

/// The findings of a file, written as in its first lines.
fn findings(file: &Path, flags: &[&str]) -> Vec<String> {
    let file = file.to_str().unwrap();
    let line = ["tollgate", "check", "--format", "json", file].into_iter().chain(flags.iter().copied());
    let Command::Check(args) = Args::parse_from(line).command else { panic!("not a check") };
    let mut out = Vec::new();
    let _ = crate::check::check(&args, &mut std::io::empty(), &mut out, &mut Reporter::new(std::io::sink()));
    let found: Vec<Value> = serde_json::from_slice(&out).unwrap();
    found.iter().map(shown).collect()
}

fn shown(finding: &Value) -> String {
    let text = |field: &str| finding[field].as_str().unwrap();
    let place = finding["line"].as_u64().map(|line| format!("{line}:{} ", finding["column"]));
    let path = if text("path").is_empty() { String::new() } else { format!("{}: ", text("path")) };
    let place = place.unwrap_or_default();
    format!("{place}{} {}: {path}{}", text("level"), text("code"), text("message"))
}

/// The lines of this kind at the beginning of a file.
fn remarks<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix(&format!("# {word}: "))).collect()
}

#[test]
fn each_refused_example_is_refused_as_it_says() {
    let files = examples("examples/refused");
    assert!(files.len() >= 40, "{} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let flags: Vec<&str> = remarks(&text, "flags").iter().flat_map(|flags| flags.split(' ')).collect();
        let (expected, found) = (remarks(&text, "expect"), findings(file, &flags));
        if expected.is_empty() || expected != found {
            wrong.push(format!("{}\n  expected {expected:#?}\n  found {found:#?}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_good_example_is_clean() {
    let files = examples("examples");
    assert!(files.len() >= 6, "{} files", files.len());
    for file in files {
        assert_eq!(findings(&file, &["--strict"]), [""; 0], "{}", file.display());
    }
}

#[test]
fn every_kind_of_finding_is_shown_once_at_least() {
    let mut shown = BTreeSet::new();
    for file in examples("examples/refused") {
        let text = std::fs::read_to_string(file).unwrap();
        for expected in remarks(&text, "expect") {
            let words = expected.split(' ').take(3).map(|word| word.trim_end_matches(':').to_owned());
            shown.extend(words);
        }
    }
    let missing: Vec<&str> =
        Code::ALL.iter().map(|code| code.name()).filter(|name| !shown.contains(*name)).collect();
    let mut elsewhere: Vec<&str> = ELSEWHERE.to_vec();
    elsewhere.retain(|name| !shown.contains(*name));
    assert_eq!(missing.iter().collect::<BTreeSet<_>>(), elsewhere.iter().collect());
}

#[test]
fn every_mistake_of_the_list_has_an_example() {
    let mut rows = BTreeSet::from(ROWS_ELSEWHERE);
    for file in examples("examples/refused") {
        let text = std::fs::read_to_string(file).unwrap();
        let named = text.split("(8.").skip(1).filter_map(|rest| rest.split(')').next()?.parse::<u32>().ok());
        rows.extend(named);
    }
    assert_eq!(rows, (1..=58).collect());
}

#[test]
fn the_table_says_what_the_tool_says() {
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CHECKS.md")).unwrap();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| `")).collect();
    let row =
        |code: &Code| format!("| `{}` | {} | {} |", code.name(), code.level().word(), code.explanation());
    assert_eq!(rows, Code::ALL.iter().map(row).collect::<Vec<_>>());
}
