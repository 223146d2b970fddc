//! `tollgate run` as a process, as an operator uses it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use e2e::limitador::Limitador;
use e2e::rls::{Answer, ask};
use e2e::{Fields, Request, eventually, local, send};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{MACHINE, PATIENCE};

/// A running tool. It is killed when this goes, and takes its Envoy with it.
pub(crate) struct Tool {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Vec<String>,
    address: SocketAddr,
    admin: SocketAddr,
}

impl Tool {
    async fn start(folder: &Folder) -> Self {
        Self::serving(folder.command().args(["--port", "0"])).await
    }

    /// Starts a command, and waits until it serves.
    pub(crate) async fn serving(command: &mut Command) -> Self {
        let mut tool = Self::spawn(command);
        tool.live().await;
        tool
    }

    /// Waits until it serves.
    pub(crate) async fn live(&mut self) {
        self.until("live; watching").await;
        self.address = self.named("requests go to");
        self.admin = self.named("Envoy's admin");
    }

    /// Where requests go.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { child, lines, said: Vec::new(), address: nowhere, admin: nowhere }
    }

    /// Reads on until a line holds this text, and returns the line.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let read = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let line = line.unwrap_or_else(|| panic!("ended without {text:?}: {:#?}", self.said));
                self.said.push(line.clone());
                if line.contains(text) {
                    return line;
                }
            }
        };
        let line = tokio::time::timeout(PATIENCE, read).await;
        line.unwrap_or_else(|_| panic!("no {text:?} in {:#?}", self.said))
    }

    fn named(&self, what: &str) -> SocketAddr {
        let line = self.said.iter().find(|line| line.starts_with(what)).unwrap();
        let address = line.split("http://").nth(1).unwrap().split_whitespace().next().unwrap();
        address.parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    async fn envoy_is_gone(&self) {
        let gone =
            eventually("Envoy gone", PATIENCE, async || TcpStream::connect(self.admin).await.err().map(drop));
        gone.await.unwrap();
    }

    /// What the upstream shows of one request header.
    async fn echoed(&self, name: &str) -> Option<String> {
        let response = send(self.address, &Request::get("/api/x").host("shop.example.com")).await.unwrap();
        assert_eq!(response.status, 200, "{response:?}");
        let echo: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let pair = |pair: &serde_json::Value| {
            (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().as_bytes().to_vec())
        };
        Fields(echo["headers"].as_array().unwrap().iter().map(pair).collect()).get(name)
    }
}

/// A copy of the shipped manifests that a test may change, with a place for Envoy's files beside it.
struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        let folder = Self { root: tempfile::tempdir().unwrap() };
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/base/header-filter.yaml");
        std::fs::create_dir(folder.manifests()).unwrap();
        std::fs::copy(shipped, folder.demo()).unwrap();
        folder
    }

    fn manifests(&self) -> PathBuf {
        self.root.path().join("manifests")
    }

    fn demo(&self) -> PathBuf {
        self.manifests().join("header-filter.yaml")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
        command.args(["run", "--concurrency", "1", "--modules"]).arg(local::dist());
        command.arg("--run-dir").arg(self.root.path().join("run")).arg(self.manifests());
        command.env("TOLLGATE_ENVOY", local::envoy().unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command
    }
}

pub(crate) fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test]
async fn the_demo_is_edited_broken_mended_and_stopped() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let file = folder.demo();
    let mut tool = Tool::start(&folder).await;
    assert_eq!(tool.echoed("x-env").await.as_deref(), Some("prod"));
    assert!(tool.said.iter().any(|line| line.contains("curl -i http://127.0.0.1:")), "{:#?}", tool.said);

    edit(&file, "value: prod", "value: staging");
    tool.until("live after").await;
    assert_eq!(tool.echoed("x-env").await.as_deref(), Some("staging"));

    let line = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .position(|line| line.contains("addIfAbsent"))
        .unwrap();
    edit(&file, "addIfAbsent", "addIfAbsnt");
    let fault = tool.until("addIfAbsnt").await;
    let place = format!("{}:{}:9: spec.pluginConfig.rules[0].request.addIfAbsnt: ", file.display(), line + 1);
    assert!(fault.starts_with(&place), "{fault}\n{place}");
    assert!(fault.contains("did you mean \"addIfAbsent\"?"), "{fault}");
    tool.until("what was live before goes on serving").await;
    assert_eq!(tool.echoed("x-env").await.as_deref(), Some("staging"));

    edit(&file, "addIfAbsnt", "addIfAbsent");
    edit(&file, "value: staging", "value: mended");
    tool.until("live after").await;
    assert_eq!(tool.echoed("x-env").await.as_deref(), Some("mended"));

    tool.signal(Signal::TERM);
    let status = tokio::time::timeout(PATIENCE, tool.child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    tool.envoy_is_gone().await;
}

#[tokio::test]
async fn a_plugin_is_added_and_removed_by_adding_and_removing_a_file() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let mut tool = Tool::start(&folder).await;
    let second = folder.manifests().join("second.yaml");
    let config = "rules: [{request: {set: [{name: x-second, value: here}]}}]";
    std::fs::write(&second, e2e::plugin::wasm_plugin("second", "oci://x/header-filter:1", config)).unwrap();
    tool.until("live after").await;
    assert_eq!(tool.echoed("x-second").await.as_deref(), Some("here"));
    std::fs::remove_file(&second).unwrap();
    tool.until("live after").await;
    assert_eq!(tool.echoed("x-second").await, None);
}

#[tokio::test]
async fn a_tool_that_is_killed_takes_its_envoy_along() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let mut tool = Tool::start(&folder).await;
    tool.signal(Signal::KILL);
    let _ = tool.child.wait().await;
    tool.envoy_is_gone().await;
}

#[tokio::test]
async fn when_envoy_dies_the_tool_says_so_and_fails() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let mut tool = Tool::start(&folder).await;
    let line = tool.said.iter().find(|line| line.contains("(process ")).unwrap();
    let id = line.split("(process ").nth(1).unwrap().trim_end_matches(')').parse().unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    tool.until("Envoy has ended (signal: 9").await;
    let status = tokio::time::timeout(PATIENCE, tool.child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test]
async fn a_port_that_is_taken_is_replaced_by_a_free_one() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = folder.command();
    command.args(["--port", &port.to_string()]);
    let mut tool = Tool::spawn(&mut command);
    tool.until(&format!("port {port} is taken: using a free one")).await;
    tool.until("live; watching").await;
    assert_ne!(tool.named("requests go to").port(), port);
}

#[tokio::test]
async fn manifests_that_are_bad_at_the_start_exit_with_2() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let file = folder.demo();
    edit(&file, "failStrategy: FAIL_RELOAD", "failStrategy: FAIL_RELAOD");
    let output = folder.command().output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("did you mean FAIL_RELOAD?"), "{said}");
}

#[tokio::test]
async fn the_config_can_be_printed_without_an_envoy() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let output = folder.command().arg("--print-config").env_remove("TOLLGATE_ENVOY").output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        printed.as_object().unwrap().keys().any(|file| file.ends_with("ecds/shop.header-filter/ecds.json"))
    );
}

#[tokio::test]
async fn the_limits_of_a_manifest_are_what_limitador_counts_by() {
    let _machine = MACHINE.read().await;
    let folder = Folder::new();
    let render = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate-under-test"));
        let output =
            command.args(["render", "--to", "limitador"]).arg(folder.manifests()).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, written, said) = render().await;
    assert_eq!((code, written.as_str()), (Some(1), ""));
    assert!(said.contains("there is no WasmPlugin with a ratelimit-filter or an edge-filter here"), "{said}");

    let file = folder.manifests().join("limits.yaml");
    let config = "limits:
- {name: local, key: [path], rate: {requests: 1, unit: minute}}
- {name: quota, scope: global, key: [{identity: id}, {value: it's}], rate: {requests: 3, unit: minute}}
- {name: daily, scope: global, key: [{header: x-user}], rates: [{requests: 9, unit: day}, {requests: 2, unit: hour}]}
global: {cluster: \"outbound|8081||limitador.limits.svc.cluster.local\", domain: shop}";
    std::fs::write(&file, e2e::plugin::ratelimit_filter(config)).unwrap();
    let (code, written, said) = render().await;
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let service = Limitador::start(&written).await.unwrap();
    let hit =
        async |descriptors: &[&[(&str, &str)]]| match ask(service.address(), "shop", descriptors, 1).await {
            Ok(Answer::Ok(_)) => true,
            Ok(Answer::OverLimit(_)) => false,
            other => panic!("{other:?}"),
        };
    let quota: &[_] = &[("identity", "ann"), ("value", "it's")];
    let none: &[_] = &[("none", "none")];
    for (descriptors, passes) in [
        (&[quota][..], [true, true, true, false]),
        (&[none, &[("header.x-user", "bob")]], [true, true, false, false]),
        // The limits before and after its own do not concern it.
        (&[&[("identity", "bob"), ("value", "other")]], [true; 4]),
        (&[&[("header.x-user", "bob")]], [true; 4]),
    ] {
        for expected in passes {
            assert_eq!(hit(descriptors).await, expected, "{descriptors:?}\n{written}");
        }
    }

    edit(&file, "scope: global", "scope: globe");
    let (code, written, said) = render().await;
    assert_eq!((code, written.as_str()), (Some(2), ""));
    let place =
        format!("{}:13:21: spec.pluginConfig.limits[1].scope: unknown value \"globe\"", file.display());
    assert!(said.starts_with(&place), "{said}\n{place}");
}
