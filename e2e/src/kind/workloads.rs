//! What `e2e/kind` and `e2e/docker` start is held to what the tool understands, as far as that can be seen without either.

use std::path::Path;
use std::process::Command;

use clap::Parser as _;
use tollgate::args::{Args, Command as Tool};

use super::kubectl::Kubectl;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// The words of a list in brackets.
fn words(list: &str) -> Vec<String> {
    let inner = list.split_once('[').unwrap().1.rsplit_once(']').unwrap().0;
    inner.split(',').map(|word| word.trim().trim_matches('"').to_owned()).collect()
}

fn parsed(words: &[String]) -> Tool {
    let words = std::iter::once("tollgate".to_owned()).chain(words.iter().cloned());
    Args::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).command
}

#[test]
fn the_tool_takes_the_words_that_the_workloads_start_it_with() {
    let mut found = 0;
    for file in ["kind/workloads/shop.yaml", "kind/workloads/ambient.yaml"] {
        for line in read(file).lines().filter(|line| line.trim_start().starts_with("args: [")) {
            let Tool::Echo(args) = parsed(&words(line)) else { panic!("{line}") };
            assert_eq!(args.listen.port(), 8080, "{line}");
            assert_eq!(args.recall.unwrap().port(), super::RECALL_PORT, "{line}");
            found += 1;
        }
    }
    assert_eq!(found, 4);
}

#[test]
fn the_tool_takes_the_words_that_compose_starts_it_with() {
    let compose = read("docker/compose.yaml");
    let service = |name: &str| compose.split_once(&format!("\n  {name}:\n")).unwrap().1.to_owned();
    let run: Vec<String> = service("tollgate")
        .split_once("    command:\n")
        .unwrap()
        .1
        .lines()
        .map_while(|line| line.strip_prefix("    - ").map(str::to_owned))
        .collect();
    let Tool::Run(run) = parsed(&run) else { panic!("{run:?}") };
    assert!(run.attach);
    let echo = service("echo");
    let echo = echo.lines().find(|line| line.contains("command:")).unwrap();
    let Tool::Echo(echo) = parsed(&words(echo)) else { panic!("{echo}") };
    assert_eq!(run.upstream, Some(echo.listen));
    // The ports that are published are those that it listens on; the folder is the one that Envoy reads.
    for published in [format!(":{}\"", run.port), format!(":{}\"", run.admin_port)] {
        assert!(service("envoy").contains(&published), "{published}");
    }
    let folder = run.run_dir.unwrap();
    assert!(compose.contains(&format!("--config-path {}/bootstrap.json", folder.display())));
    assert!(compose.contains(&format!("--concurrency {}", run.concurrency)));
}

#[test]
fn every_port_of_the_nodes_leads_to_a_service() {
    let ports = |text: &str, word: &str| {
        let found = text.lines().filter_map(|line| line.split_once(word)).map(|(_, rest)| {
            rest.trim_start_matches([':', ' ']).chars().take_while(char::is_ascii_digit).collect::<String>()
        });
        found.collect::<Vec<_>>()
    };
    let cluster = read("kind/cluster.yaml");
    assert_eq!(ports(&cluster, "containerPort"), ports(&read("kind/workloads/shop.yaml"), "nodePort"));
    assert_eq!(ports(&cluster, "hostPort"), ports(&cluster, "containerPort"));
}

#[test]
fn the_workloads_can_be_built_as_they_are_applied() {
    // Where kubectl is missing nothing can be applied either.
    if Command::new("kubectl").arg("version").arg("--client").output().is_err() {
        return;
    }
    let made = Kubectl::new("kubectl", "none", "none")
        .run(&["kustomize", &root().join("kind/workloads").to_string_lossy()]);
    let made = made.unwrap();
    for (kind, count) in
        [("Deployment", 6), ("Service", 4), ("Gateway", 2), ("HTTPRoute", 1), ("Namespace", 2)]
    {
        let found = made.lines().filter(|line| *line == format!("kind: {kind}")).count();
        assert_eq!(found, count, "{kind}");
    }
    // Where a case's plugins go: the selector's label and the workload's name.
    for workload in ["case-0", "case-1"] {
        assert_eq!(made.matches(&format!("app: {workload}")).count(), 3, "{workload}");
    }
}
