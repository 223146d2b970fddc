//! The workflows of GitHub: what they call is there, what they may do is little.

use serde_json::Value;

use crate::{documents, files, read};

fn workflows() -> Vec<(String, Value, String)> {
    let all: Vec<_> = files(".github/workflows", ".yaml")
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            (file.file_name().unwrap().to_str().unwrap().to_owned(), documents(&text).remove(0), text)
        })
        .collect();
    let names: Vec<&str> = all.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(names, ["check.yaml", "e2e.yaml", "kind.yaml", "release.yaml"]);
    all
}

/// All steps of all jobs.
fn steps(workflow: &Value) -> Vec<Value> {
    let jobs = workflow["jobs"].as_object().unwrap();
    jobs.values().flat_map(|job| job["steps"].as_array().unwrap().clone()).collect()
}

/// The words after `make` in a script.
fn targets(script: &str) -> Vec<&str> {
    let words: Vec<&str> = script.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0] == "make").map(|pair| pair[1]).collect()
}

#[test]
fn every_target_that_a_workflow_makes_is_in_the_makefile() {
    let makefile = read("Makefile");
    let known: Vec<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .filter(|name| !name.starts_with(['.', '\t', '@', '#']))
        .collect();
    let mut made = 0;
    for (name, workflow, _) in workflows() {
        for step in steps(&workflow) {
            for target in targets(step["run"].as_str().unwrap_or_default()) {
                assert!(known.contains(&target), "{name}: make {target}");
                made += 1;
            }
        }
    }
    assert!(made >= 7, "{made}");
}

#[test]
fn actions_are_pinned_by_commit_with_their_version_beside() {
    for (name, _, text) in workflows() {
        for line in text.lines().filter_map(|line| line.split_once("uses: ").map(|(_, rest)| rest)) {
            let (action, version) = line.split_once(" # v").unwrap_or_else(|| panic!("{name}: {line}"));
            let (_, commit) = action.split_once('@').unwrap();
            assert!(
                commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{name}: {line}"
            );
            assert!(version.split('.').count() == 3, "{name}: {line}");
        }
    }
}

#[test]
fn workflows_may_only_read_and_only_the_release_writes() {
    for (name, workflow, _) in workflows() {
        let mut granted = vec![workflow["permissions"].clone()];
        granted.extend(workflow["jobs"].as_object().unwrap().values().map(|job| job["permissions"].clone()));
        let top = granted[0].as_object().unwrap_or_else(|| panic!("{name} has no permissions of its own"));
        assert!(top.values().all(|access| access == "read"), "{name}: {top:?}");
        let writes = granted.iter().filter_map(Value::as_object).flat_map(|grant| grant.values());
        let writes = writes.filter(|access| *access == "write").count();
        assert_eq!(writes, if name == "release.yaml" { 3 } else { 0 }, "{name}");
    }
}

#[test]
fn every_job_ends_and_no_checkout_leaves_a_token_behind() {
    for (name, workflow, _) in workflows() {
        for (job, body) in workflow["jobs"].as_object().unwrap() {
            assert!(body["timeout-minutes"].is_number(), "{name}: {job} may run for six hours");
        }
        for step in steps(&workflow) {
            if step["uses"].as_str().is_some_and(|action| action.starts_with("actions/checkout@")) {
                assert_eq!(step["with"]["persist-credentials"], false, "{name}");
            }
            let script = step["run"].as_str().unwrap_or_default();
            assert!(!script.contains("${{"), "{name}: an expression in a script is run as code: {script}");
        }
    }
}
