//! `tollgate run --attach` and `tollgate echo`, as `e2e/docker/compose.yaml` puts them together: three programs that only share
//! a folder and ports.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use e2e::{Request, eventually, local, send};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tollgate::echo::recalled;
use tollgate::envoy::Process;

use crate::support::{MACHINE, PATIENCE};

/// A program and what it says. It is killed when this goes.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads on until a line holds this text, and returns the line.
    async fn until(&mut self, text: &str) -> String {
        let read = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("ended without {text:?}"));
                if line.contains(text) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("no {text:?}"))
    }

    async fn address(&mut self, text: &str) -> SocketAddr {
        let line = self.until(text).await;
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
        address.parse().unwrap()
    }
}

/// As compose.yaml starts Envoy: when the bootstrap is there.
async fn envoy(run_dir: &Path) -> Process {
    let bootstrap = run_dir.join("bootstrap.json");
    let there = async || bootstrap.exists().then_some(());
    eventually("the bootstrap", PATIENCE, there).await.unwrap();
    let path = |name: &str| run_dir.join(name).display().to_string();
    let arguments = [
        "--config-path".to_owned(),
        path("bootstrap.json"),
        "--admin-address-path".to_owned(),
        path("admin-address.txt"),
        "--log-path".to_owned(),
        path("envoy.log"),
        "--concurrency".to_owned(),
        "1".to_owned(),
        "--disable-hot-restart".to_owned(),
    ];
    Process::start(&local::envoy().unwrap(), &arguments, &run_dir.join("output.log")).unwrap()
}

async fn echoed(address: SocketAddr) -> String {
    let answer = send(address, &Request::get("/api/x").host("shop.example.com")).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    String::from_utf8(answer.body).unwrap()
}

#[tokio::test]
async fn an_envoy_that_somebody_else_starts_is_told_of_every_change_and_outlives_the_tool() {
    let _machine = MACHINE.read().await;
    let folder = tempfile::tempdir().unwrap();
    let (run_dir, manifests) = (folder.path().join("run"), folder.path().join("manifests"));
    std::fs::create_dir(&manifests).unwrap();
    let file = manifests.join("header-filter.yaml");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/base/header-filter.yaml");
    let text = std::fs::read_to_string(shipped).unwrap();
    std::fs::write(&file, &text).unwrap();

    let mut echo = Program::start(&["echo", "--listen=127.0.0.1:0", "--recall=127.0.0.1:0"]);
    let recall = echo.address("handed out at").await;
    let upstream = format!("--upstream={}", echo.address("the echo listens on").await);
    let (run_dir_arg, dist) = (run_dir.display().to_string(), local::dist().display().to_string());
    let mut tool = Program::start(&[
        "run",
        "--attach",
        "--run-dir",
        &run_dir_arg,
        "--port=0",
        "--concurrency=1",
        "--address=0.0.0.0",
        &upstream,
        "--modules",
        &dist,
        &manifests.display().to_string(),
    ]);
    tool.until("waiting for an Envoy").await;
    let _envoy = envoy(&run_dir).await;
    let address = tool.address("requests go to").await;
    assert_eq!(address.ip().to_string(), "127.0.0.1", "what listens everywhere is reached here");
    tool.until("live; watching").await;
    assert!(echoed(address).await.contains(r#"["x-env","prod"]"#));

    std::fs::write(&file, text.replacen("value: prod", "value: staging", 1)).unwrap();
    tool.until("live after").await;
    assert!(echoed(address).await.contains(r#"["x-env","staging"]"#));
    std::fs::write(&file, text.replacen("addIfAbsent", "addIfAbsnt", 1)).unwrap();
    tool.until("what was live before goes on serving").await;

    tool.child.kill().await.unwrap();
    assert!(echoed(address).await.contains(r#"["x-env","staging"]"#));
    let seen = send(recall, &Request::get("/")).await.unwrap();
    let seen = recalled(std::str::from_utf8(&seen.body).unwrap()).unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|arrived| arrived.path == "/api/x"), "{seen:?}");
}

#[tokio::test]
async fn attaching_needs_a_folder_and_takes_no_envoy() {
    for (arguments, word) in [
        (&["run", "--attach"][..], "--run-dir"),
        (&["run", "--attach", "--run-dir=/tmp/x", "--envoy=/bin/true"], "--envoy"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tollgate-under-test")).args(arguments).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word), "{said}");
    }
}
