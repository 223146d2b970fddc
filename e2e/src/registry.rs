//! A real image registry, Debian's docker-registry, and skopeo to look at what is in it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tollgate::envoy::Process;

use crate::eventually;
use crate::redis::{program, until_ready};

/// Longer than it takes to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who may use a registry that is not open to all.
pub const USER: (&str, &str) = ("ann", "open sesame");
/// Her password as `htpasswd -B` keeps it.
const HASH: &str = "$2b$04$QQSCjKWWU8LGOu9Ox6ue4OgH6jQ467oxrcksgJONWn85Wg.oh3lfK";
/// The same as the docker configuration keeps it: base64 of `user:password`.
const LOGIN: &str = "YW5uOm9wZW4gc2VzYW1l";

/// A registry on a free port of 127.0.0.1, in plain HTTP. Dropping it kills it.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    process: Option<Process>,
    folder: TempDir,
}

impl Registry {
    /// Starts the program that `TOLLGATE_REGISTRY` names: open to all, or to [`USER`] only.
    ///
    /// # Errors
    /// When it names none, or that does not start.
    pub async fn start(open: bool) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        std::fs::write(folder.path().join("htpasswd"), format!("{}:{HASH}\n", USER.0))?;
        let mut registry = Self { address: nowhere, process: None, folder };
        registry.write_config(open)?;
        registry.launch().await?;
        registry.write_login(open)?;
        Ok(registry)
    }

    /// `host:port`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// A folder for `DOCKER_CONFIG`, in which [`USER`] has logged in when the registry asks for that.
    #[must_use]
    pub fn docker_config(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it; what it holds stays.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Runs skopeo, and returns what it says.
    ///
    /// # Errors
    /// When `TOLLGATE_SKOPEO` names none, or it fails.
    pub async fn skopeo(&self, arguments: &[&str]) -> io::Result<Vec<u8>> {
        let mut command = tokio::process::Command::new(program("TOLLGATE_SKOPEO")?);
        // No policy of this machine decides here.
        command.arg("--insecure-policy").args(arguments).kill_on_drop(true);
        command.env("REGISTRY_AUTH_FILE", self.docker_config().join("config.json"));
        let output = tokio::time::timeout(PATIENCE, command.output()).await??;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("registry.yml")
    }

    fn write_config(&self, open: bool) -> io::Result<()> {
        let root = self.folder.path().join("store");
        let mut config = serde_json::json!({
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": root}},
            "http": {"addr": self.address.to_string()},
        });
        if let Some(config) = config.as_object_mut().filter(|_| !open) {
            let auth = serde_json::json!({"htpasswd": {"realm": "e2e", "path": self.folder.path().join("htpasswd")}});
            config.insert("auth".to_owned(), auth);
        }
        // JSON is YAML.
        std::fs::write(self.config(), config.to_string())
    }

    fn write_login(&self, open: bool) -> io::Result<()> {
        let mut logins = serde_json::Map::new();
        if !open {
            logins.insert(self.host(), serde_json::json!({"auth": LOGIN}));
        }
        let config = serde_json::json!({"auths": Value::Object(logins)});
        std::fs::write(self.folder.path().join("config.json"), config.to_string())
    }

    async fn launch(&mut self) -> io::Result<()> {
        let program = program("TOLLGATE_REGISTRY")?;
        let log = self.folder.path().join("registry.log");
        let process = Process::start(&program, &[Path::new("serve"), &self.config()], &log)?;
        let ready = eventually("the registry says where it listens", PATIENCE, async || {
            let text = std::fs::read_to_string(&log).ok()?;
            let (_, after) = text.split_once("listening on ")?;
            after.split(['"', ' ', '\n', ',']).next()?.parse().ok()
        });
        self.address = until_ready(&process, &log, ready).await?;
        self.process = Some(process);
        Ok(())
    }
}
