//! kubectl, against the suite's cluster and no other.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use tollgate::envoy::Process;

use crate::eventually;

/// Longer than a tunnel takes to open.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program and where it is to look. Every call ends within half a minute.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    context: String,
    namespace: String,
}

/// A port of a pod as a port of this machine. Dropping it closes it.
#[derive(Debug)]
pub struct Tunnel {
    /// The port on 127.0.0.1.
    pub port: u16,
    _process: Process,
    _folder: TempDir,
}

impl Kubectl {
    /// The program of this name, a context and a namespace.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, context: &str, namespace: &str) -> Self {
        let (context, namespace) = (context.to_owned(), namespace.to_owned());
        Self { program: program.into(), context, namespace }
    }

    /// The same in another namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// What it prints.
    ///
    /// # Errors
    /// With its own words, when it fails.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, String> {
        let output = self.output(arguments)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let arguments: Vec<_> =
            arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        Err(format!("kubectl {}: {}", arguments.join(" "), text(&output.stderr).trim()))
    }

    fn output<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Output, String> {
        let mut command = Command::new(&self.program);
        command.args(self.place()).arg("--request-timeout=30s").args(arguments);
        command.output().map_err(|error| format!("{}: {error}", self.program.display()))
    }

    fn place(&self) -> [String; 4] {
        ["--context", &self.context, "--namespace", &self.namespace].map(str::to_owned)
    }

    /// The pod that runs with a label `app`, which is not being deleted.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub fn pod(&self, app: &str) -> Result<String, String> {
        let format =
            "jsonpath={range .items[?(!@.metadata.deletionTimestamp)]}{.metadata.name}{\"\\n\"}{end}";
        let label = format!("app={app}");
        let found =
            self.run(&["get", "pods", "-l", &label, "--field-selector=status.phase=Running", "-o", format])?;
        let mut names = found.lines().filter(|name| !name.is_empty());
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.to_owned()),
            (None, _) => Err(format!("no pod of {app} runs in {}: scripts/kind.sh up", self.namespace)),
            (Some(_), Some(_)) => Err(format!("more than one pod of {app} runs in {}", self.namespace)),
        }
    }

    /// Opens a tunnel to a port of a pod's loopback.
    ///
    /// # Errors
    /// When it does not open in time.
    pub async fn tunnel(&self, pod: &str, port: u16) -> Result<Tunnel, String> {
        let folder = tempfile::tempdir().map_err(|error| format!("a folder: {error}"))?;
        let log = folder.path().join("log");
        let mut arguments = self.place().to_vec();
        arguments.extend(["port-forward".to_owned(), format!("pod/{pod}"), format!(":{port}")]);
        arguments.push("--address=127.0.0.1".to_owned());
        let process = Process::start(&self.found(), &arguments, &log)
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let opened = eventually("a tunnel to the pod", PATIENCE, async || local_port(&said(&log)));
        tokio::select! {
            opened = opened => {
                let port = opened.map_err(|error| format!("{error}; kubectl says: {}", said(&log)))?;
                Ok(Tunnel { port, _process: process, _folder: folder })
            }
            end = process.ended() => Err(format!("kubectl port-forward to {pod} ended ({end}): {}", said(&log))),
        }
    }

    /// The program by its path.
    fn found(&self) -> PathBuf {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).map(|folder| folder.join(&self.program));
        folders.find(|file| file.is_file()).unwrap_or_else(|| self.program.clone())
    }
}

fn said(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// The port in `Forwarding from 127.0.0.1:43211 -> 15000`.
fn local_port(said: &str) -> Option<u16> {
    let line = said.lines().find_map(|line| line.strip_prefix("Forwarding from 127.0.0.1:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::stand_in::stand_in;
    use super::*;

    fn program(folder: &Path, script: &str) -> Kubectl {
        Kubectl::new(stand_in(folder.join("kubectl"), script), "kind-tollgate", "shop")
    }

    #[test]
    fn every_call_names_context_namespace_and_a_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let kubectl = program(folder.path(), "echo \"$@\"");
        let said = kubectl.in_namespace("ambient").run(&["get", "pods"]).unwrap();
        assert_eq!(said, "--context kind-tollgate --namespace ambient --request-timeout=30s get pods\n");
    }

    #[test]
    fn a_failure_is_told_in_its_own_words() {
        let folder = tempfile::tempdir().unwrap();
        let kubectl = program(folder.path(), "echo 'no such host' >&2; exit 1");
        assert_eq!(kubectl.run(&["get", "x"]).unwrap_err(), "kubectl get x: no such host");
        let missing = Kubectl::new(folder.path().join("none"), "a", "b");
        assert!(missing.run(&["get"]).unwrap_err().contains("No such file"));
    }

    #[test]
    fn a_pod_is_found_when_there_is_exactly_one() {
        for (answer, expected) in [
            ("case-0-5f\\n", Ok("case-0-5f".to_owned())),
            ("", Err("no pod of case-0 runs in shop: scripts/kind.sh up".to_owned())),
            ("a\\nb\\n", Err("more than one pod of case-0 runs in shop".to_owned())),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let kubectl = program(folder.path(), &format!("printf '{answer}'"));
            assert_eq!(kubectl.pod("case-0"), expected);
        }
    }

    #[tokio::test]
    async fn a_tunnel_has_the_port_that_was_given_and_ends_with_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("id");
        let script = format!(
            "echo $$ > {}; echo \"$@\" >&2; echo 'Forwarding from 127.0.0.1:43211 -> 15000'; exec sleep 600",
            id.display()
        );
        let tunnel = program(folder.path(), &script).tunnel("case-0-5f", 15000).await.unwrap();
        assert_eq!(tunnel.port, 43211);
        let id = std::fs::read_to_string(id).unwrap().trim().parse().unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        assert!(rustix::process::test_kill_process(id).is_ok());
        drop(tunnel);
        assert!(rustix::process::test_kill_process(id).is_err());
    }

    #[tokio::test]
    async fn a_tunnel_that_cannot_be_opened_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let kubectl = program(folder.path(), "echo 'pod not found' >&2; exit 1");
        let error = kubectl.tunnel("gone", 1).await.unwrap_err();
        assert!(error.contains("port-forward to gone ended (exit status: 1): pod not found"), "{error}");
    }
}
