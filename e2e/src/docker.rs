//! Envoy in docker: `e2e/docker/envoy` stands in for the program, so that every Envoy of the suite is a container of the
//! official image.

use std::path::PathBuf;
use std::process::Command;

/// The program that starts a container and ends with it.
#[must_use]
pub fn envoy() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docker/envoy"))
}

/// The process of the Envoy that this program started, as this machine sees it.
///
/// # Errors
/// When docker does not know the container, or runs on another machine.
pub fn process(client: u32) -> Result<u32, String> {
    let filter = format!("name=tollgate-e2e-{client}-");
    let container = docker(&["ps", "--quiet", "--filter", &filter])?;
    let id = docker(&["inspect", "--format", "{{.State.Pid}}", container.trim()])?;
    id.trim().parse().map_err(|_| format!("docker names no process of the container {container}: {id}"))
}

fn docker(arguments: &[&str]) -> Result<String, String> {
    let output =
        Command::new("docker").args(arguments).output().map_err(|error| format!("docker: {error}"))?;
    if !output.status.success() {
        return Err(format!("docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
