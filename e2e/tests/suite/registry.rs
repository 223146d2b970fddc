//! Modules go into a real registry and come out of it: pushed, read back by skopeo, pulled, and served by `run --fetch`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use e2e::load::Load;
use e2e::registry::Registry;
use e2e::{Request, local, module, plugin, send};
use serde_json::Value;
use tokio::process::Command;

use crate::support::MACHINE;
use crate::tool::{Tool, edit};

const TOOL: &str = env!("CARGO_BIN_EXE_tollgate-under-test");

/// Runs the tool to its end, with the registry's login.
async fn tool(registry: &Registry, arguments: &[&str]) -> Output {
    let mut command = Command::new(TOOL);
    command.args(arguments).env("DOCKER_CONFIG", registry.docker_config()).kill_on_drop(true);
    command.stdin(Stdio::null()).output().await.unwrap()
}

/// What it says on standard output, when all went well.
async fn said(registry: &Registry, arguments: &[&str]) -> String {
    let output = tool(registry, arguments).await;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn dist(module: &str) -> PathBuf {
    local::dist().join(format!("{module}.wasm"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn what_is_pushed_is_what_skopeo_sees_and_what_is_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let file = dist("header-filter");
    for open in [true, false] {
        let registry = Registry::start(open).await.unwrap();
        let target = format!("oci://{}/a/header-filter:1", registry.host());
        let dry = said(&registry, &["push", "--dry-run", text(&file), &target]).await;
        let pinned = said(&registry, &["push", text(&file), &target]).await;
        assert_eq!(dry, pinned);
        let digest = pinned.strip_prefix(&format!("{target}@")).unwrap().to_owned();
        assert_eq!(said(&registry, &["push", text(&file), &target]).await, pinned);
        assert_eq!(said(&registry, &["push", "--dry-run", text(&file)]).await, digest);

        let image = format!("docker://{}/a/header-filter:1", registry.host());
        let seen = registry.skopeo(&["inspect", "--tls-verify=false", &image]).await.unwrap();
        let seen: Value = serde_json::from_slice(&seen).unwrap();
        assert_eq!(
            (&seen["Digest"], &seen["Architecture"]),
            (&Value::from(digest.as_str()), &"amd64".into())
        );
        assert_eq!(seen["Layers"].as_array().unwrap().len(), 1);

        // A copy by another tool is the same image.
        let copy = format!("docker://{}/b/copy:2", registry.host());
        let insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        registry.skopeo(&["copy", insecure[0], insecure[1], &image, &copy]).await.unwrap();
        let output = folder.path().join("copy.wasm");
        let copied = format!("oci://{}/b/copy:2@{digest}", registry.host());
        said(&registry, &["pull", &copied, "--output", text(&output)]).await;
        assert_eq!(std::fs::read(&output).unwrap(), std::fs::read(&file).unwrap());
        let told = said(&registry, &["inspect", "--format", "json", &copied]).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(
            (&told["digest"], &told["istioAgentAccepts"]),
            (&Value::from(digest.as_str()), &true.into())
        );
        assert_eq!((&told["abi"], &told["envoyAccepts"]), (&Value::from("0.2.1"), &true.into()));
        assert_eq!(told["layout"], "OCI image (compat)");
    }
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let registry = Registry::start(false).await.unwrap();
    let target = format!("oci://{}/a/header-filter:1", registry.host());
    let stranger = tempfile::tempdir().unwrap();
    for arguments in
        [vec!["push", text(&dist("header-filter")), &target], vec!["pull", &target], vec!["inspect", &target]]
    {
        let mut command = Command::new(TOOL);
        let output = command.args(&arguments).env("DOCKER_CONFIG", stranger.path()).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{arguments:?}");
        assert!(error.contains("UNAUTHORIZED: authentication required"), "{error}");
    }
}

#[tokio::test]
async fn all_modules_are_pushed_below_a_prefix() {
    let registry = Registry::start(true).await.unwrap();
    let prefix = format!("oci://{}/tollgate:0.1.0", registry.host());
    let files = ["auth-filter", "header-filter", "ratelimit-filter"].map(dist);
    let files: Vec<&str> = files.iter().map(|file| text(file)).collect();
    let pushed = said(&registry, &[&["push", "--to", prefix.as_str()][..], files.as_slice()].concat()).await;
    let lines: Vec<&str> = pushed.lines().collect();
    assert_eq!(lines.len(), 3);
    for (line, name) in lines.iter().zip(["auth-filter", "header-filter", "ratelimit-filter"]) {
        let head = format!("oci://{}/tollgate/{name}:0.1.0@sha256:", registry.host());
        assert!(line.starts_with(&head), "{line}");
        said(&registry, &["inspect", line]).await;
    }
    let output = tool(&registry, &["inspect", &format!("oci://{}/tollgate/none:1", registry.host())]).await;
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("could not fetch manifest: GET") && error.contains("MANIFEST_UNKNOWN"), "{error}");
}

/// A manifest that shows its version in answers, and a tool that fetches what it names.
struct Fetched {
    folder: tempfile::TempDir,
    registry: Registry,
}

impl Fetched {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("manifests")).unwrap();
        Self { folder, registry: Registry::start(false).await.unwrap() }
    }

    fn manifest(&self) -> PathBuf {
        self.folder.path().join("manifests/header-filter.yaml")
    }

    fn url(&self, tag: &str) -> String {
        format!("oci://{}/header-filter:{tag}", self.registry.host())
    }

    fn write(&self, url: &str) {
        let config = "rules: [{response: {set: [{name: x-version, value: here}]}}]";
        std::fs::write(self.manifest(), plugin::wasm_plugin("header-filter", url, config)).unwrap();
    }

    /// Pushes a module with a number in it, and returns its pinned reference.
    async fn push(&self, number: u8) -> String {
        let file = self.folder.path().join(format!("{number}.wasm"));
        let original = std::fs::read(dist("header-filter")).unwrap();
        std::fs::write(&file, module::variant(&original, number)).unwrap();
        said(&self.registry, &["push", text(&file), &self.url(&number.to_string())]).await
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(TOOL);
        command.args(["run", "--fetch", "--port", "0", "--concurrency", "2"]).args(more);
        command
            .arg("--run-dir")
            .arg(self.folder.path().join("run"))
            .arg(self.folder.path().join("manifests"));
        command.env("DOCKER_CONFIG", self.registry.docker_config());
        command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        command
    }
}

/// The status of an answer, and whether the filter had a hand in it.
async fn answer(tool: &Tool) -> (u16, bool) {
    let response = send(tool.address(), &Request::get("/")).await.unwrap();
    (response.status, response.headers.has("x-version"))
}

#[tokio::test]
async fn an_image_is_served_and_replaced_by_the_next_under_load() {
    let _machine = MACHINE.read().await;
    let fetched = Fetched::new().await;
    let first = fetched.push(1).await;
    fetched.write(&first);
    let mut tool = Tool::serving(&mut fetched.command(&[])).await;
    assert_eq!(answer(&tool).await, (200, true));
    let load = Load::start(tool.address(), &Request::get("/"), 2, |response| {
        response.status == 200 && response.headers.has("x-version")
    });
    let mut before = first;
    for number in 2..=6 {
        let next = fetched.push(number).await;
        edit(&fetched.manifest(), &before, &next);
        tool.until("live after").await;
        before = next;
    }
    let tally = load.stop().await;
    assert!(tally.failures.is_empty() && tally.fine > 0, "{tally:?}");
    let modules = std::fs::read_dir(fetched.folder.path().join("run/modules")).unwrap().count();
    assert_eq!(modules, 6);
}

#[tokio::test]
async fn what_cannot_be_fetched_is_replaced_as_on_a_cluster_until_the_manifest_changes() {
    let _machine = MACHINE.read().await;
    let fetched = Fetched::new().await;
    fetched.write(&fetched.url("1"));
    let mut command = fetched.command(&[]);
    let mut tool = Tool::spawn(&mut command);
    let line = tool.until("cannot fetch Wasm module").await;
    assert!(
        line.contains("could not fetch manifest: GET http://") && line.contains("MANIFEST_UNKNOWN"),
        "{line}"
    );
    tool.until("every request is REFUSED with 403 (deny-all)").await;
    tool.live().await;
    assert_eq!(answer(&tool).await, (403, false));

    // It is there now, but nobody looks.
    let good = fetched.push(1).await;
    assert_eq!(answer(&tool).await, (403, false));
    edit(&fetched.manifest(), "priority: 100", "priority: 101");
    tool.until("live after").await;
    assert_eq!(answer(&tool).await, (200, true));

    // A good module gives way to a bad url, as on a cluster.
    edit(&fetched.manifest(), &fetched.url("1"), &fetched.url("absent"));
    tool.until("every request is REFUSED with 403 (deny-all)").await;
    tool.until("live after").await;
    assert_eq!(answer(&tool).await, (403, false));
    edit(&fetched.manifest(), "failStrategy: FAIL_RELOAD", "failStrategy: FAIL_OPEN");
    tool.until("requests pass UNFILTERED (allow-all)").await;
    tool.until("live after").await;
    assert_eq!(answer(&tool).await, (200, false));
    edit(&fetched.manifest(), &fetched.url("absent"), &good);
    tool.until("live after").await;
    assert_eq!(answer(&tool).await, (200, true));
}

#[tokio::test]
async fn with_retry_a_module_that_comes_late_is_served() {
    let _machine = MACHINE.read().await;
    let fetched = Fetched::new().await;
    fetched.write(&fetched.url("1"));
    let mut tool = Tool::serving(&mut fetched.command(&["--retry"])).await;
    assert_eq!(answer(&tool).await, (403, false));
    fetched.push(1).await;
    tool.until("live after").await;
    assert_eq!(answer(&tool).await, (200, true));
}

#[tokio::test]
async fn a_registry_that_is_gone_does_not_matter_to_what_is_here() {
    let _machine = MACHINE.read().await;
    let mut fetched = Fetched::new().await;
    let url = fetched.push(1).await;
    fetched.write(&url);
    let mut tool = Tool::serving(&mut fetched.command(&[])).await;
    fetched.registry.stop().await;
    edit(&fetched.manifest(), "value: here", "value: changed");
    tool.until("live after").await;
    let response = send(tool.address(), &Request::get("/")).await.unwrap();
    assert_eq!(response.headers.get("x-version").as_deref(), Some("changed"));
}
