//! What is kept when a test fails: Envoy's files and logs, its counters and its own view of its configuration.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything below this goes into the folder of the test that runs on this thread.
const EVIDENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/evidence");

/// The folder of the test that runs on this thread.
#[must_use]
pub fn folder() -> PathBuf {
    let thread = std::thread::current();
    Path::new(EVIDENCE).join(thread.name().unwrap_or("unknown").replace("::", "."))
}

/// Copies a run directory and asks Envoy's admin interface. What cannot be had is left out: this runs in a panic.
pub fn save(folder: &Path, run_dir: &Path, admin: SocketAddr) {
    let _ = fs::remove_dir_all(folder);
    let _ = fs::create_dir_all(folder);
    let _ = copy(run_dir, folder);
    for (file, path) in [
        ("stats.txt", "/stats"),
        ("metrics.txt", "/stats/prometheus"),
        ("config_dump.json", "/config_dump"),
        ("listeners.json", "/listeners?format=json"),
    ] {
        let _ = ask(admin, path).and_then(|answer| fs::write(folder.join(file), answer));
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            fs::copy(entry.path(), target)?;
        } else if entry.file_name() != "modules" {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Without tokio, whose runtime may be the one that panics.
pub(crate) fn ask(admin: SocketAddr, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(admin)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    Ok(unchunked(&answer.split_off(end.map_or(0, |end| end.saturating_add(4)))))
}

/// The chunks without their sizes. Of what is not chunked, nothing.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let (size, after) = rest.split_at(end);
        let size = std::str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let chunk = after.get(2..).unwrap_or_default();
        body.extend_from_slice(chunk.get(..size).unwrap_or(chunk));
        rest = chunk.get(size.saturating_add(2)..).unwrap_or_default();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_one_body() {
        assert_eq!(unchunked(b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), b"abc0123456789");
        assert_eq!(unchunked(b""), b"");
    }
}
