//! A child process that does not outlive us: Envoy, and what the test suite has besides.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::watch;

/// How long it may take to stop when asked.
const GRACE: Duration = Duration::from_secs(5);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    id: Pid,
    /// Whether the id may already belong to another process.
    reaped: Arc<Mutex<bool>>,
    ended: watch::Receiver<Option<End>>,
    keeper: Option<JoinHandle<()>>,
}

/// How it ended; nothing when even that is unknown.
type End = Option<ExitStatus>;

impl Process {
    /// Starts a program with its output going to a log file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<OsStr>>(program: &Path, arguments: &[A], log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        let mut command = bound_to_us(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Ctrl-C goes to the whole group of the terminal; the child is stopped by us, after the last word is said.
        command.process_group(0);
        let reaped = Arc::new(Mutex::new(false));
        let (end, ended) = watch::channel(None);
        let (started, start) = std::sync::mpsc::channel();
        let flag = Arc::clone(&reaped);
        // The kernel's parent-death signal fires when the *thread* that made the child ends, so that thread stays.
        let keeper = std::thread::Builder::new().name("process-keeper".to_owned()).spawn(move || {
            match command.spawn() {
                Ok(child) => {
                    let _ = started.send(Ok(child.id()));
                    let status = wait(child, &flag);
                    let _ = end.send(Some(status));
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        })?;
        let id = start.recv().map_err(io::Error::other)??;
        let id = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("no process id"))?;
        Ok(Self { id, reaped, ended, keeper: Some(keeper) })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        u32::try_from(self.id.as_raw_nonzero().get()).unwrap_or_default()
    }

    /// Waits for the end, and says how it came.
    pub async fn ended(&self) -> String {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.ok().and_then(|status| status.flatten());
        status.map_or_else(|| "ended".to_owned(), |status| status.to_string())
    }

    /// Asks it to stop, and makes it after five seconds.
    pub async fn stop(self) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            self.ended().await;
        }
    }

    fn signal(&self, signal: Signal) {
        let reaped = lock(&self.reaped);
        if !*reaped {
            let _ = rustix::process::kill_process(self.id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

/// Waits for the end without reaping first: until then nobody else can have been given the id.
fn wait(mut child: Child, reaped: &Mutex<bool>) -> End {
    if let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(rustix::process::waitid(WaitId::Pid(id), options), Err(rustix::io::Errno::INTR)) {}
    }
    let mut reaped = lock(reaped);
    let status = child.wait().ok();
    *reaped = true;
    status
}

fn lock(flag: &Mutex<bool>) -> MutexGuard<'_, bool> {
    flag.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the kernel kill the program should we be killed. Where `setpriv` is missing (outside Linux) a killed tollgate
/// leaves its child behind.
fn bound_to_us(program: &Path) -> Command {
    let mut probe = Command::new("setpriv");
    probe
        .args(["--pdeathsig", "KILL", "--", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_is_asked_to_stop_stops() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let process = Process::start(Path::new("sleep"), &["600"], log.path()).unwrap();
        let id = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
        process.stop().await;
        assert!(rustix::process::test_kill_process(id).is_err());
    }

    #[tokio::test]
    async fn a_process_that_is_dropped_is_gone() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let process = Process::start(Path::new("sleep"), &["600"], log.path()).unwrap();
        let id = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
        drop(process);
        assert!(rustix::process::test_kill_process(id).is_err());
    }

    #[tokio::test]
    async fn the_end_is_told_with_its_status_and_its_words_are_in_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let process =
            Process::start(Path::new("sh"), &["-c", "echo so long >&2; exit 3"], log.path()).unwrap();
        assert_eq!(process.ended().await, "exit status: 3");
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "so long\n");
    }
}
