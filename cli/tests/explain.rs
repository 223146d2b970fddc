//! The fixtures beside the filters hold, told by the tool itself.

#![cfg(test)] // tells clippy that helpers, too, may unwrap

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All of `filters/*/examples/explain/*.yaml`.
fn fixtures() -> Vec<PathBuf> {
    let filters = fs::read_dir(root().join("filters")).unwrap().map(|entry| entry.unwrap().path());
    let folders = filters.filter_map(|filter| fs::read_dir(filter.join("examples/explain")).ok());
    let mut files: Vec<PathBuf> = folders.flatten().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn explain(arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.arg("explain").args(files).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_fixture_is_as_it_says() {
    let files = fixtures();
    assert!(files.len() >= 5, "{files:?}");
    let told = explain(&[], &files);
    assert!(told.status.success(), "{}{}", text(&told.stdout), text(&told.stderr));
    assert_eq!(text(&told.stdout).matches("all as expected").count(), files.len());
    assert!(!text(&told.stdout).contains("demo-api-key"), "a credential is printed");
}

#[test]
fn every_request_of_a_fixture_expects_something() {
    let told = explain(&["--format", "json"], &fixtures());
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    for fixture in told.as_array().unwrap() {
        for request in fixture["requests"].as_array().unwrap() {
            assert_eq!(request["expected"], true, "{}: {}", fixture["fixture"], request["name"]);
        }
        assert_ne!(fixture["requests"].as_array().unwrap().len(), 0);
    }
}

#[test]
fn a_manifest_that_does_something_else_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let demo = fs::read_to_string(root().join("manifests/base/ratelimit-filter.yaml")).unwrap();
    let changed = demo.replacen("requests: 3, unit: minute", "requests: 4, unit: minute", 1);
    assert_ne!(changed, demo);
    fs::write(folder.path().join("changed.yaml"), changed).unwrap();
    let fixture = root().join("filters/ratelimit-filter/examples/explain/demo.yaml");
    let manifests = folder.path().join("changed.yaml").display().to_string();
    let told = explain(&["--manifests", &manifests], &[fixture]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        text(&told.stdout).contains("not as expected: status: expected 429, got 200"),
        "{}",
        text(&told.stdout)
    );
}

#[test]
fn what_cannot_be_read_is_another_exit_status() {
    let told = explain(&[], &[PathBuf::from("/nowhere/fixture.yaml")]);
    assert_eq!(told.status.code(), Some(2));
    assert!(
        text(&told.stderr).starts_with("/nowhere/fixture.yaml: cannot be read: "),
        "{}",
        text(&told.stderr)
    );
}
